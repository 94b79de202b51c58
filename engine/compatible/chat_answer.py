"""Answers of chat completions as JSON: whole, and as chunks of a stream. Pure."""

from collections.abc import Mapping
from typing import Any

from engine.compatible.chat_body import AnswerMessage, ChatChoice, ChatCompletion, ChatUsage
from engine.dialog.model import ToolCall, Usage, Words


def usage_of(usage: Usage) -> ChatUsage:
    """As the API counts it."""
    return ChatUsage(prompt_tokens=usage.input_tokens, completion_tokens=usage.output_tokens,
                     total_tokens=usage.input_tokens + usage.output_tokens)


def completion(
    id: str, created: int, model: str, parts: list[Words | ToolCall], finish: Any, usage: Usage,
    about: dict[str, Any] | None = None,
) -> ChatCompletion:
    """The whole answer."""
    text = "".join(part.text for part in parts if isinstance(part, Words))
    calls = [call_json(part) for part in parts if isinstance(part, ToolCall)]
    message = AnswerMessage(content=text if text or not calls else None, tool_calls=calls or None)
    return ChatCompletion(id=id, created=created, model=model, choices=[ChatChoice(message=message,
                          finish_reason=finish)], usage=usage_of(usage), trunkline=about)


def call_json(call: ToolCall) -> dict[str, Any]:
    """A call of a tool."""
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


class Chunks:
    """The chunks of one stream."""

    def __init__(self, id: str, created: int, with_usage: bool) -> None:
        """``with_usage``: ``stream_options.include_usage``."""
        self._head = {"id": id, "object": "chat.completion.chunk", "created": created}
        self._with_usage = with_usage
        self._calls = 0

    def first(self, model: str) -> dict[str, Any]:
        """Who speaks."""
        return self._chunk(model, {"role": "assistant", "content": "", "refusal": None})

    def part(self, model: str, part: Words | ToolCall) -> dict[str, Any]:
        """Words, or a whole call of a tool."""
        if isinstance(part, Words):
            return self._chunk(model, {"content": part.text})
        call = {"index": self._calls, **call_json(part)}
        self._calls += 1
        return self._chunk(model, {"tool_calls": [call]})

    def last(self, model: str, finish: str, usage: Usage, about: Mapping[str, Any] | None = None
             ) -> list[dict[str, Any]]:
        """Why it ended, and what it used where that is wanted."""
        end = self._chunk(model, {}, finish)
        if about is not None:
            end["trunkline"] = about
        if not self._with_usage:
            return [end]
        used = {**self._head, "model": model, "choices": [], "usage": usage_of(usage).model_dump()}
        return [end, used]

    def _chunk(self, model: str, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        chunk: dict[str, Any] = {**self._head, "model": model, "choices": [
            {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}
        if self._with_usage:
            chunk["usage"] = None
        return chunk
