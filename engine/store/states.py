"""The life of a session, whatever it came by: states, how they follow one another, and how it ended. Pure.

    created -> ringing -> answered -> talking -> (queued ->) bridged -> talking ... -> wrapup -> ended
                                                                      any of them -> failed, busy, no_answer, cancelled
"""

from collections.abc import Mapping
from typing import Any

FOLLOWING: dict[str, frozenset[str]] = {
    "created": frozenset({"ringing", "answered", "wrapup"}),
    "ringing": frozenset({"answered", "wrapup"}),
    "answered": frozenset({"talking", "wrapup"}),
    "talking": frozenset({"queued", "bridged", "wrapup"}),
    "queued": frozenset({"bridged", "talking", "wrapup"}),
    "bridged": frozenset({"talking", "queued", "wrapup"}),
    "wrapup": frozenset(),
}
"""The states after each; the ends (``ENDS``) may follow any of them, nothing follows an end."""

ENDS = frozenset({"ended", "failed", "busy", "no_answer", "cancelled"})
STATES = frozenset(FOLLOWING) | ENDS

STATUS: dict[str, str] = dict.fromkeys(FOLLOWING, "active") | {
    "ended": "completed", "failed": "failed", "busy": "busy", "no_answer": "no_answer", "cancelled": "cancelled"}
"""The word of the API for each state."""

OUTCOMES = ("handed_over", "agent_done", "caller_left", "let_go", "machine", "failed", "not_answered")
"""How a session ended: a human took over; the agent said goodbye; the caller hung up; it went to the dialplan's next
action; an answering machine took a call of ours; the engine or a part of it failed; nobody answered."""

_EVENTS = {"answered": "answered", "media_attached": "talking", "handover_queued": "queued",
           "handover_bridged": "bridged", "caller_back": "talking", "hangup": "wrapup"}
_NOT_ANSWERED = {"USER_BUSY": "busy", "NO_ANSWER": "no_answer", "NO_USER_RESPONSE": "no_answer",
                 "ALLOTTED_TIMEOUT": "no_answer", "ORIGINATOR_CANCEL": "cancelled", "NORMAL_CLEARING": "cancelled",
                 "LOSE_RACE": "cancelled"}
"""FreeSWITCH's hangup causes of a call that was never answered."""


def after(state: str, event: str) -> str:
    """The state after an event of the call's log. What does not fit leaves the state as it is."""
    following = _EVENTS.get(event, state)
    return following if following in FOLLOWING.get(state, ()) else state


def end(session: Mapping[str, Any], fault: bool) -> str:
    """The last state of a session, whose row this is. ``fault``: the call itself failed."""
    if fault:
        return "failed"
    if session.get("answered_at") is None:
        return _NOT_ANSWERED.get(session.get("hangup_cause") or "", "failed")
    return "ended"


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
