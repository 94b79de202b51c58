"""What can be wrong with what came."""

from engine.errors import TrunklineError


class RtpError(TrunklineError):
    """Root of the errors of ``engine.rtp``."""


class Malformed(RtpError):
    """Bytes that are no RTP or RTCP; the text says in which field."""
