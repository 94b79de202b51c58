"""The audio of one call of FreeSWITCH: its line, its recording, and what is done when it is lost."""

from pathlib import Path

from gevent.event import Event as Flag

from engine.absence import Absence
from engine.backends.backend import Backend, Line, SwitchLeg
from engine.esl.channel import Channel
from engine.esl.control import CallControl
from engine.media.errors import MediaError
from engine.media.recording import Recorder
from engine.surroundings import Surroundings
from engine.telemetry.eventlog import EventLog
from engine.telephony.talks import agreed


class CallAudio:
    """``lost`` is set when FreeSWITCH does not carry the audio any more, unless somebody else has the caller."""

    def __init__(self, around: Surroundings, events: EventLog, absence: Absence, leaving: Flag) -> None:
        """Nothing is open yet."""
        self.lost = Flag()
        self.recorder: Recorder | None = None
        self._backend: Backend | None = None
        self._around = around
        self._events = events
        self._absence = absence
        self._leaving = leaving
        self._times_lost = 0
        self._line: Line | None = None

    @property
    def backend(self) -> Backend:
        """What carries the audio of channels of the call's FreeSWITCH, once the line is open."""
        assert self._backend is not None
        return self._backend

    @property
    def line(self) -> Line:
        """The call's line, once it is open."""
        assert self._line is not None
        return self._line

    @property
    def leg(self) -> SwitchLeg | None:
        """The call's leg, once it is open."""
        return self._line.leg if self._line is not None else None

    def open(self, session: CallControl, channel: Channel, rate: int, codec: str, folder: Path) -> SwitchLeg:
        """The leg of a caller who has ``codec`` at ``rate`` Hz; recorded into ``folder`` where that is wanted, and the
        caller of ``channel`` has not said no. Raises ``MediaError``."""
        self._backend = self._around.backends.of(session)
        line = self._line = self._backend.open(rate, codec, self._on_lost)
        leg = line.leg
        if agreed(self._around.config.record, channel).audio:
            self.recorder = Recorder(self._around.disk, folder / "recording.wav", leg.rate, leg.frame_bytes)
            leg.mouth = self.recorder.agent
        return leg

    def attach(self, session: CallControl) -> bool:
        """Returns when the caller's first frame has come; False when the engine is to leave the call instead. Raises
        ``ConnectionLost``, ``MediaError``."""
        line = self.line
        ms = line.attach(session, self._leaving)
        if ms is None:
            return False
        self._events.write("media_attached", backend=line.backend, rate=line.leg.rate, address=line.address, ms=ms)
        return True

    def mended(self, session: CallControl) -> bool:
        """While ``lost``: whether the audio is there again, by itself or because it could be attached on the same
        connection. Raises as ``attach``, and ``MediaError`` when it was lost too often."""
        line = self.line
        if line.came_back(self.lost):
            return True
        if not line.in_place:
            return False
        self.count_loss()
        return self.attach(session)

    def count_loss(self) -> None:
        """Once more it is attached anew. Raises ``MediaError`` when that was too often."""
        self._times_lost += 1
        if self._times_lost > self._around.config.media.max_reattach:
            raise MediaError(f"audio was lost {self._times_lost} times (media.max_reattach)")
        self.lost.clear()

    def leave(self, session: CallControl, taken: bool) -> None:
        """The engine is about to close ``session``; ``taken``: somebody else has the caller. Raises ``EslError``."""
        if self._line is not None:
            (self._line.let_go if taken else self._line.leave)(session)

    def close(self) -> None:
        """Close leg and recording. Idempotent."""
        try:
            if self._line is not None:
                figures = self._line.figures()
                if figures:
                    self._events.write("rtp_report", **figures)
                self._line.close()
        finally:
            if self.recorder is not None:
                self.recorder.close()

    def _on_lost(self, why: str, silent_ms: int) -> None:
        if not self._absence.moving:  # else somebody else has the caller
            self._events.write("media_lost", why=why, silent_ms=silent_ms)
            self.lost.set()


__all__ = ["CallAudio"]
