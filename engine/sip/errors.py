"""What can go wrong in SIP."""

from engine.errors import TrunklineError


class SipError(TrunklineError):
    """Root of this package's errors."""


class BadMessage(SipError):
    """A message that cannot be understood. ``status`` is what a request deserves as its answer."""

    def __init__(self, reason: str, status: int = 400) -> None:
        """``reason`` is short, plain ASCII and quotes nothing of the message: it goes into the answer's first line."""
        super().__init__(reason)
        self.reason = reason
        self.status = status


class BadSdp(SipError):
    """A session description that cannot be understood (488 with a warning is its answer)."""


class NotAcceptable(SipError):
    """An offer without any audio that we can send and receive (488)."""


class CallOver(SipError):
    """The call has ended, or has been answered already: what was asked for came too late."""


class EndpointError(SipError):
    """The endpoint cannot listen; the text names the port and what to do."""
