"""Providers without delay of their own, so that what is measured is the engine.

The recogniser gives a final the moment the voice stops, the brain answers at once, the voice returns ready 24 kHz audio
that still has to be resampled to the leg, as with a vendor's voice.
"""

from collections.abc import Callable, Iterator

import numpy as np

from engine.dialog.brain import ReplyPart, Request, Text
from engine.speech.interfaces import Chunk, Heard, Pcm

ANSWER = "The office opens at nine. It is closed on Sundays."
VOICE_HZ = 24000


def murmur(seconds: float, rate: int, seed: int = 1) -> Pcm:
    """Something that a VAD takes for speech: harmonics of a gliding voice, in syllables of 200 ms."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    pitch = 120 + 25 * np.sin(2 * np.pi * 0.7 * t) + 6 * rng.standard_normal()
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    formants = ((500, 90), (1500, 130), (2500, 180))
    wave = np.zeros_like(t)
    for harmonic in range(1, 28):
        hz = 120 * harmonic
        gain = sum(np.exp(-(((hz - centre) / (3 * width)) ** 2)) for centre, width in formants) + 0.02
        wave += gain * np.sin(harmonic * phase)
    syllables = 0.35 + 0.65 * np.abs(np.sin(2 * np.pi * 2.5 * t))
    wave *= syllables / np.abs(wave).max()
    return (wave * 9000).astype(np.int16)


class InstantStream:
    """See ``engine.speech.interfaces.HearStream``."""

    def __init__(self, deliver: Callable[[Heard], None]) -> None:
        """Finals go to ``deliver``."""
        self._deliver = deliver
        self._start = 0

    def feed(self, frame: bytes) -> None:
        """Nothing is listened to."""

    def voice_on(self, sample: int) -> None:
        """Remember the start."""
        self._start = sample

    def voice_off(self, sample: int) -> None:
        """A final at once."""
        self._deliver(Heard("when are you open", True, self._start, sample))

    def close(self) -> None:
        """Nothing is held."""


class InstantRecogniser:
    """See ``engine.speech.interfaces.Recogniser``."""

    def open(self, rate: int, deliver: Callable[[Heard], None]) -> InstantStream:
        """A stream."""
        return InstantStream(deliver)

    def close(self) -> None:
        """Nothing is held."""


class InstantBrain:
    """See ``engine.dialog.brain.Brain``."""

    def reply(self, request: Request) -> Iterator[ReplyPart]:
        """Always the same two sentences."""
        yield Text(ANSWER)


class InstantVoice:
    """See ``engine.speech.interfaces.Voice``. 60 ms of audio a letter."""

    name = "instant"

    def __init__(self) -> None:
        """Ten seconds to cut from."""
        self._audio = murmur(10, VOICE_HZ, seed=2)

    def render(self, text: str) -> Iterator[Chunk]:
        """Audio in one piece."""
        yield Chunk(self._audio[: min(len(self._audio), int(len(text) * 0.06 * VOICE_HZ))], VOICE_HZ)

    def close(self) -> None:
        """Nothing is held."""
