"""The audio of a channel whose caller FreeSWITCH streams to the engine, and to whom it plays files: mod_audio_stream.

In: see ``engine/media/messageleg.py``; silence is made up where nothing comes, so that the call's audio clock goes on
whatever FreeSWITCH does. Out: speech goes in pieces of ``PIECE_MS``, of which FreeSWITCH makes files; it has
``LEAD_MS`` at most. The first piece of a reply goes as soon as there is any of it; a later one is sent short only where
FreeSWITCH would else run dry.
"""

from collections.abc import Callable
from time import monotonic

from gevent.event import Event as Flag

from engine.media.carrierleg import CarrierLeg, Line, Sending
from engine.media.linecodec import LineCodec
from engine.media.messageleg import MessageLegs
from engine.media.playedfiles import PlayedFiles

PIECE_MS = 400
"""Longer pieces have fewer seams, shorter ones cost more commands. A cut does not wait for the end of one."""

LEAD_MS = 800
"""What FreeSWITCH has at most: playout can take back no more than a second."""

RESERVE_MS = 160
"""With no more than this left to play, what there is is sent: message, file, event and command take some 50 ms."""


class FileLeg(CarrierLeg):
    """One channel's audio; implements ``SwitchLeg``. Nothing is sent, and no time passes, while it is ``away``."""

    def __init__(self, legs: MessageLegs, rate: int, line: Line, now: Callable[[], float] = monotonic) -> None:
        """``rate``: 8000 or 16000 Hz, both ways."""
        self.files = PlayedFiles(legs.frame_ms / 1000)
        super().__init__(legs, LineCodec("pcm", rate), line, Sending(LEAD_MS, PIECE_MS), now, self.files)
        self.first_frame = Flag()
        self.away = True
        self.open_voice = self._is_here
        self._reserve = RESERVE_MS // legs.frame_ms

    def come(self) -> None:
        """FreeSWITCH streams the caller, and plays what is sent."""
        self.away = False
        self.first_frame.set()
        if not self.playout.still():
            self._wake()

    def lose(self) -> None:
        """It does not: what was not heard will be said again."""
        if not self.away:
            self.away = True
            self.first_frame.clear()
            self.playout.unwrite(self.take_back())

    def tick(self, slots: int) -> None:
        """As ``CarrierLeg``."""
        if not self.away:
            super().tick(slots)

    def no_more_in_time(self) -> bool:
        """As ``CarrierLeg``."""
        return self.sent_ahead <= self._reserve

    def record(self, frame: bytes, ahead: int) -> None:
        """The recording counts frames from the caller's first one."""
        assert self.mouth is not None
        self.mouth(frame, self.frames_in + ahead)

    def _is_here(self) -> bool:
        return not self.away


__all__ = ["FileLeg"]
