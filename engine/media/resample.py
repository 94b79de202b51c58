"""Changing the sample rate: one-shot for what is rendered or read, and a short stateful filter for 20 ms frames.

Both are one polyphase FIR written as a matrix: ``M`` samples in become ``L`` samples out, each a weighted sum of a
window of the input, so a block is one row of windows times one matrix. The weights are whole numbers (Q20) held in
float64: every product and sum is exact, so the result does not depend on how the audio was cut into chunks.
"""

from functools import lru_cache
from math import gcd

import numpy as np
import numpy.typing as npt

from engine.media.errors import MediaError
from engine.media.pcm import Pcm

RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)
"""Rates in Hz that ``resample`` knows."""

STREAM_RATES = (8000, 16000, 24000, 48000)
"""Rates in Hz that ``Resampler`` knows."""

_Samples = npt.NDArray[np.float64]

_Q20 = float(1 << 20)

# Half length of the filter in samples of the lower rate; stop band from cutoff + transition / 2.
# 12: 1.5 ms at 8 kHz, flat (-1 dB) to 0.85 and -65 dB from 1.15 of the lower rate's half.
_STREAM_HALF, _STREAM_CUTOFF, _STREAM_BETA = 12, 0.97, 6.2
# 32: whole sentences have no hurry, so flat to 0.88 and -80 dB from 1.04.
_WHOLE_HALF, _WHOLE_CUTOFF, _WHOLE_BETA = 32, 0.96, 7.9

# Samples of a block, on the side that has more of them. A stream's 20 ms frames are whole blocks.
_STREAM_BLOCK, _WHOLE_BLOCK = 32, 192

_SLICE_ROWS = 2048  # blocks multiplied at once; bounds the copy of the windows


class _Bank:
    """The filter of one pair of rates: blocks of ``step`` samples in, ``matrix.shape[1]`` samples out.

    A block's window begins ``before`` samples before the block and ends ``after`` samples after its last sample.
    """

    def __init__(self, rate_from: int, rate_to: int, half: int, cutoff: float, beta: float, block: int) -> None:
        common = gcd(rate_from, rate_to)
        up, step = rate_to // common, rate_from // common
        reach = half * max(up, step)  # on the grid of the least common multiple of both rates
        # Blocks of many samples make one matrix product of what would be many small ones.
        times = max(1, block // max(up, step))
        up, self.step = up * times, step * times
        reach *= times
        self.before = reach // up
        last = ((up - 1) * self.step + reach) // up
        self.after = last - (self.step - 1)
        # Row: input sample counted from the block's start; column: output sample of the block.
        distance = np.arange(up)[None, :] * self.step - np.arange(-self.before, last + 1)[:, None] * up
        inside = np.abs(distance) <= reach
        at = np.where(inside, distance / reach, 0.0)
        weights = np.where(inside, np.sinc(at * half * cutoff) * np.i0(beta * np.sqrt(1 - at * at)), 0.0)
        self.matrix: _Samples = np.rint(weights / weights.sum(axis=0) * _Q20)

    def blocks(self, samples: _Samples, count: int) -> Pcm:
        """``count`` blocks out of contiguous ``samples``, whose first is ``before`` samples before the first block."""
        width, out = self.matrix.shape
        size = samples.itemsize
        result = np.empty((count, out), dtype=np.int16)
        for first in range(0, count, _SLICE_ROWS):
            rows = min(_SLICE_ROWS, count - first)
            windows = np.ndarray(
                (rows, width), samples.dtype, samples, first * self.step * size, (self.step * size, size)
            )
            sums = windows.copy() @ self.matrix
            sums *= 1.0 / _Q20
            np.rint(sums, out=sums)
            np.maximum(sums, -32768.0, out=sums)
            np.minimum(sums, 32767.0, out=sums)
            result[first : first + rows] = sums
        return result.reshape(-1)


@lru_cache(maxsize=64)
def _bank(rate_from: int, rate_to: int, half: int, cutoff: float, beta: float, block: int) -> _Bank:
    return _Bank(rate_from, rate_to, half, cutoff, beta, block)


def resample(pcm: Pcm, rate_from: int, rate_to: int) -> Pcm:
    """The whole of ``pcm`` (int16 mono) at another rate, in time with the original, ``ceil(n * to / from)`` samples.

    Rates in Hz out of ``RATES``. A second of speech costs about a millisecond: long texts belong into the hub's
    thread pool. Raises ``MediaError`` for another rate.
    """
    _check(rate_from, rate_to, RATES)
    if rate_from == rate_to or len(pcm) == 0:
        return pcm.copy()
    bank = _bank(rate_from, rate_to, _WHOLE_HALF, _WHOLE_CUTOFF, _WHOLE_BETA, _WHOLE_BLOCK)
    count = -(-len(pcm) // bank.step)
    samples = np.zeros(bank.before + count * bank.step + bank.after, dtype=np.float64)
    samples[bank.before : bank.before + len(pcm)] = pcm
    return bank.blocks(samples, count)[: -(-len(pcm) * rate_to // rate_from)]


class Resampler:
    """A stream at another rate, frame by frame, with little held back.

    ``delay_ms`` is how much later the audio stands in the output than in the input: 1.5 ms from or to 8 kHz, less
    above. A frame of 20 ms gives a frame of 20 ms; a chunk that is not a multiple of a few samples keeps its rest for
    the next call. Any chunking of the same input gives the same output.
    """

    def __init__(self, rate_from: int, rate_to: int) -> None:
        """Rates in Hz out of ``STREAM_RATES``; raises ``MediaError`` for another."""
        _check(rate_from, rate_to, STREAM_RATES)
        self._same = rate_from == rate_to
        self._bank = _bank(rate_from, rate_to, _STREAM_HALF, _STREAM_CUTOFF, _STREAM_BETA, _STREAM_BLOCK)
        self._kept: _Samples = np.zeros(self._bank.before + self._bank.after, dtype=np.float64)
        self.delay_ms = 0.0 if self._same else self._bank.after / rate_from * 1000

    def process(self, pcm: Pcm) -> Pcm:
        """The next samples (int16) of the stream; what comes out belongs to the caller."""
        if self._same:
            return pcm.copy()
        bank = self._bank
        samples: _Samples = np.concatenate((self._kept, pcm), dtype=np.float64)
        count = (len(samples) - bank.before - bank.after) // bank.step
        self._kept = samples[count * bank.step :]
        return bank.blocks(samples, count)


def _check(rate_from: int, rate_to: int, known: tuple[int, ...]) -> None:
    for rate in (rate_from, rate_to):
        if rate not in known:
            raise MediaError(f"cannot resample {rate_from} Hz to {rate_to} Hz: {rate} is not one of {known}")


__all__ = ["RATES", "STREAM_RATES", "Resampler", "resample"]
