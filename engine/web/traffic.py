"""What goes through the HTTP server, counted: for ``/metrics`` and ``/admin/stats``."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

EDGES_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histogram of durations; beyond the last there is one more bucket."""


@dataclass
class Durations:
    """A histogram, in seconds."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(EDGES_S) + 1))
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.buckets[bisect_left(EDGES_S, seconds)] += 1
        self.total_s += seconds


@dataclass
class Traffic:
    """One a server. ``requests``: by (method, path as the route has it, status); ``durations``: by (method, path), to
    the first byte of the answer; ``sockets``: WebSockets open by path; ``sockets_ended``: by (path, close code)."""

    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    durations: dict[tuple[str, str], Durations] = field(default_factory=dict)
    sockets: Counter[str] = field(default_factory=Counter)
    sockets_ended: Counter[tuple[str, int]] = field(default_factory=Counter)
    connections: int = 0
    connections_refused: int = 0

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """A request was answered. ``path`` is a route's, so that clients cannot make names up."""
        self.requests[method, path, status] += 1
        self.durations.setdefault((method, path), Durations()).add(seconds)
