"""One session out of the tables, and lists of what belongs to it, page by page."""

from dataclasses import dataclass

from sqlalchemy import Connection, Table, func, or_, select

from engine.store.account import Row
from engine.store.tables import (
    call_participants,
    call_sessions,
    conversation_items,
    switch_records,
    tool_calls,
    transcription_segments,
)

MOST_ACCOUNTS = 20
"""Of a carrier about one call, that are told."""

COUNTED = ("turns", "interruptions", "errors")
"""Counters that are columns."""


@dataclass(frozen=True, slots=True)
class Session:
    """A row of ``call_sessions``, its participants, and how much there is of the rest. ``accounts``: of the carrier,
    joined to this one; ``switch``: FreeSWITCH's own record."""

    row: Row
    participants: list[Row]
    counters: dict[str, int]
    accounts: list[Row]
    switch: Row | None


def session(connection: Connection, name: str) -> Session | None:
    """The session of this id; else the newest that has it as its transport's or its carrier's id."""
    row = find(connection, name)
    if row is None:
        return None
    people = connection.execute(select(call_participants).where(
        call_participants.c.session_id == row["session_id"]).order_by(call_participants.c.source_seq))
    counted = {"segments": transcription_segments, "items": conversation_items, "tool_calls": tool_calls}
    counts = connection.execute(select(*(
        select(func.count()).select_from(table).where(table.c.session_id == row["session_id"])
        .scalar_subquery().label(label) for label, table in counted.items()))).one()
    counters = {name: row[name] for name in COUNTED}
    return Session(row, [dict(person._mapping) for person in people], {**counters, **counts._mapping},
                   _accounts(connection, row), _switch(connection, row))


def find(connection: Connection, name: str) -> Row | None:
    """The row alone."""
    if "\0" in name:  # PostgreSQL refuses it
        return None
    table = call_sessions.c
    is_it = or_(table.session_id == name, table.call_id == name, table.carrier_call_id == name)
    found = connection.execute(select(call_sessions).where(is_it).order_by(
        table.joined_to.is_(None).desc(), (table.session_id == name).desc(), table.started_at.desc()).limit(1)).first()
    return dict(found._mapping) if found else None


def _accounts(connection: Connection, row: Row) -> list[Row]:
    table = call_sessions.c
    names = {row["session_id"], row["call_id"]}
    joined = select(call_sessions).where(table.joined_to.in_(names), table.session_id != row["session_id"])
    found = connection.execute(joined.order_by(table.started_at).limit(MOST_ACCOUNTS))
    return [dict(one._mapping) for one in found]


def _switch(connection: Connection, row: Row) -> Row | None:
    table = switch_records.c
    is_it = table.fs_uuid == (row["fs_uuid"] or row["call_id"])
    if row["carrier_call_id"]:
        is_it = or_(is_it, table.carrier_call_id == row["carrier_call_id"])
    found = connection.execute(select(switch_records).where(is_it).order_by(
        (table.fs_uuid == row["fs_uuid"]).desc(), table.received_at).limit(1)).first()
    return dict(found._mapping) if found else None


def counts(connection: Connection) -> dict[str, int]:
    """How many sessions there are, and how many of them are not over."""
    table = call_sessions.c
    total, live = connection.execute(select(func.count(), func.count().filter(table.ended_at.is_(None))).select_from(
        call_sessions).where(table.joined_to.is_(None))).one()
    return {"sessions": total, "live": live}


def segments(connection: Connection, session_id: str, after: int, limit: int) -> list[Row]:
    """What was said, in its order, from the row after ``after`` (``source_seq``) on."""
    return _rows(connection, transcription_segments, session_id, after, limit)


def items(connection: Connection, session_id: str, after: int, limit: int) -> list[Row]:
    """The conversation as a model sees it, from the row after ``after`` (``source_seq``) on."""
    return _rows(connection, conversation_items, session_id, after, limit)


def calls_of_tools(connection: Connection, session_id: str, after: int, limit: int) -> list[Row]:
    """Skills that were called, from the row after ``after`` (``source_seq``) on."""
    return _rows(connection, tool_calls, session_id, after, limit)


def _rows(connection: Connection, table: Table, session_id: str, after: int, limit: int) -> list[Row]:
    found = connection.execute(select(table).where(table.c.session_id == session_id, table.c.source_seq > after)
                               .order_by(table.c.source_seq).limit(limit))
    return [dict(row._mapping) for row in found]
