"""What can go wrong while a trunk is looked at."""

from engine.errors import TrunklineError


class TrunkError(TrunklineError):
    """Root of this package's errors: the text says what to do."""


class NoAnswer(TrunkError):
    """Nothing came back in time, or the connection was refused."""


class Malformed(TrunkError):
    """What came is not what was asked for: broken DNS or SIP."""
