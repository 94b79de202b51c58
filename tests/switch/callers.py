"""Callers' voices: sentences spoken by flite or espeak-ng when the test runs, at 8 kHz."""

import shutil
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest


def speak(text: str, folder: Path) -> np.ndarray:
    """``text`` in a voice that is not the agent's, as int16 at 8 kHz; skips the test where no program can speak."""
    path = folder / f"{'-'.join(text.lower().split())[:60]}.wav"
    if shutil.which("flite"):
        command = ["flite", "-voice", "rms", "-t", text, "-o", str(path)]
    elif shutil.which("espeak-ng"):
        command = ["espeak-ng", "-s", "150", "-w", str(path), text]
    else:
        pytest.skip("neither flite nor espeak-ng is installed: nobody to speak for the caller")
    subprocess.run(command, check=True, capture_output=True)
    with wave.open(str(path)) as sound:
        pcm = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
        return to_telephone(pcm, sound.getframerate())


def to_telephone(pcm: np.ndarray, rate: int) -> np.ndarray:
    """Any rate down to 8 kHz: everything above 3.6 kHz is taken out in the spectrum, then the samples are read off."""
    seconds = len(pcm) / rate
    spectrum = np.fft.rfft(pcm.astype(np.float64))
    spectrum[int(3600 * seconds) :] = 0
    clean = np.fft.irfft(spectrum, len(pcm))
    wanted = np.arange(int(seconds * 8000)) * (rate / 8000)
    resampled = np.interp(wanted, np.arange(len(pcm)), clean)
    loudest = max(1.0, float(np.abs(resampled).max()))
    return (resampled * (12000 / loudest)).astype(np.int16)
