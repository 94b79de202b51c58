"""A session driven by hand: every event that leaves it is checked against the SDK's own types, and against rules that
hold whatever is done."""

import base64
import itertools
import json
import re

from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from engine.realtime import happenings as happen
from engine.realtime.config import SessionConfig
from engine.realtime.protocol import Protocol, Step

SERVER_EVENT = TypeAdapter(RealtimeServerEvent)
NOW = 1_700_000_000.0
MS_100 = bytes(4800)


def counting():
    """Ids that count: item_1, item_2 ..."""
    counters: dict[str, itertools.count] = {}
    return lambda prefix: f"{prefix}_{next(counters.setdefault(prefix, itertools.count(1)))}"


def without_supersets(event: dict) -> dict:
    """The event as the SDK knows it: its audio/pcm has one rate, ours has three."""
    return json.loads(re.sub('"rate": (16000|8000)', '"rate": 24000', json.dumps(event)))


def check_nulls(event: dict) -> None:
    """What zod refuses in OpenAI's JavaScript SDK though Python's types take it: null where a field may be missing, and
    fields that are missing where null would do."""
    assert isinstance(event["event_id"], str)
    items = [event["item"]] if "item" in event else event.get("response", {}).get("output", [])
    for item in items:
        for name in ("id", "status", "call_id", "arguments", "name", "role", "content"):
            assert item.get(name, "") is not None, (name, event)
        if item["type"] == "mcp_call":
            assert "output" in item
        for part in item.get("content", []):
            assert part["type"] != "input_audio" or "transcript" in part, "as null, but there"
    if "part" in event:
        assert event["part"]["type"] in ("text", "audio")
        assert all(value is not None for value in event["part"].values())
    if event["type"] == "rate_limits.updated":
        assert all(value is not None for limit in event["rate_limits"] for value in limit.values())
    if event["type"].endswith("transcription.failed"):
        assert all(value is not None for value in event["error"].values())
    voice = event.get("response", {}).get("audio", {}).get("output", {}).get("voice", "")
    assert isinstance(voice, str)


class Session:
    """A protocol, the events it has sent and the orders it has given."""

    def __init__(self, given: dict | None = None, **options):
        config = SessionConfig("sess_1", "local", expires_at=int(NOW) + 3600, given=given)
        self.protocol = Protocol(config, counting(), **options)
        self.sent: list[dict] = []
        self.orders: list = []
        self.now = NOW
        self._take(self.protocol.opened())

    def _take(self, step: Step) -> list[dict]:
        for event in step.sends:
            if not event["type"].startswith("extension.") and not self.protocol.beta:
                SERVER_EVENT.validate_python(without_supersets(event))
            check_nulls(event)
            json.dumps(event, ensure_ascii=False).encode()
        # What was sent must not change afterwards: keep it as the wire has it.
        fresh = [json.loads(json.dumps(event)) for event in step.sends]
        self.sent += fresh
        self.orders += step.orders
        return fresh

    def client(self, kind: str, **fields) -> list[dict]:
        return self._take(self.protocol.receive(json.dumps({"type": kind, **fields}), self.now))

    def raw(self, text) -> list[dict]:
        return self._take(self.protocol.receive(text, self.now))

    def tell(self, *happenings) -> list[dict]:
        return [event for h in happenings for event in self._take(self.protocol.happened(h, self.now))]

    def tick(self, now: float) -> list[dict]:
        self.now = now
        return self._take(self.protocol.tick(now))

    def write(self, audio: bytes) -> list[dict]:
        return self.client("input_audio_buffer.append", audio=base64.b64encode(audio).decode())

    def update(self, **session) -> list[dict]:
        return self.client("session.update", session={"type": "realtime", **session})

    def note(self, text: str = "hello", **fields) -> dict:
        """A text item of the caller's; the item."""
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        return self.client("conversation.item.create", item=item, **fields)[0]["item"]

    def say(self, generation: int, *clauses: tuple[str, int], response_id: str = "") -> list[dict]:
        """A reply of clauses (text, milliseconds), begun and told, not ended."""
        told = self.tell(happen.ReplyBegun(generation, response_id))
        for text, ms in clauses:
            told += self.tell(happen.ReplyWords(generation, text), happen.ReplyAudio(generation, bytes(48 * ms), ms))
        return told


def kinds(events: list[dict]) -> list[str]:
    return [event["type"] for event in events]


def error_of(events: list[dict]) -> dict:
    """The one error event among them."""
    (event,) = [event for event in events if event["type"] == "error"]
    return event["error"]
