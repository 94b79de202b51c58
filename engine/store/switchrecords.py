"""FreeSWITCH's records of channels into their table, and out of it."""

from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from engine.store.account import Row
from engine.store.tables import switch_records


def write(connection: Connection, row: Row) -> None:
    """Insert it; a record that comes again takes the place of the first."""
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(switch_records)
    changes = {name: insert.excluded[name] for name in row if name != "fs_uuid"}
    connection.execute(insert.on_conflict_do_update(index_elements=["fs_uuid"], set_=changes), [row])


def find(connection: Connection, name: str) -> Row | None:
    """The record of a channel, by its uuid or the carrier's id of the call."""
    if "\0" in name:  # PostgreSQL refuses it
        return None
    table = switch_records.c
    found = connection.execute(select(switch_records).where((table.fs_uuid == name) | (table.carrier_call_id == name))
                               .order_by((table.fs_uuid == name).desc(), table.received_at).limit(1)).first()
    return dict(found._mapping) if found else None
