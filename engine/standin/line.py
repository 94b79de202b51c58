"""A telephone line for the caller's audio: 300 to 3400 Hz, 8 kHz, mu-law, and noise if wanted. Pure numpy."""

import numpy as np
from numpy.typing import NDArray

from engine.media.g711 import ulaw_decode, ulaw_encode
from engine.media.resample import RATES, resample

Pcm = NDArray[np.int16]

BAND_HZ = (300.0, 3400.0)
_TAPS = 255


def to_rate(pcm: Pcm, rate_from: int, rate_to: int) -> Pcm:
    """Mono int16 at another rate, whatever the rates: by filter where there is one, else by its spectrum."""
    if rate_from == rate_to:
        return pcm
    if rate_from in RATES and rate_to in RATES:
        return resample(pcm, rate_from, rate_to)
    length = round(len(pcm) * rate_to / rate_from)
    spectrum = np.fft.rfft(pcm.astype(np.float64))
    kept = np.zeros(length // 2 + 1, np.complex128)
    size = min(len(kept), len(spectrum))
    kept[:size] = spectrum[:size]
    return _clip(np.fft.irfft(kept, length) * (length / len(pcm)))


def telephone(pcm: Pcm, rate: int, out_rate: int = 8000, snr_db: float | None = None, seed: int = 0) -> Pcm:
    """``pcm`` (mono int16 at ``rate`` Hz) as it sounds over a telephone, at ``out_rate`` Hz.

    ``snr_db``: white noise on the line, this far below the speech's power over its voiced part, before the codec.
    """
    narrow = band_pass(to_rate(pcm, rate, 8000), 8000)
    if snr_db is not None:
        narrow = add_noise(narrow, snr_db, seed)
    return to_rate(ulaw_decode(ulaw_encode(narrow)), 8000, out_rate)


def band_pass(pcm: Pcm, rate: int, band_hz: tuple[float, float] = BAND_HZ) -> Pcm:
    """A linear-phase FIR over the whole recording, its delay taken out."""
    time = np.arange(_TAPS) - _TAPS // 2
    low, high = (edge / rate for edge in band_hz)
    taps = 2 * high * np.sinc(2 * high * time) - 2 * low * np.sinc(2 * low * time)
    taps *= np.hamming(_TAPS)
    if not len(pcm):
        return pcm
    filtered = np.convolve(pcm.astype(np.float64), taps)
    return _clip(filtered[_TAPS // 2 : _TAPS // 2 + len(pcm)])


def add_noise(pcm: Pcm, snr_db: float, seed: int = 0) -> Pcm:
    """White noise ``snr_db`` below the power of the speech (of the samples in its louder 20 ms frames)."""
    noise = np.random.default_rng(seed).standard_normal(len(pcm))
    return _clip(pcm + noise * _speech_level(pcm) * 10 ** (-snr_db / 20))


def _speech_level(pcm: Pcm) -> float:
    """Root mean square over the 20 ms frames that carry speech: those within 30 dB of the loudest."""
    size = 160
    count = len(pcm) // size
    if not count:
        return float(np.sqrt(np.mean(pcm.astype(np.float64) ** 2))) if len(pcm) else 0.0
    powers = np.mean(pcm[: count * size].astype(np.float64).reshape(count, size) ** 2, axis=1)
    return float(np.sqrt(np.mean(powers[powers >= powers.max() * 1e-3])))


def _clip(samples: NDArray[np.float64]) -> Pcm:
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
