"""What is older than it may be kept goes: rows, recordings, folders of calls.

    swept = sweep(database, calls, options.retention, now)
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, or_, select, update

from engine.config.store import RetentionOptions
from engine.offhub import off_hub
from engine.store.database import Database
from engine.store.refiling import DAY, folders
from engine.store.tables import call_sessions, conversation_items, switch_records, tool_calls, transcription_segments

BATCH = 500
"""Sessions a transaction: short ones, so that calls which go on are filed meanwhile."""

AUDIO = ("*.wav", "call.html")
"""What holds the caller's voice. The page has the recording in it, and can be made again from the log."""


@dataclass(slots=True)
class Swept:
    """How much was deleted; ``problems`` says which files could not be, and why."""

    sessions: int = 0
    transcripts: int = 0
    tool_calls: int = 0
    recordings: int = 0
    folders: int = 0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """In one line."""
        counted = ("sessions", "transcripts", "tool_calls", "recordings", "folders")
        told = ", ".join(f"{getattr(self, name)} {name.replace('_', ' ')}" for name in counted)
        return f"{told}; {len(self.problems)} files could not be: {self.problems[0]}" if self.problems else told


def sweep(database: Database | None, calls: Path, options: RetentionOptions, now: datetime) -> Swept:
    """Delete what has ended too many days before ``now``. Sessions whose ``retention_until`` lies in the future are
    kept whole, those whose lies in the past go. Raises ``StoreError``; ``database`` None: only files."""
    swept = Swept()
    kept: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    until = call_sessions.c.retention_until
    if database is not None:
        gone = database.run(lambda connection: _folders_where(connection, until < now))
        kept = database.run(lambda connection: _folders_where(connection, until >= now))
        _sweep_rows(database, options, now, swept)
    off_hub(_sweep_files, calls, options, now.date(), kept, gone, swept)
    return swept


def _sweep_rows(database: Database, options: RetentionOptions, now: datetime, swept: Swept) -> None:
    """The transcripts first: where they are kept for shorter, the session stays without them."""
    table = call_sessions.c
    over = [table.retention_until < now]
    if options.session_days:
        over.append(and_(table.retention_until.is_(None), table.ended_at < now - timedelta(days=options.session_days)))
    swept.sessions = _in_batches(database, or_(*over), (call_sessions,))
    if options.session_days:  # FreeSWITCH's records have callers' numbers, as sessions have
        old_record = switch_records.c.received_at < now - timedelta(days=options.session_days)
        database.run(lambda connection: connection.execute(delete(switch_records).where(old_record)), write=True)
    if options.transcript_days:
        old = _old(now, options.transcript_days)
        swept.transcripts = _in_batches(database, and_(old, _has(transcription_segments, conversation_items)),
                                        (transcription_segments, conversation_items))
    if options.tool_call_days:
        old = _old(now, options.tool_call_days)
        swept.tool_calls = _in_batches(database, and_(old, _has(tool_calls)), (tool_calls,))
    if options.recording_days:
        old = and_(_old(now, options.recording_days), table.recording_uri.is_not(None))
        database.run(lambda connection: connection.execute(
            update(call_sessions).where(old).values(recording_uri=None)), write=True)


def _old(now: datetime, days: int) -> ColumnElement[bool]:
    table = call_sessions.c
    return and_(table.retention_until.is_(None), table.ended_at < now - timedelta(days=days))


def _has(*tables: Table) -> ColumnElement[bool]:
    return or_(*(exists().where(table.c.session_id == call_sessions.c.session_id) for table in tables))


def _in_batches(database: Database, where: ColumnElement[bool], tables: tuple[Table, ...]) -> int:
    """Delete the rows of ``tables`` of the sessions that meet ``where``. How many sessions."""
    def work(connection: Connection) -> int:
        found = list(connection.execute(select(call_sessions.c.session_id).where(where).limit(BATCH)).scalars())
        for table in tables:
            connection.execute(delete(table).where(table.c.session_id.in_(found)))
        return len(found)

    total = 0
    while count := database.run(work, write=True):
        total += count
    return total


def _folders_where(connection: Connection, where: ColumnElement[bool]) -> frozenset[str]:
    return frozenset(connection.execute(select(call_sessions.c.folder).where(where)).scalars())


# ---------------------------------------------------------------- files, in a thread


def _sweep_files(calls: Path, options: RetentionOptions, today: date, kept: frozenset[str], gone: frozenset[str],
                 swept: Swept) -> None:
    """``gone``: folders of sessions that were deleted for themselves; left, they would be filed again."""
    for folder, age in _aged(calls, today):
        name = f"{folder.parent.name}/{folder.name}"
        if name in kept:
            continue
        if name in gone or options.folder_days and age > options.folder_days:
            swept.folders += _gone(folder, swept)
        elif options.recording_days and age > options.recording_days:
            found = [path for pattern in AUDIO for path in folder.glob(pattern)]
            swept.recordings += sum(_gone(path, swept) for path in found) > 0


def _aged(calls: Path, today: date) -> Iterator[tuple[Path, int]]:
    """The folders of calls with their age in days, by the name of their day: a call that began before midnight may be
    kept a day longer, never shorter. Days that are empty go."""
    for day in folders(calls):
        if not DAY.fullmatch(day.name):
            continue
        try:
            age = (today - date.fromisoformat(day.name)).days - 1
        except ValueError:
            continue
        found = folders(day)
        yield from ((folder, age) for folder in found)
        if age > 0 and not any(day.iterdir()):
            day.rmdir()


def _gone(path: Path, swept: Swept) -> bool:
    """Deleted; False where it cannot be."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as fault:
        swept.problems.append(f"{path}: {fault.strerror or fault}")
        return False
    return True
