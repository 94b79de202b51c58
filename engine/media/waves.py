"""Sound files: any that people have, as int16 mono; and WAV out."""

import wave
from pathlib import Path

import numpy as np

from engine.media.errors import MediaError
from engine.media.pcm import SAMPLE_BYTES, Pcm
from engine.media.resample import RATES, resample


def read_sound(path: Path | str) -> tuple[Pcm, int]:
    """All of a sound file (WAV, FLAC, OGG, MP3 ...; any rate, channels mixed) as int16 mono, and its rate in Hz.

    Raises ``MediaError`` naming the file and the reason. Long compressed files block for their decoding: use the hub's
    thread pool in a running engine.
    """
    import soundfile

    try:
        with Path(path).open("rb") as file:
            samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    except OSError as fault:
        raise MediaError(f"{path}: {fault.strerror or fault}") from fault
    except soundfile.LibsndfileError as fault:
        raise MediaError(f"{path}: not a sound file ({fault.error_string.rstrip('.')}); give WAV or FLAC") from fault
    if len(samples) == 0:
        raise MediaError(f"{path}: a sound file without any sound in it")
    mono = samples.mean(axis=1)
    return np.clip(np.rint(mono * 32768), -32768, 32767).astype(np.int16), int(rate)


def read_sound_at(path: Path | str, rate: int) -> Pcm:
    """The same at ``rate`` Hz. Raises ``MediaError`` also for a file whose rate cannot be converted."""
    pcm, found = read_sound(path)
    if found != rate and found not in RATES:
        raise MediaError(f"{path}: {found} Hz; convert it to one of {', '.join(map(str, RATES))} Hz")
    return resample(pcm, found, rate) if found != rate else pcm


def write_wave(path: Path | str, pcm: Pcm, rate: int) -> None:
    """A 16-bit PCM WAV; ``pcm`` is int16 mono, or of shape (samples, channels). Raises ``MediaError``."""
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with Path(path).open("wb") as file, wave.open(file, "wb") as out:
            out.setnchannels(1 if pcm.ndim == 1 else pcm.shape[1])
            out.setsampwidth(SAMPLE_BYTES)
            out.setframerate(rate)
            out.writeframes(pcm.tobytes())
    except OSError as fault:
        raise MediaError(f"{path}: cannot be written: {fault.strerror or fault}") from fault


__all__ = ["read_sound", "read_sound_at", "write_wave"]
