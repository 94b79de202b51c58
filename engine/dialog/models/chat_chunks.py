"""The stream of the chat completions API: chunks in, parts of the answer out. Pure.

Source: OpenAI's API reference, "Chat streaming": ``chat.completion.chunk`` with ``choices[0].delta`` (``content``,
``refusal``, ``tool_calls`` in fragments by ``index``), ``finish_reason`` in the last chunk that has a choice, and with
``stream_options.include_usage`` one more chunk without choices and with ``usage``.

Servers that speak it differ: some leave ``index`` or ``id`` out, some send whole calls at once, some send a model's
thoughts as text between ``<think>`` and ``</think>``. Thoughts are never spoken.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from engine.dialog.model import Message, ModelPart, Tool, ToolCall, Usage, Words

_OPEN, _CLOSE = "<think>", "</think>"


def message_json(message: Message) -> dict[str, Any]:
    """A message as the API wants it."""
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": _sendable(message.text)}
    plain: dict[str, Any] = {"role": message.role, "content": _sendable(message.text)}
    if message.tool_calls:
        plain["content"] = plain["content"] or None
        plain["tool_calls"] = [_call_json(call) for call in message.tool_calls]
    return plain


def _call_json(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": _sendable(call.arguments) or "{}"}
    return {"id": call.id, "type": "function", "function": function}


def _sendable(text: str) -> str:
    """Half a surrogate pair, which JSON may bring in by an escape, cannot be sent."""
    return text.encode("utf-8", "replace").decode()


def tool_json(tool: Tool) -> dict[str, Any]:
    """A tool as the API wants it."""
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


class ChatReader:
    """Of one answer: ``feed`` each chunk, then ``finish``."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self.finish_reason = ""
        self.has_begun = False
        """Something that can be spoken or done has come; thoughts are neither."""
        self._thoughts = ThoughtFilter()
        self._calls = _Calls()
        self._usage: Usage | None = None

    def feed(self, chunk: Mapping[str, Any]) -> str:
        """The words of this chunk, often none. Raises ``KeyError``, ``TypeError``, ``ValueError`` or
        ``AttributeError`` on what is no chunk."""
        text = ""
        if counts := chunk.get("usage"):
            self._usage = Usage(int(counts.get("prompt_tokens") or 0), int(counts.get("completion_tokens") or 0))
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            self.finish_reason = choice.get("finish_reason") or self.finish_reason
            if fragments := delta.get("tool_calls"):
                self._calls.add(fragments)
                self.has_begun = True
            if content := delta.get("content") or delta.get("refusal"):
                text += self._thoughts.feed(content)
        self.has_begun = self.has_begun or bool(text)
        return text

    def finish(self) -> list[ModelPart]:
        """What is left when the stream has ended: held-back words, whole tool calls, usage."""
        words = self._thoughts.finish()
        parts: list[ModelPart] = [Words(words)] if words else []
        parts += self._calls.whole()
        if self._usage is not None:
            parts.append(self._usage)
        return parts


class _Calls:
    """Tool calls that come in fragments."""

    def __init__(self) -> None:
        self._calls: list[dict[str, str]] = []
        self._by_index: dict[int, dict[str, str]] = {}

    def add(self, fragments: Sequence[Mapping[str, Any]]) -> None:
        for fragment in fragments:
            function = fragment.get("function") or {}
            call = self._call(fragment.get("index"), fragment.get("id") or "", bool(function.get("name")))
            call["id"] = call["id"] or fragment.get("id") or ""
            call["name"] += function.get("name") or ""
            call["arguments"] += function.get("arguments") or ""

    def _call(self, index: int | None, id: str, named: bool) -> dict[str, str]:
        """The call that a fragment belongs to; a new one if it begins one."""
        known = self._by_index.get(index) if index is not None else (self._calls[-1] if self._calls else None)
        other = known is not None and id and known["id"] and id != known["id"]  # one index for all of them
        whole = known is not None and index is None and named
        if known is None or other or whole:
            known = {"id": "", "name": "", "arguments": ""}
            self._calls.append(known)
            if index is not None:
                self._by_index[index] = known
        return known

    def whole(self) -> list[ModelPart]:
        return [ToolCall(call["id"] or f"call_{uuid4().hex[:24]}", call["name"], call["arguments"].strip() or "{}")
                for call in self._calls if call["name"]]


class ThoughtFilter:
    """Takes ``<think>...</think>`` off the beginning of an answer that comes in pieces."""

    def __init__(self) -> None:
        """Before the first piece."""
        self._held = ""
        self._inside = False
        self._past = False

    def feed(self, text: str) -> str:
        """What of the answer is known to be words."""
        if self._past:
            return text
        self._held += text
        if not self._inside:
            start = self._held.lstrip()
            if start.startswith(_OPEN):
                self._inside = True
            elif _OPEN.startswith(start):
                return ""
            else:
                return self._let_go(self._held)
        at = self._held.find(_CLOSE)
        if at < 0:
            self._held = self._held[-len(_CLOSE):] if len(self._held) > len(_OPEN) + len(_CLOSE) else self._held
            return ""
        rest = self._held[at + len(_CLOSE):].lstrip()
        if not rest:
            self._held = _OPEN + _CLOSE  # the space before the first word may come in more pieces
            return ""
        return self._let_go(rest)

    def finish(self) -> str:
        """The stream has ended: what was held back and is no thought."""
        return "" if self._past or self._inside else self._let_go(self._held)

    def _let_go(self, text: str) -> str:
        self._past, self._held = True, ""
        return text
