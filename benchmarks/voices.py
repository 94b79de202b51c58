"""Synthetic callers: the voices of flite and espeak-ng, at one level, kept in the cache by their text."""

import hashlib
import tempfile
from pathlib import Path

import numpy as np
from gevent import subprocess
from gevent.pool import Pool

from engine import paths
from engine.speech.interfaces import Pcm
from engine.standin.prompts import read_wav

VOICES = ("flite:rms", "flite:kal16", "flite:awb", "flite:slt", "espeak-ng:en-us")
RATE = 16000
LEVEL_DB = -22.0
"""Power over the voiced frames, below full scale."""

FLOOR_DB = -75.0
"""White noise under what a caller says, below full scale: a microphone in a very quiet room, never digital zeros."""

PAUSE_S = 0.7
"""Silence before and after a question."""

TIMEOUT_S = 20.0


def say(voice: str, text: str) -> Pcm:
    """``text`` by a voice of ``VOICES``, at 16 kHz and ``LEVEL_DB``. ``OSError``: the program is missing."""
    key = hashlib.sha256(f"{voice}|{text}".encode()).hexdigest()[:20]
    path = paths.cache() / "callers" / f"{key}.wav"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            spoken = Path(folder) / "spoken.wav"
            program, _, name = voice.partition(":")
            asked = ["-voice", name, "-t", text, "-o"] if program == "flite" else ["-v", name, text, "-w"]
            subprocess.run([program, *asked, str(spoken)], check=True, timeout=TIMEOUT_S)
            spoken.replace(path)
    return _levelled(read_wav(path, RATE))


def say_all(texts: list[str]) -> None:
    """Have every voice say every text, two programs at a time, so that ``say`` finds them in the cache."""
    pool = Pool(2)
    for voice in VOICES:
        for text in texts:
            pool.spawn(say, voice, text)
    pool.join(raise_error=True)


def in_room(pcm: Pcm, seed: int) -> Pcm:
    """What the caller's microphone gives: silence around it, and the noise of a quiet room."""
    pause = np.zeros(round(PAUSE_S * RATE), np.int16)
    heard = np.concatenate([pause, pcm, pause]).astype(np.float64)
    noise = np.random.default_rng(seed).standard_normal(len(heard)) * 32768 * 10 ** (FLOOR_DB / 20)
    return np.clip(np.rint(heard + noise), -32768, 32767).astype(np.int16)


def _levelled(pcm: Pcm) -> Pcm:
    """Scaled so that the frames within 30 dB of the loudest have ``LEVEL_DB``."""
    frames = pcm[:len(pcm) // 320 * 320].reshape(-1, 320).astype(np.float64)
    powers = np.mean(frames**2, axis=1)
    level = np.sqrt(np.mean(powers[powers >= powers.max() * 1e-3]))
    scaled = pcm * (32768 * 10 ** (LEVEL_DB / 20) / level)
    return np.clip(np.rint(scaled), -32768, 32767).astype(np.int16)
