"""Lets work of HTTP clients into the hub a little at a time, so that a crowd of them never delays the frames of calls.

The hub serves every socket that is ready before it looks at its timers again: 200 requests that come together would
hold up the frame clock for 100 ms. Here each piece of work passes first; when the hub has been busy for a while, it
waits until the hub has looked around.
"""

import time
from collections import deque

import gevent
from gevent.event import Event

BUSY_S = 0.004
"""How long the hub may be busy before the next piece waits."""

LOOK_S = 0.0001
"""A timer that is due so soon needs the hub to look at its sockets and timers, which ``sleep(0)`` does not. One piece
is let in between two looks: most take half a millisecond."""


LONGEST_S = 5.0
"""Whoever has waited for so long works all the same: late is better than never."""


class Turnstile:
    """One a server. Who waits is served in the order of coming."""

    def __init__(self) -> None:
        """Open."""
        self._waiting: deque[Event] = deque()
        self._pump: gevent.Greenlet | None = None

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def enter(self) -> None:
        """Return when this greenlet may work for a few milliseconds."""
        if not self._waiting and not is_busy():
            return
        turn = Event()
        self._waiting.append(turn)
        if self._pump is None:
            self._pump = gevent.spawn(self._let_in)
        try:
            turn.wait(LONGEST_S)
        finally:
            if not turn.is_set():  # killed while it waited
                self._waiting.remove(turn)

    def _let_in(self) -> None:
        while self._waiting:
            gevent.sleep(LOOK_S)
            if self._waiting:
                self._waiting.popleft().set()
        self._pump = None


def is_busy() -> bool:
    """Whether the hub has not looked at its sockets and timers for ``BUSY_S``."""
    return time.time() - gevent.get_hub().loop.now() > BUSY_S
