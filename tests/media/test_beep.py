"""The beep of an answering machine, and what is none."""

import numpy as np
import pytest

from engine.media.beep import BeepDetector
from engine.media.g711 import alaw_decode, alaw_encode

RATE = 8000


def tone(seconds, *hertz, amplitude=6000, rate=RATE):
    t = np.arange(int(seconds * rate)) / rate
    return sum(np.sin(2 * np.pi * f * t) for f in hertz) * amplitude / len(hertz)


def beeps(pcm, rate=RATE):
    """When beeps were reported, in s."""
    size = rate // 50
    detector = BeepDetector(rate, size * 2)
    pcm = np.concatenate([pcm, np.zeros(rate // 5)]).astype(np.int16)
    return [at / rate for at in range(0, len(pcm) - size, size) if detector.feed(pcm[at : at + size].tobytes())]


@pytest.mark.parametrize("rate", [8000, 16000])
@pytest.mark.parametrize("hertz", [440, 850, 987.6, 1000, 1400, 2010])
@pytest.mark.parametrize("seconds", [0.12, 0.5, 1.2])
def test_beeps_are_found(rate, hertz, seconds):
    """All that machines and networks use, of any usual length, reported when it is over."""
    pcm = np.concatenate([np.zeros(rate // 2), tone(seconds, hertz, rate=rate)])
    found = beeps(pcm, rate)
    assert len(found) == 1
    assert found[0] == pytest.approx(0.5 + seconds, abs=0.05)


def test_over_a_noisy_line():
    """Noise 20 dB below the beep, A-law on the way."""
    noise = np.random.default_rng(1).normal(0, 400, RATE * 2)
    noise[4000:8000] += tone(0.5, 1000)
    assert len(beeps(alaw_decode(alaw_encode(noise.astype(np.int16))))) == 1


@pytest.mark.parametrize(
    "pcm",
    [
        tone(0.12, 697, 1209), tone(0.5, 400, 450), tone(3.0, 425), tone(0.04, 1000), np.zeros(RATE),
        tone(0.3, 1000, amplitude=100), np.random.default_rng(2).normal(0, 3000, RATE),
        np.sin(2 * np.pi * np.cumsum(np.linspace(400, 1600, RATE)) / RATE) * 6000,
        sum(tone(0.6, 120 * n, amplitude=4000 / n) for n in range(1, 12)),
    ],
    ids=["key", "ringing", "dial tone", "click", "silence", "too soft", "noise", "whistle", "vowel"],
)  # fmt: skip
def test_what_is_no_beep(pcm):
    """Keys, ringing tones, whistles and voices must not make a human a machine."""
    assert beeps(pcm) == []
