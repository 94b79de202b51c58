"""What a carrier has of the agent's audio: it was sent ahead, and is played there. Pure: told what is sent, which marks
come back and the time; says what was heard.

A mark stands behind the audio before it; the carrier gives it back when that was played. What was heard is what the
last mark proves, and no more: between two marks nobody knows how late a message came. So nothing is counted as heard
that was not; what is missing is a message's length and the mark's way back.

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

    def returned(self, name: str) -> bool:
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
        self._proven = frames
        return True

    def unheard(self, now: float) -> int:
        """Frames that were sent and not heard yet, as far as is known."""
        if self._proven < self._sent and now >= self._ends + GRACE_S:
            self.blind = True
            self._out.clear()
            self._proven = self._sent
        if self.blind:
            return min(self._sent - self._proven, max(0, -int((now - self._ends) // self._frame_s)))
        return self._sent - self._proven

    def clear(self, now: float) -> None:
        """The carrier was told to drop all of it. Marks that come back from now on were dropped with it."""
        self._epoch += 1
        self._out.clear()
        self._sent = self._proven = 0
        self._ends = now


__all__ = ["GRACE_S", "RemoteBuffer"]
