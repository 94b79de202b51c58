"""Our own speech that comes back on the line: voice no louder than that is not the caller's.

Per call two levels are kept: what we play (a peak that falls slowly, which covers the delay of the line and of a
room), and how much softer it comes back (learned while we play). Voice louder than the echo can be is the caller's in
any case, so there is no moment in which the caller cannot be heard. Pure; all calls of a pass at once.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from engine.speech.interfaces import Rows, Verdicts

Levels = npt.NDArray[np.float32]

FALL_DB = 0.5
"""Fall of the peak per frame: 10 dB in 0.4 s, within which an echo comes back."""

AUDIBLE_DB, QUIET_DB = -45.0, -100.0
"""Peak (dB of full scale) from which an echo of ours can be heard at all, and the level of nothing."""

FIRST_DB, LEAST_DB, MOST_DB = -12.0, -60.0, -8.0
"""How loud the echo is taken to be before anything is learned, relative to what we play, and between what limits it is
learned. With the margin on top the most of it stays below our own level: a caller as loud as we are is always heard."""

RISE_DB, SINK_DB, FIRST_FACTOR = 0.3, 0.05, 8.0
"""Per frame, towards what is heard. Rising six times as fast as sinking settles on what 6 of 7 frames stay below. The
first frames count eight times: most lines have no echo, and one that has is known after a second."""

FIRST_FRAMES = 60
"""So many frames are the first: 1.2 s of our speech."""

RISING_FRAMES = 15
"""So far into a stretch of voice the echo may be learned to be louder: if it was an echo after all, it ends when we
pause; if it was the caller, they have not taught us much."""

_EVERY = 4
"""A level is taken of every fourth sample."""


def levels_db(frames: Sequence[bytes]) -> Levels:
    """Level of each frame of 16-bit samples in dB of full scale."""
    sizes = {len(frame) for frame in frames}
    if len(sizes) > 1:
        return np.concatenate([levels_db([frame]) for frame in frames])
    pcm = np.frombuffer(b"".join(frames), np.int16).reshape(len(frames), -1)[:, ::_EVERY].astype(np.float32)
    power = np.einsum("ij,ij->i", pcm, pcm) / (pcm.shape[1] * 32768.0**2)
    return np.asarray(10 * np.log10(power + 1e-10), np.float32)


class EchoGuard:
    """What is known of the echo of each call, by row."""

    def __init__(self, margin_db: float) -> None:
        """Voice counts as the caller's from ``margin_db`` above the learned echo on."""
        self._margin = margin_db
        self._played = np.full(16, QUIET_DB, np.float32)
        self._echo = np.full(16, FIRST_DB, np.float32)
        self._learned = np.zeros(16, np.int32)
        self._talked = np.zeros(16, np.int32)

    def open(self, row: int) -> None:
        """Nothing is known of this row's line."""
        while row >= len(self._played):
            for name in ("_played", "_echo", "_learned", "_talked"):
                setattr(self, name, np.concatenate([getattr(self, name)] * 2))
        self._played[row], self._echo[row], self._learned[row], self._talked[row] = QUIET_DB, FIRST_DB, 0, 0

    def echo_db(self, row: int) -> float:
        """How loud our own speech comes back, relative to what we play."""
        return float(self._echo[row])

    def judge(self, rows: Rows, frames: Sequence[bytes], ours: Sequence[bytes], talking: Verdicts) -> Verdicts:
        """Whether each caller's frame can be no more than our echo. ``ours``: the frame that we played meanwhile, empty
        for none; ``talking``: the caller's voice is on."""
        played = np.maximum(self._played[rows] - FALL_DB, QUIET_DB)
        speaking = [at for at, frame in enumerate(ours) if frame]
        if speaking:
            played[speaking] = np.maximum(played[speaking], levels_db([ours[at] for at in speaking]))
        self._played[rows] = played
        self._talked[rows] = np.where(talking, self._talked[rows] + 1, 0)
        is_echo = np.zeros(len(rows), np.bool_)
        audible = np.flatnonzero(played > AUDIBLE_DB)
        if len(audible):
            some = rows[audible]
            back = levels_db([frames[at] for at in audible.tolist()]) - played[audible]
            is_echo[audible] = back <= self._echo[some] + self._margin
            self._learn(some, back)
        return is_echo

    def _learn(self, rows: Rows, back: Levels) -> None:
        echo, learned = self._echo[rows], self._learned[rows]
        rise = np.where(self._talked[rows] < RISING_FRAMES, RISE_DB, 0.0)
        step = np.where(back > echo, rise, -SINK_DB) * np.where(learned < FIRST_FRAMES, FIRST_FACTOR, 1.0)
        self._echo[rows] = np.clip(echo + step, LEAST_DB, MOST_DB)
        self._learned[rows] = learned + 1


__all__ = ["EchoGuard", "levels_db"]
