"""Which tables a database has, and making or bringing up those of this Trunkline. Alembic does the work."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sqlalchemy import Connection, inspect, text

from engine.store.database import Database
from engine.store.errors import SchemaError

log = logging.getLogger(__name__)

REVISIONS = ("0001", "0002")
"""The steps there are, oldest first. A test compares them with ``migrations/versions``."""

VERSION_TABLE = "trunkline_version"
"""Not Alembic's usual name: another program may keep its own in the same database."""

UPGRADE_S = 3600.0
"""A step may rewrite large tables."""

_LOCK = 7_270_001
"""PostgreSQL's advisory lock: two nodes that upgrade at once do it one after the other."""


@dataclass(frozen=True, slots=True)
class Schema:
    """``version`` is what the database has, "" when it is empty."""

    state: Literal["empty", "older", "current", "newer"]
    version: str


def look(connection: Connection) -> Schema:
    """What is there."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return Schema("empty", "")
    version = str(connection.execute(text(f"SELECT max(version_num) FROM {VERSION_TABLE}")).scalar() or "")
    if not version:
        return Schema("empty", "")
    if version not in REVISIONS:
        return Schema("newer", version)
    return Schema("current" if version == REVISIONS[-1] else "older", version)


def ready(database: Database) -> None:
    """Make sure that the tables are this Trunkline's. An empty or older SQLite is brought up; for PostgreSQL, which
    other nodes use, that is for the operator to say. Raises ``SchemaError``, ``StoreDown``, ``StoreError``."""
    found = database.run(look)
    if found.state in ("empty", "older") and database.is_sqlite:
        upgrade(database)
        return
    if problem := trouble(found, database.address):
        raise SchemaError(problem)


def trouble(found: Schema, address: str) -> str:
    """What is wrong with a schema, and what to do; "" where nothing is."""
    if found.state == "empty":
        return f"{address} has no tables yet: run `trunkline db init`"
    if found.state == "older":
        return f"{address} has the tables of version {found.version}, not {REVISIONS[-1]}: run `trunkline db upgrade`"
    if found.state == "newer":
        return (f"{address} has the tables of version {found.version}; this Trunkline knows up to {REVISIONS[-1]} and "
                "leaves them alone: install a newer Trunkline. Calls go on and are filed later")
    return ""


def upgrade(database: Database, to: str = "head") -> Schema:
    """Bring the tables up to ``to``; what is current stays. The schema it has now. Raises ``SchemaError`` for a newer
    one."""
    def work(connection: Connection) -> Schema:
        if not database.is_sqlite:
            connection.execute(text("SELECT set_config('statement_timeout', '0', true)"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        found = look(connection)
        if found.state == "newer":
            raise SchemaError(trouble(found, database.address))
        if found.state != "current":
            _alembic(connection, to)
        return look(connection)

    made = database.run(work, write=True, patience_s=UPGRADE_S)
    log.info("%s: tables of version %s", database.address, made.version)
    return made


def downgrade(database: Database, to: str) -> None:
    """Back to an older version, ``base`` for none. Loses what the newer tables held."""
    database.run(lambda connection: _alembic(connection, to, down=True), write=True, patience_s=UPGRADE_S)


def _alembic(connection: Connection, to: str, down: bool = False) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["version_table"] = VERSION_TABLE
    (command.downgrade if down else command.upgrade)(config, to)
