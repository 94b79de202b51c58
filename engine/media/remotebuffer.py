"""What a carrier has of the agent's audio: it was sent ahead, and is played there. Pure: told what is sent, which marks
come back and the time; says what was heard.

A mark stands behind the audio before it; the carrier gives it back when that was played. Between two marks time runs:
what was heard is what the last mark proves and what can have been played since it came back, never beyond the next mark
that is still out. So nothing is counted as heard that was not, and what is missing is the mark's way back and no more.
A mark goes ahead of audio that is sent into an empty buffer: it comes back at once, and time runs from there.

A carrier that gives no marks back is believed to play in time: ``GRACE_S`` after it should have been done.
"""

from collections import deque

GRACE_S = 1.0
"""So long after its audio should have been played, a mark that has not come back is not waited for."""

MOST_MARKS = 256
"""Marks that are kept in mind; there are so many only where none comes back."""


class RemoteBuffer:
    """One stream's. Frames are counted from the first; ``clear`` begins a new epoch, whose marks have other names."""

    def __init__(self, frame_s: float) -> None:
        """``frame_s``: length of a frame in seconds. It is empty."""
        self._frame_s = frame_s
        self._epoch = 0
        self._sent = 0
        self._proven = 0
        self._proven_at: float | None = None
        self._out: deque[int] = deque(maxlen=MOST_MARKS)  # marks that are out: frames before each
        self._ends = 0.0
        self.blind = False
        """Marks do not come back: time alone tells what was heard."""

    def sent(self, frames: int, now: float) -> None:
        """So many frames were sent."""
        self._sent += frames
        self._ends = max(self._ends, now) + frames * self._frame_s

    def mark(self) -> str:
        """The name of a mark that is sent now."""
        self._out.append(self._sent)
        return f"{self._epoch}:{self._sent}"

    def returned(self, name: str, now: float) -> bool:
        """A mark came back. False: it is not one that is out, so it says nothing (one of an epoch that was cleared)."""
        epoch, _, count = name.partition(":")
        if epoch != str(self._epoch) or not count.isascii() or not count.isdigit() or len(count) > 12:
            return False
        frames = int(count)
        if frames not in self._out:
            return False
        while self._out and self._out[0] <= frames:
            self._out.popleft()
        self.blind = False
        self._prove(frames, now)
        return True

    def unheard(self, now: float) -> int:
        """Frames that were sent and not heard yet, as far as is known."""
        if self._proven == self._sent:
            return 0
        if now >= self._ends + GRACE_S:
            self.blind = True
            self._out.clear()
            self._prove(self._sent, now)
        if self.blind:
            return min(self._sent - self._proven, max(0, -int((now - self._ends) // self._frame_s)))
        played = 0 if self._proven_at is None else int((now - self._proven_at) / self._frame_s + 1e-6)
        limit = self._out[0] if self._out else self._sent
        return self._sent - min(self._proven + played, limit)

    def clear(self, now: float) -> None:
        """The carrier was told to drop all of it. Marks that come back from now on were dropped with it."""
        self._epoch += 1
        self._out.clear()
        self._sent = self._proven = 0
        self._proven_at = None
        self._ends = now

    def _prove(self, frames: int, now: float) -> None:
        self._proven = max(self._proven, frames)
        self._proven_at = now


__all__ = ["GRACE_S", "RemoteBuffer"]
