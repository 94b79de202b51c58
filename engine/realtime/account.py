"""A Realtime session's items and configuration as a brain is told them. Pure.

The items are the history: what the caller said as items of theirs, what the agent said in the words that were heard,
and between them the tools that were called.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.config import RealtimeOptions
from engine.dialog.brain import PastTool, Terms
from engine.dialog.model import Tool
from engine.following import Account

Item = Mapping[str, Any]


def account(items: Iterable[Item], session: Mapping[str, Any], text: str = "") -> Account:
    """The conversation in ``items``, oldest first, with the terms of ``session``. ``text``: what the caller has just
    said, whether it is an item already or not; empty: the last item of theirs is answered, if nothing came after it."""
    said: list[tuple[str, str]] = []
    calls: dict[str, PastTool] = {}
    for item in items:
        kind = item["type"]
        if kind == "message":
            words = words_of(item)
            if words:
                said.append((_who(item["role"]), words))
        elif kind == "function_call":
            call_id = str(item["call_id"])
            calls[call_id] = PastTool(len(said), call_id, item["name"], item.get("arguments") or "{}", None, False)
        elif kind == "function_call_output" and item["call_id"] in calls:
            old = calls[item["call_id"]]
            calls[old.call_id] = PastTool(old.after, old.call_id, old.name, old.arguments, str(item["output"]), False)
    if text:
        asked = text
        while said and said[-1][0] == "user" and text.endswith(said[-1][1]):
            text = text[: -len(said.pop()[1])].rstrip()
    else:
        after = max((call.after for call in calls.values()), default=0)
        asked = said.pop()[1] if said and said[-1][0] == "user" and after < len(said) else ""
    return Account(asked, tuple(said), (), terms(session, tuple(calls.values())))


def terms(session: Mapping[str, Any], calls: tuple[PastTool, ...] = ()) -> Terms:
    """What a session's configuration asks of a reply."""
    tools = tuple(Tool(tool["name"], tool.get("description") or "", tool.get("parameters") or _NOTHING)
                  for tool in session.get("tools") or () if tool.get("type", "function") == "function")
    choice = session.get("tool_choice") or "auto"
    most = session.get("max_output_tokens")
    temperature = session.get("temperature")
    return Terms(
        instructions=str(session.get("instructions") or ""), tools=tools,
        choice=choice if isinstance(choice, str) else str(choice.get("name") or "auto"), calls=calls,
        max_tokens=most if isinstance(most, int) else None,
        temperature=float(temperature) if isinstance(temperature, int | float) else None,
    )


_NOTHING: dict[str, Any] = {"type": "object", "properties": {}}


def heeded(options: RealtimeOptions, session: Mapping[str, Any]) -> Mapping[str, Any]:
    """A session's configuration as far as the operator lets clients have their way."""
    unheeded: dict[str, Any] = {}
    if not options.client_instructions:
        unheeded["instructions"] = ""
    if not options.client_tools:
        unheeded["tools"] = []
    return {**session, **unheeded} if unheeded else session


def words_of(item: Item) -> str:
    """The words of a message."""
    parts = (part.get("transcript") or part.get("text") or "" for part in item.get("content", ()))
    return " ".join(part.strip() for part in parts if part.strip())


def _who(role: str) -> str:
    return {"user": "user", "assistant": "agent"}.get(role, "note")


__all__ = ["account", "heeded", "terms", "words_of"]
