"""What telephony costs beside the conversation: looking for beeps on a call that was placed, news of other calls."""

import time

import numpy as np

from benchmarks.figure import Figure
from engine.esl.event import Event
from engine.media.beep import BeepDetector
from engine.telephony.switch import Switch

COMMAND = "python -m benchmarks telephony"


class _Client:
    """Collects handlers as the inbound connection does."""

    def __init__(self):
        self.handlers = []

    def subscribe(self, *names):
        pass

    def on(self, name, handler):
        self.handlers.append(handler)


def beep_us() -> float:
    """One frame of noise, the worst case: every filter is run."""
    detector = BeepDetector(8000, 320)
    frames = np.random.default_rng(1).normal(0, 3000, (500, 160)).astype(np.int16)
    data = [frame.tobytes() for frame in frames]
    began = time.perf_counter()
    for frame in data:
        detector.feed(frame)
    return (time.perf_counter() - began) / len(data) * 1e6


def news_us() -> float:
    """One event of a call that nobody watches, with 50 hand-overs under way."""
    client = _Client()
    switch = Switch(client)
    for number in range(50):
        switch.watch(f"watched-{number}", lambda event: None)
    event = Event({"Event-Name": "DTMF", "Unique-ID": "somebody else", **{f"variable_{n}": "x" for n in range(200)}})
    handler, count = client.handlers[0], 5000
    began = time.perf_counter()
    for _ in range(count):
        handler(event)
    return (time.perf_counter() - began) / count * 1e6


def figures() -> list[Figure]:
    """Both, in µs."""
    beep, news = beep_us(), news_us()
    return [
        Figure("looking for a beep, one 20 ms frame", round(beep, 1), "us", "<= 200", beep <= 200, COMMAND),
        Figure("event of a call that is not ours, to the bin", round(news, 1), "us", "<= 50", news <= 50, COMMAND),
    ]
