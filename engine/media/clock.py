"""The frame clock: one greenlet a process, which drains what comes in and writes one frame a call every 20 ms.

Work is spread over four phases of 5 ms: every phase drains all sources, and writes for a quarter of the legs. Deadlines
are ``start + n * period``, so that nothing drifts. After a stall the missed slots of the grid are skipped and counted;
a leg gets as many frames as its lead allows, never the backlog.

``step`` decides everything from the time it is given; ``run`` is the only part that waits.
"""

import logging
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Protocol

import gevent

log = logging.getLogger(__name__)

PHASES = 4

WINDOW_S = 60.0
"""Lateness is told of the last one to two such windows: a bad minute must not stand in the health for ever."""

# Lateness is counted in steps of a quarter of a millisecond, up to a second.
_STEPS_A_MS, _STEPS = 4, 4000

Batch = list[tuple[Any, bytes, bool]]
"""Frames drained in one pass: ``(leg, frame, silent)``. A leg is in it once at most; frames of a leg stay in order."""


class Source(Protocol):
    """Where frames come from."""

    def drain(self, now: float, hear: Callable[[Batch], None]) -> None:
        """Take everything that has arrived; give it to each leg's ear, and to ``hear`` in batches."""


class Ticked(Protocol):
    """What wants a tick every frame."""

    def tick(self, slots: int) -> None:
        """``slots`` frames of time have passed since the last tick: 1, more after a stall, 0 for an extra tick because
        there is something new to write."""


class FrameClock:
    """Drains sources and serves legs. ``hear`` gets every batch: set it to the VAD's ears."""

    def __init__(self, frame_ms: int = 20, *, now: Callable[[], float] = monotonic) -> None:
        """``now`` is the time in seconds; tests give a virtual one."""
        self.hear: Callable[[Batch], None] = _deaf
        self.period = frame_ms / 1000 / PHASES
        self._now = now
        self._sources: list[Source] = []
        self._phases: list[list[Ticked]] = [[] for _ in range(PHASES)]
        self._kicked: list[Ticked] = []
        self._callbacks: list[Callable[[float], None]] = []
        self._greenlet: gevent.Greenlet | None = None
        self._start = now()
        self._done = 0  # ticks of the grid that were served or skipped
        self._late = [0] * (_STEPS + 1)
        self._max_late = 0.0
        self._before: tuple[list[int], float] = ([0] * (_STEPS + 1), 0.0)  # the same of the window before
        self._window_ends = self._start + WINDOW_S
        self._frames_due = 0
        self._skipped = 0
        self._faults: dict[str, int] = {}

    # ------------------------------------------------------------------ who is served

    def add_source(self, source: Source) -> None:
        """Drain this in every tick."""
        self._sources.append(source)

    def remove_source(self, source: Source) -> None:
        """Drain it no more. Unknown ones are ignored."""
        if source in self._sources:
            self._sources.remove(source)

    def add(self, leg: Ticked) -> None:
        """Tick this every frame, in the phase with the fewest legs."""
        min(self._phases, key=len).append(leg)

    def remove(self, leg: Ticked) -> None:
        """Tick it no more. Unknown ones are ignored."""
        for phase in (*self._phases, self._kicked):
            if leg in phase:
                phase.remove(leg)

    def kick(self, leg: Ticked) -> None:
        """Tick this leg with the next step whatever its phase: it has something new to write."""
        if leg not in self._kicked:
            self._kicked.append(leg)

    def every_tick(self, callback: Callable[[float], None]) -> Callable[[], None]:
        """Call ``callback(now)`` after each step (every 5 ms), for timers; returns what takes it off again."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback) if callback in self._callbacks else None

    # ------------------------------------------------------------------ one step

    def step(self, now: float) -> float:
        """Do what is due at ``now``; returns when the next step is due. Early calls only drain."""
        for source in self._sources:
            self._guard(source.drain, now, self._hear)
        due = int((now - self._start) / self.period + 1e-6) - self._done
        if due > 0:
            for phase in range(min(due, PHASES)):
                tick = self._done + phase
                legs = self._phases[tick % PHASES]
                if legs:
                    slots = (due - phase + PHASES - 1) // PHASES
                    self._serve(legs, slots, self._start + (tick + 1) * self.period)
            self._done += due
        if self._kicked:
            kicked, self._kicked = self._kicked, []
            self._tick(kicked, 0)
        for callback in tuple(self._callbacks):
            self._guard(callback, now)
        return self._start + (self._done + 1) * self.period

    def _serve(self, legs: list[Ticked], slots: int, deadline: float) -> None:
        self._tick(legs, slots)
        now = self._now()
        if now >= self._window_ends:
            self._next_window(now)
        late = now - deadline
        self._late[min(max(int(late * 1000 * _STEPS_A_MS), 0), _STEPS)] += len(legs)
        self._max_late = max(self._max_late, late)
        self._frames_due += slots * len(legs)
        self._skipped += (slots - 1) * len(legs)

    def _next_window(self, now: float) -> None:
        self._before = (self._late, self._max_late)
        self._late, self._max_late = [0] * (_STEPS + 1), 0.0
        self._window_ends = now + WINDOW_S

    def _tick(self, legs: Sequence[Ticked], slots: int) -> None:
        for leg in tuple(legs):
            try:
                leg.tick(slots)
            except Exception:  # noqa: BLE001 - one call's fault must not silence the others
                self._fault("a leg's tick")

    def _hear(self, batch: Batch) -> None:
        self._guard(self.hear, batch)

    def _guard(self, work: Callable[..., None], *args: object) -> None:
        try:
            work(*args)
        except Exception:  # noqa: BLE001 - one part's fault must not stop the clock of all calls
            self._fault(getattr(work, "__qualname__", repr(work)))

    def _fault(self, where: str) -> None:
        count = self._faults[where] = self._faults.get(where, 0) + 1
        if is_worth_a_line(count):
            log.exception("fault number %d in %s; the frame clock goes on", count, where)

    # ------------------------------------------------------------------ running

    def start(self) -> None:
        """Run in a greenlet of its own until ``stop``."""
        if self._greenlet is None:
            self._start, self._done = self._now(), 0
            self._window_ends = self._start + WINDOW_S
            self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """End the greenlet. Idempotent."""
        if self._greenlet is not None:
            greenlet, self._greenlet = self._greenlet, None
            greenlet.kill()

    def _run(self) -> None:
        while True:
            due = self.step(self._now())
            gevent.sleep(max(due - self._now(), 0))

    # ------------------------------------------------------------------ figures

    def stats(self) -> dict[str, float]:
        """``legs`` now; of the last one to two minutes the lateness of frames behind the grid in ms (``late_p50_ms``,
        ``late_p99_ms``, ``late_max_ms``); since the last ``reset_stats`` ``frames_due``, ``skipped_slots`` (frames that
        a stall left out) and ``faults``."""
        return {
            "legs": sum(map(len, self._phases)),
            "late_p50_ms": self._percentile(0.50),
            "late_p99_ms": self._percentile(0.99),
            "late_max_ms": max(self._max_late, self._before[1]) * 1000,
            "frames_due": self._frames_due,
            "skipped_slots": self._skipped,
            "faults": sum(self._faults.values()),
        }

    def reset_stats(self) -> None:
        """Begin counting anew."""
        for _ in range(2):
            self._next_window(self._now())
        self._frames_due = self._skipped = 0
        self._faults = {}

    def _percentile(self, part: float) -> float:
        """Upper bound of the step in which this part of all entries is reached, in ms."""
        counts = [new + old for new, old in zip(self._late, self._before[0], strict=True)]
        highest = max(self._max_late, self._before[1]) * 1000
        left = part * sum(counts)
        if left == 0:
            return 0.0
        for step, count in enumerate(counts):
            left -= count
            if left <= 0:
                return min((step + 1) / _STEPS_A_MS, highest)
        return highest


def is_worth_a_line(count: int) -> bool:
    """The 1st, 2nd, 4th, 8th ... of its kind: what happens every tick must not fill the disk with log."""
    return count & (count - 1) == 0


def _deaf(batch: Batch) -> None:
    """Nobody listens to batches."""


__all__ = ["Batch", "FrameClock", "Source", "Ticked", "is_worth_a_line"]
