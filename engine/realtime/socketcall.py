"""The call behind a Realtime session: cast, leg, conversation, log and recording, as a telephone call has them."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from engine import calllog
from engine.arrival import Arrival
from engine.conversation import Conversation
from engine.following import Account, Seen
from engine.media.recording import Recorder
from engine.realtime import happenings as happen
from engine.realtime.actions import SocketActions
from engine.realtime.leg import SocketLeg, SocketLegs
from engine.realtime.tape import Tape
from engine.realtime.telling import Telling
from engine.realtime.turning import threshold_of, turn_options
from engine.surroundings import Surroundings
from engine.telemetry.eventlog import EventLog
from engine.turns import events as turn

log = logging.getLogger(__name__)


class Owner(Protocol):
    """The session."""

    def tell(self, happening: happen.Happening) -> None:
        """This happened."""

    def deliver(self, generation: int, pcm: bytes) -> None:
        """The next audio of a reply; ``generation`` is the conversation's."""

    def account(self, think: turn.Think) -> Account:
        """The conversation so far, for the brain."""

    def done(self, reason: str) -> None:
        """The agent is done with the conversation."""


class SocketCall:
    """One call. ``close`` it; what it opened is closed then, and its folder is complete."""

    def __init__(self, around: Surroundings, legs: SocketLegs, arrival: Arrival, session: Mapping[str, Any],
                 owner: Owner) -> None:
        """Listens from now on. ``session``: the whole configuration. Raises ``TrunklineError`` where nobody can take
        the call; nothing is open then."""
        self.uuid = arrival.uuid
        self.channel = arrival
        self.folder = around.folder(arrival.uuid)
        self._around = around
        self._began = time.monotonic()
        self.events = EventLog(self.folder / "events.jsonl", around.disk, lambda: time.monotonic() - self._began)
        self._owner = owner
        self._closes: list[Callable[[], None]] = []
        self._recorder: Recorder | None = None
        self._leg: SocketLeg | None = None
        self._closed = False
        around.began(self)
        try:
            self._open(around, legs, arrival, session)
        except BaseException as fault:
            self.events.write("error", where="call", message=f"{type(fault).__name__}: {fault}")
            self.close("fault")
            raise

    def _open(self, around: Surroundings, legs: SocketLegs, arrival: Arrival, session: Mapping[str, Any]) -> None:
        options, events, owner = around.config.realtime, self.events, self._owner
        calllog.began(events, arrival, around.node, around.config, transport="ws")
        self.cast = around.cast(arrival, events)
        self._closes.append(self.cast.close)
        self.base = self.cast.senses.config.turns
        config = self.cast.senses.config.model_copy(update={"turns": turn_options(self.base, session)})
        leg = self.leg = self._leg = SocketLeg(legs, lead_ms=options.lead_ms, delta_ms=options.delta_ms,
                                               deliver=owner.deliver)
        self._closes.insert(0, leg.close)
        tape = None
        if around.config.record.audio:
            self._recorder = Recorder(around.disk, self.folder / "recording.wav", leg.rate, leg.frame_bytes)
            self._closes.append(self._recorder.close)
            tape = Tape(self._recorder, legs.frame_ms, leg.frame_bytes)
            leg.mouth = tape.agent
        self._began = time.monotonic()
        events.write("answered", ms=0.0)
        events.write("media_attached", backend="websocket", rate=leg.rate, address="", ms=0.0)
        talk = self.conversation = Conversation(replace(self.cast.senses, config=config), leg, events, self._began,
                                                owner.done, arrival.uuid, tape)
        self._closes.insert(0, talk.close)
        if tape is not None:
            events.write("recording", file="recording.wav", rate=leg.rate, at=0.0)
        self.telling = Telling(owner.tell, lambda: leg.written_ms(talk.listening.edge), leg.sent_ms,
                               tools=options.show_tools)
        talk.watch, talk.account = self._seen, owner.account
        leg.open_voice = lambda: talk.listening.is_open and not talk.listening.by_hand
        actions = SocketActions(arrival, events, owner.done)
        actions.talk = talk
        self._closes.insert(0, actions.close)
        self.cast.join(talk, actions)
        self.by_hand(session["audio"]["input"]["turn_detection"] is None)
        self.cast.senses.hearing.adjust(leg, threshold_of(session))

    def retune(self, session: Mapping[str, Any]) -> None:
        """The session's configuration has changed."""
        self.by_hand(session["audio"]["input"]["turn_detection"] is None)
        self.cast.senses.hearing.adjust(self.leg, threshold_of(session))
        self.conversation.retune(turn_options(self.base, session))

    def by_hand(self, on: bool) -> None:
        """Whether the client itself says when the caller's turns end."""
        listening = self.conversation.listening
        if on != listening.by_hand:
            listening.end_voice()
            self.conversation.tell(turn.Forget(self.conversation.now))
            listening.by_hand = on
        self.leg.paced = not on

    def cancel(self) -> None:
        """The client wants the agent to be silent."""
        self.telling.cancelling = True
        try:
            self.conversation.tell(turn.Interrupt(self.conversation.now))
        finally:
            self.telling.cancelling = False

    @property
    def seconds(self) -> float:
        """How long it has been."""
        return time.monotonic() - self._began

    def end(self, why: str) -> None:
        """Somebody outside wants it to be over."""
        self.events.note("told_to_end", why=why)
        self._owner.done(why)

    def close(self, cause: str, by: str = "caller") -> None:
        """Idempotent."""
        if self._closed:
            return
        self._closed = True
        if hasattr(self, "conversation"):
            self.conversation.watch = None
            self.conversation.hung_up()
        self.events.write("hangup", cause=cause, by=by)
        for close in self._closes:
            try:
                close()
            except Exception:
                log.exception("%s failed; the rest of the session is closed all the same", close.__qualname__)
        calllog.ended(self.events, time.monotonic() - self._began, self._leg, self._recorder)
        self.events.close()
        self._around.over(self)

    def _seen(self, seen: Seen) -> None:
        if isinstance(seen, turn.Release):
            ledger = self.leg.playout.ledger(seen.generation)
            if ledger is not None:
                self.leg.follow(seen.generation, ledger)
        self.telling.seen(seen)
        if isinstance(seen, turn.PlayoutCut):
            self.leg.drop()


__all__ = ["SocketCall"]
