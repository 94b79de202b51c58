"""Deadlines of all calls in one heap, served by the frame clock: no timer object of the loop and no greenlet a call."""

import heapq
from collections.abc import Callable
from itertools import count

CLEAN_FROM = 64
"""Cancelled timers that may lie in the heap before it is looked at whether it is worth cleaning."""


class Timer:
    """A call-back that is due once. Given by ``Timers.at``."""

    __slots__ = ("_callback", "_timers", "when")

    def __init__(self, timers: "Timers", when: float, callback: Callable[[float], None]) -> None:
        """Made by ``Timers.at``."""
        self.when = when
        self._timers = timers
        self._callback: Callable[[float], None] | None = callback

    @property
    def waiting(self) -> bool:
        """Whether the call-back is still to be made."""
        return self._callback is not None

    def cancel(self) -> None:
        """Do not make it; what it refers to is let go now, not when it would have been due. Idempotent."""
        if self._callback is not None:
            self._callback = None
            self._timers.note_cancelled()

    def fire(self) -> None:
        """Make the call-back if it is still wanted."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback(self.when)


class Timers:
    """``at`` asks for a call-back, ``run`` makes those that are due."""

    def __init__(self) -> None:
        """Nothing is due."""
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._cancelled = 0

    def __len__(self) -> int:
        """How many call-backs wait."""
        return sum(timer.waiting for _, _, timer in self._heap)

    def at(self, when: float, callback: Callable[[float], None]) -> Timer:
        """Call ``callback(when)`` once the clock reaches ``when`` (seconds, the clock that ``run`` is given)."""
        timer = Timer(self, when, callback)
        heapq.heappush(self._heap, (when, next(self._order), timer))
        return timer

    @property
    def next_due(self) -> float | None:
        """When the earliest call-back is due, None while none waits."""
        while self._heap and not self._heap[0][2].waiting:
            heapq.heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0][0] if self._heap else None

    def run(self, now: float) -> None:
        """Make all call-backs that are due at ``now``, earliest first. One that raises ends this round; the others are
        made in the next, and so are those that were asked for meanwhile."""
        first_new = next(self._order)
        while self._heap and self._heap[0][0] <= now and self._heap[0][1] < first_new:
            _, _, timer = heapq.heappop(self._heap)
            if timer.waiting:
                timer.fire()
            else:
                self._cancelled -= 1

    def note_cancelled(self) -> None:
        """A timer was cancelled: when they are the greater part of the heap, it is made anew without them."""
        self._cancelled += 1
        if self._cancelled > max(CLEAN_FROM, len(self._heap) // 2):
            self._heap = [entry for entry in self._heap if entry[2].waiting]
            heapq.heapify(self._heap)
            self._cancelled = 0
