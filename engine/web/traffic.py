"""What goes through the HTTP server, counted: for ``/metrics`` and ``/admin/stats``."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.telemetry.figures import Histogram

EDGES_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


@dataclass
class Traffic:
    """One a server. ``requests``: by (method, path as the route has it, status); ``durations``: by (method, path), to
    the head of the answer; ``sockets``: WebSockets open by path; ``sockets_ended``: by (path, close code). ``held`` and
    ``refused``: connections now, and those beyond the bound."""

    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    durations: dict[tuple[str, str], Histogram] = field(default_factory=dict)
    sockets: Counter[str] = field(default_factory=Counter)
    sockets_ended: Counter[tuple[str, int]] = field(default_factory=Counter)
    held: Callable[[], int] = lambda: 0
    refused: Callable[[], int] = lambda: 0

    @property
    def connections(self) -> int:
        """Connections held now."""
        return self.held()

    @property
    def connections_refused(self) -> int:
        """Connections that were refused since the start."""
        return self.refused()

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """A request was answered. ``path`` is a route's, so that clients cannot make names up."""
        self.requests[method, path, status] += 1
        if (method, path) not in self.durations:
            self.durations[method, path] = Histogram(EDGES_S)
        self.durations[method, path].add(seconds)
