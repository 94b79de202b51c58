"""What can go wrong in turn-taking."""

from engine.errors import TrunklineError


class TurnError(TrunklineError):
    """Root of the errors of ``engine.turns``; raised by itself when decisions do not come to an end (a bug here)."""
