"""Work for people: tickets and call-backs, to an endpoint or to JSON lines in the home folder."""

from datetime import datetime
from typing import Any, Literal

from engine.dialog.skills.endpoint import append_line, ask_endpoint
from engine.dialog.skills.result import Result, done, failed
from engine.dialog.skills.skill import SkillContext, skill


def _no_ticket(context: SkillContext, **arguments: Any) -> Result:
    return done({"reference": _reference("T", context)})


def _no_callback(context: SkillContext, **arguments: Any) -> Result:
    return done({"reference": _reference("B", context)})


@skill(side_effect=True, timeout_s=8, mock=_no_ticket)
def create_ticket(context: SkillContext, subject: str, details: str,
                  priority: Literal["low", "normal", "high"] = "normal") -> Result:
    """Write a ticket for the support team when a problem cannot be solved now. Tell the caller its reference.

    subject: the problem in a few words
    details: all that the team needs to know, in full sentences
    priority: high only when the caller cannot use the service at all
    """
    arguments = {"subject": subject, "details": details, "priority": priority}
    return _hand_on(context, "create_ticket", context.services.options.tickets_url, "tickets.jsonl", "T", arguments)


@skill(side_effect=True, timeout_s=8, mock=_no_callback)
def schedule_callback(context: SkillContext, when: datetime, reason: str, phone: str = "") -> Result:
    """Have a person call back at a time that the caller wishes. Say the time back before you call this.

    when: day and time, as 2026-11-23T14:30; local time of the caller
    reason: what it is about, in one sentence
    phone: the number to call; leave it out for the number of this call
    """
    number = phone or (context.call.caller if context.call else "")
    if not number:
        return failed("no_number", "Ask the caller for the number to call back.")
    now = context.services.now()
    if when.replace(tzinfo=when.tzinfo or now.tzinfo) <= now:
        return failed("in_the_past", f"That time has passed; it is {now:%A %Y-%m-%d %H:%M} now.")
    arguments = {"when": when.isoformat(), "reason": reason, "phone": number}
    return _hand_on(context, "schedule_callback", context.services.options.callbacks_url, "callbacks.jsonl", "B",
                    arguments)


def _hand_on(context: SkillContext, name: str, url: str, file: str, letter: str, arguments: dict[str, Any]) -> Result:
    """To the endpoint, or into the file."""
    if url:
        return ask_endpoint(context, name, url, arguments)
    call, now = context.call, context.services.now()
    reference = _reference(letter, context)
    append_line(context.services.home / file, {
        "reference": reference, "at": now.isoformat(timespec="seconds"), "call": call.call_id if call else "",
        "agent": context.persona.name, "caller": call.caller if call else "", **arguments, "key": context.key,
    })
    return done({"reference": reference})


def _reference(letter: str, context: SkillContext) -> str:
    """It follows from the key, so a second attempt at the same thing has the same."""
    return f"{letter}-{int(context.key[:8] or '0', 16) % 1_000_000:06d}"
