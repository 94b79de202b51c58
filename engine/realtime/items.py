"""The items of a Realtime conversation and their order. Pure; bounded in number, text and kept audio."""

import base64
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.realtime.errors import Refused
from engine.realtime.spoken import Spoken

LEAST_CHARS = 64
"""What an item counts for at least."""

ROOT = "root"
"""``previous_item_id`` of an item that goes to the front."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one conversation may hold."""

    items: int = 2000
    """Items that clients may have made, by events or by speech, and not deleted; beyond, their events are refused."""

    chars: int = 8 << 20
    """Characters in them."""

    audio_bytes: int = 2 << 20
    """Audio of the caller's items that is kept for ``conversation.item.retrieve`` (44 s at 24 kHz); the oldest goes
    first, its item then comes without audio."""


@dataclass(slots=True, eq=False)
class Entry:
    """One item. ``item`` is it as clients get it, without audio. ``heard``: the words of it that were heard, where that
    is known to be less than all; ``response_id``: of the response it belongs to; ``spoken``: of an agent's answer."""

    item: dict[str, Any]
    response_id: str = ""
    spoken: Spoken | None = None
    heard: str | None = None
    limit_ms: float | None = None
    chars: int = 0

    @property
    def id(self) -> str:
        """Of the item."""
        return str(self.item["id"])

    @property
    def audio_ms(self) -> float:
        """Audio of the answer that counts: what was sent of it, or less once it was truncated."""
        sent = self.spoken.ms if self.spoken else 0.0
        return sent if self.limit_ms is None else min(self.limit_ms, sent)

    def cut(self, heard: str, limit_ms: float | None = None) -> None:
        """Only these words of it were heard. ``limit_ms``: the audio ends there."""
        self.heard = heard
        if limit_ms is not None:
            self.limit_ms = limit_ms


class Conversation:
    """The items, in order."""

    def __init__(self, bounds: Bounds) -> None:
        """Empty."""
        self._bounds = bounds
        self._entries: list[Entry] = []
        self._by_id: dict[str, Entry] = {}
        self._audio: OrderedDict[str, bytes] = OrderedDict()
        self._audio_bytes = 0
        self._chars = 0
        self._made = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def find(self, item_id: str) -> Entry | None:
        """By its id."""
        return self._by_id.get(item_id)

    @property
    def last_id(self) -> str | None:
        """Of the item at the end."""
        return self._entries[-1].id if self._entries else None

    def room_for(self, chars: int) -> None:
        """``Refused`` if clients have made too much already."""
        if self._made >= self._bounds.items:
            raise Refused(f"The conversation has {self._bounds.items} items of the client's already. Delete some.",
                          code="conversation_too_long")
        if self._chars + chars > self._bounds.chars:
            raise Refused(f"The client's items would be longer than {self._bounds.chars} characters together.",
                          code="conversation_too_long")

    def append(self, entry: Entry) -> str | None:
        """At the end; the id of the item before it."""
        return self._insert(entry, len(self._entries))

    def insert_after(self, previous_id: str | None, entry: Entry) -> str | None:
        """After the named item, at the front ("root"), or at the end (None); the id of the item before it."""
        if previous_id == ROOT:
            return self._insert(entry, 0)
        if previous_id is None:
            return self.append(entry)
        return self._insert(entry, self._entries.index(self._by_id[previous_id]) + 1)

    def before(self, entry: Entry) -> str | None:
        """The id of the item before this one; None at the front, or if it was deleted."""
        index = self._entries.index(entry) if entry.id in self._by_id else 0
        return self._entries[index - 1].id if index else None

    def delete(self, item_id: str) -> None:
        """It is no more, nor its audio."""
        entry = self._by_id.pop(item_id)
        self._entries.remove(entry)
        self._made -= 1 if entry.chars else 0
        self._chars -= entry.chars
        self._audio_bytes -= len(self._audio.pop(item_id, b""))

    def keep_audio(self, item_id: str, audio: bytes) -> None:
        """Audio of the caller's item, as it came."""
        if not audio or len(audio) > self._bounds.audio_bytes:
            return
        self._audio[item_id] = audio
        self._audio_bytes += len(audio)
        while self._audio_bytes > self._bounds.audio_bytes:
            _, oldest = self._audio.popitem(last=False)
            self._audio_bytes -= len(oldest)

    def retrieved(self, entry: Entry) -> dict[str, Any]:
        """The item with what is kept of its audio, and the words of it that were heard."""
        item = _with_heard(entry)
        audio = self._audio.get(entry.id)
        if audio is not None:
            part = next(p for p in item["content"] if p["type"] == "input_audio")
            part["audio"] = base64.b64encode(audio).decode()
        return item

    def _insert(self, entry: Entry, index: int) -> str | None:
        self._entries.insert(index, entry)
        self._by_id[entry.id] = entry
        self._made += 1 if entry.chars else 0
        self._chars += entry.chars
        return self._entries[index - 1].id if index else None


def transcript_for_model(entries: list[Entry]) -> tuple[dict[str, Any], ...]:
    """The conversation as a model should know it: of the agent's items the words that were heard, no item that is empty
    or not finished, and the engine's own tool calls of a response before what it said of them."""
    shown: list[Entry] = []
    for entry in entries:
        at = len(shown)
        if entry.item["type"] == "mcp_call" and entry.response_id:
            while at and shown[at - 1].response_id == entry.response_id and shown[at - 1].item["type"] == "message":
                at -= 1
        shown.insert(at, entry)
    items = (_with_heard(entry) for entry in shown)
    return tuple(item for item in items if _counts(item))


def _with_heard(entry: Entry) -> dict[str, Any]:
    """The item, copied as deep as it may be changed; only the words that were heard."""
    item = dict(entry.item)
    if "content" in item:
        item["content"] = [dict(part) for part in item["content"]]
        if entry.heard is not None:
            _say_only(item["content"], entry.heard)
    return item


def _say_only(content: list[dict[str, Any]], heard: str) -> None:
    for part in content:
        for name in ("transcript", "text"):
            if name in part:
                part[name] = heard
                heard = ""


def _counts(item: dict[str, Any]) -> bool:
    """Whether an item says anything."""
    if item["type"] == "function_call":
        return item.get("status") != "in_progress"
    if item["type"] != "message":
        return item["type"] != "mcp_list_tools"
    return any(part.get("text") or part.get("transcript") or part["type"] == "input_image" for part in item["content"])
