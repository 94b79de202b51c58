"""Telephone audio at the rates of recognisers: two or three times the samples, stateful, 1.5 ms late at 8 kHz."""

import numpy as np
import numpy.typing as npt

from engine.speech.errors import SpeechError
from engine.speech.interfaces import Pcm

_TAPS = 24  # of each phase
_CUTOFF = 0.92  # of the input's own half: telephone audio ends at 3.4 kHz, its mirror image begins at 4.6


def _phases(times: int) -> npt.NDArray[np.float32]:
    """The low-pass filter of the multiplied rate, taken apart into the weights of every ``times``-th output sample."""
    at = np.arange(times * _TAPS) - (times * _TAPS - 1) / 2
    taps = np.sinc(at * _CUTOFF / times) * np.kaiser(times * _TAPS, 6.0)
    return (times * taps / taps.sum()).astype(np.float32).reshape(-1, times).T


class Multiplier:
    """One stream of samples at ``times`` its rate."""

    def __init__(self, times: int) -> None:
        """``times`` is 2 or 3."""
        self._phases = _phases(times)
        self._last = np.zeros(_TAPS - 1, np.float32)

    def feed(self, pcm: Pcm) -> Pcm:
        """So many times as many samples as ``pcm`` has; they lag it by 12 input samples."""
        times = len(self._phases)
        if not len(pcm):
            return pcm
        audio = np.concatenate([self._last, pcm.astype(np.float32)])
        self._last = audio[len(audio) - (_TAPS - 1):]
        multiplied = np.empty(times * len(pcm), np.float32)
        for phase, taps in enumerate(self._phases):
            multiplied[phase::times] = np.convolve(audio, taps, "valid")
        return np.clip(np.rint(multiplied), -32768, 32767).astype(np.int16)


class Doubler(Multiplier):
    """8 kHz to 16 kHz, for recognisers that were trained on wide audio."""

    def __init__(self) -> None:
        """Silence before the first sample."""
        super().__init__(2)


class To24k:
    """A stream at 8, 16 or 24 kHz as one at 24 kHz."""

    def __init__(self, rate: int) -> None:
        """Raises ``SpeechError`` for another rate."""
        if rate not in (8000, 16000, 24000):
            raise SpeechError(f"audio of {rate} Hz cannot be sent at 24000 Hz: 8000, 16000 and 24000 can")
        self._step = rate // 8000 if rate != 24000 else 1
        self._multiplier = Multiplier(3) if rate != 24000 else None
        self._skip = 0  # of the next tripled samples

    def feed(self, audio: bytes) -> bytes:
        """The next int16 samples."""
        if self._multiplier is None:
            return audio
        tripled = self._multiplier.feed(np.frombuffer(audio, "<i2"))
        taken = tripled[self._skip::self._step]
        self._skip = (self._skip - len(tripled)) % self._step
        return taken.astype("<i2").tobytes()


__all__ = ["Doubler", "Multiplier", "To24k"]
