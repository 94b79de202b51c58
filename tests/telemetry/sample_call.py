"""A sample call: greeting, three turns, a cough that is no interruption, one that is, a key, the caller hangs up.

``write(folder)`` makes ``events.jsonl`` and ``recording.wav`` as a real call leaves them.
"""

import wave
from pathlib import Path

import numpy as np

from engine.disk import DiskWriter
from engine.telemetry.eventlog import Event, EventLog, read
from engine.telemetry.vocabulary import EVENTS

DATA = Path(__file__).parents[1] / "data/telemetry"
CALLER = [(4.02, 5.54), (8.28, 8.52), (12.40, 13.92), (16.62, 18.46)]
AGENT = [(0.04, 3.34), (6.06, 8.38), (8.94, 11.72), (14.44, 16.70), (19.42, 23.46)]


def lines() -> list[Event]:
    """The events of ``tests/data/telemetry/call.jsonl``."""
    return read(DATA / "call.jsonl").events


def replay(found: list[Event], path: Path) -> None:
    """Write these events through an event log, which checks them against the vocabulary, on a virtual clock."""
    now = [0.0]
    disk = DiskWriter()
    log = EventLog(path, disk, lambda: now[0])
    for event in found:
        now[0] = event["t"]
        fields = {name: value for name, value in event.items() if name not in ("t", "event")}
        if event["event"] in EVENTS:
            log.write(event["event"], **fields)
        else:
            log.note(event["event"], **fields)
    log.close()
    assert disk.close()


def recording(path: Path, rate: int = 8000, seconds: float = 25.1) -> None:
    """Stereo, caller left, agent right: something like syllables where each speaks; sample 0 is at 0.02 s."""
    random = np.random.default_rng(7)
    time = np.arange(int(rate * seconds)) / rate + 0.02
    sides = []
    for spans, pitch in ((CALLER, 130.0), (AGENT, 210.0)):
        speaking = np.zeros(len(time))
        for start, end in spans:
            speaking[(time >= start) & (time < end)] = 1.0
        syllables = np.abs(np.sin(2 * np.pi * 2.1 * time)) ** 0.7 * (0.6 + 0.4 * np.sin(2 * np.pi * 0.37 * time))
        tone = sum(np.sin(2 * np.pi * pitch * n * time + n) / n for n in (1, 2, 3, 5))
        noise = random.normal(0, 0.006, len(time))
        sides.append(np.clip(speaking * syllables * tone * 0.28 + noise, -1, 1))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.stack(sides, axis=1) * 32000).astype("<i2").tobytes())


def write(folder: Path) -> Path:
    """A call's folder with log and recording."""
    replay(lines(), folder / "events.jsonl")
    recording(folder / "recording.wav")
    return folder
