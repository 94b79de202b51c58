"""What is rewritten between a client and the upstream that stands behind the server. Pure.

    rewriter = Rewriter(terms, extensions=True)
    step = rewriter.open()                         what goes up first
    step = rewriter.from_client(text)              -> step.up, step.down
    step = rewriter.from_upstream(event, text)     -> and step.calls: functions to run here
    step = rewriter.tool_done(call, output, shown)
    step = rewriter.lost()                         the connection to the upstream; open(again=True) when it is back

The client holds an ordinary GA session with a model that has no tools: calls of the server's functions, their outputs
and the responses that they take are not shown, and it cannot interfere with them. What concerns neither passes as it
came, byte for byte.
"""

import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from engine.realtime.relaystep import Message, ServerCall, Step
from engine.upstream.followups import MOST_RESPONSES, FollowUps
from engine.upstream.terms import Event, Terms

CLIENT_EVENTS = frozenset({
    "session.update", "input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear",
    "output_audio_buffer.clear", "conversation.item.create", "conversation.item.delete", "conversation.item.retrieve",
    "conversation.item.truncate", "response.create", "response.cancel",
})  # fmt: skip

OURS = "relay_"
"""Begin of the ids of events that the client did not send."""

MOST_CHARS = 6 << 20
"""Longest event of a client that is no audio: an image."""

TOOL_RESPONSE = "extension.middle_tier_tool_response"
CONNECTION = "extension.connection"

@dataclass(slots=True)
class _Response:
    """One response of the upstream. ``shown_as``: its id for the client, which has seen some of it if ``visible``."""

    shown_as: str
    aside: bool = False
    visible: bool = False
    done: bool = False


class Rewriter:
    """One relayed session. ``extensions``: the client wants ``extension.*`` events."""

    def __init__(self, terms: Terms, *, extensions: bool = False, hide_tool_turns: bool = False) -> None:
        """``hide_tool_turns``: see ``UpstreamOptions``."""
        self.terms = terms
        self.extensions = extensions
        self.turns = 0
        self._merges = hide_tool_turns
        self._numbers = count(1)
        self._own_tools: list[Event] = []
        self._speaks = False
        self._created = False
        self._updates: deque[tuple[str, str | None, bool]] = deque()  # our id, the client's, whether it is ours
        self._hidden: dict[str, str | None] = {}  # items, and what stands before each
        self._calls: dict[str, ServerCall] = {}
        self._responses: dict[str, _Response] = {}
        self._follow_ups = FollowUps()
        self._merging = ""  # the response, as the client knows it, that goes on in the next one
        self._epoch = 0
        self._ask_again = False
        self._base_ms = self._last_ms = 0
        self._grounds: list[Event] = []

    # ------------------------------------------------------------ the connection

    def open(self, again: bool = False) -> Step:
        """There is a connection."""
        step = Step()
        if not again:
            self._updates.clear()
            self._update(step, self.terms.opening(), None, ours=True)
        elif self._follow_ups.reopened() or self._ask_again:
            self._follow_up(step)
        self._ask_again = False
        return step

    def lost(self) -> Step:
        """It is lost. Responses that were under way end for the client; who has heard nothing of the answer gets
        another one."""
        step = Step()
        active = [one for one in self._responses.values() if not one.done]
        ended = [one.shown_as for one in active]
        if self._merging and self._merging not in ended:
            ended.append(self._merging)
        for response_id, one in self._responses.items():
            if not one.done:
                one.done = True
                unheard = not (one.visible or one.aside or self._follow_ups.has_called(response_id))
                self._ask_again = self._ask_again or unheard
        self._follow_ups.lost()
        self._ask_again = self._ask_again or bool(self._merging)
        self._merging = ""
        for shown_as in ended:
            error = {"type": "server_error", "code": "upstream_lost"}
            step.down.append(({"type": "response.done", "event_id": self._id(), "response": {
                "id": shown_as, "object": "realtime.response", "status": "failed", "output": [],
                "status_details": {"type": "failed", "error": error}}}, ""))
        self._epoch += 1
        self._base_ms = self._last_ms
        return step

    def connection(self, state: str, **more: Any) -> list[Message]:
        """What clients that asked for extensions are told of the upstream's connection."""
        event = {"type": CONNECTION, "event_id": self._id(), "state": state, **more}
        return [(event, "")] if self.extensions else []

    def gone(self) -> Message:
        """The last word where nobody takes the upstream's place."""
        error = {"type": "server_error", "code": "upstream_unavailable", "param": None, "event_id": None,
                 "message": "The model behind this server cannot be reached. Try again later."}
        return {"type": "error", "event_id": self._id(), "error": error}, ""

    # ------------------------------------------------------------ from the client

    def from_client(self, text: str | bytes) -> Step:
        """A message of the client."""
        step = Step()
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict) or isinstance(text, bytes):
            return self._refuse(step, {}, "invalid_event", "an event is a JSON object, sent as text")
        kind = event.get("type")
        if not isinstance(kind, str) or kind not in CLIENT_EVENTS:
            return self._refuse(step, event, "invalid_value", f"Invalid value: {kind!r}. Supported values are: "
                                f"{', '.join(sorted(CLIENT_EVENTS))}.", "type")
        if len(text) > MOST_CHARS and kind != "input_audio_buffer.append":
            return self._refuse(step, event, "string_above_max_length", f"events other than audio have at most "
                                f"{MOST_CHARS} characters, not {len(text)}")
        if kind == "session.update":
            return self._client_session(step, event)
        if kind == "response.create":
            asked = event.get("response")
            step.up.append(({**event, "response": self.terms.response(asked)}, "") if isinstance(asked, Mapping)
                           else (event, text))
            return step
        if refusal := self._meddles(event):
            return self._refuse(step, event, *refusal)
        step.up.append((event, text))
        return step

    def _client_session(self, step: Step, event: Event) -> Step:
        asked = event.get("session")
        if not isinstance(asked, Mapping):
            return self._refuse(step, event, "missing_required_parameter", "Missing required parameter: 'session'.",
                                "session")
        if isinstance(tools := asked.get("tools"), list):
            self._own_tools = [tool for tool in tools if isinstance(tool, dict)]
        session = self.terms.session(asked, self._own_tools, self._speaks)
        self._update(step, session, event.get("event_id"), ours=False)
        return step

    def _meddles(self, event: Event) -> tuple[str, str, str] | None:
        """Code, message and parameter of the error where a client reaches for what is the server's."""
        item = event.get("item")
        if isinstance(item, Mapping):
            if item.get("type") == "function_call_output" and str(item.get("call_id")) in self._calls:
                return "invalid_value", "this function runs on the server", "item.call_id"
            if item.get("type") == "function_call" and str(item.get("name")) in self.terms.names:
                return "invalid_value", "this function runs on the server", "item.name"
        if str(event.get("item_id")) in self._hidden:
            verb = str(event["type"]).rpartition(".")[2]
            return f"item_{verb}_invalid_item_id", f"Item with item_id '{event['item_id']}' not found", "item_id"
        return None

    def _refuse(self, step: Step, event: Event, code: str, message: str, param: str | None = None) -> Step:
        cause = event.get("event_id")
        error = {"type": "invalid_request_error", "code": code, "message": message, "param": param,
                 "event_id": cause if isinstance(cause, str) else None}
        step.down.append(({"type": "error", "event_id": self._id(), "error": error}, ""))
        return step

    # ------------------------------------------------------------ from the upstream

    def from_upstream(self, event: Event, text: str) -> Step:
        """An event of the upstream."""
        step = Step()
        handle = _HANDLERS.get(str(event.get("type")))
        shown = handle(self, step, event) if handle else event
        if shown is not None:
            shown = self._as_known(shown)
            step.down.append((shown, text if shown is event else ""))
        return step

    def _session(self, step: Step, event: Event) -> Event | None:
        if event["type"] == "session.created":
            if self._created:
                return None
            self._created = True
        elif self._updates and self._updates.popleft()[2]:
            return None
        return {**event, "session": self.terms.shown(event["session"], self._own_tools)}

    def _error(self, step: Step, event: Event) -> Event | None:
        """Errors that our own events caused are no business of the client's."""
        error = event.get("error") or {}
        cause = error.get("event_id")
        if not (isinstance(cause, str) and cause.startswith(OURS)):
            return event
        update = next((one for one in self._updates if one[0] == cause), None)
        if update is not None:
            self._updates.remove(update)
            return None if update[2] else {**event, "error": {**error, "event_id": update[1]}}
        if error.get("code") == "conversation_already_has_active_response":
            self._follow_ups.refused()
        return None

    def _item(self, step: Step, event: Event) -> Event | None:
        item = event.get("item") or {}
        before = event.get("previous_item_id")
        if self._is_ours(item):
            if event["type"] != "conversation.item.retrieved":
                item_id = str(item.get("id"))
                self._hidden[item_id] = self._hidden.get(item_id) or self._visible(before)
            return None
        if event["type"] == "conversation.item.added" and item.get("role") == "user":
            self.turns += 1
        event = self._after_visible(event)
        grounded = event["type"] == "conversation.item.done" and item.get("role") == "assistant" and self._grounds
        return {**event, "item": self._annotated(item)} if grounded else event

    def _committed(self, step: Step, event: Event) -> Event | None:
        return self._after_visible(event)

    def _output_item(self, step: Step, event: Event) -> Event | None:
        item = event.get("item") or {}
        response = self._response(event)
        if not self._is_ours(item):
            response.visible = True
            grounded = event["type"] == "response.output_item.done" and item.get("role") == "assistant"
            return {**event, "item": self._annotated(item)} if grounded and self._grounds else event
        item_id, call_id = str(item.get("id")), str(item.get("call_id"))
        self._hidden.setdefault(item_id, None)
        if event["type"] == "response.output_item.done" and item.get("status") != "incomplete" \
                and call_id not in self._calls:
            call = ServerCall(call_id, str(item.get("name")), str(item.get("arguments") or ""),
                              str(event.get("response_id")), self._hidden[item_id], self.turns, self._epoch)
            self._calls[call_id] = call
            self._follow_ups.called(call.response_id, call_id)
            step.calls.append(call)
        return None

    def _of_item(self, step: Step, event: Event) -> Event | None:
        return None if event.get("item_id") in self._hidden else event

    def _audio(self, step: Step, event: Event) -> Event | None:
        self._speaks = True
        return event

    def _response_created(self, step: Step, event: Event) -> Event | None:
        response = event["response"]
        aside = response.get("conversation_id", "") is None
        merged, self._merging = ("", self._merging) if aside else (self._merging, "")
        self._follow_ups.created(response["id"], aside)
        self._responses[response["id"]] = _Response(merged or response["id"], aside)
        if len(self._responses) > MOST_RESPONSES:
            del self._responses[next(iter(self._responses))]
        return None if merged else event

    def _response_done(self, step: Step, event: Event) -> Event | None:
        response = event["response"]
        known = self._responses.get(response["id"])
        if known is None or known.done:
            return event
        known.done = True
        status = str(response.get("status"))
        output = [item for item in response.get("output") or () if not self._is_ours(item)]
        if self._follow_ups.done(response["id"], status):
            self._follow_up(step)
        goes_on = self._follow_ups.has_called(response["id"]) and status == "completed"
        if goes_on and not output and self._merges:
            self._merging = known.shown_as
            return None
        if any(item.get("role") == "assistant" for item in output):
            if self._grounds:
                output = [self._annotated(item) for item in output]
            self._grounds = []
        if output == response.get("output"):
            return event
        return {**event, "response": {**response, "output": output}}

    def _at_ms(self, step: Step, event: Event) -> Event | None:
        """Times count the audio of the whole session, not of one connection."""
        shifted = {name: event[name] + self._base_ms for name in ("audio_start_ms", "audio_end_ms")
                   if isinstance(event.get(name), int)}
        self._last_ms = max([self._last_ms, *shifted.values()])
        return {**event, **shifted} if self._base_ms else event

    # ------------------------------------------------------------ functions

    def tool_done(self, call: ServerCall, output: str, shown: Mapping[str, Any] | None = None) -> Step:
        """A function has run. ``output`` is for the model, ``shown`` for the client."""
        step = Step()
        if call.epoch != self._epoch:  # its call is unknown to the new connection
            self._create(step, {"type": "function_call", "call_id": call.call_id, "name": call.name,
                                "arguments": call.arguments})
        self._create(step, {"type": "function_call_output", "call_id": call.call_id, "output": output})
        if shown is not None:
            self._grounds += [dict(source) for source in shown.get("sources") or ()]
            if self.extensions:
                step.down.append(({
                    "type": TOOL_RESPONSE, "event_id": self._id(), "previous_item_id": call.previous_item_id,
                    "tool_name": call.name, "tool_result": json.dumps(shown, ensure_ascii=False)}, ""))
        if self._follow_ups.answered(call.response_id, call.call_id):
            self._follow_up(step)
        return step

    def _follow_up(self, step: Step) -> None:
        step.up.append(({"type": "response.create", "event_id": self._id()}, ""))

    # ------------------------------------------------------------ inside

    def _response(self, event: Event) -> _Response:
        response_id = str(event.get("response_id"))
        return self._responses.setdefault(response_id, _Response(response_id))

    def _is_ours(self, item: Mapping[str, Any]) -> bool:
        """Whether this is a call of a function that runs here, or its output."""
        if item.get("type") == "function_call":
            return item.get("name") in self.terms.names
        return item.get("type") == "function_call_output" and item.get("call_id") in self._calls

    def _visible(self, item_id: Any) -> str | None:
        """The item, or the nearest before it that the client knows."""
        while item_id in self._hidden:
            item_id = self._hidden[item_id]
        return item_id if isinstance(item_id, str) else None

    def _after_visible(self, event: Event) -> Event:
        before = event.get("previous_item_id")
        return {**event, "previous_item_id": self._visible(before)} if before in self._hidden else event

    def _annotated(self, item: Mapping[str, Any]) -> Event:
        """What the model reported as its sources, at the words that stand on them. Not where the client got it as an
        event of its own."""
        if self.extensions or item.get("role") != "assistant":
            return dict(item)
        notes = [{"type": "file_citation", "chunk_id": source.get("chunk_id"), "title": source.get("title")}
                 for source in self._grounds]
        return {**item, "content": [{**part, "annotations": notes} for part in item.get("content") or ()]}

    def _as_known(self, event: Event) -> Event:
        """A response that goes on for the client has the id that it knows."""
        response_id = event.get("response_id")
        known = self._responses.get(response_id) if isinstance(response_id, str) else None
        if known is not None and known.shown_as != response_id:
            return {**event, "response_id": known.shown_as}
        response = event.get("response")
        known = self._responses.get(str(response.get("id"))) if isinstance(response, Mapping) else None
        if known is not None and isinstance(response, Mapping) and known.shown_as != response["id"]:
            return {**event, "response": {**response, "id": known.shown_as}}
        return event

    def _update(self, step: Step, session: Event, cause: Any, ours: bool) -> None:
        event_id = self._id()
        self._updates.append((event_id, cause if isinstance(cause, str) else None, ours))
        step.up.append(({"type": "session.update", "event_id": event_id, "session": session}, ""))

    def _create(self, step: Step, item: Event) -> None:
        step.up.append(({"type": "conversation.item.create", "event_id": self._id(), "item": item}, ""))

    def _id(self) -> str:
        return f"{OURS}{next(self._numbers)}"


_HANDLERS = {
    "session.created": Rewriter._session,
    "session.updated": Rewriter._session,
    "error": Rewriter._error,
    "conversation.item.added": Rewriter._item,
    "conversation.item.created": Rewriter._item,
    "conversation.item.done": Rewriter._item,
    "conversation.item.retrieved": Rewriter._item,
    "conversation.item.deleted": Rewriter._of_item,
    "input_audio_buffer.committed": Rewriter._committed,
    "input_audio_buffer.speech_started": Rewriter._at_ms,
    "input_audio_buffer.speech_stopped": Rewriter._at_ms,
    "input_audio_buffer.timeout_triggered": Rewriter._at_ms,
    "response.created": Rewriter._response_created,
    "response.done": Rewriter._response_done,
    "response.output_item.added": Rewriter._output_item,
    "response.output_item.done": Rewriter._output_item,
    "response.output_audio.delta": Rewriter._audio,
    "response.function_call_arguments.delta": Rewriter._of_item,
    "response.function_call_arguments.done": Rewriter._of_item,
}

__all__ = ["CONNECTION", "TOOL_RESPONSE", "Message", "Rewriter", "ServerCall", "Step"]
