"""One call of FreeSWITCH: answers, attaches the audio, holds the conversation, leaves everything in order.

The road: cancel the dialplan's watchdog, answer and wait until that is complete (unicast on a channel without media
aborts FreeSWITCH), attach unicast, converse until one side hangs up. When audio dies in mid-call (a re-INVITE with
another codec, a stray ``playback``), the call is transferred back to its own extension; the new connection is adopted.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import gevent
from gevent.event import Event

from engine import __version__, configfile
from engine.config import Config
from engine.conversation import Conversation, Senses
from engine.disk import DiskWriter
from engine.errors import TrunklineError
from engine.esl.errors import EslError
from engine.esl.event import Event as EslEvent
from engine.esl.session import OutboundSession
from engine.media.errors import MediaError
from engine.media.recording import Recorder
from engine.media.unicast import UnicastLeg, UnicastSocket
from engine.speech.errors import SpeechError
from engine.telemetry.eventlog import EventLog

log = logging.getLogger(__name__)

ATTACH_TRIES = 2

FIRST_FRAME_TIMEOUT_S = 1.0
"""Unicast's first datagram comes 28 ms after the command on a real FreeSWITCH; a failed bind is silent."""

ANSWER_TIMEOUT_S = 10.0
"""A real FreeSWITCH completes ``answer`` within 50 ms."""

OWNER_VARIABLE = "trunkline_node"
"""Channel variable that says which engine holds the call; orphans are found by it."""

ADOPT_TIMEOUT_S = 3.0
"""After a transfer to its own extension a call's new connection arrives within 10 ms."""


HANGUP_COMPLETE_S = 2.0
"""How long the end of a call waits for CHANNEL_HANGUP_COMPLETE, which carries what there is to say about it."""


class CallFailed(TrunklineError):
    """The engine cannot hold this call; it goes on to the dialplan's next action."""


@dataclass(frozen=True)
class Surroundings:
    """What calls of an engine share besides the senses. ``folder`` makes the name of a call's folder of its uuid."""

    config: Config
    node: str
    senses: Senses
    socket: UnicastSocket
    disk: DiskWriter
    folder: Callable[[str], Path]
    finished: Callable[["Call"], None]


class Call:
    """One call. ``run`` returns when it is over; everything it opened is closed then."""

    def __init__(self, session: OutboundSession, around: Surroundings) -> None:
        """``session`` has answered ``connect``."""
        assert session.channel is not None
        self.uuid = session.channel.uuid
        self.folder = around.folder(self.uuid)
        self._session = session
        self._around = around
        self._began = time.monotonic()
        self._over = Event()
        self._adopted = Event()
        self._handed_over = Event()
        self._moving = False
        self._hangup_by: str | None = None
        self._reattached = 0
        self._rate = 0
        self._leg: UnicastLeg | None = None
        self._conversation: Conversation | None = None
        self._recorder: Recorder | None = None
        self._events = EventLog(self.folder / "events.jsonl", around.disk, lambda: time.monotonic() - self._began)

    def run(self) -> None:
        """Hold the call from its first command to its last event. Never raises: a call that fails is let go."""
        session = self._session
        try:
            self._describe()
            self._answer()
            self._converse()
        except (CallFailed, EslError, MediaError, SpeechError) as fault:
            self._give_up(str(fault))
        self._stay(session)

    @property
    def moving(self) -> bool:
        """Whether the call has been transferred to its own extension and its new connection is expected."""
        return self._moving

    def adopt(self, session: OutboundSession) -> None:
        """Go on with the call on its new connection; whoever held the old one returns from ``run``."""
        self._follow(session)
        self._handed_over.set()
        self._handed_over = Event()
        self._moving = False
        self._adopted.set()
        self._stay(session)

    def _stay(self, session: OutboundSession) -> None:
        """Wait for the end of the call, and finish it; or for its hand-over to another connection."""
        gevent.wait([self._over, self._handed_over], count=1)
        if session is self._session:
            self._finish()

    def let_go(self) -> None:
        """End the engine's part: FreeSWITCH goes on with the dialplan's next action."""
        if self._conversation is not None:
            self._conversation.hung_up()
        self._over.set()

    def hang_up(self, reason: str) -> None:
        """The agent is done: end the call. A ``fault`` lets it go to the dialplan's next action instead."""
        if reason == "fault":
            self._over.set()
            return
        self._hangup_by = "agent"
        self._spawn(self._kill)

    # ------------------------------------------------------------ beginning

    def _describe(self) -> None:
        channel = self._session.channel
        assert channel is not None
        self._events.write(
            "call_started",
            id=self.uuid,
            caller=channel.caller_number,
            called=channel.destination,
            node=self._around.node,
            version=__version__,
            started=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            switch=channel.headers.get("FreeSWITCH-Hostname"),
        )
        self._events.write("config", options=configfile.differences(self._around.config))

    def _answer(self) -> None:
        session = self._session
        accepted = time.monotonic()
        self._follow(session)
        session.sched_del()
        assert session.channel is not None
        self._rate = session.channel.codec_rate
        if session.answer_state != "answered":
            done = session.execute("answer", timeout=ANSWER_TIMEOUT_S)
            if done.get("Answer-State") != "answered":
                raise CallFailed(f"the channel is {done.get('Answer-State')!r} after answer")
            self._rate = int(done.get("Channel-Read-Codec-Rate") or 0) or self._rate
        session.setvar(OWNER_VARIABLE, self._around.node)
        self._began = time.monotonic()
        self._events.write("answered", ms=round((self._began - accepted) * 1000, 1))

    def _follow(self, session: OutboundSession) -> None:
        """Be told of everything that happens on this connection of the call."""
        self._session = session
        session.on("DTMF", self._on_dtmf)
        session.on("CHANNEL_HANGUP", self._on_hangup)
        session.on("CHANNEL_HANGUP_COMPLETE", self._on_hangup_complete)
        session.ended.rawlink(lambda _: self._on_ended(session))
        session.begin()

    # ------------------------------------------------------------ audio

    def _attach(self, leg: UnicastLeg) -> None:
        """Unicast to ``leg``; returns when the first frame came. A second try has another address."""
        began = time.monotonic()
        for attempt in range(ATTACH_TRIES):
            if attempt:
                leg.reattach()
            self._session.unicast(leg.local_ip, leg.local_port, leg.remote_ip, leg.remote_port)
            if leg.first_frame.wait(FIRST_FRAME_TIMEOUT_S):
                self._events.write(
                    "media_attached",
                    backend="unicast",
                    rate=leg.rate,
                    address=f"{leg.local_ip}:{leg.local_port}",
                    ms=round((time.monotonic() - began) * 1000),
                )
                return
        raise CallFailed(
            f"no audio from FreeSWITCH within {FIRST_FRAME_TIMEOUT_S:g} s of unicast; it must run on this host, "
            "with `socket ... async full` in the dialplan"
        )

    def _converse(self) -> None:
        around = self._around
        leg = self._leg = around.socket.open(self._rate, self._on_media_lost)
        if around.config.record.audio:
            self._recorder = Recorder(around.disk, self.folder / "recording.wav", leg.rate, leg.frame_bytes)
            leg.mouth = self._recorder.agent
        talk = Conversation(around.senses, leg, self._events, self._began, self.hang_up, self._recorder)
        self._conversation = talk
        self._attach(leg)
        if self._recorder is not None:
            self._events.write("recording", file="recording.wav", rate=leg.rate, at=talk.audio_began)
        talk.start()

    def _on_media_lost(self, silent_ms: int) -> None:
        self._events.write("media_lost", why="no datagram", silent_ms=silent_ms)
        if not self._over.is_set() and self._session.hangup_cause is None:
            self._spawn(self._reattach)

    def _reattach(self) -> None:
        """Transfer the call to its own extension, where unicast works again, and adopt the new connection."""
        self._reattached += 1
        old, leg = self._session, self._leg
        try:
            if self._reattached > self._around.config.media.max_reattach:
                raise CallFailed(f"audio was lost {self._reattached} times")
            assert old.channel is not None and leg is not None
            headers = old.channel.headers
            self._adopted.clear()
            self._moving = True
            dialplan = headers.get("Caller-Dialplan") or "XML"
            old.transfer(old.channel.destination, dialplan, headers.get("Caller-Context") or "default")
            # At once: closing it later, when the new connection is parked, would end the call.
            old.close("the call moved to a new connection")
            if not self._adopted.wait(ADOPT_TIMEOUT_S):
                raise CallFailed(f"no new connection within {ADOPT_TIMEOUT_S:g} s of the transfer to the own extension")
            leg.reattach()
            self._attach(leg)
        except (CallFailed, EslError) as fault:
            self._moving = False
            self._give_up(f"audio could not be attached again: {fault}")

    # ------------------------------------------------------------ what FreeSWITCH tells

    def _on_dtmf(self, event: EslEvent) -> None:
        if self._conversation is not None:
            # Samples of 8 kHz whatever the codec, as RFC 4733 events count.
            duration_ms = round(int(event.get("DTMF-Duration") or 0) / 8)
            self._conversation.digit(event.get("DTMF-Digit") or "", duration_ms)

    def _on_hangup(self, event: EslEvent) -> None:
        if self._conversation is not None:
            self._conversation.hung_up()

    def _on_hangup_complete(self, event: EslEvent) -> None:
        disposition = event.get("variable_sip_hangup_disposition") or ""
        by = self._hangup_by or ("caller" if disposition.startswith("recv_") else "switch")
        self._events.write("hangup", cause=event.get("Hangup-Cause"), by=by)
        self._over.set()

    def _on_ended(self, session: OutboundSession) -> None:
        """The call hung up or the connection is gone (called by the hub, so it must not wait)."""
        if session is not self._session or self._moving or self._over.is_set():
            return
        if session.hangup_cause is None:
            gevent.spawn(self._lost)
        elif session.connected:
            self._around.senses.timers.at(time.monotonic() + HANGUP_COMPLETE_S, lambda _: self._over.set())
        else:
            self._over.set()

    def _lost(self) -> None:
        self._events.write("error", where="event socket", message="FreeSWITCH closed the connection")
        self.let_go()

    # ------------------------------------------------------------ ending

    def _kill(self) -> None:
        try:
            self._session.kill("NORMAL_CLEARING")
        except EslError as fault:
            self._events.write("error", where="hangup", message=str(fault))
            self._over.set()

    def _give_up(self, why: str) -> None:
        if self._over.is_set() or self._session.hangup_cause is not None:
            return  # the call has ended anyway
        log.error("call %s: %s; it goes on to the dialplan's next action", self.uuid, why)
        self._events.write("error", where="call", message=why)
        self.let_go()

    def _finish(self) -> None:
        """Close what the call opened, in the order in which the audio flows, and say how it went."""
        leg = self._leg
        if self._conversation is not None:
            self._conversation.close()
        if leg is not None:
            leg.close()
        if self._recorder is not None:
            self._recorder.close()
        self._events.write(
            "call_ended",
            seconds=round(time.monotonic() - self._began, 3),
            caller_frames=leg.frames_in if leg else 0,
            agent_frames=leg.frames_out if leg else 0,
            underruns=leg.playout.underruns if leg else 0,
            bad_frames=leg.bad_frames if leg else 0,
            dropped_bytes=self._recorder.dropped if self._recorder else 0,
        )
        self._session.close()
        self._events.close()
        self._around.finished(self)

    def _spawn(self, work: Callable[[], None]) -> None:
        """A greenlet of this call, with its deadlines inside; it ends before the call's folder is finished."""
        gevent.spawn(work)
