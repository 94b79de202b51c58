"""The root of this room's exceptions."""

from engine.errors import TrunklineError


class TelemetryError(TrunklineError):
    """A log, report or page cannot be read or made; the text says which and what to do."""
