"""What a session with the upstream consists of, so that it can be told to a new connection: its configuration, and the
conversation as text. Pure.

What was said aloud comes back as its transcript: audio cannot be put into a new session as the model's own words, and
the caller's would be paid for again.
"""

import json
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Event = dict[str, Any]

MOST_ITEMS = 2000
"""Items that are kept; a session of an hour has a few hundred."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a conversation as text. ``interrupted``: the agent had more to say."""

    who: Literal["user", "agent", "system"]
    text: str
    interrupted: bool = False


class Memory:
    """Told every event that goes up and every one that comes down, in their order."""

    def __init__(self, history_chars: int) -> None:
        """``history_chars``: how much of the conversation ``replay`` tells."""
        self._limit = history_chars
        self._session: Event = {}
        self._asked: OrderedDict[str, Event] = OrderedDict()
        self._items: OrderedDict[str, Event] = OrderedDict()
        self._texts: dict[str, str] = {}
        self._audio_bytes: dict[str, int] = {}
        self._cut: set[str] = set()
        self._unheard: set[str] = set()

    # ------------------------------------------------------------ told

    def sent(self, event: Mapping[str, Any]) -> None:
        """It went up. A ``session.update`` counts once it was answered; it must have an ``event_id``."""
        if event.get("type") == "session.update":
            self._asked[str(event.get("event_id"))] = dict(event.get("session") or {})

    def received(self, event: Mapping[str, Any]) -> None:
        """It came down."""
        handle = _HANDLERS.get(str(event.get("type")))
        if handle is not None:
            handle(self, event)

    def heard(self, item_id: str, text: str) -> None:
        """Of this item of the model's only ``text`` was heard; "" takes it out."""
        if text.strip():
            self._texts[item_id] = text.strip()
            self._cut.add(item_id)
        else:
            self._unheard.add(item_id)
            self._forget(item_id)

    # ------------------------------------------------------------ asked

    def replay(self) -> list[Event]:
        """The events that make a new session what the old one was."""
        events: list[Event] = []
        if self._session:
            events.append({"type": "session.update", "event_id": "replay", "session": self._session})
        events += [{"type": "conversation.item.create", "event_id": f"replay_{number}", "item": item}
                   for number, item in enumerate(self.items())]
        return events

    def unanswered(self) -> list[Event]:
        """Updates of the session that were sent and not answered."""
        return [{"type": "session.update", "event_id": event_id, "session": asked}
                for event_id, asked in self._asked.items()]

    def forget_unanswered(self) -> None:
        """Whoever sent them will do so again."""
        self._asked.clear()

    def items(self) -> list[Event]:
        """The conversation as items with text, oldest first, the newest ``history_chars`` of it. Calls of functions
        stand together with their outputs, or not at all: the service takes no output without its call."""
        written = [item for item in map(self._written, self._items.values()) if item is not None]
        kept: list[Event] = []
        room = self._limit
        for item in reversed(written):
            room -= len(json.dumps(item, ensure_ascii=False))
            if room < 0:
                break
            kept.append(item)
        kept.reverse()
        called = {item["call_id"] for item in kept if item["type"] == "function_call"}
        answered = {item["call_id"] for item in kept if item["type"] == "function_call_output"}
        whole = called & answered
        return [item for item in kept if item["type"] == "message" or item["call_id"] in whole]

    def lines(self) -> list[Line]:
        """The conversation as it was said, oldest first."""
        found = []
        for item_id, item in self._items.items():
            text = self._text(item)
            if item["type"] == "message" and text:
                who = {"user": "user", "assistant": "agent"}.get(str(item.get("role")), "system")
                found.append(Line(who, text, item_id in self._cut))  # type: ignore[arg-type]  # one of the three
        return found

    @property
    def owes_answer(self) -> bool:
        """Whether the last one who said something was not the model. What it was only about to say does not count."""
        for item in reversed(self._items.values()):
            if item["type"] == "function_call_output" or item.get("role") == "user":
                return True
            if item.get("role") == "assistant" and self._text(item):
                return False
        return False

    # ------------------------------------------------------------ inside

    def _updated(self, event: Mapping[str, Any]) -> None:
        if self._asked:
            _, asked = self._asked.popitem(last=False)
            self._session = _merged(self._session, asked)

    def _wrong(self, event: Mapping[str, Any]) -> None:
        error = event.get("error")
        if isinstance(error, Mapping):
            self._asked.pop(str(error.get("event_id")), None)

    def _item(self, event: Mapping[str, Any]) -> None:
        item = event.get("item")
        if not isinstance(item, Mapping) or not isinstance(item.get("id"), str):
            return
        if item.get("type") not in ("message", "function_call", "function_call_output"):
            return
        item_id = item["id"]
        if item_id in self._unheard:
            return
        known = item_id in self._items
        self._items[item_id] = _slim(item)
        before = event.get("previous_item_id")
        if not known:
            if before == "root":
                self._items.move_to_end(item_id, last=False)
            elif isinstance(before, str) and before in self._items:
                self._place(item_id, before)
            while len(self._items) > MOST_ITEMS:
                self._forget(next(iter(self._items)))

    def _place(self, item_id: str, before: str) -> None:
        """Right behind ``before``: the caller's words may be added after the answer to them."""
        ids = list(self._items)
        for later in ids[ids.index(before) + 1:]:
            if later != item_id:
                self._items.move_to_end(later)

    def _transcript(self, event: Mapping[str, Any]) -> None:
        item_id, text = event.get("item_id"), event.get("transcript", event.get("text"))
        if isinstance(item_id, str) and isinstance(text, str) and item_id not in self._cut:
            self._texts[item_id] = text.strip()

    def _audio(self, event: Mapping[str, Any]) -> None:
        item_id = str(event.get("item_id"))
        self._audio_bytes[item_id] = self._audio_bytes.get(item_id, 0) + len(str(event.get("delta"))) * 3 // 4

    def _truncated(self, event: Mapping[str, Any]) -> None:
        """A client says how much was heard: so much of the words, where nobody knew it better."""
        item_id, end_ms = str(event.get("item_id")), event.get("audio_end_ms")
        item = self._items.get(item_id)
        if item is None or item_id in self._cut or not isinstance(end_ms, int):
            return
        words = self._text(item).split()
        length_ms = self._audio_bytes.get(item_id, 0) / self._bytes_a_ms()
        share = min(1.0, end_ms / length_ms) if length_ms else 0.0
        self.heard(item_id, " ".join(words[:int(len(words) * share)]))

    def _bytes_a_ms(self) -> int:
        output = self._session.get("audio", {}).get("output", {})
        return 8 if output.get("format", {}).get("type") in ("audio/pcmu", "audio/pcma") else 48

    def _deleted(self, event: Mapping[str, Any]) -> None:
        self._forget(str(event.get("item_id")))

    def _forget(self, item_id: str) -> None:
        self._items.pop(item_id, None)
        self._texts.pop(item_id, None)
        self._audio_bytes.pop(item_id, None)
        self._cut.discard(item_id)

    def _text(self, item: Mapping[str, Any]) -> str:
        said = self._texts.get(str(item.get("id")))
        if said is not None:
            return said
        parts = [str(part.get("text") or part.get("transcript") or "") for part in item.get("content") or ()]
        return " ".join(part.strip() for part in parts if part.strip())

    def _written(self, item: Event) -> Event | None:
        """An item as it is created anew; None where there are no words in it."""
        if item["type"] != "message":
            return {name: item[name] for name in ("id", "type", "call_id", "name", "arguments", "output")
                    if item.get(name) is not None}
        text = self._text(item)
        if not text:
            return None
        kind = "output_text" if item.get("role") == "assistant" else "input_text"
        return {"id": item["id"], "type": "message", "role": item["role"], "content": [{"type": kind, "text": text}]}


_HANDLERS = {
    "session.updated": Memory._updated,
    "error": Memory._wrong,
    "conversation.item.added": Memory._item,
    "conversation.item.created": Memory._item,
    "conversation.item.done": Memory._item,
    "conversation.item.deleted": Memory._deleted,
    "conversation.item.truncated": Memory._truncated,
    "response.output_audio.delta": Memory._audio,
    "conversation.item.input_audio_transcription.completed": Memory._transcript,
    "response.output_audio_transcript.done": Memory._transcript,
    "response.output_text.done": Memory._transcript,
}


def _slim(item: Mapping[str, Any]) -> Event:
    """An item without audio and images."""
    kept = {name: item[name] for name in ("id", "type", "role", "call_id", "name", "arguments", "output")
            if item.get(name) is not None}
    if item.get("type") == "message":
        kept["content"] = [{name: part[name] for name in ("text", "transcript") if part.get(name)}
                           for part in item.get("content") or () if isinstance(part, Mapping)]
    return kept


def _merged(session: Event, change: Mapping[str, Any]) -> Event:
    """A configuration after an update: groups are merged, ``turn_detection`` of another type takes the place of the
    old one."""
    merged = dict(session)
    for name, value in change.items():
        old = merged.get(name)
        merged[name] = value
        if isinstance(old, dict) and isinstance(value, Mapping):
            same_kind = name == "turn_detection" and value.get("type", old.get("type")) == old.get("type")
            if same_kind or name in ("audio", "input", "output"):
                merged[name] = _merged(old, value)
    return merged


__all__ = ["Event", "Line", "Memory"]
