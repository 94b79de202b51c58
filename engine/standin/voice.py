"""A made-up voice for load: what a VAD takes for speech, without a recording."""

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]


def babble(rate: int, seconds: float, seed: int = 0) -> Pcm:
    """``seconds`` of something voice-like at ``rate`` Hz: a gliding pitch with harmonics under moving formants, in
    syllables of about 4 Hz, at -17 dBFS peak or so. It says nothing."""
    dice = np.random.default_rng(seed)
    time = np.arange(int(rate * seconds)) / rate
    pitch = 125 * 2 ** (0.25 * np.sin(2 * np.pi * 0.6 * time + dice.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    formant = 700 + 250 * np.sin(2 * np.pi * 2.1 * time + dice.uniform(0, 6))
    wave = np.zeros_like(time)
    for harmonic in range(1, int(3400 / 180)):
        distance = (harmonic * pitch - formant) / 350
        wave += np.exp(-0.5 * distance**2) * np.sin(harmonic * phase) + 0.15 / harmonic * np.sin(harmonic * phase)
    syllables = 0.35 + 0.65 * np.clip(np.sin(2 * np.pi * 4 * time + dice.uniform(0, 6)), 0, 1)
    return (wave * syllables * (4600 / np.abs(wave).max())).astype(np.int16)


def talking_frames(rate: int, share: float, period_s: float = 5.0, speech: Pcm | None = None) -> list[bytes]:
    """20 ms frames of L16 that talk for ``share`` (0 to 1) of each ``period_s`` and are silent for the rest."""
    size = rate // 50
    voiced = round(period_s * share * 50)
    voice = babble(rate, voiced / 50) if speech is None else np.resize(speech, voiced * size)
    frames = [voice[at : at + size].astype("<i2").tobytes() for at in range(0, voiced * size, size)]
    return frames + [bytes(size * 2)] * (round(period_s * 50) - voiced)
