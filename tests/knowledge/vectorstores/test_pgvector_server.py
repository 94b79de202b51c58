"""PostgreSQL with pgvector: what only a real server can show."""

import gevent
import numpy as np
import psycopg
import pytest
from gevent import socket
from gevent.server import StreamServer

from engine.config.vectorstores import PgVectorOptions
from engine.errors import ProviderFault
from engine.knowledge.errors import CollectionMissing, KnowledgeError
from engine.knowledge.scope import Scope
from engine.knowledge.vectorstores.pgpool import explained
from engine.knowledge.vectorstores.setup import open_store
from tests.knowledge.vectorstores.places import direction, point, postgres


@pytest.fixture(scope="module")
def server():
    return postgres()


@pytest.fixture
def sql(server):
    """``sql(statement, *values)``: rows, by a connection of the test's own."""
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        yield lambda statement, *values: connection.execute(statement, values or None)
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC")


@pytest.fixture
def opened(server, sql):
    stores = []

    def open_one(collection="desk", *, dsn=None, **options):
        stores.append(open_store(PgVectorOptions(dsn=dsn or server.dsn(), **options), collection))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


def kind_of(work):
    with pytest.raises(ProviderFault) as raised:
        work()
    assert "local-only" not in str(raised.value)
    return raised.value.kind


@pytest.mark.parametrize(("dim", "index"), [(384, "vector_cosine_ops"), (3072, "halfvec_cosine_ops")])
def test_the_index_is_used(opened, sql, dim, index):
    """A search that reads the whole table would take a second at a million passages. Above 2000 numbers the index holds
    halves, and the query must ask for the very same expression."""
    store = opened()
    store.ensure(dim)
    assert index in sql("SELECT string_agg(indexdef, ';') FROM pg_indexes").fetchone()[0]
    store.upsert([point(str(n), vector=direction(n, dim)) for n in range(60)])
    sql("ANALYZE")
    sql("ALTER DATABASE postgres SET enable_seqscan = off")
    sql("ALTER DATABASE postgres SET enable_sort = off")
    try:
        fresh = opened()
        found = fresh.query(direction(7, dim), "", 3)
        assert found[0].id == "7" and found[0].score == pytest.approx(1, abs=1e-4)
        sql("SELECT pg_stat_force_next_flush()")
        fresh.close()
        gevent.sleep(0.1)
        assert sql("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = 'trunkline_desk_vector'"
                   ).fetchone()[0] >= 1
    finally:
        sql("ALTER DATABASE postgres RESET ALL")


def test_a_filter_that_few_pass(opened):
    """An approximate index looks at the nearest only; it must look on until enough of them pass the filter."""
    store = opened(ef_search=10)
    store.ensure(16)
    store.upsert([point(f"near{n}", vector=turned(n, 0.1), tags=["other"]) for n in range(300)]
                 + [point(f"far{n}", vector=turned(n, 3), tags=["wanted"]) for n in range(5)])
    found = store.query(direction("q"), "", 5, Scope(tags=frozenset({"wanted"})))
    assert {one.id for one in found} == {f"far{n}" for n in range(5)}


def test_rare_words_decide(opened):
    """Half of the passages have a common word, only some of them are looked at; those with a rare word, or with all the
    words, must be among them and come first."""
    store = opened(index="none")
    store.ensure(16)
    store.upsert([point(f"c{n:04}", "the fee and the form") for n in range(700)]
                 + [point("rare", "Ask for KX207."), point("z-all", "fee, form, library, bus")]
                 + [point(f"l{n}", "the library bus") for n in range(600)])
    assert store.query(None, "which fee for the KX207", 3)[0].id == "rare"
    assert store.query(None, "fee form library bus", 3)[0].id == "z-all"


def turned(seed, amount):
    vector = direction("q") + amount * direction(seed)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def test_an_ivfflat_index_waits_for_rows(opened, sql):
    """Its lists are learnt from what is there: it is made by setting up again, when there is something to learn."""
    store = opened(index="ivfflat")
    store.ensure(16)
    names = "SELECT indexname FROM pg_indexes WHERE indexdef LIKE '%ivfflat%'"
    assert sql(names).fetchall() == []
    store.upsert([point(str(n)) for n in range(1000)])
    store.ensure(16)
    assert sql(names).fetchall() == [("trunkline_desk_vector",)]
    assert store.query(direction("7"), "", 1)[0].id == "7"


def test_exact_without_an_index(opened, sql):
    """``none`` is a choice, for small collections."""
    store = opened(index="none")
    store.ensure(4096)
    assert "cosine" not in sql("SELECT string_agg(indexdef, ';') FROM pg_indexes").fetchone()[0]
    store.upsert([point("a", vector=direction("a", 4096)), point("b", vector=direction("b", 4096))])
    assert opened(index="none").query(direction("b", 4096), "", 1)[0].id == "b"


def test_characters_that_postgresql_cannot_hold(opened):
    """NUL and halves of surrogate pairs come out of broken PDFs: the passage is kept, they become blanks."""
    store = opened()
    store.ensure(16)
    store.upsert([point("a\0b", "one\0two \ud800 three", tags=["x\0y"])])
    [found] = store.get(["a\0b"])
    assert (found.id, found.payload["text"], found.payload["tags"]) == ("a b", "one two ? three", ["x y"])
    assert store.query(None, "two\0 \ud800", 3)[0].id == "a b"
    store.query(None, "\\ ' '' & | ! :* <->" * 50, 3)


def test_who_may_not(server, sql, opened):
    """Wrong password, unknown user and database, missing rights: kind auth, with advice, and without the password."""
    for changes in ({"password": "wrong"}, {"user": "nobody_there"}, {"dbname": "absent"}):
        assert kind_of(opened(dsn=server.dsn(**changes)).count) == "auth"
    opened().ensure(16)
    sql("DROP ROLE IF EXISTS reader")
    sql("CREATE ROLE reader LOGIN PASSWORD 'local-only'")
    try:
        store = opened(dsn=server.dsn(user="reader"))
        assert kind_of(store.count) == "auth"
        assert kind_of(lambda: opened("other", dsn=server.dsn(user="reader")).ensure(16)) == "auth"
    finally:
        sql("DROP ROLE reader")


def test_a_name_that_is_not_known_and_a_port_where_nobody_is(server, opened):
    """Unavailable: another store, or keywords, may serve meanwhile."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert kind_of(opened(dsn=server.dsn(port=port)).count) == "unavailable"
    assert kind_of(opened(dsn=server.dsn(host="no-such-host.invalid")).count) == "unavailable"


def test_a_server_that_says_nothing(server, opened):
    """The deadline of connecting holds, although libpq counts in whole seconds, two at least."""
    silent = StreamServer(("127.0.0.1", 0), lambda connection, address: connection.recv(1 << 20) and gevent.sleep(9))
    silent.start()
    try:
        store = opened(dsn=server.dsn(port=silent.server_port), connect_timeout_s=0.1)
        assert kind_of(store.count) == "timeout"
    finally:
        silent.stop(timeout=0.1)


def test_a_search_that_is_late(opened, sql):
    """Someone holds a lock on the table: the caller is told in time, and the connection is not used again."""
    store = opened(query_timeout_s=0.2)
    store.ensure(16)
    store.upsert([point("a")])
    with psycopg.connect(sql("SELECT 1").connection.info.dsn, password="local-only") as holder:
        holder.execute("LOCK TABLE trunkline_desk")
        assert kind_of(lambda: store.query(direction("a"), "", 1)) == "timeout"
    assert [one.id for one in store.query(direction("a"), "", 1)] == ["a"]


def test_the_hub_goes_on_while_postgresql_works(opened, sql):
    """Waiting for the server is waiting for a socket: other calls' audio goes on. A blocked hub would count nothing."""
    store = opened(write_timeout_s=5)
    store.ensure(16)
    ticks = []

    def tick():
        while True:
            ticks.append(1)
            gevent.sleep(0.005)

    ticking = gevent.spawn(tick)
    with psycopg.connect(sql("SELECT 1").connection.info.dsn, password="local-only") as holder:
        holder.execute("LOCK TABLE trunkline_desk")
        counting = gevent.spawn(store.count)
        gevent.sleep(0.2)
        assert not counting.ready()
    assert counting.get(timeout=5) == 0
    ticking.kill()
    assert len(ticks) > 10


def test_a_killed_caller(opened, sql):
    """A call that ends in the middle of a search leaves no half-read answer to the next one."""
    store = opened(max_connections=1)
    store.ensure(16)
    store.upsert([point("a")])
    with psycopg.connect(sql("SELECT 1").connection.info.dsn, password="local-only") as holder:
        holder.execute("LOCK TABLE trunkline_desk")
        searching = gevent.spawn(store.query, direction("a"), "", 1)
        gevent.sleep(0.1)
        searching.kill(timeout=2)
    assert [one.id for one in store.query(direction("a"), "", 1)] == ["a"]


def test_connections_that_were_cut(opened, sql):
    """A server that restarts closes idle connections: the next question opens another, without a word."""
    store = opened()
    store.ensure(16)
    assert store.count() == 0
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'trunkline'").fetchall()
    assert store.count() == 0


def test_connections_are_bounded(opened, sql):
    """Thirty callers at once must not use up the server's connections."""
    store = opened(max_connections=3)
    store.ensure(16)
    store.upsert([point("a")])
    gevent.joinall([gevent.spawn(store.query, direction("a"), "", 1) for _ in range(30)], raise_error=True)
    used = sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'trunkline'").fetchone()[0]
    assert used <= 6  # three for searches, three for the rest


def test_two_set_up_at_once(opened):
    """Several workers start together: one makes the table, nobody fails."""
    stores = [opened() for _ in range(4)]
    gevent.joinall([gevent.spawn(store.ensure, 16) for store in stores], raise_error=True)
    assert stores[0].count() == 0


def test_a_table_of_someone_else(opened, sql):
    """It is neither filled nor dropped by a set-up."""
    sql("CREATE TABLE trunkline_desk (id integer)")
    with pytest.raises(KnowledgeError, match="not made by Trunkline"):
        opened().ensure(16)


def test_a_server_without_pgvector(sql):
    """The text says what to install. (The server's own words for an extension that it does not have.)"""
    with pytest.raises(psycopg.Error) as raised:
        sql("CREATE EXTENSION vector_of_elsewhere")
    fault = explained("store", raised.value)
    assert isinstance(fault, KnowledgeError) and "postgresql-NN-pgvector" in str(fault)


def test_a_table_that_was_dropped(opened, sql):
    """A store that is open notices: the collection is missing, not broken."""
    store = opened()
    store.ensure(16)
    sql("DROP TABLE trunkline_desk")
    with pytest.raises(CollectionMissing):
        store.query(direction("a"), "fee", 3)


def test_tables_of_like_names_are_apart(opened):
    """Collections my-desk and my.desk are two tenants', not one table."""
    first, second = opened("my-desk"), opened("my.desk")
    for store in (first, second):
        store.ensure(16)
    first.upsert([point("a")])
    assert (first.count(), second.count()) == (1, 0)


@pytest.mark.parametrize("dsn", ["://nonsense", "postgresql://user:local-only@[::1/x", "host='"])
def test_a_connection_string_that_is_none(dsn):
    """Its text may hold a password: it is not repeated."""
    with pytest.raises(KnowledgeError, match="not a connection string") as raised:
        open_store(PgVectorOptions(dsn=dsn), "desk")
    assert "local-only" not in str(raised.value)
