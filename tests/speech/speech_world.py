"""What the tests of hearing and speaking share: recorded and synthetic callers."""

import shutil
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
import pytest

from engine import modelstore

DATA = Path(__file__).parents[1] / "data" / "speech"


def recording(name: str) -> tuple[int, bytes]:
    """(rate, samples) of a WAV below ``tests/data/speech``."""
    with wave.open(str(DATA / f"{name}.wav")) as file:
        return file.getframerate(), file.readframes(file.getnframes())


def frames_of(pcm: bytes, rate: int, ms: int = 20) -> list[bytes]:
    """Whole frames."""
    size = rate * ms // 1000 * 2
    return [pcm[at:at + size] for at in range(0, len(pcm) - size + 1, size)]


def noise(rate: int, seconds: float, level: float, seed: int = 1) -> bytes:
    """White noise of this standard deviation."""
    samples = np.random.default_rng(seed).standard_normal(int(rate * seconds)) * level
    return samples.astype("<i2").tobytes()


def flite(text: str, voice: str, rate: int = 16000) -> bytes:
    """A synthetic caller at this rate, between 0.3 s of silence before and 0.5 s after it."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", file.name], check=True)
        with wave.open(file.name) as spoken:
            made, pcm = spoken.getframerate(), np.frombuffer(spoken.readframes(spoken.getnframes()), "<i2")
    assert made == 16000
    if rate == 8000:
        spectrum = np.fft.rfft(pcm)[:len(pcm) // 4 + 1]
        pcm = np.fft.irfft(spectrum, len(pcm) // 2) / 2
    room = np.concatenate([np.zeros(rate * 3 // 10), pcm, np.zeros(rate // 2)])
    room += np.random.default_rng(5).standard_normal(len(room)) * 8
    return room.astype("<i2").tobytes()


def alive(pid: int) -> bool:
    """Whether the process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


needs_silero = pytest.mark.skipif(not modelstore.installed("silero"),
                                  reason="the Silero weights are not installed (trunkline models install silero)")
needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed (apt-get install flite)")
needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None,
                                  reason="espeak-ng is not installed (apt-get install espeak-ng)")
