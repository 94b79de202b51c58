"""What the stand-in can explain."""

from engine.errors import TrunklineError


class StandInError(TrunklineError):
    """The stand-in was asked for something that it does not do, or was given something that it cannot read."""
