"""A made-up voice for load: what a VAD takes for speech, without a recording."""

import numpy as np
from numpy.typing import NDArray

Pcm = NDArray[np.int16]


def babble(rate: int, seconds: float, seed: int = 0) -> Pcm:
    """``seconds`` of something voice-like at ``rate`` Hz: a gliding pitch with harmonics under two moving formants, in
    syllables of about 4 Hz, -11 dBFS at its peaks. It says nothing; webrtcvad's strictest mode takes 99 % of its
    frames for speech."""
    dice = np.random.default_rng(seed)
    time = np.arange(int(rate * seconds)) / rate

    def wander(centre: float, width: float, hertz: float) -> NDArray[np.float64]:
        return centre + width * np.sin(2 * np.pi * hertz * time + dice.uniform(0, 6))

    pitch = 125 * 2 ** wander(0, 0.25, 0.6)
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    first, second = wander(500, 250, 2.1), wander(1500, 500, 1.3)
    wave = np.zeros_like(time)
    for harmonic in range(1, 19):  # up to 3400 Hz at the highest pitch
        hertz = harmonic * pitch
        loud = np.exp(-0.5 * ((hertz - first) / 150) ** 2) + 0.5 * np.exp(-0.5 * ((hertz - second) / 150) ** 2)
        wave += (loud + 0.15 / harmonic) * np.sin(harmonic * phase)
    syllables = 0.05 + 0.95 * np.clip(wander(0.5, 1, 4), 0, 1)
    return (wave * syllables * (9000 / np.abs(wave).max())).astype(np.int16)


def talking_frames(rate: int, share: float, period_s: float = 5.0, speech: Pcm | None = None) -> list[bytes]:
    """20 ms frames of L16 that talk for ``share`` (0 to 1) of each ``period_s`` and are silent for the rest."""
    size = rate // 50
    voiced = round(period_s * share * 50)
    voice = babble(rate, voiced / 50) if speech is None else np.resize(speech, voiced * size)
    frames = [voice[at : at + size].astype("<i2").tobytes() for at in range(0, voiced * size, size)]
    return frames + [bytes(size * 2)] * (round(period_s * 50) - voiced)
