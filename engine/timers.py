"""Deadlines of all calls in one heap, served by the frame clock: no timer object and no greenlet a call."""

import heapq
from collections.abc import Callable
from itertools import count


class Timers:
    """``at`` asks for a call-back, ``run`` makes those that are due. A call-back that is no longer wanted is ignored by
    its owner; there is no way to take one back."""

    def __init__(self) -> None:
        """Nothing is due."""
        self._heap: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()

    def at(self, when: float, callback: Callable[[float], None]) -> None:
        """Call ``callback(when)`` once the clock reaches ``when`` (seconds, the clock that ``run`` is given)."""
        heapq.heappush(self._heap, (when, next(self._order), callback))

    def run(self, now: float) -> None:
        """Make all call-backs that are due at ``now``, earliest first."""
        while self._heap and self._heap[0][0] <= now:
            when, _, callback = heapq.heappop(self._heap)
            callback(when)
