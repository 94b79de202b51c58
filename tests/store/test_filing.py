"""Live sessions reach the database by themselves; what it could not take is filed from the folders."""

import json
from datetime import datetime, timezone

import gevent
import pytest
from sqlalchemy import func, select, text, update
from store_world import started, whole

from engine import paths
from engine.config import StoreOptions
from engine.store import reading, schema
from engine.store.database import Database
from engine.store.refiling import below, file_folder, unfiled
from engine.store.store import Store
from engine.store.tables import CHILDREN, call_sessions
from engine.telemetry.eventlog import EventLog


def options(database=None, **changes):
    url = "" if database is None or database.is_sqlite else database._engine.url.render_as_string(hide_password=False)
    return StoreOptions(write_every_ms=20, url=url, **changes)


@pytest.fixture
def opened(home):
    """``opened(options)``: a store that is closed after the test."""
    stores = []

    def make(chosen=None, node="one:8084", start=True):
        store = Store(chosen or options(), paths.calls())
        stores.append(store)
        if start:
            store.start(node)
        return store

    yield make
    for store in stores:
        store.close()


def wait(condition, what):
    with gevent.Timeout(10, AssertionError(what)):
        while not condition():
            gevent.sleep(0.01)


def log_of(disk, name="2026-11-20/100000-a-call"):
    folder = paths.calls() / name
    return EventLog(folder / "events.jsonl", disk, lambda: 1.0), folder


def write(log, *events):
    for event in events:
        fields = {key: value for key, value in event.items() if key not in ("t", "event")}
        log.write(event["event"], **fields)


def rows(store, name="a-call"):
    return store.read(lambda connection: reading.session(connection, name))


def everything(database):
    """All rows of all tables, but for numbers that the database gave."""
    def work(connection):
        tables = [call_sessions, *(table for table, _ in CHILDREN.values())]
        return [sorted(str({name: value for name, value in row._mapping.items()
                             if name not in ("id", "participant_id")})
                        for row in connection.execute(select(table))) for table in tables]
    return database.run(work)


def test_a_session_is_in_the_database_while_it_goes_on(database, opened, disk):
    """Its row at the beginning, its state and words as they come, its end with cause and duration."""
    store = opened(options(database))
    log, folder = log_of(disk)
    store.filing.follow(log, folder)
    write(log, *whole("where is my order")[:1])
    wait(lambda: rows(store), "no row")
    assert rows(store).row["state"] == "created"
    assert store.filing.live("a-call")["state"] == "created"
    write(log, *whole("where is my order")[1:5])
    wait(lambda: rows(store).counters["segments"] == 1, "no segment")
    found = rows(store)
    assert (found.row["state"], found.row["agent_name"], found.row["ended_at"]) == ("talking", "clerk", None)
    write(log, *whole("where is my order")[5:])
    log.close()
    store.filing.finished(folder)
    wait(lambda: rows(store).row["filed"], "not filed")
    row = rows(store).row
    assert (row["state"], row["hangup_cause"], row["hangup_by"]) == ("ended", "NORMAL_CLEARING", "caller")
    assert row["ended_at"] == row["answered_at"] + (row["ended_at"] - row["answered_at"])
    assert store.filing.live("a-call") is None
    assert store.filing.going_on == frozenset()


def test_filing_again_changes_nothing(database, opened, disk):
    """The folder of a session that was filed live makes exactly the rows that are there: source_seq is the line."""
    store = opened(options(database))
    log, folder = log_of(disk)
    store.filing.follow(log, folder)
    write(log, *whole("one", "two"))
    log.close()
    assert disk.flush()
    wait(lambda: store.filing.going_on == frozenset(), "not written")
    live = everything(store.database)
    for _ in range(2):
        assert file_folder(store.database, folder, paths.calls())
        assert everything(store.database) == live
    assert list(unfiled(store.database, paths.calls())) == []


def test_what_others_wrote_stays(database, left):
    """A CRM's columns are not the engine's; a log that was read before its end is older than what is there."""
    folder = left("2026-11-20/100000-a-call", *whole("one"))
    file_folder(database, folder, paths.calls())
    database.run(lambda connection: connection.execute(update(call_sessions).values(disposition="sold")), write=True)
    left("2026-11-20/100000-a-call", *whole("one")[:4])
    file_folder(database, folder, paths.calls())
    found = database.run(lambda connection: reading.session(connection, "a-call"))
    assert (found.row["disposition"], found.row["state"], found.counters["segments"]) == ("sold", "ended", 1)


def test_lines_that_are_gone_take_their_rows_with_them(database, left):
    """A log that was mended, or filed by an older version, leaves nothing of its old account."""
    folder = left("2026-11-20/100000-a-call", *whole("one", "two", "three"))
    file_folder(database, folder, paths.calls())
    left("2026-11-20/100000-a-call", *whole("one"))
    file_folder(database, folder, paths.calls())
    counted = database.run(lambda connection: reading.session(connection, "a-call")).counters
    assert (counted["segments"], counted["items"]) == (1, 1)


def test_a_database_that_is_down_disturbs_no_call(home, opened, disk):
    """Nothing waits and nothing raises; when it works again, what happened meanwhile is there."""
    (home / "store.sqlite").mkdir()  # no database can be opened here
    store = opened()
    log, folder = log_of(disk)
    store.filing.follow(log, folder)
    write(log, *whole("is anybody there"))
    wait(lambda: store.filing.problem, "no problem is told")
    assert store.component().status == "degraded"
    log.close()
    store.filing.finished(folder)
    (home / "store.sqlite").rmdir()
    wait(lambda: not store.filing.problem and rows(store), "the store did not recover")
    assert rows(store).counters["segments"] == 1
    assert store.component().status == "ok"


def test_what_does_not_fit_is_filed_from_its_folder(home, opened, disk):
    """Memory is bounded while the database is down: sessions beyond ``max_waiting`` come from their folders later."""
    store = opened(options(max_waiting=1), start=False)
    for number in range(3):
        log, folder = log_of(disk, f"2026-11-20/10000{number}-call{number}")
        store.filing.follow(log, folder)
        write(log, *whole("hello", name=f"call{number}"))
        log.close()
        store.filing.finished(folder)
    assert disk.flush()
    store.start("one:8084")
    store.filing.check_schema()
    wait(lambda: list(unfiled(store.database, paths.calls())) == [], "not all are filed")
    assert all(rows(store, f"call{number}").counters["segments"] == 1 for number in range(3))


def test_rows_that_the_database_refuses_keep_no_other_session_back(home, opened, disk):
    """One session that cannot be stored is left out of the transaction; the others are written."""
    store = opened(start=False)
    store.filing.check_schema()
    store.database.run(lambda connection: connection.execute(text(
        "CREATE TRIGGER no BEFORE INSERT ON call_sessions WHEN new.call_id = 'bad' BEGIN "
        "SELECT raise(ABORT, 'refused'); END")), write=True)
    for name in ("bad", "good"):
        log, folder = log_of(disk, f"2026-11-20/100000-{name}")
        store.filing.follow(log, folder)
        write(log, *whole("hello", name=name))
        log.close()
    store.start("one:8084")
    wait(lambda: rows(store, "good"), "the good one was kept back")
    assert rows(store, "bad") is None


def test_a_crash_leaves_no_live_session(home, opened, left):
    """The next engine of the same name finds what the one before left: filed as far as it goes, and failed. A call of
    another engine may go on."""
    broken = left("2026-11-20/100000-crashed", *whole("I was say", name="crashed")[:5])
    with (broken / "events.jsonl").open("a") as log:
        log.write('{"t": 9.0, "event": "user_sa')
    left("2026-11-20/100000-elsewhere", *whole("hello", name="elsewhere", node="two:8084")[:5])
    store = opened()
    wait(lambda: rows(store, "crashed"), "not filed")
    assert (rows(store, "crashed").row["state"], rows(store, "crashed").counters["segments"]) == ("failed", 1)
    wait(lambda: store.catch_up() == 0, "it is filed again and again")
    assert rows(store, "elsewhere") is None


def test_a_channel_that_comes_back_is_a_session_of_its_own(database, left):
    """After a transfer FreeSWITCH may bring a caller back under the same uuid: the first session keeps the id, both are
    found, and filing in another order again changes nothing."""
    first = left("2026-11-20/100000-u", *whole("one", name="u"))
    second = left("2026-11-20/101000-u", *whole("two", name="u", started="2026-11-20T10:10:00+00:00"))
    for folder in (first, second, second, first):
        file_folder(database, folder, paths.calls())
    found = database.run(lambda connection: connection.execute(
        select(call_sessions.c.session_id, call_sessions.c.call_id, call_sessions.c.folder)
        .order_by(call_sessions.c.started_at)).all())
    assert [(row.call_id, row.folder[11:17]) for row in found] == [("u", "100000"), ("u", "101000")]
    assert found[0].session_id == "u" != found[1].session_id


def test_texts_that_no_database_takes(database, left):
    """NUL and halves of surrogate pairs reach logs from SIP headers and recognisers."""
    folder = left("2026-11-20/100000-a-call", *whole("a\0b \ud800 c", caller="\0\udcff"))
    assert file_folder(database, folder, paths.calls())
    assert database.run(lambda connection: reading.segments(connection, "a-call", 0, 9))[0]["text"] == "ab ? c"


def test_two_engines_write_to_one_postgres(postgres_url, opened, disk):
    """Nodes share sessions: each writes its own, nobody loses or doubles a row, and both can be searched by node."""
    maker = Database(StoreOptions(url=postgres_url))
    schema.upgrade(maker)
    maker.close()
    stores = {node: opened(StoreOptions(url=postgres_url, write_every_ms=20), node) for node in ("a:1", "b:1")}
    folders = []
    for number in range(20):
        for node, store in stores.items():
            name = f"{node[0]}{number}"
            log, folder = log_of(disk, f"2026-11-20/1000{number:02}-{name}")
            store.filing.follow(log, folder)
            write(log, *whole("hello", "again", name=name, node=node))
            log.close()
            store.filing.finished(folder)
            folders.append(folder)
        gevent.sleep(0)
    for store in stores.values():
        wait(lambda store=store: not store.filing.going_on, "not written")

    def counted(connection):
        table = call_sessions.c
        found = connection.execute(select(table.node, func.count()).group_by(table.node)).all()
        return {row.node: row[1] for row in found}

    assert stores["a:1"].read(counted) == {"a:1": 20, "b:1": 20}
    assert disk.flush()
    # Both file the same folder at once: one waits for the other, and the rows are there once.
    gevent.joinall([gevent.spawn(file_folder, store.database, folders[0], paths.calls())
                    for store in stores.values() for _ in range(3)], raise_error=True)
    assert rows(stores["b:1"], "a0").counters["segments"] == 2


def test_folders_are_given_by_call_and_by_day(home, left):
    """``trunkline db file`` takes either; a path outside of the calls is an error, not a walk through the disk."""
    one = left("2026-11-20/100000-a", *whole())
    other = left("2026-11-20/100001-b", *whole())
    assert set(below([one.parent], paths.calls())) == set(below([paths.calls()], paths.calls())) == {one, other}
    assert list(below([one], paths.calls())) == [one]
    with pytest.raises(Exception, match="is not in"):
        list(below([home.parent], paths.calls()))


def test_dates_of_the_folder_are_utc(database, left):
    """A time is the same in SQLite, which has no zones, and in PostgreSQL."""
    file_folder(database, left("2026-11-20/100000-a-call", *whole(started="2026-11-20T15:30:00+05:30")), paths.calls())
    row = database.run(lambda connection: reading.find(connection, "a-call"))
    assert row["started_at"] == datetime(2026, 11, 20, 10, 0, tzinfo=timezone.utc)
    assert json.dumps(row["started_at"].isoformat()) == '"2026-11-20T10:00:00+00:00"'
    assert started()["id"] == row["call_id"]


def test_a_session_of_a_websocket(home, opened, disk):
    """Sessions of other transports are told apart by ``transport``; their words come from the Realtime server."""
    store = opened()
    log, folder = log_of(disk, "2026-11-20/100000-sess_1")
    store.filing.follow(log, folder)
    write(log, *whole("hello", name="sess_1", transport="ws", caller=None, called=None))
    log.close()
    store.filing.finished(folder)
    wait(lambda: rows(store, "sess_1") and rows(store, "sess_1").row["filed"], "not filed")
    row = rows(store, "sess_1").row
    assert (row["transport"], row["fs_uuid"], row["from_number"]) == ("ws", None, None)
    said = store.read(lambda connection: reading.segments(connection, "sess_1", 0, 9))
    assert [one["source"] for one in said] == ["realtime"]
