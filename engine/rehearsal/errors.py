"""What can go wrong in rehearsing."""

from engine.errors import TrunklineError


class RehearsalError(TrunklineError):
    """A rehearsal cannot be run; the text says why and what to do."""
