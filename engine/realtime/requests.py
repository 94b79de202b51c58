"""What each of the eleven client events does to a session. ``Refused`` where it may not be done: then nothing changed.
Pure."""

import base64
import binascii
from collections.abc import Callable
from typing import Any

from engine.realtime import clientevents as client
from engine.realtime import orders as order
from engine.realtime import serverevents as events
from engine.realtime.config import Moment
from engine.realtime.errors import Refused
from engine.realtime.items import LEAST_CHARS, ROOT, Entry, transcript_for_model
from engine.realtime.serverevents import Event
from engine.realtime.shapes import ResponseParams
from engine.realtime.talk import Step, Talk

_MADE_BY_US = ("message", "function_call", "function_call_output")


def session_update(talk: Talk, event: client.SessionUpdate, step: Step) -> None:
    """``session.update``."""
    before = talk.session
    if any(isinstance(tool, dict) and tool.get("type") == "mcp" for tool in _list(event.session.get("tools"))):
        talk.conversation.room_for(LEAST_CHARS)
    moment = Moment(talk.replies.active is not None, talk.replies.spoken, talk.untouched)
    changed = talk.config.update(event.session, moment)
    if "audio.input.format" in changed:
        talk.hearing.buffer.set_format(talk.session["audio"]["input"]["format"])
    step.sends.append(events.event("session.updated", session=talk.session))
    step.orders.append(order.Configure(talk.session, changed))
    if "tools" in changed:
        step.sends += _remote_tools(talk, before.get("tools") or [])


def append(talk: Talk, event: client.Append, step: Step) -> None:
    """``input_audio_buffer.append``. There is no answer to it."""
    _refuse_on_phone(talk)
    audio = talk.hearing.buffer.append(_decoded(event.audio, "audio"))
    if audio:
        step.orders.append(order.Hear(audio))


def commit(talk: Talk, event: client.ClientEvent, step: Step) -> None:
    """``input_audio_buffer.commit``: an item, but no response."""
    _refuse_on_phone(talk)
    item_id, sends = talk.hearing.commit(talk.session)
    step.sends += sends
    step.orders.append(order.CommitInput(item_id))


def clear_input(talk: Talk, event: client.ClientEvent, step: Step) -> None:
    """``input_audio_buffer.clear``."""
    step.sends += talk.hearing.clear()
    step.orders.append(order.ClearInput())


def clear_output(talk: Talk, event: client.ClientEvent, step: Step) -> None:
    """``output_audio_buffer.clear``. Answered where something is being heard on the phone."""
    step.sends += talk.playback_cleared()
    step.orders.append(order.ClearOutput())


def item_create(talk: Talk, event: client.ItemCreate, step: Step) -> None:
    """``conversation.item.create``."""
    item, audio = _made(event.item.given(), talk.make_id, "item")
    if talk.conversation.find(item["id"]):
        raise Refused(f"An item with the id {item['id']!r} exists already.", code="item_create_duplicate_item_id",
                      param="item.id")
    previous_id = event.previous_item_id
    if previous_id not in (None, ROOT) and talk.conversation.find(str(previous_id)) is None:
        raise Refused(f"There is no item {str(previous_id)[:80]!r} in the conversation.",
                      code="item_create_invalid_previous_item_id", param="previous_item_id")
    chars = _chars(item)
    talk.conversation.room_for(chars)
    previous = talk.conversation.insert_after(previous_id, Entry(item, chars=chars))
    talk.conversation.keep_audio(item["id"], audio)
    step.sends += [events.item_added(item, previous), events.item_done(item, previous)]
    if _says(item):
        step.orders.append(order.Note(item))
    if audio and not any(part.get("transcript") for part in item["content"]):
        talk.hearing.awaits(item["id"])
        step.orders.append(order.TranscribeItem(item["id"], audio))


def item_retrieve(talk: Talk, event: client.ItemNamed, step: Step) -> None:
    """``conversation.item.retrieve``: with the audio, while that is kept."""
    entry = _named(talk, event.item_id, "retrieve")
    step.sends.append(events.event("conversation.item.retrieved", item=talk.conversation.retrieved(entry)))


def item_delete(talk: Talk, event: client.ItemNamed, step: Step) -> None:
    """``conversation.item.delete``."""
    entry = _named(talk, event.item_id, "delete")
    active = talk.replies.active
    if active and entry.response_id == active.id:
        raise Refused(f"The item {event.item_id!r} is still being made: cancel its response first.", param="item_id")
    talk.conversation.delete(event.item_id)
    talk.hearing.forget(event.item_id)
    talk.truncating.discard(event.item_id)
    step.sends.append(events.event("conversation.item.deleted", item_id=event.item_id))


def item_truncate(talk: Talk, event: client.ItemTruncate, step: Step) -> None:
    """``conversation.item.truncate``: of the agent's item only the words within so much audio were heard."""
    entry = _named(talk, event.item_id, "truncate")
    spoken = entry.spoken
    if spoken is None or not any(part["type"] == "output_audio" for part in entry.item["content"]):
        raise Refused("Only model output audio messages can be truncated", code="unsupported_content_type",
                      param="item_id")
    if event.content_index != 0:
        raise Refused(f"The item has no audio at content_index {event.content_index}.", param="content_index")
    # A client counts whole milliseconds, and may round up.
    if event.audio_end_ms > entry.audio_ms + 1:
        raise Refused(f"Audio content of {int(entry.audio_ms)}ms is already shorter than {event.audio_end_ms}ms",
                      code=None)
    entry.cut(spoken.heard(event.audio_end_ms), event.audio_end_ms)
    talk.truncating.add(event.item_id)
    step.sends.append(events.truncated(event.item_id, event.audio_end_ms))
    step.orders.append(order.Truncate(event.item_id, entry.response_id, event.audio_end_ms))


def response_create(talk: Talk, event: client.ResponseCreate, step: Step) -> None:
    """``response.create``. While the agent still speaks about a tool that the client has just answered, it waits."""
    if talk.session["type"] == "transcription":
        raise Refused("A transcription session gives no responses.", code="invalid_event")
    params, active = event.response, talk.replies.active
    aside = params is not None and params.conversation == "none"
    if active and active.called_client and not aside and talk.queued is None:
        talk.queued = event
        return
    session = talk.config.for_response(params, Moment(spoken=talk.replies.spoken))
    items = _input_of(talk, params)
    metadata = params.metadata if params else None
    response, sends = talk.replies.create(session, aside, metadata)
    step.sends += sends
    step.orders.append(order.Respond(response.id, items, session, aside, metadata or {}))


def response_cancel(talk: Talk, event: client.ResponseCancel, step: Step) -> None:
    """``response.cancel``: the client hears at once that it is done."""
    response, sends = talk.replies.cancel(event.response_id)
    talk.queued = None
    step.sends += sends
    if response:
        step.orders.append(order.CancelReply(response.id))


HANDLERS: dict[str, Callable[..., None]] = {
    "session.update": session_update,
    "input_audio_buffer.append": append,
    "input_audio_buffer.commit": commit,
    "input_audio_buffer.clear": clear_input,
    "output_audio_buffer.clear": clear_output,
    "conversation.item.create": item_create,
    "conversation.item.retrieve": item_retrieve,
    "conversation.item.delete": item_delete,
    "conversation.item.truncate": item_truncate,
    "response.create": response_create,
    "response.cancel": response_cancel,
}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _named(talk: Talk, item_id: str, verb: str) -> Entry:
    entry = talk.conversation.find(item_id)
    if entry is None:
        raise Refused(f"There is no item {item_id[:80]!r} in the conversation.",
                      code=f"item_{verb}_invalid_item_id", param="item_id")
    return entry


def _refuse_on_phone(talk: Talk) -> None:
    if talk.phone:
        raise Refused("The audio of this session is a phone call's.", code="invalid_event")


def _input_of(talk: Talk, params: ResponseParams | None) -> tuple[dict[str, Any], ...]:
    """What a response stands on: its own input, or the conversation."""
    if params is None or params.input is None:
        return talk.items_for_model()
    entries = []
    for index, shape in enumerate(params.input):
        item = shape.given()
        if item["type"] != "item_reference":
            entries.append(Entry(_made(item, talk.make_id, f"response.input[{index}]")[0]))
            continue
        entry = talk.conversation.find(item["id"])
        if entry is None:
            raise Refused(f"There is no item {item['id'][:80]!r} in the conversation.",
                          param=f"response.input[{index}].id")
        entries.append(entry)
    return transcript_for_model(entries)


def _remote_tools(talk: Talk, before: list[dict[str, Any]]) -> list[Event]:
    """Remote MCP servers of the client's are not asked: that their tools cannot be listed is said as the protocol has
    it. (An operator's own MCP servers are skills.)"""
    sends: list[Event] = []
    for tool in talk.session.get("tools", ()):
        if tool["type"] != "mcp" or tool in before:
            continue
        item = {"id": talk.make_id("mcpl"), "type": "mcp_list_tools", "server_label": tool["server_label"],
                "tools": []}
        previous = talk.conversation.append(Entry(item, chars=LEAST_CHARS))
        sends += [events.item_added(item, previous),
                  events.event("mcp_list_tools.in_progress", item_id=item["id"]),
                  events.event("mcp_list_tools.failed", item_id=item["id"]),
                  events.item_done(item, previous)]
    return sends


def _made(item: dict[str, Any], make_id: Callable[[str], str], where: str) -> tuple[dict[str, Any], bytes]:
    """A client's item as clients get it back, and its audio. ``where`` it stands in the event."""
    made = {name: value for name, value in item.items() if value is not None}
    made["id"] = made.get("id") or make_id("item")
    if made["type"] in _MADE_BY_US:
        made.update(object="realtime.item", status="completed")
    if made["type"] == "function_call":
        made["call_id"] = made.get("call_id") or make_id("call")
    audio = b""
    for index, part in enumerate(made.get("content", ()) if made["type"] == "message" else ()):
        sound = part.pop("audio", None)
        if sound and part["type"] == "input_audio":
            audio += _decoded(sound, f"{where}.content[{index}].audio")
        for name in [name for name, value in part.items() if value is None]:
            del part[name]
        if part["type"] == "input_audio":
            part.setdefault("transcript", None)  # zod wants it to be there
    return made, audio


def _says(item: dict[str, Any]) -> bool:
    """Whether somebody said it: the caller in words, or a tool of the client's."""
    if item["type"] == "message":
        return item["role"] == "user" and any(part.get("text") or part.get("transcript") for part in item["content"])
    return bool(item["type"] == "function_call_output")


def _chars(item: dict[str, Any]) -> int:
    """How much there is to keep of an item, about."""
    return LEAST_CHARS + len(str(item))


def _decoded(text: str, param: str) -> bytes:
    """Audio out of base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(f"Invalid value for '{param}': it is not base64.", param=param) from None
