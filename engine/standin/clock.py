"""Real and virtual time for the stand-in's edges."""

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds since the stand-in was started."""

    def now(self) -> float:
        """The time."""
        ...


class RealClock:
    """The monotonic clock of the machine."""

    def __init__(self) -> None:
        """Time 0 is now."""
        self._zero = time.monotonic()

    def now(self) -> float:
        """Seconds since time 0."""
        return time.monotonic() - self._zero


class ManualClock:
    """Time that moves when it is told to (``StandIn.advance``)."""

    def __init__(self) -> None:
        """Time 0."""
        self.time = 0.0

    def now(self) -> float:
        """Seconds since time 0."""
        return self.time
