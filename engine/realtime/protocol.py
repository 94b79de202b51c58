"""The state of one OpenAI Realtime session: what a client sent and what has happened become events for the client and
orders for the engine. Pure: ids and time are given, nothing is waited for.

    protocol = Protocol(SessionConfig(...), make_id)
    step = protocol.opened()                  # session.created
    step = protocol.receive(text, now_s)      # a client's event; what is wrong is an ``error`` event, never raised
    step = protocol.happened(happening, now_s)
    for event in step.sends: ...              # to the client, in this order
    for order in step.orders: ...             # to the engine (engine/realtime/orders.py), in this order
"""

from collections.abc import Callable, Iterable
from typing import Any

from engine.realtime import clientevents as client
from engine.realtime import dialect_beta, requests, tidings
from engine.realtime import happenings as happen
from engine.realtime import orders as order
from engine.realtime import serverevents as events
from engine.realtime.config import SessionConfig, voice_of
from engine.realtime.errors import Refused
from engine.realtime.items import Bounds, Conversation, Entry
from engine.realtime.talk import Step, Talk

WENT_AWAY = 1001
"""Close code of a session that has lasted too long."""


class Protocol:
    """One session."""

    def __init__(
        self, config: SessionConfig, make_id: Callable[[str], str], *, bounds: Bounds | None = None,
        phone: bool = False, extensions: bool = False, beta: bool = False,
    ) -> None:
        """``make_id(prefix)`` gives an id that was never given before (``item_...``). ``phone``: the session belongs to
        a phone call, whose audio does not come from the client; then playback and digits are told. ``extensions``: the
        client understands ``extension.*`` events. ``beta``: it speaks the beta dialect; a client whose first
        ``session.update`` has fields that only beta had is taken to."""
        self.beta = beta
        self._talk = Talk(config, make_id, bounds or Bounds(), phone, extensions)
        self._updated = False
        self._expired = False

    @property
    def session(self) -> dict[str, Any]:
        """The whole configuration (GA)."""
        return self._talk.session

    @property
    def voice(self) -> str:
        """The name of the voice that the client, or who made its secret, has chosen; empty: nobody has."""
        if not self._talk.config.voice_named:
            return ""
        return voice_of(self.session)

    @property
    def conversation(self) -> Conversation:
        """Its items."""
        return self._talk.conversation

    @property
    def response_id(self) -> str | None:
        """Of the response that is writing to the conversation."""
        return self._talk.replies.active.id if self._talk.replies.active else None

    @property
    def input_ms(self) -> float:
        """Audio that the client has written in this session."""
        return self._talk.hearing.buffer.ms

    def generation_of(self, response_id: str) -> int | None:
        """Which reply of the engine a response is; None: it has not begun, or is not known any more."""
        return self._talk.replies.generation_of(response_id)

    def item_of(self, generation: int) -> str:
        """The id of what this reply says; empty while it says nothing, or where it is not known any more."""
        response = self._talk.replies.find(generation)
        return response.message.id if response is not None and response.message is not None else ""

    def item_said(self, text: str) -> str:
        """The id of the caller's newest item, if ``text`` ends with its words; else empty."""
        for entry in reversed(list(self.conversation)):
            item = entry.item
            if item["type"] == "message" and item["role"] == "user":
                words = " ".join(part.get("transcript") or part.get("text") or "" for part in item["content"]).split()
                return entry.id if words and text.split()[-len(words):] == words else ""
        return ""

    def items_for_model(self) -> tuple[dict[str, Any], ...]:
        """The conversation, oldest first, with the words that were heard."""
        return self._talk.items_for_model()

    def opened(self) -> Step:
        """The client is there."""
        step = Step([events.event("session.created", session=self.session)])
        if self.beta:
            conversation = {"id": self._talk.conversation_id, "object": "realtime.conversation"}
            step.sends.append(events.event("conversation.created", conversation=conversation))
        return self._finished(step)

    def resumed(self, items: Iterable[dict[str, Any]], beta: bool = False) -> Step:
        """The client has a session already, which somebody else has held so far: ``items`` are its conversation, as
        text, ``beta`` is its dialect. Its configuration is told, because not all of it may be the same."""
        self.beta, self._updated = beta, True
        for item in items:
            if self.conversation.find(item["id"]) is None:
                self.conversation.append(Entry({**item, "object": "realtime.item", "status": "completed"}))
        return self._finished(Step([events.event("session.updated", session=self.session)]))

    def receive(self, raw: dict[str, Any] | str | bytes, now_s: float) -> Step:
        """A message of the client's: its text, or the JSON object in it. ``now_s`` in Unix seconds."""
        step = self._expire(now_s)
        if self._expired:
            return self._finished(step)
        data: object = raw
        try:
            data = self._translated(client.parsed(raw))
            event = client.event_of(data)
            requests.HANDLERS[event.type](self._talk, event, step)
        except Refused as refused:
            # What a handler has done before it refused is nothing: see ``requests``.
            step = Step([_error(refused, client.event_id_of(data))])
        return self._finished(step)

    def happened(self, happening: happen.Happening, now_s: float) -> Step:
        """Something happened on the engine's side."""
        step = self._expire(now_s)
        if not self._expired:
            tidings.HANDLERS[type(happening)](self._talk, happening, step)
            self._go_on(step)
        return self._finished(step)

    def tick(self, now_s: float) -> Step:
        """Time passes: a session that is too old ends. Due at ``session["expires_at"]``."""
        return self._finished(self._expire(now_s))

    def _translated(self, event: dict[str, Any]) -> dict[str, Any]:
        """The event in GA."""
        if event.get("type") in ("session.update", "transcription_session.update"):
            self.beta = self.beta or (not self._updated and dialect_beta.is_beta(event))
            self._updated = True
        return dialect_beta.decode(event) if self.beta else event

    def _finished(self, step: Step) -> Step:
        """In the client's dialect, with an id for each event."""
        sends = (dialect_beta.encode(event) if self.beta else event for event in step.sends)
        step.sends = [
            {"type": event["type"], "event_id": self._talk.make_id("event"), **event} for event in sends if event
        ]
        return step

    def _expire(self, now_s: float) -> Step:
        if self._expired or now_s < self.session["expires_at"]:
            return Step()
        self._expired = True
        minutes = self._talk.config.minutes
        message = f"Your session hit the maximum duration of {minutes} minute{'s' if minutes != 1 else ''}."
        sends = self._talk.replies.end_all("session_expired", message)
        sends.append(events.error(message, "session_expired", None, None))
        return Step(sends, [order.Close(WENT_AWAY, message)])

    def _go_on(self, step: Step) -> None:
        """A response that had to wait for another is due once that is done."""
        event = self._talk.queued
        if event is None or self._talk.replies.active:
            return
        self._talk.queued = None
        try:
            requests.response_create(self._talk, event, step)
        except Refused as refused:
            step.sends.append(_error(refused, event.event_id))


def _error(refused: Refused, client_event_id: str | None) -> dict[str, Any]:
    return events.error(refused.message, refused.code, refused.param, client_event_id, refused.kind)
