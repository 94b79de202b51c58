"""A call without a channel of FreeSWITCH: cast, leg, conversation, log and recording, as a telephone call has them.

What carries it makes one of it: a Realtime session (``engine/realtime/socketcall.py``), a carrier's stream
(``engine/streams/call.py``).
"""

import logging
import time
from collections.abc import Callable

from engine import calllog
from engine.arrival import Arrival
from engine.cast import Cast
from engine.media.messageleg import MessageLeg
from engine.media.recording import Recorder
from engine.media.tape import Tape
from engine.surroundings import Surroundings
from engine.talk import Talk
from engine.telemetry.eventlog import EventLog

log = logging.getLogger(__name__)


class LegCall:
    """One call. ``close`` it; what it opened is closed then, and its folder is complete. Who makes a call of it opens
    it in this order: ``_begin``, ``_attach``, ``_hold``."""

    def __init__(self, around: Surroundings, arrival: Arrival) -> None:
        """Known to the engine, nothing is open yet."""
        self.uuid = arrival.uuid
        self.channel = arrival
        self.folder = around.folder(arrival.uuid)
        self._around = around
        self._began = time.monotonic()
        self.events = EventLog(self.folder / "events.jsonl", around.disk, lambda: time.monotonic() - self._began)
        self._closes: list[Callable[[], None]] = []
        self._recorder: Recorder | None = None
        self._leg_opened: MessageLeg | None = None
        self._talk_held: Talk | None = None
        self._closed = False
        around.began(self)

    def _opened_by(self, opening: Callable[[], None]) -> None:
        """Run ``opening``; a fault of it closes the call, and is raised."""
        try:
            opening()
        except BaseException as fault:
            self.events.write("error", where="call", message=f"{type(fault).__name__}: {fault}")
            self.close("fault")
            raise

    def _begin(self, transport: str, **more: str | None) -> Cast:
        """The first lines of the log, and who takes part. Raises ``TrunklineError`` where nobody can take the call."""
        calllog.began(self.events, self.channel, self._around.node, self._around.config, transport=transport, **more)
        cast = self._around.cast(self.channel, self.events)
        self._closes.append(cast.close)
        return cast

    def _attach(self, leg: MessageLeg, backend: str) -> Tape | None:
        """The audio is there: call time begins. What it is recorded on, where it is."""
        self._leg_opened = leg
        self._closes.insert(0, leg.close)
        tape = None
        if self._around.config.record.audio:
            self._recorder = Recorder(self._around.disk, self.folder / "recording.wav", leg.rate, leg.frame_bytes)
            self._closes.append(self._recorder.close)
            tape = Tape(self._recorder, self._around.config.media.frame_ms, leg.frame_bytes)
            leg.mouth = tape.agent
        self._began = time.monotonic()
        self.events.write("answered", ms=0.0)
        self.events.write("media_attached", backend=backend, rate=leg.rate, address="", ms=0.0)
        return tape

    def _hold(self, talk: Talk) -> None:
        """This conversation is the call's."""
        if self._talk_held is None and self._recorder is not None and self._leg_opened is not None:
            self.events.write("recording", file="recording.wav", rate=self._leg_opened.rate, at=0.0)
        self._talk_held = talk
        self._closes.insert(0, talk.close)

    @property
    def seconds(self) -> float:
        """How long it has been."""
        return time.monotonic() - self._began

    def end(self, why: str) -> None:
        """Somebody outside wants it to be over. Returns at once."""
        raise NotImplementedError

    def close(self, cause: str, by: str = "caller") -> None:
        """Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._talk_held is not None:
            self._talk_held.hung_up()
        self.events.write("hangup", cause=cause, by=by)
        for close in self._closes:
            try:
                close()
            except Exception:
                log.exception("%s failed; the rest of the call is closed all the same", close.__qualname__)
        calllog.ended(self.events, self.seconds, self._leg_opened, self._recorder)
        self.events.close()
        self._around.over(self)


__all__ = ["LegCall"]
