"""When each tick of a stream is due: the sender's clock, seen through a way that takes a different time each time.

A position (ticks since the first) is due at ``base + position / rate``, and base is by the shortest way that a packet
took lately: what is later than that was delayed, not said later.
"""

MOST_AHEAD_S, MOST_BEHIND_S = 0.5, 1.0
"""A packet whose timestamp is so far off the time that has passed is on a new timeline."""

WINDOW_S = 2.0
"""The shortest way is that of the last one to two such windows: clocks drift."""


class Pace:
    """Told of each packet in order: when it came (seconds), and its position."""

    __slots__ = ("_flood_ends", "_flood_most", "_flood_ticks", "_low", "_low_before", "_window_ends", "base", "rate")

    def __init__(self, rate: int) -> None:
        """``rate`` in ticks a second."""
        self.rate = rate
        self.base: float | None = None
        """When position 0 was due; None before time runs."""
        self._low = 0.0  # shortest way of this window, and of the one before
        self._low_before: float | None = None
        self._window_ends = 0.0
        self._flood_ends, self._flood_ticks = 0.0, 0
        self._flood_most = (WINDOW_S + MOST_BEHIND_S) * rate

    def begin(self, at: float, position: int) -> None:
        """A timeline begins with a packet at this position."""
        self.base = self._low = at - position / self.rate
        self._low_before = None
        self._window_ends = at + WINDOW_S

    def due(self, now: float) -> int:
        """The position that is due now."""
        return 0 if self.base is None else int((now - self.base) * self.rate)

    def lateness(self, at: float, position: int) -> float:
        """How long after it was due a packet came, in seconds; negative: before."""
        return 0.0 if self.base is None else at - self.base - position / self.rate

    def is_steady(self, at: float, position: int) -> bool:
        """Whether a packet came about when it was due, no window ends with it, and there are not too many of them."""
        if self.base is None or at >= self._window_ends or at >= self._flood_ends:
            return False
        late = at - self.base - position / self.rate
        return -MOST_AHEAD_S < late < MOST_BEHIND_S and self._flood_ticks <= self._flood_most

    def follow(self, at: float, position: int) -> bool:
        """Learn from a packet. True: a window has ended with it."""
        way = at - position / self.rate
        if way < self._low:
            self._low = way
            if self.base is not None and way < self.base:
                self.base = way
        if at < self._window_ends:
            return False
        self.base = self._low if self._low_before is None else min(self._low, self._low_before)
        self._low_before, self._low = self._low, way
        self._window_ends = at + WINDOW_S
        return True

    def is_flood(self, at: float, ticks: int) -> bool:
        """Count a packet. Whether more comes than anybody says in that time: nobody may run away with the clock."""
        if at >= self._flood_ends:
            self._flood_ends, self._flood_ticks = at + WINDOW_S, 0
        self._flood_ticks += ticks
        return self._flood_ticks > self._flood_most


__all__ = ["MOST_AHEAD_S", "MOST_BEHIND_S", "WINDOW_S", "Pace"]
