"""What can go wrong in a Realtime session."""

from engine.errors import TrunklineError


class RealtimeError(TrunklineError):
    """Root of the errors of ``engine.realtime``."""


class Refused(RealtimeError):
    """A client's event is not carried out; the client gets an ``error`` event and the session goes on.

    ``code``, ``param`` (dotted: ``session.audio.output.voice``) and ``kind`` (``error.type``) are what the event says.
    """

    def __init__(
        self, message: str, *, code: str | None = "invalid_value", param: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        """As the event will have it."""
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.kind = kind
