"""Audio files and FreeSWITCH's stream names as samples."""

import re
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from engine.standin.errors import StandInError
from engine.standin.line import to_rate

Pcm = NDArray[np.int16]

_TONE = re.compile(r"tone_stream://%\((\d+),(\d+),([\d.,]+)\)(?:;loops=(-?\d+))?")
_SILENCE = re.compile(r"silence_stream://(-?\d+)")


def read_wav(path: Path | str, rate: int) -> Pcm:
    """The samples of an audio file (any rate and channels that libsndfile reads) as mono int16 at ``rate`` Hz.

    Raises ``StandInError`` naming the file when it is not one.
    """
    try:
        samples, file_rate = soundfile.read(str(path), dtype="int16", always_2d=True)
    except (OSError, RuntimeError) as fault:
        raise StandInError(f"{path}: not an audio file that can be read ({fault}). Give a WAV or FLAC file.") from fault
    if not len(samples):
        raise StandInError(f"{path}: the file holds no audio. Record it again, or give another one.")
    mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1).astype(np.int16)
    return to_rate(mono, file_rate, rate)


def load_prompt(name: str, rate: int) -> tuple[Pcm, int] | None:
    """What ``playback`` plays for ``name`` and how often (-1 = for ever); None when there is no such file."""
    tone = _TONE.match(name)
    if tone:
        on_ms, off_ms, frequencies = int(tone[1]), int(tone[2]), [float(part) for part in tone[3].split(",") if part]
        time = np.arange(rate * on_ms // 1000) / rate
        wave = sum(np.sin(2 * np.pi * hertz * time) for hertz in frequencies) * (8000 / len(frequencies))
        pause = np.zeros(rate * off_ms // 1000, np.int16)
        return np.concatenate([np.asarray(wave).astype(np.int16), pause]), int(tone[4] or 1)
    silence = _SILENCE.match(name)
    if silence:
        milliseconds = int(silence[1])
        endless = milliseconds <= 0
        return np.zeros(rate * (1000 if endless else milliseconds) // 1000, np.int16), -1 if endless else 1
    if not Path(name).is_file():
        return None
    return read_wav(name, rate), 1
