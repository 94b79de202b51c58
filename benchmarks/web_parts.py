"""Paths of the engine under test that only benchmarks talk to."""

from bisect import bisect_left
from time import thread_time

import gevent

from engine.net.websocket import Limits
from engine.web.route import Asked, Route, WebSocketRoute
from engine.web.socket import ServerSocket

LIMITS = Limits(message_bytes=1 << 20, queued_bytes=2 << 20, ping_s=10.0)


def echo(socket: ServerSocket, asked: Asked) -> None:
    """Everything back."""
    while True:
        message = socket.receive()
        if message is not None:
            socket.send(message)


def flood(socket: ServerSocket, asked: Asked) -> None:
    """As much as is taken, 100 kB at a time."""
    while True:
        socket.send(b"x" * 100_000)
        socket.receive(0.05)


class Rounds:
    """How long the hub works between two looks at its sockets and timers, in CPU time: what the engine does to its
    calls by itself, however busy the machine is."""

    EDGES_MS = (1, 2, 4, 6, 8, 10, 15, 20, 30, 50, 100)

    def __init__(self) -> None:
        loop = gevent.get_hub().loop
        self._before, self._after = loop.prepare(ref=False, priority=loop.MINPRI), loop.check(
            ref=False, priority=loop.MAXPRI)
        self._since: float | None = None
        self._clear()

    def start(self) -> None:
        """In the hub's thread."""
        self._before.start(self._end)
        self._after.start(self._begin)

    def tell(self, asked: Asked) -> dict:
        """``longest_ms`` and ``p999_ms`` (upper bound) since the last time; then it begins anew."""
        total, seen, p999 = sum(self._counts), 0, 0.0
        for count, edge in zip(self._counts, (*self.EDGES_MS, self._longest), strict=True):
            seen += count
            p999 = edge
            if seen >= 0.999 * total:
                break
        told = {"longest_ms": round(self._longest, 1), "p999_ms": p999, "rounds": total}
        self._clear()
        return told

    def _clear(self) -> None:
        self._counts, self._longest = [0] * (len(self.EDGES_MS) + 1), 0.0

    def _begin(self) -> None:
        self._since = thread_time()

    def _end(self) -> None:
        if self._since is not None:
            took, self._since = (thread_time() - self._since) * 1000, None
            self._counts[bisect_left(self.EDGES_MS, took)] += 1
            self._longest = max(self._longest, took)


ROUNDS = Rounds()
ROUTES = [Route("GET", "/bench/rounds", ROUNDS.tell, "CPU time of the hub's rounds.")]
SOCKETS = [WebSocketRoute("/bench/echo", echo, limits=LIMITS), WebSocketRoute("/bench/flood", flood, limits=LIMITS)]
