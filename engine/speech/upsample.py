"""8 kHz to 16 kHz, stateful, 1.5 ms late, for recognisers that were trained on wide audio."""

import numpy as np
import numpy.typing as npt

from engine.speech.interfaces import Pcm

_TAPS = 24  # of each of the two phases
_CUTOFF = 0.46  # of 8 kHz: telephone audio ends at 3.4 kHz, its mirror image begins at 4.6


def _phases() -> npt.NDArray[np.float32]:
    """The low-pass filter of the doubled rate, taken apart into the weights of even and of odd output samples."""
    at = np.arange(2 * _TAPS) - (2 * _TAPS - 1) / 2
    taps = np.sinc(at * _CUTOFF) * np.kaiser(2 * _TAPS, 6.0)
    return (2 * taps / taps.sum()).astype(np.float32).reshape(-1, 2).T


class Doubler:
    """One stream of samples at twice its rate."""

    def __init__(self) -> None:
        self._phases = _phases()
        self._last = np.zeros(_TAPS - 1, np.float32)

    def feed(self, pcm: Pcm) -> Pcm:
        """Twice as many samples as ``pcm`` has; they lag it by 12 input samples."""
        audio = np.concatenate([self._last, pcm.astype(np.float32)])
        self._last = audio[len(audio) - (_TAPS - 1):]
        doubled = np.empty(2 * len(pcm), np.float32)
        for phase, taps in enumerate(self._phases):
            doubled[phase::2] = np.convolve(audio, taps, "valid")
        return np.clip(np.rint(doubled), -32768, 32767).astype(np.int16)
