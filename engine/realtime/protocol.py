"""The state of one OpenAI Realtime session: what a client sent and what has happened become events for the client and
orders for the engine. Pure: ids and time are given, nothing is waited for.

    protocol = Protocol(SessionConfig(...), make_id)
    step = protocol.opened()                  # session.created
    step = protocol.receive(text, now_s)      # a client's event; what is wrong is an ``error`` event, never raised
    step = protocol.happened(happening, now_s)
    for event in step.sends: ...              # to the client, in this order
    for order in step.orders: ...             # to the engine (engine/realtime/orders.py), in this order
"""

import base64
import binascii
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from engine.realtime import clientevents as client
from engine.realtime import happenings as happen
from engine.realtime import orders as order
from engine.realtime import serverevents as events
from engine.realtime.config import Moment, SessionConfig
from engine.realtime.errors import Refused
from engine.realtime.hearing import Hearing
from engine.realtime.inputbuffer import InputBuffer
from engine.realtime.items import Bounds, Conversation, Entry, transcript_for_model
from engine.realtime.replies import CLIENT_CANCELLED, Replies
from engine.realtime.responses import Response
from engine.realtime.serverevents import Event

ITEM_ID_CODES = {"retrieve": "item_retrieve_invalid_item_id", "delete": "item_delete_invalid_item_id",
                 "truncate": "item_truncate_invalid_item_id"}


@dataclass(slots=True)
class Step:
    """What comes of one thing: events for the client, orders for the engine."""

    sends: list[Event] = field(default_factory=list)
    orders: list[order.Order] = field(default_factory=list)


class Protocol:
    """One session. ``config.whole`` is its configuration, ``conversation`` its items."""

    def __init__(
        self, config: SessionConfig, make_id: Callable[[str], str], *, bounds: Bounds | None = None,
        phone: bool = False, extensions: bool = False,
    ) -> None:
        """``make_id(prefix)`` gives an id that was never given before (``item_...``). ``phone``: the session belongs to
        a phone call, whose audio does not come from the client; then playback and digits are told. ``extensions``: the
        client understands ``extension.*`` events."""
        bounds = bounds or Bounds()
        self.config = config
        self.conversation = Conversation(bounds)
        self._make_id = make_id
        self._phone = phone
        self._extensions = extensions
        buffer = InputBuffer(config.whole["audio"]["input"]["format"], bounds.audio_bytes)
        self._conversation_id = make_id("conv")
        self._hearing = Hearing(self.conversation, buffer, make_id)
        self._replies = Replies(self.conversation, self._conversation_id, make_id)
        self._asked: set[str] = set()
        self._playing: Response | None = None
        self._next: client.ResponseCreate | None = None
        self._expired = False

    @property
    def session(self) -> dict[str, Any]:
        """The configuration as the client sees it."""
        return self.config.whole

    @property
    def responding(self) -> bool:
        """Whether a response of the conversation is running."""
        return self._replies.active is not None

    def generation_of(self, response_id: str) -> int | None:
        """Which reply of the engine a response is; None: it has not begun, or is not known any more."""
        return self._replies.generation_of(response_id)

    def items_for_model(self) -> tuple[dict[str, Any], ...]:
        """The conversation, oldest first, with the words that were heard."""
        return transcript_for_model(list(self.conversation))

    # ------------------------------------------------------------ what is told

    def opened(self) -> Step:
        """The client is there."""
        return self._stamped(Step([events.event("session.created", session=self.session)]))

    def resumed(self, items: Iterable[dict[str, Any]]) -> Step:
        """The client has a session already, which somebody else has held so far: ``items`` are its conversation, as
        text. Its configuration is told, because not all of it may be the same."""
        for item in items:
            if self.conversation.find(item["id"]) is None:
                self.conversation.append(Entry(_made(item, self._make_id)[0]))
        return self._stamped(Step([events.event("session.updated", session=self.session)]))

    def receive(self, raw: dict[str, Any] | str | bytes, now_s: float) -> Step:
        """A message of the client's: its text, or the JSON object in it. ``now_s`` in Unix seconds."""
        step = self._expire(now_s)
        if self._expired:
            return self._stamped(step)
        data: object = raw
        try:
            data = client.parsed(raw)
            event = client.event_of(data)
            self._CLIENT[event.type](self, event, step)
        except Refused as refused:
            step = Step([events.error(
                refused.message, refused.code, refused.param, client.event_id_of(data), refused.kind
            )])
        return self._stamped(step)

    def happened(self, happening: happen.Happening, now_s: float) -> Step:
        """Something happened on the engine's side. What belongs to nothing that is known is not told."""
        step = self._expire(now_s)
        if not self._expired:
            self._HAPPENINGS[type(happening)](self, happening, step)
            self._go_on(step)
        return self._stamped(step)

    def tick(self, now_s: float) -> Step:
        """Time passes: a session that is too old ends. Due at ``session["expires_at"]``."""
        return self._stamped(self._expire(now_s))

    # ------------------------------------------------------------ events of the client

    def _session_update(self, event: client.SessionUpdate, step: Step) -> None:
        moment = Moment(self.responding, self._replies.spoken,
                        not (len(self.conversation) or self._replies.count or self._hearing.buffer.ms))
        changed = self.config.update(event.session, moment)
        if any(name.startswith("audio.input.format") for name in changed):
            self._hearing.buffer.set_format(self.session["audio"]["input"]["format"])
        step.sends.append(events.event("session.updated", session=self.session))
        step.orders.append(order.Configure(self.session, changed))

    def _append(self, event: client.Append, step: Step) -> None:
        self._no_phone()
        audio = self._hearing.buffer.append(_decoded(event.audio, "audio"))
        if audio:
            step.orders.append(order.Hear(audio))

    def _commit(self, event: client.ClientEvent, step: Step) -> None:
        self._no_phone()
        item_id, sends = self._hearing.commit(self.session)
        step.sends += sends
        step.orders.append(order.CommitInput(item_id))

    def _clear_input(self, event: client.ClientEvent, step: Step) -> None:
        step.sends += self._hearing.clear()
        step.orders.append(order.ClearInput())

    def _clear_output(self, event: client.ClientEvent, step: Step) -> None:
        step.sends += self._playback_cleared()
        step.orders.append(order.ClearOutput())

    def _item_create(self, event: client.ItemCreate, step: Step) -> None:
        item = event.item.given()
        if item.get("id") and self.conversation.find(item["id"]):
            raise Refused(f"An item with the id {item['id']!r} exists already.", code="item_create_duplicate_item_id",
                          param="item.id")
        previous_id = event.previous_item_id
        if previous_id not in (None, "root") and self.conversation.find(str(previous_id)) is None:
            raise Refused(f"There is no item {previous_id!r} in the conversation.",
                          code="item_create_invalid_previous_item_id", param="previous_item_id")
        item, audio = _made(item, self._make_id)
        chars = _chars(item)
        self.conversation.room_for(chars)
        previous = self.conversation.insert_after(previous_id, Entry(item, chars=chars))
        self.conversation.keep_audio(item["id"], audio)
        step.sends += [events.item_added(item, previous), events.item_done(item, previous)]
        if audio and not any(part.get("transcript") for part in item["content"]):
            self._hearing.awaits(item["id"])
            step.orders.append(order.TranscribeItem(item["id"], audio))

    def _item_retrieve(self, event: client.ItemNamed, step: Step) -> None:
        entry = self._named(event.item_id, "retrieve")
        step.sends.append(events.event("conversation.item.retrieved", item=self.conversation.retrieved(entry)))

    def _item_delete(self, event: client.ItemNamed, step: Step) -> None:
        entry = self._named(event.item_id, "delete")
        if entry.item.get("status") == "in_progress" or _is_running(entry, self._replies.active):
            raise Refused(f"The item {event.item_id!r} is still being made: cancel its response first.",
                          param="item_id")
        self.conversation.delete(event.item_id)
        step.sends.append(events.event("conversation.item.deleted", item_id=event.item_id))

    def _item_truncate(self, event: client.ItemTruncate, step: Step) -> None:
        entry = self._named(event.item_id, "truncate")
        if entry.spoken is None or not _is_audio(entry):
            raise Refused("Only model output audio messages can be truncated", code="unsupported_content_type",
                          param="item_id")
        if event.content_index != 0:
            raise Refused(f"The item has no audio at content_index {event.content_index}.", param="content_index")
        # The client counts whole milliseconds and may round up.
        if event.audio_end_ms > entry.audio_ms + 1:
            raise Refused(f"Audio content of {int(entry.audio_ms)}ms is already shorter than {event.audio_end_ms}ms",
                          code=None)
        entry.cut(entry.spoken.heard(event.audio_end_ms), event.audio_end_ms)
        self._asked.add(event.item_id)
        step.sends.append(events.truncated(event.item_id, event.audio_end_ms))
        step.orders.append(order.Truncate(event.item_id, entry.response_id, event.audio_end_ms))

    def _response_create(self, event: client.ResponseCreate, step: Step) -> None:
        if self.session["type"] == "transcription":
            raise Refused("A transcription session gives no responses.", code="invalid_event")
        active, params = self._replies.active, event.response
        aside = params is not None and params.conversation == "none"
        if active and not aside and active.called_client and self._next is None:
            self._next = event
            return
        session = self.config.for_response(params, Moment(spoken=self._replies.spoken))
        items = self._input_of(params)
        metadata = params.metadata if params else None
        response, sends = self._replies.create(session, aside, metadata)
        step.sends += sends
        step.orders.append(order.Respond(response.id, items, session, aside, metadata or {}))

    def _response_cancel(self, event: client.ResponseCancel, step: Step) -> None:
        response, sends = self._replies.cancel(event.response_id)
        self._next = None
        step.sends += sends
        step.orders.append(order.CancelReply(response.id))

    # ------------------------------------------------------------ happenings

    def _speech_started(self, happening: happen.SpeechStarted, step: Step) -> None:
        step.sends += self._hearing.speech_started(happening, self.session)

    def _speech_stopped(self, happening: happen.SpeechStopped, step: Step) -> None:
        self._hearing.speech_stopped(happening.at_ms)

    def _turn_dropped(self, happening: happen.TurnDropped, step: Step) -> None:
        step.sends += self._hearing.dropped(happening.at_ms)

    def _turn_ended(self, happening: happen.TurnEnded, step: Step) -> None:
        step.sends += self._hearing.turn_ended(happening, self.session)

    def _transcribed(self, happening: happen.Transcribed, step: Step) -> None:
        step.sends += self._hearing.transcribed(happening, self.session)

    def _transcription_failed(self, happening: happen.TranscriptionFailed, step: Step) -> None:
        step.sends += self._hearing.transcription_failed(happening, self.session)

    def _reply_begun(self, happening: happen.ReplyBegun, step: Step) -> None:
        if self.session["type"] == "realtime":
            step.sends += self._replies.begun(happening.generation, happening.response_id, self.session)

    def _reply_words(self, happening: happen.ReplyWords, step: Step) -> None:
        response = self._replies.find(happening.generation)
        step.sends += response.words(happening.text) if response else []

    def _reply_audio(self, happening: happen.ReplyAudio, step: Step) -> None:
        step.sends += self._replies.audio(happening.generation, happening.audio, happening.ms)

    def _reply_cited(self, happening: happen.ReplyCited, step: Step) -> None:
        response = self._replies.find(happening.generation)
        if response is None or response.finished:
            return
        response.cited(happening.sources)
        if self._extensions:
            step.sends.append(events.cited(happening.sources, self.conversation.last_id))

    def _client_tool(self, happening: happen.ClientToolCalled, step: Step) -> None:
        response = self._replies.find(happening.generation)
        if response:
            step.sends += response.client_tool(happening.call_id, happening.name, happening.arguments)

    def _server_tool(self, happening: happen.ServerToolCalled, step: Step) -> None:
        response = self._replies.find(happening.generation)
        if response and happening.shown:
            step.sends += response.server_tool(happening.call_id, happening.name, happening.arguments)

    def _server_tool_returned(self, happening: happen.ServerToolReturned, step: Step) -> None:
        for response in self._replies.running:
            step.sends += response.server_tool_returned(happening.call_id, happening.output, happening.error)

    def _reply_ended(self, happening: happen.ReplyEnded, step: Step) -> None:
        step.sends += self._replies.ended(happening)

    def _reply_cut(self, happening: happen.ReplyCut, step: Step) -> None:
        sends = self._replies.cut(happening, self._phone)
        response = self._replies.find(happening.generation)
        if response and response is self._playing:
            sends += self._playback_cleared()
        if happening.by == CLIENT_CANCELLED or self._answers_turns():
            self._next = None
        step.sends += sends

    def _reply_failed(self, happening: happen.ReplyFailed, step: Step) -> None:
        step.sends += self._replies.failed(happening)

    def _truncated(self, happening: happen.Truncated, step: Step) -> None:
        entry = self.conversation.find(happening.item_id)
        asked = happening.item_id in self._asked
        self._asked.discard(happening.item_id)
        if entry is None or entry.spoken is None:
            return
        entry.cut(happening.heard, None if asked else happening.audio_end_ms)
        if not asked:
            step.sends.append(events.truncated(happening.item_id, happening.audio_end_ms))

    def _playback_started(self, happening: happen.PlaybackStarted, step: Step) -> None:
        response = self._replies.find(happening.generation)
        if response and self._phone and not response.finished:
            self._playing = response
            step.sends.append(events.event("output_audio_buffer.started", response_id=response.id))

    def _playback_stopped(self, happening: happen.PlaybackStopped, step: Step) -> None:
        response = self._replies.find(happening.generation)
        if response and response is self._playing:
            self._playing = None
            step.sends.append(events.event("output_audio_buffer.stopped", response_id=response.id))

    def _rate_limits(self, happening: happen.RateLimits, step: Step) -> None:
        self._replies.limits = happening.limits

    def _faulted(self, happening: happen.Faulted, step: Step) -> None:
        step.sends.append(events.error(happening.message, happening.code, None, None, "server_error"))

    def _digit(self, happening: happen.DigitReceived, step: Step) -> None:
        if self._phone:
            step.sends.append(events.event("input_audio_buffer.dtmf_event_received", event=happening.digit,
                                           received_at=happening.at_s))

    # ------------------------------------------------------------ parts of them

    def _stamped(self, step: Step) -> Step:
        """With an id for each event."""
        step.sends = [{"type": e["type"], "event_id": self._make_id("event"), **e} for e in step.sends]
        return step

    def _expire(self, now_s: float) -> Step:
        if self._expired or now_s < self.session["expires_at"]:
            return Step()
        self._expired = True
        message = "Your session hit the maximum duration."
        sends = self._replies.end_all("session_expired", message)
        sends.append(events.error(message, "session_expired", None, None))
        return Step(sends, [order.Close(1001, message)])

    def _go_on(self, step: Step) -> None:
        """A response that was asked for while a tool's call was being spoken about is due once that is done."""
        if self._next is None or self._replies.active:
            return
        event, self._next = self._next, None
        try:
            self._response_create(event, step)
        except Refused as refused:
            step.sends.append(events.error(refused.message, refused.code, refused.param, event.event_id, refused.kind))

    def _answers_turns(self) -> bool:
        """Whether the session itself answers what the caller says."""
        detection = self.session["audio"]["input"]["turn_detection"]
        return bool(detection and detection["create_response"])

    def _playback_cleared(self) -> list[Event]:
        response, self._playing = self._playing, None
        return [events.event("output_audio_buffer.cleared", response_id=response.id)] if response else []

    def _named(self, item_id: str, verb: str) -> Entry:
        entry = self.conversation.find(item_id)
        if entry is None:
            raise Refused(f"Error with the item: there is no item {item_id[:80]!r} in the conversation.",
                          code=ITEM_ID_CODES[verb], param="item_id")
        return entry

    def _input_of(self, params: client.ResponseParams | None) -> tuple[dict[str, Any], ...]:
        """What a response stands on: its own input, or the conversation."""
        if params is None or params.input is None:
            return self.items_for_model()
        entries = []
        for index, shape in enumerate(params.input):
            item = shape.given()
            if item["type"] == "item_reference":
                entry = self.conversation.find(item["id"])
                if entry is None:
                    raise Refused(f"There is no item {item['id'][:80]!r} in the conversation.",
                                  param=f"response.input[{index}].id")
                entries.append(entry)
            else:
                entries.append(Entry(_made(item, self._make_id)[0]))
        return transcript_for_model(entries)

    def _no_phone(self) -> None:
        if self._phone:
            raise Refused("The audio of this session is a phone call's.", code="invalid_event")

    _CLIENT: dict[str, Callable[..., None]] = {
        "session.update": _session_update,
        "input_audio_buffer.append": _append,
        "input_audio_buffer.commit": _commit,
        "input_audio_buffer.clear": _clear_input,
        "output_audio_buffer.clear": _clear_output,
        "conversation.item.create": _item_create,
        "conversation.item.retrieve": _item_retrieve,
        "conversation.item.delete": _item_delete,
        "conversation.item.truncate": _item_truncate,
        "response.create": _response_create,
        "response.cancel": _response_cancel,
    }
    _HAPPENINGS: dict[type, Callable[..., None]] = {
        happen.SpeechStarted: _speech_started,
        happen.SpeechStopped: _speech_stopped,
        happen.TurnDropped: _turn_dropped,
        happen.TurnEnded: _turn_ended,
        happen.Transcribed: _transcribed,
        happen.TranscriptionFailed: _transcription_failed,
        happen.ReplyBegun: _reply_begun,
        happen.ReplyWords: _reply_words,
        happen.ReplyAudio: _reply_audio,
        happen.ReplyCited: _reply_cited,
        happen.ClientToolCalled: _client_tool,
        happen.ServerToolCalled: _server_tool,
        happen.ServerToolReturned: _server_tool_returned,
        happen.ReplyEnded: _reply_ended,
        happen.ReplyCut: _reply_cut,
        happen.ReplyFailed: _reply_failed,
        happen.Truncated: _truncated,
        happen.PlaybackStarted: _playback_started,
        happen.PlaybackStopped: _playback_stopped,
        happen.RateLimits: _rate_limits,
        happen.Faulted: _faulted,
        happen.DigitReceived: _digit,
    }


def _decoded(text: str, param: str) -> bytes:
    """Audio out of base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(f"Invalid value for '{param}': it is not base64.", param=param) from None


def _made(item: dict[str, Any], make_id: Callable[[str], str]) -> tuple[dict[str, Any], bytes]:
    """A client's item as clients get it back, and its audio."""
    made = {name: value for name, value in item.items() if value is not None}
    made["id"] = made.get("id") or make_id("item")
    audio = b""
    if made["type"] in ("message", "function_call", "function_call_output"):
        made.update(object="realtime.item", status="completed")
    if made["type"] == "function_call":
        made.setdefault("call_id", make_id("call"))
    if made["type"] == "message":
        content = []
        for index, part in enumerate(made["content"]):
            kept = {name: value for name, value in part.items() if value is not None}
            sound = kept.pop("audio", None)
            if sound and part["type"] == "input_audio":
                audio += _decoded(sound, f"item.content[{index}].audio")
            content.append(kept)
        made["content"] = content
    return made, audio


def _chars(item: dict[str, Any]) -> int:
    """How much there is to keep of an item."""
    return 64 + len(str(item))


def _is_audio(entry: Entry) -> bool:
    return any(part["type"] == "output_audio" for part in entry.item.get("content", ()))


def _is_running(entry: Entry, active: Response | None) -> bool:
    return active is not None and entry.response_id == active.id
