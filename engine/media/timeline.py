"""When samples of a stream were heard that comes as its sender likes: in bursts, with gaps, faster than it was spoken.

Between two known points time runs evenly; after the last one a second of audio is a second. Pure.
"""

from bisect import bisect_right
from collections import deque

POINTS = 512
"""Points that are kept: nobody asks for times older than those of the turn in progress."""


class Timeline:
    """Samples (counted from 0) to seconds, on the clock of whoever tells. Neither samples nor times ever fall."""

    def __init__(self, rate: int) -> None:
        """``rate`` in Hz. Nothing was heard yet."""
        self.rate = rate
        self._points: deque[tuple[int, float]] = deque(maxlen=POINTS)

    def __bool__(self) -> bool:
        """Whether anything was heard."""
        return bool(self._points)

    def gap(self, sample: int, at: float) -> None:
        """``sample`` was heard no earlier than ``at``: nothing came for a while before it, or it is the first one."""
        if self._points:
            until = self.at(sample)
            self._points.append((sample, until))
            at = max(at, until)
        self._points.append((sample, at))

    def hurry(self, first: int, end: int, at: float) -> None:
        """The samples from ``first`` to ``end`` came faster than they were spoken: they were heard by ``at``."""
        began = self.at(first)
        if not self._points or self._points[-1][0] != first:
            self._points.append((first, began))
        self._points.append((end, max(began, at)))

    def at(self, sample: int) -> float:
        """When it was heard; before anything was, 0."""
        points = self._points
        if not points:
            return 0.0
        index = max(bisect_right(points, sample, key=_sample) - 1, 0)
        first, began = points[index]
        if sample > first and index + 1 < len(points):
            later, at = points[index + 1]
            return began + (sample - first) * (at - began) / (later - first)
        return began + (sample - first) / self.rate


def _sample(point: tuple[int, float]) -> int:
    return point[0]


__all__ = ["Timeline"]
