"""Options of HTTP."""

from pydantic import Field

from engine.config.base import Options


class HttpOptions(Options):
    """HTTP and WebSockets: health, the API, the pages."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    max_connections: int = Field(4096, ge=1)
    """Connections held at once, WebSockets included; more wait in the kernel."""

    idle_s: float = Field(10.0, gt=0)
    """How long a connection that is no WebSocket may be silent: a request that does not go on, an answer that is not
    taken."""

    body_s: float = Field(20.0, gt=0)
    """How long the body of a request may take to arrive."""
