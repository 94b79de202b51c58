"""The root of this room's exceptions."""

from engine.errors import TrunklineError


class WebError(TrunklineError):
    """An HTTP server cannot start; the text says why and what to do."""
