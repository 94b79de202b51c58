"""The embedded set: questions answered by voice, delay from the caller's voice to the agent's, memory.

What is asked is ``engine/knowledge/sample_questions/questions.jsonl``, by five synthetic voices; nothing was
tuned on it.
"""

import os
import tempfile
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.by_ear import BANDS, SNR_DB, Bench, over, rate_of, rates
from benchmarks.figure import Figure
from benchmarks.voices import say_all
from engine import configfile, modelstore
from engine.cli.child import EngineProcess
from engine.knowledge.embedding.local import local
from engine.knowledge.filling.ingest import SAMPLE, ingest
from engine.knowledge.measure.evaluate import load
from engine.standin import process
from engine.standin.dialogue import Manner, Turn, converse
from engine.standin.standin import StandIn

COMMAND = "python -m benchmarks embedded"
RIGHT_AIMS = {BANDS[0]: 85.0, BANDS[1]: 65.0}
WRONG_AIM = 6.0
DELAY_AIMS_MS = {BANDS[0]: 550.0, BANDS[1]: 600.0}
MEMORY_AIM_MB = 250.0
DELAY_VOICE = "flite:rms"
DELAY_EVERY = 6
"""Every so manyth question is asked in the calls that are timed."""


def figures() -> list[Figure]:
    """All rows; four to six minutes on two cores. The sample is ingested into the home that is set."""
    prepare()
    return [*delays(), *answers()]


def prepare() -> None:
    """The sample collection, as it is now, and the callers' voices."""
    modelstore.path("minilm")
    ingest([SAMPLE], "sample", local())
    say_all([question.text for question in load()])


def answers() -> list[Figure]:
    """Every question by every voice, off real time."""
    bench = Bench(configfile.load(None, os.environ))
    try:
        asked = bench.ask(load())
    finally:
        bench.close()
    rows = []
    for band in BANDS:
        found = rates([entry for entry in asked if entry.band == band])
        what = f"by voice, {band}" + (f", {SNR_DB:g} dB" if band == BANDS[1] else "")
        right, wrong = found["right"], found["wrong"]
        rows += [
            _figure(f"{what}: answered right", right, "%", f">= {RIGHT_AIMS[band]:g}", right >= RIGHT_AIMS[band]),
            _figure(f"{what}: answered wrong", wrong, "%", f"<= {WRONG_AIM:g}", wrong <= WRONG_AIM),
            _figure(f"{what}: asked back or again", found["asked_back"] + found["refused"], "%", "the rest", True),
            _figure(f"{what}: off-topic questions answered", found["off_topic_answered"], "%", "<= 10",
                    found["off_topic_answered"] <= 10),
        ]  # fmt: skip
    return rows


def delays() -> list[Figure]:
    """One call a band, in real time, against an engine in a process of its own; then its memory."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        options = {"RECORD__PAGE": "false", "AGENT__GREETING": "Hello."}
        with EngineProcess(options, log=Path(folder) / "engine.log") as engine, StandIn() as standin:
            for band in BANDS:
                call = standin.place(engine.address, rate=rate_of(band))
                report = converse(call, _questions(Path(folder), band), Manner(quiet_s=0.6))
                rows += _delay(band, report.turns)
            memory = process.usage(engine.pid).rss_mb  # after calls, so that all of the embedding model was touched
    rows.append(_figure("memory with the embedded set, recogniser and voice processes apart", memory, "MB",
                        f"<= {MEMORY_AIM_MB:g}", memory <= MEMORY_AIM_MB))  # fmt: skip
    return rows


def _delay(band: str, turns: list[Turn]) -> list[Figure]:
    """Caller's last voiced frame (-50 dBFS in the WAV) to the agent's first, at the caller's ear."""
    waits = [turn.answer_ms for turn in turns if turn.answer_ms is not None]
    p50, p90 = (float(value) for value in np.percentile(waits, [50, 90]))
    aim = DELAY_AIMS_MS[band]
    return [
        _figure(f"last voiced frame to the agent's first, {band}, p50 of {len(waits)}", p50, "ms", f"<= {aim:g}",
                p50 <= aim and len(waits) == len(turns)),
        _figure(f"the same, {band}, p90", p90, "ms", "<= 900", p90 <= 900),
    ]  # fmt: skip


def _questions(folder: Path, band: str) -> list[Path]:
    """WAV files of some questions as the line brings them, without its noise."""
    written = []
    for number, question in list(enumerate(load()))[::DELAY_EVERY]:
        written.append(folder / f"{rate_of(band)}-{number}.wav")
        soundfile.write(str(written[-1]), over(band, DELAY_VOICE, number, question.text, snr_db=None), rate_of(band))
    return written


def _figure(name: str, value: float, unit: str, aim: str, ok: bool) -> Figure:
    return Figure(name, round(value, 1), unit, aim, bool(ok), COMMAND)
