"""What recognisers on the network cost us, and what a lost connection costs the caller.

    python -m benchmarks hear

Vendors are strict servers on loopback that hear number speech at once; their own time is not in the figures. Costs are
CPU of the whole process less that of the server, which runs in a process of its own.
"""

import gc
import importlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import gevent
from gevent.event import Event

from benchmarks.figure import Figure
from engine.speech.stt.recognisers import make_recogniser
from tests.fakes.number_speech import say

COMMAND = "python -m benchmarks hear"
RATE = 8000
FRAME = RATE // 50 * 2
SENTENCE = "one two three four five six seven eight nine ten"
KEYS = {"deepgram": "dg-right", "openai_realtime": "sk-right", "openai_batch": "sk-right"}
SERVERS = {"deepgram": ("tests.fakes.deepgram_server", "DeepgramServer"),
           "openai_realtime": ("tests.fakes.realtime_server", "RealtimeServer"),
           "openai_batch": ("tests.fakes.transcription_server", "TranscriptionServer")}
STRETCHES = 40
LOSSES = 20


def figures() -> list[Figure]:
    """Own costs, and the gap after a loss."""
    rows = []
    for kind in SERVERS:
        frame_us, transcript_us = costs(kind)
        rows.append(Figure(f"hear: {kind}, own CPU per audio frame of 20 ms", frame_us, "µs", "≤ 200", frame_us <= 200,
                           COMMAND))
        limit = 15_000 if kind == "openai_batch" else 2000
        rows.append(Figure(f"hear: {kind}, own CPU per transcript", transcript_us, "µs", f"≤ {limit}",
                           transcript_us <= limit, COMMAND))
    for kind in ("deepgram", "openai_realtime"):
        for spares in (0, 1):
            with_spare = "a spare connection" if spares else "no spare"
            gaps, lost, doubled = losses(kind, spares)
            worst = round(max(gaps) * 1000)
            middle = round(statistics.median(gaps) * 1000)
            what = f"hear: {kind}, {with_spare}, connection lost in mid-sentence to words again"
            rows.append(Figure(f"{what}, p50 of {LOSSES}", middle, "ms", "≤ 1000", middle <= 1000, COMMAND))
            rows.append(Figure(f"{what}, worst", worst, "ms", "≤ 1000", worst <= 1000, COMMAND))
            rows.append(Figure(f"hear: {kind}, words lost or doubled in {LOSSES} losses, {with_spare}", lost + doubled,
                               "words", "0", lost + doubled == 0, COMMAND))
    return rows


@contextmanager
def vendor_process(kind: str) -> Iterator[str]:
    """The server of this kind in a process of its own; its address."""
    module, name = SERVERS[kind]
    code = ("from gevent import monkey; monkey.patch_all()\nimport gevent, importlib, sys\n"
            f"server = importlib.import_module('{module}').{name}()\nprint(server.url, flush=True)\n"
            "gevent.wait()\n")
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "PYTHONPATH": "."})
    assert process.stdout
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait(5)


class Listener:
    """A call that keeps finals, and when anything came."""

    def __init__(self, recogniser) -> None:
        self.text = ""
        self.came: list[float] = []
        self.final = Event()
        self.stream = recogniser.open(RATE, self.deliver)
        self.fed = 0

    def deliver(self, heard) -> None:
        self.came.append(time.monotonic())
        if heard.final and heard.end >= self.fed:
            self.final.set()
        if heard.final:
            self.text = f"{self.text} {heard.text}".strip()

    def feed(self, pcm: bytes, pace_s: float = 0.0) -> None:
        due = time.monotonic()
        for at in range(0, len(pcm), FRAME):
            self.stream.feed(pcm[at:at + FRAME])
            self.fed += FRAME // 2
            if pace_s:
                due += pace_s
                gevent.sleep(max(0.0, due - time.monotonic()))

    def stretch(self, pcm: bytes) -> None:
        """All of it at once, as voice; waits for the final."""
        self.stream.voice_on(self.fed)
        self.feed(pcm)
        self.final.clear()
        self.stream.voice_off(self.fed)
        if not self.final.wait(5):
            raise RuntimeError("no final came")


def costs(kind: str) -> tuple[float, float]:
    """CPU microseconds per frame fed in voice, everything that sending it takes included; and per transcript, that is
    of a stretch of half a second less its frames."""
    short, long = say("one two", RATE), say(f"{SENTENCE} {SENTENCE}", RATE)
    with vendor_process(kind) as url:
        recogniser = make_recogniser(kind, base_url=url.replace("ws:", "http:"), api_key=KEYS[kind])
        listener = Listener(recogniser)
        gevent.sleep(0.3)
        for _ in range(3):
            listener.stretch(short)
        gc.collect()
        spent = []
        for pcm in (short, long):
            began = time.process_time()
            for _ in range(STRETCHES):
                listener.stretch(pcm)
            spent.append((time.process_time() - began) / STRETCHES)
        listener.stream.close()
        recogniser.close()
    frames = [len(pcm) / FRAME for pcm in (short, long)]
    frame_s = max(0.0, (spent[1] - spent[0]) / (frames[1] - frames[0]))
    return round(frame_s * 1e6, 1), round(max(0.0, spent[0] - frame_s * frames[0]) * 1e6)


def losses(kind: str, spares: int) -> tuple[list[float], int, int]:
    """Callers at real pace whose connections break, each elsewhere in the sentence: seconds without words after it,
    words that were never heard, words heard twice."""
    calls = [gevent.spawn(loss, kind, spares, 0.25 + 1.9 * n / LOSSES) for n in range(LOSSES)]
    found = [call.get() for call in calls]
    return [gap for gap, _, _ in found], sum(lost for _, lost, _ in found), sum(doubled for _, _, doubled in found)


def loss(kind: str, spares: int, after_s: float) -> tuple[float, int, int]:
    """One of them, with a server and a recogniser of its own."""
    module, name = SERVERS[kind]
    server = getattr(importlib.import_module(module), name)()
    recogniser = make_recogniser(kind, base_url=server.url.replace("ws:", "http:"), api_key=KEYS[kind], spares=spares)
    listener, cut = Listener(recogniser), 0.0

    def drop() -> None:
        nonlocal cut
        cut = time.monotonic()
        server.peers[0].drop()

    gevent.sleep(0.5)
    listener.stream.voice_on(0)
    gevent.spawn_later(after_s, drop)
    listener.feed(say(SENTENCE, RATE), 0.02)
    listener.stream.voice_off(listener.fed)
    listener.final.wait(3)
    heard, wanted = listener.text.split(), SENTENCE.split()
    listener.stream.close()
    recogniser.close()
    server.close()
    gap = next((at for at in listener.came if at > cut + 0.001), cut + 9) - cut
    return gap, sum(word not in heard for word in wanted), sum(heard.count(word) > 1 for word in wanted)
