"""A store on an empty SQLite, and on a real PostgreSQL; calls' folders as real calls leave them."""

import json
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS / "knowledge" / "vectorstores"), str(TESTS / "telemetry"), str(TESTS / "call")]

from postgres_server import PASSWORD, NoServer, PostgresServer  # noqa: E402

from engine import paths  # noqa: E402
from engine.config import StoreOptions  # noqa: E402
from engine.disk import DiskWriter  # noqa: E402
from engine.store import schema  # noqa: E402
from engine.store.database import Database  # noqa: E402


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="session")
def server():
    """A real PostgreSQL for all tests of this folder."""
    try:
        running = PostgresServer()
    except NoServer as why:
        pytest.skip(str(why))
    yield running
    running.close()


@pytest.fixture
def postgres_url(server):
    """The address of an empty database."""
    return made(server)


def made(server):
    import psycopg

    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        number = connection.execute("SELECT count(*) FROM pg_database").fetchone()[0]
        connection.execute(f"CREATE DATABASE store{number} STRATEGY file_copy")
    return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{server.port}/store{number}"


@pytest.fixture(scope="session")
def shared(server):
    """A PostgreSQL with the tables, for all tests that do not change them."""
    opened = Database(StoreOptions(url=made(server)))
    schema.upgrade(opened)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgres"])
def fresh(request, home):
    """A database of its own, with its tables, of each kind."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    opened = Database(StoreOptions(url=url))
    schema.upgrade(opened)
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request, home):
    """An empty database with its tables, of each kind."""
    if request.param == "postgres":
        opened = request.getfixturevalue("shared")
        opened.run(lambda connection: connection.execute(text("TRUNCATE call_sessions RESTART IDENTITY CASCADE")))
        yield opened
        return
    opened = Database(StoreOptions())
    schema.upgrade(opened)
    yield opened
    opened.close()


@pytest.fixture
def disk():
    writer = DiskWriter()
    yield writer
    writer.close()


@pytest.fixture
def left(home):
    """``left(name, *events)``: the folder of a call with this log; ``name`` is ``day/folder``."""
    def leave(name, *events):
        folder = paths.calls() / name
        folder.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps({"t": float(n), **event}) for n, event in enumerate(events)]
        (folder / "events.jsonl").write_text("".join(f"{line}\n" for line in lines))
        return folder

    return leave
