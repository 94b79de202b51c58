"""What stands for audio that was lost: the last pitch period again and again, falling to silence.

A hole of 20 ms in a vowel is a click to a listener and a word's end to a recogniser. Repeating the last period of the
voice hides one, up to three in a row; longer ones fall silent, because nobody hums. The place is found by the highest
normalised correlation of the newest audio with what went before, as in ITU-T G.711 Appendix I, whose times are used.
"""

from collections import deque

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]

HOLD_MS, FADE_MS = 10, 50
"""Full loudness for so long, then an even fall to silence."""

_LOWEST_HZ, _HIGHEST_HZ = 66, 400
_MATCH_MS = 20  # of the newest audio are compared
_SEAM_MS = 4  # overlap at both ends of the hole
_KEPT = 4  # packets: at least 36 ms for the search, where they are 10 ms long


class Concealer:
    """The audio of one caller. Give it all that comes to ``heard``; ask ``missing`` for what did not."""

    __slots__ = (
        "_fade", "_hold", "_longest", "_made", "_match", "_past", "_period", "_seam", "_shortest",
    )  # fmt: skip

    def __init__(self, rate: int) -> None:
        """``rate`` in Hz."""
        self._shortest, self._longest = rate // _HIGHEST_HZ, rate // _LOWEST_HZ
        self._match = rate * _MATCH_MS // 1000
        self._seam = rate * _SEAM_MS // 1000
        self._hold, self._fade = rate * HOLD_MS // 1000, rate * FADE_MS // 1000
        self._past: deque[bytes] = deque(maxlen=_KEPT)
        self._period: Pcm | None = None  # what is repeated, while audio is missing
        self._made = 0  # samples made up in this hole

    def heard(self, pcm: bytes) -> bytes:
        """Audio that came (int16). What comes back is the same, but for a seam after a hole."""
        if self._period is not None:
            pcm = self._join(pcm)
        self._past.append(pcm)
        return pcm

    def missing(self, samples: int) -> bytes:
        """So many samples in place of what was lost."""
        if self._period is None:
            self._period = self._last_period()
            self._made = 0
        pcm = self._more(samples)
        self._made += samples
        return pcm.tobytes()

    def silent(self) -> None:
        """Nothing was sent: what comes after it joins silence."""
        self._past.clear()
        self._period = None

    def _more(self, samples: int) -> Pcm:
        """The next samples of the hole; the state stays."""
        assert self._period is not None
        if self._made >= self._hold + self._fade or not len(self._period):
            return np.zeros(samples, np.int16)
        at = self._made + np.arange(samples)
        loudness = np.clip(1 - (at - self._hold) / self._fade, 0, 1)
        return (self._period[at % len(self._period)] * loudness).astype(np.int16)

    def _last_period(self) -> Pcm:
        past = np.frombuffer(b"".join(self._past), np.int16)
        if len(past) < self._longest + self._match:
            return np.zeros(0, np.int16)
        past = past[-(self._longest + self._match):].astype(np.float64)
        newest = past[-self._match:]
        # Row n: the audio that went n + shortest samples before the newest.
        lags = np.arange(self._shortest, self._longest + 1)
        windows = np.lib.stride_tricks.sliding_window_view(past, self._match)[len(past) - self._match - lags]
        energy = np.sqrt(np.einsum("ij,ij->i", windows, windows)) + 1.0
        lag = int(lags[np.argmax(windows @ newest / energy)])
        period = past[-lag:].copy()
        # The end of the period runs into its own beginning without a step.
        seam = min(self._seam, lag // 4)
        before = past[-lag - seam : -lag]
        if len(before) == seam and seam:
            rise = np.linspace(0, 1, seam, endpoint=False)
            period[-seam:] = period[-seam:] * (1 - rise) + before * rise
        return period.astype(np.int16)

    def _join(self, pcm: bytes) -> bytes:
        """The first audio after a hole, run over from what was made up."""
        came = np.frombuffer(pcm, np.int16).copy()
        seam = min(self._seam, len(came))
        rise = np.linspace(0, 1, seam, endpoint=False)
        came[:seam] = came[:seam] * rise + self._more(seam) * (1 - rise)
        self._period = None
        return came.tobytes()


__all__ = ["FADE_MS", "HOLD_MS", "Concealer"]
