"""Many calls at a running engine, and what it did with them."""

import gc
import time
from array import array
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from engine.standin import process
from engine.standin.call import Call
from engine.standin.errors import StandInError
from engine.standin.prompts import read_wav
from engine.standin.standin import StandIn
from engine.standin.voice import talking_frames

FRAME_S = 0.02
MEASURED_CALLS = 100
"""Calls whose frames are timed; the others' are counted."""

BLOCK = 25
"""Frames in a row that must be late by about the same for the grid to be moved."""

NEW_STRETCH_S = 1.0
"""A pause longer than this is not lateness: the agent had nothing to say and writes no silence."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """``calls`` at ``target`` (host:port) for ``seconds``; each caller talks ``talk`` (0 to 1) of the time."""

    target: str
    calls: int
    seconds: float
    talk: float = 0.4
    period_s: float = 5.0
    """A caller begins to talk once in this time."""

    rate: int = 8000
    ramp_per_s: float = 50.0
    settle_s: float = 2.0
    """Time between the last call placed and the measurement."""

    speech: Path | None = None
    """What callers say; None: a made-up voice."""

    pid: int | None = None
    """The engine's process; None: whoever listens on the target's port."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """What was measured. Lateness is of frames received from the engine against the 20 ms grid of their stretch (a
    run of speech, or of silence), whose zero is its earliest frame."""

    calls: int
    answered: int
    seconds: float
    frames: int
    frames_timed: int
    late_p50_ms: float
    late_p99_ms: float
    late_max_ms: float
    longest_gap_ms: float
    slots_skipped: int
    frames_missing: int
    frames_odd: int
    engine_pid: int | None
    engine_cpu_ms_per_call_s: float | None
    engine_rss_mb: float | None
    engine_family_cpu_ms_per_call_s: float | None
    engine_family_rss_mb: float | None
    generator_cpu_ms_per_call_s: float
    generator_late_ticks: int
    errors: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


class Tally:
    """Counts one call's frames."""

    stamped = False

    def __init__(self, rate: int) -> None:
        """Nothing received."""
        self.received = self.odd = 0
        self._size = rate // 50 * 2

    def arrived(self, datagram: bytes, stamp: float) -> None:
        """A frame came."""
        self.received += 1
        if len(datagram) != self._size:
            self.odd += 1

    def restart(self) -> None:
        """Forget what was counted."""
        self.received = self.odd = 0


class Punctuality(Tally):
    """Counts one call's frames and tells how late they are.

    An engine that was held up may leave slots of its grid out instead of sending them late. Its frames are then on time
    again, only fewer: when half a second of frames is late by about the same, the grid is moved, and what remains late
    is the frame that broke it.
    """

    stamped = True

    def __init__(self, rate: int) -> None:
        """Nothing received."""
        super().__init__(rate)
        self._silence = bytes(rate // 50 * 2)
        self._due = self._last = 0.0
        self._was_silent: bool | None = None
        self.restart()

    def restart(self) -> None:
        """Forget what was measured; the next frame begins a stretch."""
        super().restart()
        self.late = array("f")
        self.longest_gap = 0.0
        self.slots_skipped = 0
        self._was_silent = None
        self._least, self._counted = FRAME_S * BLOCK, 0

    def arrived(self, datagram: bytes, stamp: float) -> None:
        """A frame came at ``stamp`` (seconds of any clock)."""
        super().arrived(datagram, stamp)
        silent = datagram == self._silence
        gap = stamp - self._last
        self._last = stamp
        due = self._due + FRAME_S
        if silent is not self._was_silent or gap > NEW_STRETCH_S:
            self._was_silent = silent
            due = stamp
        elif gap > self.longest_gap:
            self.longest_gap = gap
        if stamp < due:
            due = stamp
        self._due = due
        late = stamp - due
        self.late.append(late)
        if late < self._least:
            self._least = late
        self._counted += 1
        if self._counted == BLOCK:
            if self._least > FRAME_S / 2:
                self._move_grid(self._least)
            self._least, self._counted = FRAME_S * BLOCK, 0

    def _move_grid(self, slip: float) -> None:
        self._due += slip
        self.slots_skipped += max(1, round(slip / FRAME_S))
        late, at = self.late, len(self.late) - 1
        while at > 0 and late[at - 1] > slip - FRAME_S / 4:
            late[at] = max(0.0, late[at] - slip)
            at -= 1


class Load:
    """One run. ``progress(text, done)`` is told what goes on, ``done`` from 0 to 1."""

    def __init__(self, plan: LoadPlan, progress: Callable[[str, float], None] = lambda text, done: None) -> None:
        """Checks the plan; raises ``StandInError``."""
        if plan.calls < 1 or plan.seconds <= 0 or not 0 <= plan.talk <= 1:
            raise StandInError("load: calls >= 1, seconds > 0 and talk from 0 to 1, please")
        self.plan, self.progress = plan, progress
        speech = read_wav(plan.speech, plan.rate) if plan.speech else None
        self._frames = talking_frames(plan.rate, plan.talk, plan.period_s, speech)
        port = int(plan.target.split("|")[0].rpartition(":")[2])
        self._pid = plan.pid or process.listener(port)

    def run(self) -> LoadReport:
        """Place the calls, measure, hang up."""
        gc.collect()
        gc.freeze()
        gc.disable()  # a collection in the tick would count as lateness of the engine
        try:
            with StandIn(connected=True) as standin:
                return self._run(standin)
        finally:
            gc.enable()
            gc.unfreeze()

    def _run(self, standin: StandIn) -> LoadReport:
        plan = self.plan
        calls = [self._place(standin, number) for number in range(plan.calls)]
        standin.pass_time(plan.settle_s)
        for _, meter in calls:
            meter.restart()
        before, began = self._reading(standin), time.monotonic()
        while (elapsed := time.monotonic() - began) < plan.seconds:
            self.progress("measuring", elapsed / plan.seconds)
            standin.pass_time(min(0.5, plan.seconds - elapsed))
        elapsed, after = time.monotonic() - began, self._reading(standin)
        report = self._report(calls, elapsed, before, after)
        for call, _ in calls:
            call.hangup()
        standin.pass_time(0.3)
        return report

    def _place(self, standin: StandIn, number: int) -> tuple[Call, Tally]:
        # Looking at every frame's time costs a third of the generator: with many calls a sample of them tells as much.
        every = -(-self.plan.calls // MEASURED_CALLS)
        rate = self.plan.rate
        meter = Tally(rate) if number % every else Punctuality(rate)
        call = standin.place(self.plan.target, rate=rate, caller=f"1555{number:07d}", record=False, sink=meter)
        call.caller.loop(self._frames, number * 37 % len(self._frames))
        self.progress(f"placing calls, {number + 1} of {self.plan.calls}", 0.0)
        standin.pass_time(1 / self.plan.ramp_per_s)
        return call, meter

    def _reading(self, standin: StandIn) -> "_Reading":
        engine = (process.usage(self._pid), process.family(self._pid)) if self._pid else None
        return _Reading(engine, time.process_time(), standin.late_ticks)

    def _report(
        self, calls: list[tuple[Call, Tally]], elapsed: float, before: "_Reading", after: "_Reading"
    ) -> LoadReport:
        meters = [meter for call, meter in calls if call.unicast]
        timed = [meter for meter in meters if isinstance(meter, Punctuality)]
        late = np.concatenate([np.zeros(0, np.float32), *(np.frombuffer(meter.late, np.float32) for meter in timed)])
        half, most, worst = (round(float(value) * 1000, 2) for value in _percentiles(late))
        call_seconds = self.plan.calls * elapsed
        expected = int(elapsed / FRAME_S) - 3  # the lead, and the ends of the window
        alone, family = after.since(before, call_seconds)
        return LoadReport(
            calls=self.plan.calls, answered=len(meters), seconds=round(elapsed, 2),
            frames=sum(meter.received for meter in meters), frames_timed=len(late), late_p50_ms=half,
            late_p99_ms=most, late_max_ms=worst,
            longest_gap_ms=round(max((meter.longest_gap for meter in timed), default=0.0) * 1000, 1),
            slots_skipped=sum(meter.slots_skipped for meter in timed),
            frames_missing=sum(max(0, expected - meter.received) for meter in meters),
            frames_odd=sum(meter.odd for meter in meters), engine_pid=self._pid, engine_cpu_ms_per_call_s=alone,
            engine_rss_mb=round(after.engine[0].rss_mb, 1) if after.engine else None,
            engine_family_cpu_ms_per_call_s=family,
            engine_family_rss_mb=round(after.engine[1].rss_mb, 1) if after.engine else None,
            generator_cpu_ms_per_call_s=round((after.own_cpu_s - before.own_cpu_s) * 1000 / call_seconds, 3),
            generator_late_ticks=after.late_ticks - before.late_ticks, errors=tuple(_errors(call for call, _ in calls)),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Reading:
    """What had been used at one moment: by the engine alone and with its children, and by this process."""

    engine: tuple[process.Usage, process.Usage] | None
    own_cpu_s: float
    late_ticks: int

    def since(self, before: "_Reading", call_seconds: float) -> tuple[float | None, float | None]:
        """CPU ms per call-second of the engine, alone and with its children."""
        if not self.engine or not before.engine:
            return None, None
        spent = (now.cpu_s - then.cpu_s for now, then in zip(self.engine, before.engine, strict=True))
        alone, family = (round(seconds * 1000 / call_seconds, 3) for seconds in spent)
        return alone, family


def _percentiles(late: np.ndarray) -> tuple[float, float, float]:
    if not len(late):
        return 0.0, 0.0, 0.0
    half, most = np.percentile(late, [50, 99])
    return half, most, late.max()


def _errors(calls: Iterable[Call]) -> list[str]:
    errors: dict[str, int] = {}
    for call in calls:
        if not call.up:
            what = f"ended early: {call.outcome.cause}"
        elif call.answered is None:
            what = "not answered"
        elif call.unicast is None:
            what = "answered, but no unicast"
        else:
            continue
        if call.notes:
            what += f" ({call.notes[-1]})"
        errors[what] = errors.get(what, 0) + 1
    return [f"{count} x {what}" for what, count in sorted(errors.items())]
