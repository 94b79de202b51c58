"""Options of HTTP."""

from pydantic import Field

from engine.config.base import Options


class HttpOptions(Options):
    """Health over HTTP."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
