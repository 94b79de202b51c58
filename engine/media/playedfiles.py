"""What FreeSWITCH has of the agent's audio: files that are played one after the other. Pure: told what was sent, which
files have begun and ended, and the time; says what was heard.

A file that has begun plays in real time, so what was heard of it is known to a frame; one that has not begun was not
heard. Where nobody tells (an event was lost, the stream was gone), a piece counts as heard ``GRACE_S`` after it should
have been.
"""

from collections import deque

GRACE_S = 1.0
"""So long after it should have been played, a piece that nobody has told of is not waited for."""


class _Piece:
    """One file: its name, its frames, when it began, and when it should have ended."""

    __slots__ = ("began", "ends", "frames", "name")

    def __init__(self, name: str, frames: int, ends: float) -> None:
        self.name, self.frames, self.ends = name, frames, ends
        self.began: float | None = None


class PlayedFiles:
    """One leg's. A ``Buffer`` of ``engine.media.carrierleg``: what is sent is one piece, and has a name. ``clear``
    begins a new epoch, whose pieces have other names."""

    def __init__(self, frame_s: float) -> None:
        """``frame_s``: length of a frame in seconds. Nothing was sent."""
        self._frame_s = frame_s
        self._epoch = self._number = 0
        self._pieces: deque[_Piece] = deque()
        self._ends = 0.0

    def sent(self, frames: int, now: float) -> None:
        """A piece of so many frames was sent."""
        self._ends = max(self._ends, now) + frames * self._frame_s
        self._number += 1
        self._pieces.append(_Piece(f"{self._epoch}:{self._number}", frames, self._ends))

    def mark(self) -> str:
        """The name of the piece that was sent last."""
        return f"{self._epoch}:{self._number}"

    def current(self, name: str) -> bool:
        """Whether this piece is still wanted: it was not cleared, and is not over."""
        return any(piece.name == name for piece in self._pieces)

    def started(self, name: str, at: float) -> None:
        """FreeSWITCH plays this piece since ``at``; those before it are over. Unknown names say nothing."""
        if not self.current(name):
            return
        while self._pieces[0].name != name:
            self._pieces.popleft()
        if self._pieces[0].began is None:
            self._pieces[0].began = at
            self._reckon(at)

    def queued(self, name: str, at: float) -> None:
        """FreeSWITCH was told to play this piece at ``at``, and nobody will tell when it does: as soon as those before
        it are over."""
        for piece in self._pieces:
            if piece.name == name and piece.began is None:
                piece.began = at
                piece.ends = at + piece.frames * self._frame_s
            at = max(at, piece.ends)
        self._ends = at

    def returned(self, name: str) -> bool:
        """This piece was played. False: nobody waits for it."""
        if not self.current(name):
            return False
        while self._pieces.popleft().name != name:
            pass
        return True

    def unheard(self, now: float) -> int:
        """Frames that were sent and not heard yet. Falls only, but for what is sent anew."""
        while self._pieces and now >= self._pieces[0].ends + GRACE_S:
            self._pieces.popleft()
        return sum(piece.frames - self._heard(piece, now) for piece in self._pieces)

    def clear(self, now: float) -> None:
        """FreeSWITCH was told to drop all of it. What is told of its pieces from now on says nothing."""
        self._epoch += 1
        self._pieces.clear()
        self._ends = now

    def _heard(self, piece: _Piece, now: float) -> int:
        if piece.began is None:
            return 0
        return min(piece.frames, max(0, int((now - piece.began) / self._frame_s + 1e-6)))

    def _reckon(self, at: float) -> None:
        """The first piece begins at ``at``, and the others follow."""
        for piece in self._pieces:
            piece.ends = at = at + piece.frames * self._frame_s
        self._ends = at


__all__ = ["GRACE_S", "PlayedFiles"]
