"""The engine itself, with providers that take no time: delays, interruption, density, memory.

The stand-in is the other side, in this process; the engine runs in a process of its own, as in production.
"""

import json
import random
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.figure import Figure
from benchmarks.voices import RATE, say
from engine import paths
from engine.cli.child import EngineProcess
from engine.media.pcm import Pcm
from engine.media.resample import resample
from engine.standin import process
from engine.standin.dialogue import AgentEar
from engine.standin.load import Load, LoadPlan, LoadReport
from engine.standin.standin import StandIn

COMMAND = "python -m benchmarks calls"
DELAY_CALLS = 40
TICK_MS = 20
SECONDS = 15.0
TURN_EVERY_S = 7.5
"""Eight turns a call-minute; the caller talks 40 % of the time, the agent another 40 %."""


def figures() -> list[Figure]:
    """All rows; about two minutes."""
    return [*delays(), *density()]


def engine(home: str, **options: str) -> EngineProcess:
    """An engine with instant providers whose data goes to ``home``."""
    models = Path(home) / "models"
    if not models.exists():
        models.symlink_to(paths.models().resolve())
    given = {"HOME": home, "RECORD__PAGE": "false", **options}
    return EngineProcess(given, log=Path(home) / "engine.log", command=("-m", "benchmarks.under_test"))


def delays() -> list[Figure]:
    """Calls one after the other, each: greeting, question, answer, interruption."""
    greetings, silences, own = [], [], []
    dice = random.Random(7)
    with tempfile.TemporaryDirectory() as home, engine(home) as under_test, StandIn() as standin:
        wait_ms = 500
        question = spoken(8000)
        calls = [standin.place(under_test.address) for _ in range(4)]
        for first in range(0, DELAY_CALLS, len(calls)):
            if first:
                calls = [standin.place(under_test.address) for _ in range(4)]
            ears = [AgentEar(call) for call in calls]
            standin.pass_time(5.0)
            for call, ear in zip(calls, ears, strict=True):
                began = ear.first_after(0)
                assert began is not None and call.answered is not None, "no greeting"
                greetings.append((began - call.answered) * 1000)
            # A question; then an interruption somewhere in its answer.
            for call in calls:
                call.say(question)
            standin.pass_time(len(question) / calls[0].rate + 1.0 + dice.random())
            onsets = []
            for call, ear in zip(calls, ears, strict=True):
                assert ear.pause_after(call.seconds - 0.5, 0.4) is None, "no answer to interrupt"
                onsets.append(call.seconds + 0.02)
                call.say(question, at=onsets[-1])
            standin.pass_time(0.9)
            for call, ear, onset in zip(calls, ears, onsets, strict=True):
                silent = ear.pause_after(onset)
                silences.append(((silent if silent is not None else call.seconds) - onset) * 1000)
                call.hangup()
            standin.pass_time(0.5)
        for log in Path(home).glob("calls/*/*/events.jsonl"):
            rows = [json.loads(line) for line in log.read_text().splitlines()]
            waits = [row["after_voice_ms"] for row in rows if row["event"] == "on_wire" and row["after_voice_ms"]]
            own += [wait - wait_ms for wait in waits]
    delay = float(np.percentile(own, 99))
    p50, p95 = (float(value) for value in np.percentile(silences, [50, 95]))
    greeting = float(max(greetings))
    return [
        _figure("own delay beyond the endpoint wait, p99", delay, "ms", f"<= {5 + TICK_MS}", delay <= 5 + TICK_MS),
        _figure("greeting on the wire after answer, worst", greeting, "ms", "<= 200", greeting <= 200),
        _figure("caller onset to agent silent, p50", p50, "ms", "<= 200", p50 <= 200),
        _figure("caller onset to agent silent, p95", p95, "ms", "<= 300", p95 <= 300),
    ]


def density() -> list[Figure]:
    """200 talking calls with each VAD, then 400."""
    rows = []
    for vad, aim in (("webrtc", 1.5), ("silero", 2.5)):
        report, base = _load(200, vad)
        cpu = report.engine_cpu_ms_per_call_s or 0.0
        rows.append(_figure(f"CPU per call-second, 200 talking calls, {vad}", cpu, "ms", f"<= {aim}", cpu <= aim))
        if vad == "silero":
            memory = ((report.engine_rss_mb or 0.0) - base) / 200
            rows.append(_figure("memory per call", memory, "MB", "<= 1", memory <= 1))
    for vad in ("webrtc", "silero"):
        report, _ = _load(400, vad)
        good = report.late_p99_ms < 10 and report.answered == 400 and not report.errors
        figure = f"400 talking calls on 2 cores, generator included, {vad}: frame lateness p99"
        rows.append(_figure(figure, report.late_p99_ms, "ms", "< 10", good))
    return rows


def spoken(rate: int) -> Pcm:
    """A caller's voice: a real detector is not to be fooled by tones. Starts with its first voiced frame."""
    pcm = resample(say("flite:rms", "What are your opening hours on Saturday, please?"), RATE, rate)
    loud = np.flatnonzero(np.abs(pcm.astype(np.int32)) > 600)
    return np.ascontiguousarray(pcm[loud[0] : loud[-1]])


def _load(calls: int, vad: str) -> tuple[LoadReport, float]:
    """A load run, and the engine's memory before it (MB)."""
    with tempfile.TemporaryDirectory() as home, engine(home, VAD__ENGINE=vad) as under_test:
        speech = Path(home) / "caller.wav"
        soundfile.write(str(speech), spoken(8000), 8000)
        base = process.usage(under_test.pid).rss_mb
        plan = LoadPlan(
            under_test.address, calls, SECONDS, 0.4, TURN_EVERY_S, ramp_per_s=50.0, speech=speech, pid=under_test.pid
        )
        return Load(plan).run(), base


def _figure(name: str, value: float, unit: str, aim: str, ok: bool) -> Figure:
    return Figure(name, round(value, 2), unit, aim, bool(ok), COMMAND)
