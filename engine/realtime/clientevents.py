"""The eleven events that clients send, as they are read from the wire. Pure."""

import json
from typing import Any

from pydantic import Field

from engine.realtime.errors import Refused
from engine.realtime.itemshapes import Item
from engine.realtime.shape import Shape, taken
from engine.realtime.shapes import ResponseParams

MAX_EVENT_CHARS = 15 << 20
"""Largest event (OpenAI: 15 MiB an ``input_audio_buffer.append``)."""


class ClientEvent(Shape):
    """What all have; ``event_id`` is the client's own and comes back in errors."""

    type: str
    event_id: str | None = Field(None, max_length=512)


class SessionUpdate(ClientEvent):
    """``session`` is read by ``engine.realtime.config``."""

    session: dict[str, Any]


class Append(ClientEvent):
    """``audio`` is base64."""

    audio: str


class Bare(ClientEvent):
    """An event that says no more than its name."""


class ItemCreate(ClientEvent):
    """A new item; ``previous_item_id`` is the one before it, "root" is the front, null the end."""

    item: Item
    previous_item_id: str | None = None


class ItemNamed(ClientEvent):
    """Delete or retrieve."""

    item_id: str


class ItemTruncate(ClientEvent):
    """So much of the agent's item was heard."""

    item_id: str
    content_index: int = Field(ge=0)
    audio_end_ms: int = Field(ge=0)


class ResponseCreate(ClientEvent):
    """A response is wanted."""

    response: ResponseParams | None = None


class ResponseCancel(ClientEvent):
    """A response is wanted no more; without an id the one that is running."""

    response_id: str | None = None


EVENTS: dict[str, type[ClientEvent]] = {
    "session.update": SessionUpdate,
    "input_audio_buffer.append": Append,
    "input_audio_buffer.commit": Bare,
    "input_audio_buffer.clear": Bare,
    "output_audio_buffer.clear": Bare,
    "conversation.item.create": ItemCreate,
    "conversation.item.retrieve": ItemNamed,
    "conversation.item.truncate": ItemTruncate,
    "conversation.item.delete": ItemNamed,
    "response.create": ResponseCreate,
    "response.cancel": ResponseCancel,
}


def parsed(raw: dict[str, Any] | str | bytes) -> dict[str, Any]:
    """The JSON object of a message. ``Refused`` (``invalid_event``) if it is none."""
    if isinstance(raw, dict):
        return raw
    if len(raw) > MAX_EVENT_CHARS:
        raise Refused(f"The event is larger than {MAX_EVENT_CHARS >> 20} MiB.", code="invalid_event")
    try:
        event = json.loads(raw, parse_constant=_no_number)
        _writable(event)
    except (ValueError, RecursionError):
        raise Refused("The message is not JSON.", code="invalid_event") from None
    if not isinstance(event, dict):
        raise Refused("An event is a JSON object with a 'type'.", code="invalid_event")
    return event


def _no_number(name: str) -> None:
    """NaN and Infinity are not JSON, though Python reads them."""
    raise ValueError(name)


def _writable(event: object) -> None:
    """Halves of surrogate pairs can be read but not sent again; ``UnicodeEncodeError`` (a ``ValueError``) if there is
    one. Audio is base64 and checked where it is decoded."""
    if isinstance(event, dict) and event.get("type") != "input_audio_buffer.append":
        json.dumps(event, ensure_ascii=False).encode()


def event_of(data: dict[str, Any]) -> ClientEvent:
    """The event in its shape. ``Refused`` says what is wrong with it."""
    kind = data.get("type")
    if kind is None:
        raise Refused("Missing required parameter: 'type'.", code="missing_required_parameter", param="type")
    shape = EVENTS.get(kind) if isinstance(kind, str) else None
    if shape is None:
        known = ", ".join(EVENTS)
        raise Refused(f"Invalid value for 'type': {str(kind)[:80]!r}. Supported are: {known}.", param="type")
    return taken(shape, data)


def event_id_of(data: object) -> str | None:
    """The client's own id of an event, if it has a usable one."""
    found = data.get("event_id") if isinstance(data, dict) else None
    return found[:512] if isinstance(found, str) else None
