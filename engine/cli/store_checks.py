"""Whether the database of sessions can be used. It is looked at, not made."""

from collections.abc import Iterator
from typing import Literal

from engine import paths
from engine.config import Config
from engine.store import reading, schema
from engine.store.database import Database
from engine.store.errors import StoreError
from engine.store.refiling import unfiled
from engine.store.store import oldest_day

Row = tuple[Literal["pass", "warn", "fail"], str, str]
"""Status, what was found, what to do."""

MANY = 100
"""Calls that are not filed: fewer are those of the last seconds."""


def look(config: Config) -> Iterator[Row]:
    """What is there. A store that cannot be used costs no call, so it is never worse than a warning."""
    options = config.store
    if not options.enabled:
        yield "pass", "off (store.enabled): there is no search over past calls", ""
        return
    try:
        database = Database(options)
    except StoreError as fault:
        yield "fail", str(fault), "correct store.url; the engine does not start with it"
        return
    try:
        yield from _look(database, oldest_day(options))
    except StoreError as fault:
        yield "warn", str(fault), "calls go on without it, and are filed when it works: docs/operator/store.md"
    finally:
        database.close()


def _look(database: Database, oldest: str) -> Iterator[Row]:
    if database.path is not None and not database.path.exists():
        yield "pass", f"{database.path} is made when the engine starts", ""
        return
    found = database.run(schema.look)
    if found.state in ("empty", "older") and database.is_sqlite:
        yield "pass", f"{database.address}: the engine brings its tables up when it starts", ""
        return
    if problem := schema.trouble(found, database.address):
        address, _, todo = problem.rpartition(": ")
        yield "warn", address, todo
        return
    counts = database.run(reading.counts)
    text = f"{database.address}: {counts['sessions']} sessions, tables of version {found.version}"
    left = sum(1 for _ in unfiled(database, paths.calls(), oldest))
    if left > MANY:
        yield "warn", f"{text}; {left} calls are not filed", "trunkline db file, or start the engine, which does it"
    else:
        yield "pass", text, ""
