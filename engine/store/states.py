"""How a session ended, in the words of the column ``outcome``. Its states are in ``engine/lifecycle.py``. Pure."""

from collections.abc import Mapping
from typing import Any

OUTCOMES = ("handed_over", "agent_done", "caller_left", "let_go", "machine", "failed", "not_answered")
"""A human took over; the agent said goodbye; the caller hung up; it went to the dialplan's next action; an answering
machine took a call of ours; the engine or a part of it failed; nobody answered."""


def outcome(session: Mapping[str, Any], machine: bool) -> str:
    """One of ``OUTCOMES`` for an ended session. ``machine``: an answering machine answered."""
    if session["state"] == "failed":
        return "failed"
    if session.get("answered_at") is None:
        return "not_answered"
    if session.get("escalated"):
        return "handed_over"
    if machine:
        return "machine"
    return {"agent": "agent_done", "engine": "let_go"}.get(session.get("hangup_by") or "", "caller_left")
