"""Questions of past calls that found no good passage, out of the event logs. Reads the disk: pool threads only."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

from engine.knowledge.errors import KnowledgeError
from engine.knowledge.words.question import resolve
from engine.telemetry.errors import TelemetryError
from engine.telemetry.eventlog import MASK, read
from engine.telemetry.records import Reply, Turn
from engine.telemetry.report import build

LOG = "events.jsonl"

GAPS = frozenset({"unknown", "ask_back"})
"""Decisions that say that no passage was good enough."""

MOST = 5000
"""Questions that are kept, the newest."""

_NUMBER = re.compile(r"\d(?:[\s.,/-]?\d){4,}")
"""Five digits and more: a number of an account, a telephone, a card."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A caller's question. ``text``: what was searched for, with what it leant on in the call; long numbers in it are
    masked. ``call``: the folder of its log; ``when``: its day (ISO), "" if unknown; ``score``: of the best passage
    then."""

    text: str
    decision: str
    score: float
    call: str
    when: str = ""


@dataclass(slots=True)
class Read:
    """What the logs told. ``turns``: questions in all; ``masked``: questions of which the log has no words;
    ``damaged``: logs that could not be read, each with the reason; ``dropped``: older questions beyond ``MOST``."""

    questions: list[Unanswered] = field(default_factory=list)
    calls: int = 0
    turns: int = 0
    masked: int = 0
    damaged: list[str] = field(default_factory=list)
    dropped: int = 0


def unanswered(place: Path, since: date | None = None, agent: str = "", decisions: Collection[str] = GAPS) -> Read:
    """The questions of all calls whose logs lie below a folder (or of one log), oldest first.

    ``since``: only calls from this day on; ``agent``: only calls that this agent took. Raises ``KnowledgeError`` for a
    place that is not there."""
    if not place.exists():
        raise KnowledgeError(f"{place}: there is no such file or folder; calls leave their logs in the folder 'calls' "
                             "of TRUNKLINE_HOME")
    found = Read()
    for path in [place] if place.is_file() else sorted(place.rglob(LOG)):
        try:
            if since is not None and _day(path.stat().st_mtime) < since.isoformat():
                continue  # written to last before that day
            events = read(path).events
        except (OSError, TelemetryError) as fault:
            found.damaged.append(str(fault))
            continue
        _read_call(path, events, found, since, agent, decisions)
    found.questions.sort(key=lambda question: (question.when, question.call))
    found.dropped = max(0, len(found.questions) - MOST)
    found.questions = found.questions[found.dropped:]
    return found


def without_numbers(text: str) -> str:
    """With long numbers masked, as far as they are in figures."""
    return _NUMBER.sub(MASK, text)


def _read_call(path: Path, events: list[dict[str, Any]], found: Read, since: date | None, agent: str,
               decisions: Collection[str]) -> None:
    report = build(events)
    when = str(report.call.get("started") or "")[:10]
    takers = {event.get("name") for event in events if event["event"] == "agent_picked"}
    if (since is not None and when and when < since.isoformat()) or (agent and agent not in takers):
        return
    found.calls += 1
    replies = {reply.gen: reply for reply in report.replies}
    for turn in report.turns:
        found.turns += 1
        reply = _decided(turn, replies)
        if reply is None or reply.decision not in decisions or _not_understood(reply):
            continue
        if MASK in turn.text:
            found.masked += 1
            continue
        whole = resolve(turn.text, list(_before(report.transcript, turn.start)))
        text = without_numbers(whole).encode("utf-8", "replace").decode()  # a log may hold halves of characters
        if text.strip():
            found.questions.append(Unanswered(" ".join(text.split()), str(reply.decision), reply.score or 0.0,
                                              path.parent.name, when))


def _decided(turn: Turn, replies: Mapping[int, Reply]) -> Reply | None:
    """The reply to a turn that looked for passages."""
    return next((replies[gen] for gen in turn.replies if gen in replies and replies[gen].decision), None)


def _not_understood(reply: Reply) -> bool:
    """It was asked back because of the line, not because of the documents."""
    return reply.decision == "ask_back" and isinstance(reply.detail, dict) and not reply.citations and (
        reply.detail.get("why") == "heard too badly")


def _before(transcript: list[Any], start: float) -> Iterator[tuple[str, str]]:
    for line in transcript:
        if line.start < start and line.who in ("caller", "agent") and MASK not in line.text:
            yield ("user" if line.who == "caller" else "agent"), line.text


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).date().isoformat()
