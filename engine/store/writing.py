"""Rows into the tables. Every write is idempotent: it may be repeated, and a log may be filed any number of times."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Connection, Table, and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.account import Row
from engine.store.tables import CHILDREN, call_participants, call_sessions, transcription_segments

Changes = dict[str, list[Row]]


def session_id(connection: Connection, session: Row, taken: Collection[str] = ()) -> str:
    """The id of a session: that of its folder when it was filed before, else its own, else (a channel that comes back
    to the engine is a new session with the old id) one that is made of the folder's name. ``taken``: ids of others that
    are written with it."""
    table = call_sessions.c
    found = connection.execute(select(table.session_id, table.folder).where(
        or_(table.folder == session["folder"], table.session_id == session["session_id"]))).all()
    for name, folder in found:
        if folder == session["folder"]:
            return str(name)
    if found or session["session_id"] in taken:
        return str(uuid5(NAMESPACE_URL, f"trunkline:{session['folder']}"))
    return str(session["session_id"])


def write(connection: Connection, sessions: Iterable[tuple[Row, Changes]]) -> None:
    """Sessions, whose ids are settled, and rows of theirs that are new or have changed."""
    sessions = list(sessions)
    _upsert(connection, call_sessions, ("session_id",), [session for session, _ in sessions], keep=("folder",))
    for name, (table, key) in CHILDREN.items():
        rows = [{**row, "session_id": session["session_id"]}
                for session, changes in sessions for row in changes.get(name, ())]
        _upsert(connection, table, key, rows)
    ended = [session["session_id"] for session, _ in sessions if session["filed"]]
    if ended:
        _connect_speakers(connection, ended)


def rewrite(connection: Connection, session: Row, changes: Changes) -> None:
    """A whole session as its log has it; rows that were made of lines which the log does not have go. A session that
    was filed to its end stays: a log that was read before its end is older than that."""
    session["session_id"] = session_id(connection, session)
    there = connection.execute(select(call_sessions.c.filed).where(
        call_sessions.c.session_id == session["session_id"]).with_for_update()).scalar()
    if there and not session["filed"]:
        return
    write(connection, [(session, changes)])
    for name, (table, _) in CHILDREN.items():
        of_session = table.c.session_id == session["session_id"]
        if table is transcription_segments:  # other sources have their own account
            of_session = and_(of_session, table.c.source.in_({row["source"] for row in changes.get(name, ())} or {""}))
        there = set(connection.execute(select(table.c.source_seq).where(of_session)).scalars())
        for seq in there - {row["source_seq"] for row in changes.get(name, ())}:
            connection.execute(delete(table).where(of_session, table.c.source_seq == seq))


def _connect_speakers(connection: Connection, ended: list[str]) -> None:
    people, said = call_participants.c, transcription_segments.c
    first = select(people.id).where(people.session_id == said.session_id, people.role == said.speaker)
    connection.execute(update(transcription_segments).where(said.session_id.in_(ended)).values(
        participant_id=first.order_by(people.id).limit(1).scalar_subquery()))


def _upsert(connection: Connection, table: Table, key: tuple[str, ...], rows: list[Row],
            keep: tuple[str, ...] = ()) -> None:
    """Insert ``rows``, which have the same columns each; where ``key`` is there already, update but for ``keep``."""
    if not rows:
        return
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(table)
    columns = [name for name in rows[0] if name not in key and name not in keep]
    connection.execute(
        insert.on_conflict_do_update(index_elements=key, set_={name: insert.excluded[name] for name in columns}), rows)
