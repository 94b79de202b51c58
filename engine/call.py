"""One call of FreeSWITCH: answers, attaches the audio, holds the conversation, leaves everything in order.

The road: cancel the dialplan's watchdog, answer and wait until that is complete, attach the audio, converse until one
side hangs up. Where lost audio comes back only after a transfer to the own extension, the new connection is adopted.

A call is held by the greenlet of its connection, which the event-socket server owns; between two connections, for
seconds at most, by one of its own. Whoever holds it when it is over finishes it.
"""

import logging
import time
from collections.abc import Callable

import gevent
from gevent.event import Event as Flag

from engine import callevents, calllog, holding
from engine.absence import Absence
from engine.apps import asking
from engine.apps.offer import Offer
from engine.apps.webhook import sip_headers
from engine.arrival import named
from engine.backends.backend import Backend, SwitchLeg
from engine.callaudio import CallAudio
from engine.cast import Cast
from engine.errors import TrunklineError
from engine.esl import reconcile
from engine.esl.errors import EslError
from engine.esl.event import Event
from engine.esl.session import OutboundSession
from engine.hangup import Hangup
from engine.surroundings import Surroundings
from engine.talk import Past, Talk
from engine.telemetry import logs
from engine.telemetry.eventlog import EventLog
from engine.telephony.actions import TelephonyActions

log = logging.getLogger(__name__)

ADOPT_TIMEOUT_S = 3.0
"""After a transfer to its own extension a call's new connection arrives within 10 ms."""

LONGEST_AWAY_S = 4 * 3600.0
"""A caller who is with a human for longer is a new call when they come back."""


class CallFailed(TrunklineError):
    """The engine cannot hold this call; it goes on to the dialplan's next action."""


class _LetGo(Exception):
    """The engine is to leave this call, which has no fault."""


class Call:
    """One call. ``run`` returns when it is over, or goes on on another connection; what it opened is closed then."""

    def __init__(self, session: OutboundSession, around: Surroundings) -> None:
        """``session`` has answered ``connect``."""
        assert session.channel is not None
        self.channel = session.channel
        self.uuid = session.channel.uuid
        self.folder = around.folder(self.uuid)
        self._session = session
        self._around = around
        self._began = time.monotonic()
        self.leaving = Flag()
        self._why_leave = ""
        self._agent_is_done = Flag()
        self._absence = Absence(self.uuid, around.telephony.switch, around.expect)
        self._marked = self._taken = False
        self._finishing = False
        self._cast: Cast | None = None
        self._conversation: Talk | None = None
        self._setting: holding.Setting | None = None
        self.offer: Offer | None = None
        """Under which a program was asked to take the call, where its agent has one."""
        self.actions: TelephonyActions | None = None
        self.events = EventLog(self.folder / "events.jsonl", around.disk, lambda: time.monotonic() - self._began)
        self._hangup = Hangup(self.events, self._agent_is_done.is_set)
        self._audio = CallAudio(around, self.events, self._absence, self.leaving)

    def run(self) -> None:
        """Hold the call from its first command to its last event. A call that fails is let go; nothing is raised."""
        self._hold(self._session, self._begin)

    @property
    def moving(self) -> bool:
        """Whether the call has been transferred to its own extension and its new connection is expected."""
        return self._absence.moving

    def adopt(self, session: OutboundSession) -> None:
        """Go on with a ``moving`` call on its new connection, as ``run`` does."""
        self._session = session
        self._audio.lost.clear()
        self._absence.end()
        self._hold(session, self._go_on)

    @property
    def seconds(self) -> float:
        """How long it has been."""
        return time.monotonic() - self._began

    def let_go(self, why: str) -> None:
        """End the engine's part: FreeSWITCH goes on with the dialplan's next action. Returns at once."""
        self._why_leave = self._why_leave or why
        self.leaving.set()

    def hang_up(self, reason: str) -> None:
        """The agent is done: end the call. A ``fault`` lets it go to the dialplan's next action instead."""
        if reason == "fault":
            self.let_go("the conversation ended by a fault")
        else:
            self._agent_is_done.set()

    def end(self, why: str) -> None:
        """Somebody outside wants the call to be over, wherever the caller is. Returns at once."""
        self.events.note("told_to_end", why=why)
        self._agent_is_done.set()
        logs.spawn(self._absence.hang_up)

    # ------------------------------------------------------------ holding

    def _hold(self, session: OutboundSession, begin: Callable[[], None]) -> None:
        """Hold the call on this connection until it is over or has left the connection."""
        with logs.call(self.uuid):
            try:
                begin()
                self._serve(session)
            except _LetGo as reason:
                log.info("the call goes on to the dialplan's next action: %s", reason)
                self.events.note("let_go", why=str(reason))
            except TrunklineError as fault:
                self._give_up(str(fault))
            except (Exception, gevent.Timeout) as fault:
                log.exception("a fault of the engine or of a provider")
                self._give_up(f"{type(fault).__name__}: {fault}")
            finally:
                if session is self._session and not self._absence.moving:
                    self._finish()

    def _serve(self, session: OutboundSession) -> None:
        """Wait for what ends the call, or its stay on this connection, and see it through."""
        ends = [session.ended, self.leaving, self._agent_is_done]
        gevent.wait([*ends, self._audio.lost], count=1)
        while not any(end.is_set() for end in ends) and self._audio.mended(session):
            gevent.wait([*ends, self._audio.lost], count=1)
        if self._absence.moving or session is not self._session:
            return  # the caller was given to somebody else
        if session.ended.is_set():
            self._see_out(session)
        elif self.leaving.is_set():
            raise _LetGo(self._why_leave)
        elif self._agent_is_done.is_set():
            callevents.hang_up(session)
            self._see_out(session)
        else:
            self._move(session)

    def _see_out(self, session: OutboundSession) -> None:
        """The call has hung up, or its connection is gone: wait for the last event where one is to be expected."""
        if session.hangup_cause is not None:
            gevent.wait([self._hangup.told, session.connection.closed], timeout=callevents.HANGUP_COMPLETE_S, count=1)
        elif session.connection.lost is not None:
            raise CallFailed(f"event socket: {session.connection.lost.reason}")

    def _give_up(self, why: str) -> None:
        """Something failed. If the call has ended, that is why; else it goes on without the engine."""
        session = self._session
        session.ended.wait(callevents.HANGUP_NEWS_S)
        if session.hangup_cause is not None:
            self._see_out(session)
            return
        log.error("%s; the call goes on to the dialplan's next action", why)
        self.events.write("error", where="call", message=why)

    # ------------------------------------------------------------ beginning

    def _begin(self) -> None:
        channel = self._session.channel
        assert channel is not None
        calllog.began(self.events, channel, self._around.node, self._around.config, transport="freeswitch",
                      direction=channel.direction or None,
                      switch=channel.headers.get("FreeSWITCH-Hostname"))
        if not (channel.full and channel.asynchronous):
            raise CallFailed("the dialplan's socket action must say `socket host:port async full`: without async there "
                             "is no audio, without full no control of the call")
        if channel.variables.get("current_application", "socket") != "socket":
            raise CallFailed("the engine took this connection too late: the dialplan has gone on without it")
        accepted = time.monotonic()
        self._cast = self._around.cast(channel, self.events)
        self._follow(self._session)
        if self._refused():
            return
        rate, codec = callevents.answer(self._session)
        self._began = time.monotonic()
        self.events.write("answered", ms=round((self._began - accepted) * 1000, 1))
        reconcile.mark(self._session, self._around.node)
        self._marked = True
        self._converse(rate, codec)

    def _refused(self) -> bool:
        """Ask the agent's app, if it has one, who takes the call. True: it was rejected, and is over. Raises
        ``_LetGo``."""
        cast, session = self.cast, self._session
        if cast.app is None:
            return False
        self.offer = Offer(cast.app, self.uuid, sip_headers(self.channel))
        verdict = asking.ask(session, self.offer, self.leaving, self.events)
        if self.leaving.is_set():
            raise _LetGo(self._why_leave)
        if verdict.kind == "rejected":
            return True
        instead = cast.app.otherwise if verdict.kind == "nobody" else ""
        if instead == "next":
            raise _LetGo(f"the app did not take it: {verdict.why}")
        if instead:
            cast.close()
            self._cast = self._around.cast(named(self.channel, instead), self.events)
        return False

    def _follow(self, session: OutboundSession) -> None:
        others = [("CHANNEL_HANGUP_COMPLETE", self._hangup.on_complete),
                  ("CHANNEL_EXECUTE_COMPLETE", self._on_execute_complete)]
        callevents.follow(session, lambda: self._conversation, others)

    def _converse(self, rate: int, codec: str) -> None:
        around, audio, cast = self._around, self._audio, self._cast
        leg = audio.open(self._session, self.channel, rate, codec, self.folder)
        assert cast is not None
        at = self._setting = holding.Setting(leg, self.events, self._began, self.hang_up, self.uuid, audio.recorder)
        by_app = self.offer is not None and self.offer.accepted
        talk = self._conversation = holding.begin(cast, at, self._lost_model, own=by_app)
        self.actions = TelephonyActions(self, around.telephony, cast.targets, self.folder, cast.senses.voice)
        cast.join(talk, self.actions)
        self._attach()
        if audio.recorder is not None:
            self.events.write("recording", file="recording.wav", rate=leg.rate, at=talk.audio_began)
        if by_app and self.offer is not None and self.offer.prepare is not None:
            self.offer.prepare(self)
            self.offer.under_way()
        else:
            self.actions.begin()

    def _lost_model(self, past: Past) -> None:
        """The model that held the conversation is lost: the engine's own providers hold the rest of it."""
        cast, before, at, actions = self._cast, self._conversation, self._setting, self.actions
        if not self._finishing and cast and before and at and actions:
            self._conversation = holding.go_on(cast, at, actions, before, past)

    # ------------------------------------------------------------ for telephony, and for who is attached

    @property
    def cast(self) -> Cast:
        """Who takes part in it, once it has begun."""
        assert self._cast is not None
        return self._cast

    @property
    def begun(self) -> bool:
        """Whether it is answered, and there is a conversation."""
        return self._conversation is not None and not self._finishing

    def refer(self, target: str) -> None:
        """Ask the trunk to send the caller to this SIP address; see ``asking.refer``."""
        self.events.write("referred", target=target, by="refer")
        asking.refer(self._session, target)

    def send_on(self, number: str) -> None:
        """Transfer the caller to this number, in the dialplan context that the call came by. Raises ``EslError``."""
        self.events.write("referred", target=number, by="dialplan")
        self._session.transfer(number, *self.channel.home[1:])

    @property
    def conversation(self) -> Talk:
        """The agent's side of the call, once it is answered."""
        assert self._conversation is not None
        return self._conversation

    @property
    def leg(self) -> SwitchLeg:
        """The call's audio, once it is answered."""
        return self._audio.line.leg

    @property
    def backend(self) -> Backend:
        """What carries the audio of channels of its FreeSWITCH."""
        return self._audio.backend

    def depart(self, go: Callable[[], object]) -> None:
        """Have ``go`` take the channel (a bridge, a transfer). This stays its call, without a connection, until
        FreeSWITCH brings the caller back or they hang up. Raises what ``go`` raises; nothing has changed then."""
        session, line = self._session, self._audio.line
        # A channel with the mark that no call of this engine knows is hung up: not one that talks to a human.
        reconcile.release(session)
        line.let_go(session)
        try:
            self._absence.begin(go, self._hangup.on_complete)
        except BaseException:
            reconcile.mark(session, self._around.node)
            line.keep(session)
            raise
        # At once: closing it later, when a new connection is parked, would end the call.
        session.close("the caller is with somebody else")
        if session.hangup_cause is not None:
            self._absence.gone.set()
        logs.spawn(self._await_return, LONGEST_AWAY_S, "")

    # ------------------------------------------------------------ audio

    def _attach(self) -> None:
        if not self._audio.attach(self._session):
            raise _LetGo(self._why_leave)

    def _move(self, session: OutboundSession) -> None:
        """The audio died: transfer the call to its own extension, where unicast works again, and leave this connection.
        The new one is adopted."""
        self._audio.count_loss()
        if not self._around.accepting():
            raise CallFailed("audio was lost while the engine is draining: it takes no new connection")
        self._absence.begin(lambda: session.transfer(*self.channel.home))
        # At once: closing it later, when the new connection is parked, would end the call.
        session.close("the call moved to a new connection")
        if session.hangup_cause is not None:
            self._absence.end()
        elif self._absence.moving:
            # Not waited for here: this connection's slot must be free, because a full engine refuses connections.
            why = f"no new connection within {ADOPT_TIMEOUT_S:g} s of the transfer to its extension"
            logs.spawn(self._await_return, ADOPT_TIMEOUT_S, why)

    def _await_return(self, seconds: float, why: str) -> None:
        """Hold the call while it has no connection, so long at most; then it is over, and a fault if ``why`` says so.
        ``let_go`` and the caller's hangup end it earlier."""
        if self._absence.wait(self.leaving, seconds):
            return
        if why and not self._absence.gone.is_set():
            why = self._why_leave or why
            log.error("audio was lost, and the call with it: %s", why)
            self.events.write("error", where="call", message=f"audio could not be attached again: {why}")
        self._finish()

    def _go_on(self) -> None:
        """The new connection is there: attach the audio again; conversation and history go on."""
        session = self._session
        assert session.channel is not None
        self._follow(session)
        self._audio.line.rejoin(session.channel)
        self._attach()
        away_s = self._absence.take_seconds()
        if away_s is not None and self.actions is not None:
            reconcile.mark(session, self._around.node)
            self.actions.returned(away_s)

    # ------------------------------------------------------------ what is told (none of these may wait)

    def _on_execute_complete(self, event: Event) -> None:
        """The ``socket`` application itself has ended: somebody else transferred the call away. Losing its audio then
        is no reason to fetch it back."""
        if event.get("Application") == "socket" and not self._absence.moving and self._session.hangup_cause is None:
            self._taken = True
            self.let_go("somebody else transferred the call")

    # ------------------------------------------------------------ ending

    def _finish(self) -> None:
        """Close what the call opened, whatever of it fails. The caller comes first: FreeSWITCH is left before anything
        is waited for."""
        if self._finishing:
            return
        self._finishing = True
        self._absence.end()
        parts = (self.offer, self.actions, self._conversation, self._cast, self._audio)
        closes = [part.close for part in parts if part is not None]
        ends = [self._fall_silent, self._leave, *closes, self._sum_up, self.events.close]
        for end in ends:
            try:
                end()
            except (Exception, gevent.Timeout):
                log.exception("%s failed; the rest of the call is closed all the same", end.__qualname__)
        self._around.finished(self)

    def _fall_silent(self) -> None:
        if self._conversation is not None:
            self._conversation.hung_up()

    def _leave(self) -> None:
        session = self._session
        try:
            if self._marked and session.connected and session.hangup_cause is None:
                reconcile.release(session)
                self._audio.leave(session, self._taken)
        except EslError as fault:
            log.debug("the channel keeps marks of this engine: %s", fault)
        lost = session.connection.lost
        session.close()  # what had arrived is handled before this returns
        self._hangup.left(session, lost is None or self.leaving.is_set())

    def _sum_up(self) -> None:
        calllog.ended(self.events, self.seconds, self._audio.leg, self._audio.recorder)
