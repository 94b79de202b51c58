"""8 kHz to 16 kHz, stateful, 1.5 ms late, for recognisers that were trained on wide audio."""

import numpy as np
import numpy.typing as npt

from engine.speech.interfaces import Pcm

_TAPS = 24  # of the interpolating half of the filter; the other half passes the samples as they are


def _half_band() -> npt.NDArray[np.float32]:
    """Weights of the 24 neighbours of a sample that lies midway between the twelfth and the thirteenth."""
    distance = np.arange(_TAPS) - (_TAPS - 1) / 2
    taps = np.sinc(distance) * np.kaiser(_TAPS, 6.0)
    return (taps / taps.sum()).astype(np.float32)


class Doubler:
    """One stream's samples, each followed by the one interpolated after it."""

    def __init__(self) -> None:
        self._filter = _half_band()
        self._last = np.zeros(_TAPS - 1, np.float32)

    def feed(self, pcm: Pcm) -> Pcm:
        """Twice as many samples as ``pcm`` has; they lag it by 12 input samples."""
        audio = np.concatenate([self._last, pcm.astype(np.float32)])
        self._last = audio[len(audio) - (_TAPS - 1):]
        doubled = np.empty(2 * len(pcm), np.float32)
        middle = _TAPS // 2 - 1
        doubled[0::2] = audio[middle:middle + len(pcm)]
        doubled[1::2] = np.convolve(audio, self._filter, "valid")
        return np.clip(np.rint(doubled), -32768, 32767).astype(np.int16)
