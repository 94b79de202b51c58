"""Models behind Anthropic's Messages API.

Sources: Anthropic's API reference, "Messages", "Streaming messages" (events ``message_start``, ``content_block_start``,
``content_block_delta``, ``message_delta``, ``message_stop``, ``ping``, ``error``; the input of a tool comes as
``input_json_delta``) and "Errors"; header ``anthropic-version: 2023-06-01``. By "Prompt caching" the system text, the
same in every turn of a call, is marked, so that it is read once in five minutes, and the tools, which stand before it.

It runs over our own client (``engine/net/http.py``): the ``anthropic`` package would bring a second copy of what
``openai`` brings, 2,000 typed classes, for one request and seven kinds of events.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.config.providers import AnthropicOptions
from engine.dialog.model import Message, ModelPart, Tool, ToolCall, Usage, Words
from engine.errors import ProviderFault
from engine.net.credentials import Credentials
from engine.net.faults import fault_of
from engine.net.http import Answer, HttpClient
from engine.net.sse import SseReader

VERSION = "2023-06-01"

BEGINNING = "(The call begins.)"
"""Stands for the caller where the conversation begins with the agent: the API wants a user's message first."""


class AnthropicModel:
    """A ``Model``. A request runs in the greenlet that reads its answer."""

    def __init__(self, name: str, options: AnthropicOptions, credentials: Credentials) -> None:
        """``name`` is what the configuration calls it."""
        self.name = name
        self._options = options
        self._credentials = credentials
        self._http = HttpClient(
            name, options.base_url, headers={"anthropic-version": VERSION, **options.headers}, query=options.query,
            connect_timeout_s=options.connect_timeout_s, first_byte_timeout_s=options.first_byte_timeout_s,
            total_timeout_s=options.total_timeout_s, max_connections=options.max_connections)

    def stream(
        self, messages: Sequence[Message], tools: Sequence[Tool] = (), *, temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> Iterator[ModelPart]:
        """The answer, part by part; usage last. Raises ``ProviderFault``."""
        system, rest = conversation(messages)
        body: dict[str, Any] = {"model": self._options.model, "messages": rest, "stream": True,
                                "max_tokens": max_tokens or self._options.max_tokens}
        if system:
            body["system"] = [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}]
        if tools:
            body["tools"] = [{"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
                             for tool in tools]
        if temperature is not None:
            body["temperature"] = temperature
        body.update(self._options.extra)
        with self._http.stream("POST", "/v1/messages", body, headers=self._credentials.headers()) as answer:
            if answer.kind != "text/event-stream":
                raise ProviderFault(self.name, "broken",
                                    f"an answer of type '{answer.kind}', not a stream: check base_url")
            yield from self._parts(answer)

    def _parts(self, answer: Answer) -> Iterator[ModelPart]:
        events, reader = SseReader(), _Reader()
        for piece in answer:
            for part in self._read(events, reader, piece):
                answer.begun()
                yield part
            if reader.has_begun:
                answer.begun()
            if reader.stopped:
                yield from self._last(reader)
                answer.drain()
                return
        raise ProviderFault(self.name, "broken", "the answer broke off")

    def _read(self, events: SseReader, reader: "_Reader", piece: bytes) -> list[ModelPart]:
        """The parts that a piece of the stream holds."""
        parts = []
        try:
            for data in events.feed(piece):
                event = json.loads(data)
                if event["type"] == "error":
                    raise fault_of(self.name, 0, {}, event)
                if (part := reader.feed(event)) is not None:
                    parts.append(part)
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise ProviderFault(self.name, "broken", f"an event that is none: {fault!r:.100}") from fault
        return parts

    def _last(self, reader: "_Reader") -> Iterator[ModelPart]:
        if reader.stop_reason == "refusal" and not reader.has_begun:
            raise ProviderFault(self.name, "refused", "the model refused to answer")
        yield Usage(reader.input_tokens, reader.output_tokens)

    def warm(self) -> None:
        """Open a connection ahead of the first request."""
        self._http.warm()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class _Reader:
    """Events in, parts out. Blocks that are neither text nor a tool's use (thoughts) are skipped."""

    def __init__(self) -> None:
        self.has_begun = self.stopped = False
        self.stop_reason = ""
        self.input_tokens = self.output_tokens = 0
        self._calls: dict[int, dict[str, str]] = {}

    def feed(self, event: Mapping[str, Any]) -> ModelPart | None:
        kind = event["type"]
        if kind == "content_block_delta":
            return self._delta(event["index"], event["delta"])
        if kind == "content_block_start" and event["content_block"]["type"] == "tool_use":
            block = event["content_block"]
            self._calls[event["index"]] = {"id": block["id"], "name": block["name"], "input": ""}
            self.has_begun = True
        elif kind == "content_block_stop" and (call := self._calls.pop(event["index"], None)):
            return ToolCall(call["id"], call["name"], call["input"].strip() or "{}")
        elif kind == "message_stop":
            self.stopped = True
        elif kind == "message_start":
            self._count(event["message"].get("usage") or {})
        elif kind == "message_delta":
            self.stop_reason = event["delta"].get("stop_reason") or ""
            self._count(event.get("usage") or {})
        return None

    def _delta(self, index: int, delta: Mapping[str, Any]) -> ModelPart | None:
        if delta["type"] == "text_delta" and delta["text"]:
            self.has_begun = True
            return Words(delta["text"])
        if delta["type"] == "input_json_delta" and index in self._calls:
            self._calls[index]["input"] += delta["partial_json"]
        return None

    def _count(self, usage: Mapping[str, Any]) -> None:
        """Counts are totals so far. Tokens that were cached stand apart from ``input_tokens``, and are input, too."""
        inputs = sum(usage.get(name) or 0 for name in
                     ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"))
        self.input_tokens = inputs or self.input_tokens
        self.output_tokens = usage.get("output_tokens") or self.output_tokens


def conversation(messages: Sequence[Message]) -> tuple[str, list[dict[str, Any]]]:
    """(system text, messages) as the API wants them: system texts apart, user and assistant in turn beginning with the
    user, tool results in the user's message right after the calls, no empty text."""
    system: list[str] = []
    rest: list[dict[str, Any]] = []
    for message in messages:
        blocks: list[dict[str, Any]] = []
        if message.role == "system":
            system.append(message.text)
            continue
        if message.role == "tool":
            blocks.append({"type": "tool_result", "tool_use_id": message.tool_call_id, "content": message.text})
        elif message.text.strip():
            blocks.append({"type": "text", "text": message.text.rstrip()})
        blocks += [{"type": "tool_use", "id": call.id, "name": call.name, "input": _arguments(call.arguments)}
                   for call in message.tool_calls]
        role = "assistant" if message.role == "assistant" else "user"
        if not blocks:
            continue
        if rest and rest[-1]["role"] == role:
            rest[-1]["content"] += blocks
        else:
            rest.append({"role": role, "content": blocks})
    if not rest or rest[0]["role"] == "assistant":
        rest.insert(0, {"role": "user", "content": [{"type": "text", "text": BEGINNING}]})
    return "\n\n".join(text for text in system if text.strip()), rest


def _arguments(text: str) -> dict[str, Any]:
    """A call's arguments as the object that the API wants, also where the model wrote something else."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    return value if isinstance(value, dict) else {"value": value}
