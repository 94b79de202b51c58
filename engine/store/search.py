"""Search over sessions: what may be asked, and the SQL of it.

    page = database.run(lambda connection: find(connection, Query(text="refund", agent="clerk")))
    page = database.run(lambda connection: find(connection, Query(text="refund", agent="clerk", cursor=page.following)))
"""

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import datetime, timezone

from sqlalchemy import ColumnElement, Connection, Select, column, func, or_, select, table

from engine.store.account import Row
from engine.store.errors import BadQuery
from engine.store.tables import SEGMENT_WORDS, call_sessions, transcription_segments
from engine.store.words import words

MOST_WORDS = 8
"""Words of a query that count."""

MOST_ROWS = 200

_FTS = table("segment_words", column("rowid"), column("segment_words"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What sessions are wanted; an empty field does not matter. The newest come first.

    ``text``: every word of it, or a word that begins with it, was said in the session. ``caller`` and ``called``: a
    part of the number. ``slower_ms``: the 95th percentile of the answers took longer. ``after``, ``before``: of the
    start. ``cursor``: ``Page.following`` of the page before.
    """

    text: str = ""
    caller: str = ""
    called: str = ""
    agent: str = ""
    language: str = ""
    outcome: str = ""
    state: str = ""
    status: str = ""
    transport: str = ""
    node: str = ""
    error: bool | None = None
    slower_ms: float | None = None
    after: datetime | None = None
    before: datetime | None = None
    limit: int = 50
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of ``call_sessions``; ``following``: the cursor of the next page, "" for the last."""

    rows: list[Row]
    following: str


def find(connection: Connection, query: Query) -> Page:
    """The sessions. Raises ``BadQuery`` for a cursor that is none, and for a text without a word."""
    sessions = call_sessions.c
    limit = max(1, min(query.limit, MOST_ROWS))
    asked = select(call_sessions).where(*_conditions(query)).order_by(
        sessions.started_at.desc(), sessions.session_id.desc()).limit(limit + 1)
    for word in _wanted(query.text):
        asked = asked.where(sessions.session_id.in_(_said(connection, word)))
    if query.cursor:
        started, name = _place(query.cursor)
        asked = asked.where(sessions.started_at <= started,
                            or_(sessions.started_at < started, sessions.session_id < name))
    rows = [dict(row._mapping) for row in connection.execute(asked)]
    following = _cursor(rows[limit - 1]) if len(rows) > limit else ""
    return Page(rows[:limit], following)


def _conditions(query: Query) -> list[ColumnElement[bool]]:
    sessions = call_sessions.c
    found: list[ColumnElement[bool]] = [sessions.joined_to.is_(None)]
    found += [sessions[name] == value for name, value in (
        ("agent_name", query.agent), ("language", query.language), ("outcome", query.outcome), ("state", query.state),
        ("status", query.status), ("transport", query.transport), ("node", query.node)) if value]
    if query.caller:
        found.append(sessions.from_number.contains(query.caller, autoescape=True))
    if query.called:
        found.append(sessions.to_number.contains(query.called, autoescape=True))
    if query.error is not None:
        failed = or_(sessions.errors > 0, sessions.state == "failed")
        found.append(failed if query.error else ~failed)
    if query.slower_ms is not None:
        found.append(sessions.answer_ms_p95 > query.slower_ms)
    if query.after is not None:
        found.append(sessions.started_at >= query.after)
    if query.before is not None:
        found.append(sessions.started_at < query.before)
    return found


def _wanted(text: str) -> list[str]:
    """The words, without repetitions."""
    wanted = list(dict.fromkeys(words(text)))[:MOST_WORDS]
    if text.strip() and not wanted:
        raise BadQuery("q", "there is no word in it: give letters or digits")
    return wanted


def _said(connection: Connection, word: str) -> Select[tuple[str]]:
    """The sessions in which a word that begins like this was said. Indian languages add to the end of words."""
    segments = transcription_segments.c
    if connection.dialect.name == "sqlite":
        there = select(_FTS.c.rowid).where(_FTS.c.segment_words.op("MATCH")(f'"{word}"*'))
        return select(segments.session_id).where(segments.id.in_(there))
    return select(segments.session_id).where(SEGMENT_WORDS.op("@@")(func.to_tsquery("simple", f"'{word}':*")))


def _cursor(row: Row) -> str:
    place = json.dumps([row["started_at"].isoformat(), row["session_id"]])
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _place(cursor: str) -> tuple[datetime, str]:
    try:
        started, name = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return datetime.fromisoformat(str(started)).astimezone(timezone.utc), str(name)
    except (ValueError, TypeError, binascii.Error, OverflowError):
        raise BadQuery("cursor", "it is no cursor: give `next` of the page before, unchanged") from None
