"""Sessions into the database from their folders: what could not be written while they went on, or was before the store.

    file_folder(database, calls / "2026-11-21" / "041502-6c1f...", calls)
    for folder in unfiled(database, calls): ...

Reads in a thread, with pauses, so that calls which go on meanwhile do not feel it.
"""

import logging
import os
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from gevent.monkey import get_original
from sqlalchemy import Connection, select, update

from engine import lifecycle
from engine.offhub import off_hub
from engine.store.account import Account
from engine.store.database import Database
from engine.store.errors import StoreError
from engine.store.tables import call_sessions
from engine.store.writing import rewrite
from engine.telemetry import eventlog

log = logging.getLogger(__name__)

EVENTS = "events.jsonl"
DAY = re.compile(r"\d{4}-\d\d-\d\d")

ABANDONED_S = 5 * 3600.0
"""A log without its last line that nobody has written to for so long is of a call that broke off: the longest silence
of a log is that of a caller who is with a human, 4 hours."""

LINES_A_PAUSE, PAUSE_S = 200, 0.002
"""So often the reading thread leaves the interpreter to the calls."""

_nap = get_original("time", "sleep")


def file_folder(database: Database, folder: Path, calls: Path, ended: bool = False, live: bool = True) -> bool:
    """File the session of this folder, which lies in ``calls``. ``ended``: it goes on no more, whatever its log says.
    ``live``: also one that goes on. False where there is nothing to file: no log, or one without its first line.
    Raises ``StoreError`` where the database does not take it."""
    account = off_hub(_read, folder, calls, ended)
    if account is None or account.session is None or not (live or account.ended):
        return False
    session, changes = account.session, account.take_changes()
    database.run(lambda connection: rewrite(connection, session, changes), write=True)
    return True


def _read(folder: Path, calls: Path, ended: bool) -> Account | None:
    path = folder / EVENTS
    account = Account(folder.relative_to(calls).as_posix())
    last, seq = 0.0, 0
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                event = eventlog.decode(line) if line.strip() else None
                if event is not None:  # lines that are none have no number, as in the log that was listened to
                    seq += 1
                    last = event["t"]
                    account.take(event, seq)
                if number % LINES_A_PAUSE == 0:
                    _nap(PAUSE_S)
            silent_s = time.time() - os.fstat(lines.fileno()).st_mtime
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise StoreError(f"{path}: {fault.strerror or fault}") from fault
    if ended or silent_s > ABANDONED_S:
        account.break_off(last)
    return account


def unfiled(database: Database, calls: Path, oldest_day: str = "") -> Iterator[Path]:
    """The folders in ``calls`` whose sessions are not in the database, or not to their end; the newest day first, none
    before ``oldest_day``. Raises ``StoreError``."""
    for day in off_hub(folders, calls):
        if not DAY.fullmatch(day.name) or day.name < oldest_day:
            continue
        filed = database.run(lambda connection: _filed(connection, day.name))  # noqa: B023  run at once
        for folder in off_hub(folders, day):
            if f"{day.name}/{folder.name}" not in filed:
                yield folder


def below(given: Iterable[Path], calls: Path) -> Iterator[Path]:
    """The folders of calls that these are, or contain. Raises ``StoreError`` for one that is not in ``calls``."""
    for path in given:
        path = path.absolute()
        try:
            parts = path.relative_to(calls).parts
        except ValueError:
            raise StoreError(f"{path} is not in {calls}, the folder of calls below TRUNKLINE_HOME") from None
        if not path.is_dir() or ".." in parts or len(parts) > 2:
            raise StoreError(f"{path} is no folder of a call, of a day, or of all calls")
        found = [path]
        for _ in range(2 - len(parts)):
            found = [inner for outer in found for inner in folders(outer)]
        yield from found


def folders(parent: Path) -> list[Path]:
    """Those in ``parent``, the last by name first; none where it cannot be read."""
    try:
        with os.scandir(parent) as found:
            return sorted((parent / one.name for one in found if one.is_dir(follow_symlinks=False)), reverse=True)
    except OSError:
        return []


def _filed(connection: Connection, day: str) -> set[str]:
    table = call_sessions.c
    return set(connection.execute(select(table.folder).where(
        table.folder >= f"{day}/", table.folder < f"{day}0", table.filed)).scalars())


def end_lost(database: Database, node: str, calls: Path, going_on: frozenset[str]) -> int:
    """Sessions of this node that the database takes for live, that are not ``going_on``, and that have no folder any
    more to be filed from: they have failed. How many."""
    table = call_sessions.c

    def work(connection: Connection) -> int:
        live = connection.execute(select(table.session_id, table.folder, table.started_at).where(
            table.node == node, table.ended_at.is_(None))).all()
        lost = [row for row in live if row.folder not in going_on and not (calls / row.folder).exists()]
        for row in lost:
            connection.execute(update(call_sessions).where(table.session_id == row.session_id).values(
                state="failed", status=lifecycle.STATUS["failed"], outcome="failed", ended_at=row.started_at,
                filed=True, hangup_cause="its engine and its folder are gone"))
        return len(lost)

    return database.run(work, write=True)
