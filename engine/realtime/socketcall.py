"""The call behind a Realtime session: cast, leg, conversation, log and recording, as a telephone call has them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from engine.arrival import Arrival
from engine.conversation import Conversation
from engine.following import Account, Seen
from engine.legcall import LegCall
from engine.media.messageleg import MessageLegs
from engine.realtime import happenings as happen
from engine.realtime.actions import SocketActions
from engine.realtime.leg import SocketLeg
from engine.realtime.telling import Telling
from engine.realtime.turning import threshold_of, turn_options
from engine.surroundings import Surroundings
from engine.turns import events as turn


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


class SocketCall(LegCall):
    """One call. ``close`` it; what it opened is closed then, and its folder is complete."""

    def __init__(self, around: Surroundings, legs: MessageLegs, arrival: Arrival, session: Mapping[str, Any],
                 owner: Owner) -> None:
        """Listens from now on. ``session``: the whole configuration. Raises ``TrunklineError`` where nobody can take
        the call; nothing is open then."""
        self._owner = owner
        super().__init__(around, arrival)
        self._opened_by(lambda: self._open(around, legs, session))

    def _open(self, around: Surroundings, legs: MessageLegs, session: Mapping[str, Any]) -> None:
        options, events, owner = around.config.realtime, self.events, self._owner
        self.cast = self._begin("ws")
        self.base = self.cast.senses.config.turns
        config = self.cast.senses.config.model_copy(update={"turns": turn_options(self.base, session)})
        leg = self.leg = SocketLeg(legs, lead_ms=options.lead_ms, delta_ms=options.delta_ms, deliver=owner.deliver)
        tape = self._attach(leg, "websocket")
        talk = self.conversation = Conversation(replace(self.cast.senses, config=config), leg, events, self._began,
                                                owner.done, self.uuid, tape)
        self._hold(talk)
        self.telling = Telling(owner.tell, lambda: leg.written_ms(talk.listening.edge), leg.sent_ms,
                               tools=options.show_tools)
        talk.watch, talk.account = self._seen, owner.account
        leg.open_voice = lambda: talk.listening.is_open and not talk.listening.by_hand
        actions = SocketActions(self.channel, events, owner.done)
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

    def end(self, why: str) -> None:
        """Somebody outside wants it to be over."""
        self.events.note("told_to_end", why=why)
        self._owner.done(why)

    def close(self, cause: str, by: str = "caller") -> None:
        """Idempotent."""
        if hasattr(self, "conversation"):
            self.conversation.watch = None
        super().close(cause, by)

    def _seen(self, seen: Seen) -> None:
        if isinstance(seen, turn.Release):
            ledger = self.leg.playout.ledger(seen.generation)
            if ledger is not None:
                self.leg.follow(seen.generation, ledger)
        self.telling.seen(seen)
        if isinstance(seen, turn.PlayoutCut):
            self.leg.drop()


__all__ = ["SocketCall"]
