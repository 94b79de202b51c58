"""What was said in a call before anybody was attached to it, as items of its Realtime session. Pure."""

from collections.abc import Callable
from typing import Any

from engine.realtime.responses import SERVER_LABEL
from engine.turns.history import History

_PARTS = {"user": ("user", "input_audio", "transcript"), "agent": ("assistant", "output_audio", "transcript"),
          "note": ("system", "input_text", "text")}


def past(history: History, make_id: Callable[[str], str], *, tools: bool) -> list[dict[str, Any]]:
    """The items, oldest first. ``tools``: with the skills that the engine ran, as it shows them."""
    items = []
    for line in history:
        if line.tool is None:
            items.append(item_of(line.who, line.text, make_id))
        elif tools and line.tool.result is not None:
            use = line.tool
            error = {"type": "tool_execution_error", "message": use.result} if use.error else None
            items.append({"id": make_id("mcp"), "type": "mcp_call", "server_label": SERVER_LABEL, "name": use.name,
                          "arguments": use.arguments, "output": None if use.error else use.result, "error": error,
                          "approval_request_id": None})
    return items


def item_of(who: str, text: str, make_id: Callable[[str], str]) -> dict[str, Any]:
    """What the caller ("user") or the agent has said, or a note of what happened, as an item."""
    role, kind, field = _PARTS[who]
    return {"id": make_id("item"), "object": "realtime.item", "type": "message", "status": "completed", "role": role,
            "content": [{"type": kind, field: text}]}


__all__ = ["item_of", "past"]
