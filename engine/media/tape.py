"""The recording of a call whose audio comes in messages: who sends nothing for a while leaves no hole in time."""

from collections.abc import Callable
from time import monotonic

from engine.media.recording import Recorder

LATE_FRAMES = 15
"""Frames that may still come late: so far behind time silence is not written yet."""

LONGEST_PAUSE_FRAMES = 500
"""Ten seconds: a longer silence is recorded as one of these."""


class Tape:
    """A ``Recorder`` whose time line is the clock, not the client's audio."""

    def __init__(self, recorder: Recorder, frame_ms: int, frame_bytes: int, now: Callable[[], float] = monotonic
                 ) -> None:
        """Time begins with the first frame of either side."""
        self._recorder = recorder
        self._frame_s = frame_ms / 1000
        self._silence = bytes(frame_bytes)
        self._now = now
        self._began: float | None = None
        self._written = 0

    @property
    def masked(self) -> bool:
        """See ``Recorder``."""
        return self._recorder.masked

    @masked.setter
    def masked(self, on: bool) -> None:
        self._recorder.masked = on

    def caller(self, frame: bytes) -> None:
        """The caller's next frame."""
        self._pad(self._slot() - LATE_FRAMES)
        self._write(frame)

    def agent(self, frame: bytes, ahead: int) -> None:
        """A frame of the agent that is played ``ahead`` frames from now."""
        slot = self._slot()
        self._pad(slot - LATE_FRAMES)
        self._recorder.agent(frame, slot + ahead)

    def _slot(self) -> int:
        now = self._now()
        if self._began is None:
            self._began = now
        return int((now - self._began) / self._frame_s)

    def _pad(self, slot: int) -> None:
        """Silence up to ``slot``."""
        missing = slot - self._written
        if missing > LONGEST_PAUSE_FRAMES:
            assert self._began is not None
            self._began += (missing - LONGEST_PAUSE_FRAMES) * self._frame_s
            missing = LONGEST_PAUSE_FRAMES
        for _ in range(missing):
            self._write(self._silence)

    def _write(self, frame: bytes) -> None:
        self._written += 1
        self._recorder.caller(frame)


__all__ = ["Tape"]
