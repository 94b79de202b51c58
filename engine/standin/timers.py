"""What a call has to do later."""

import heapq
import itertools
from collections.abc import Callable


class Timers:
    """Jobs by time; those of one kind can be called off together. Times in seconds."""

    def __init__(self) -> None:
        """None."""
        self._heap: list[tuple[float, int, str, Callable[[], None]]] = []
        self._order = itertools.count()

    def add(self, due: float, kind: str, job: Callable[[], None]) -> None:
        """Run ``job`` at ``due``."""
        heapq.heappush(self._heap, (due, next(self._order), kind, job))

    def cancel(self, kind: str) -> int:
        """Forget the jobs of this kind; returns how many there were."""
        kept = [timer for timer in self._heap if timer[2] != kind]
        count = len(self._heap) - len(kept)
        heapq.heapify(kept)
        self._heap = kept
        return count

    def due(self, now: float) -> bool:
        """Whether ``run`` would run anything."""
        return bool(self._heap) and self._heap[0][0] <= now

    def run(self, now: float) -> None:
        """Run what is due, in order."""
        while self.due(now):
            heapq.heappop(self._heap)[3]()
