"""Watches the gevent hub: who kept it from looking at its sockets for more than 20 ms, and with which stack.

The loop itself tells when a round begins and ends (its ``check`` and ``prepare`` watchers), which costs under a
microsecond a round and measures every block exactly. A real thread looks every 10 ms whether a round is still going on
and has the hub's thread, by a signal, note where it is; gevent's own monitor traces every greenlet switch for this and
has no durations. (To read the frames of another thread, ``sys._current_frames``, ended a process with greenlets by a
segmentation fault on CPython 3.11.)

Where no round is long but this thread itself wakes late, another thread holds the interpreter, or the machine has no
CPU left: that is counted as ``starved``.
"""

import logging
import signal
import threading
from collections import Counter
from dataclasses import asdict, dataclass
from time import perf_counter
from types import FrameType

import gevent
from gevent.monkey import get_original

logger = logging.getLogger(__name__)

_start_thread = get_original("_thread", "start_new_thread")
_sleep = get_original("time", "sleep")

DEPTH = 12
"""Frames of a stack that are kept, innermost first."""

SAMPLES = 64
"""Stacks taken of one block."""

ASK = signal.SIGRTMIN + 6
"""Asks the hub's thread where it is. Its handler stays once it is there: without one this signal ends the process."""

Stack = tuple[tuple[str, int, str], ...]


@dataclass(slots=True)
class Figures:
    """Since the start: rounds over the threshold, the longest, and where it was; the same for the watching thread."""

    blocks: int = 0
    longest_ms: float = 0.0
    longest_where: str = ""
    starved: int = 0
    starved_longest_ms: float = 0.0


_watching: "set[HubWatch]" = set()


class HubWatch:
    """Begins with ``start`` in the hub's thread, ends with ``stop``. In another thread than the process's first it
    measures blocks and cannot say where they are."""

    def __init__(self, threshold_ms: float = 20.0) -> None:
        """``threshold_ms``: a longer round is a block."""
        self.figures = Figures()
        self._threshold_s = threshold_ms / 1000
        self._busy_since: float | None = None
        self._asked_for: float | None = None  # beginning of the round whose stack is wanted
        self._may_ask = False
        self._stacks: list[Stack] = []
        self._running = False
        self._ended = get_original("_thread", "allocate_lock")()
        loop = gevent.get_hub().loop
        # Last before the loop waits, first after it: all callbacks of a round lie between.
        self._before = loop.prepare(ref=False, priority=loop.MINPRI)  # type: ignore[attr-defined]
        self._after = loop.check(ref=False, priority=loop.MAXPRI)  # type: ignore[attr-defined]

    def start(self) -> None:
        """Watch this thread's hub from now on."""
        self._running = True
        self._watched: int = get_original("_thread", "get_ident")()
        self._may_ask = threading.current_thread() is threading.main_thread()
        if self._may_ask:
            signal.signal(ASK, _tell)
        _watching.add(self)
        self._before.start(self._round_ends)
        self._after.start(self._round_begins)
        self._ended.acquire()
        _start_thread(self._look, ())

    def stop(self) -> None:
        """End watchers and thread. Idempotent."""
        if not self._running:
            return
        self._running = False
        _watching.discard(self)
        for watcher in (self._before, self._after):
            watcher.stop()
            watcher.close()
        self._busy_since = None
        while not self._ended.acquire(False):
            gevent.sleep(self._threshold_s / 4)

    def snapshot(self) -> dict[str, object]:
        """The figures, for /health."""
        return asdict(self.figures)

    def note(self, frame: FrameType | None) -> None:
        """The hub's thread is here, if this is still the round that was asked for."""
        if self._asked_for is not None and self._asked_for == self._busy_since and len(self._stacks) < SAMPLES:
            self._stacks.append(_stack(frame))

    def _round_begins(self) -> None:
        self._busy_since = perf_counter()

    def _round_ends(self) -> None:
        since, self._busy_since = self._busy_since, None
        if since is None:
            return
        took = perf_counter() - since
        if took >= self._threshold_s:
            self._blocked(took)
        elif self._stacks:
            self._stacks = []

    def _blocked(self, took: float) -> None:
        stacks, self._stacks = self._stacks, []
        stack = Counter(stacks).most_common(1)[0][0] if stacks else ()
        where = f"{stack[0][2]} ({stack[0][0]}:{stack[0][1]})" if stack else "unknown"
        figures = self.figures
        figures.blocks += 1
        if took * 1000 > figures.longest_ms:
            figures.longest_ms, figures.longest_where = round(took * 1000, 1), where
        logger.warning("the hub was blocked for %.0f ms by %s", took * 1000, where, extra={
            "blocked_ms": round(took * 1000, 1), "stack": [f"{file}:{line} {name}" for file, line, name in stack]})

    def _look(self) -> None:
        """The thread: every half threshold, whose round is it that does not end?"""
        pause = self._threshold_s / 2
        seen = perf_counter()
        while self._running:
            _sleep(pause)
            now, since = perf_counter(), self._busy_since
            if since is not None and now - since >= pause:
                if self._may_ask and len(self._stacks) < SAMPLES:
                    self._asked_for = since
                    signal.pthread_kill(self._watched, ASK)
            elif since is None and now - seen > pause + self._threshold_s:
                late_ms = round((now - seen - pause) * 1000, 1)
                self.figures.starved += 1
                self.figures.starved_longest_ms = max(self.figures.starved_longest_ms, late_ms)
            seen = now
        self._ended.release()


def _tell(number: int, frame: FrameType | None) -> None:
    """The handler of ``ASK``, in the hub's thread."""
    for watch in tuple(_watching):
        watch.note(frame)


def _stack(frame: FrameType | None) -> Stack:
    """File, line and function of the innermost frames."""
    found: list[tuple[str, int, str]] = []
    while frame is not None and len(found) < DEPTH:
        found.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
        frame = frame.f_back
    return tuple(found)
