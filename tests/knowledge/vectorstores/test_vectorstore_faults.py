"""What a vector store behind HTTP says when its service fails: one kind of fault a cause, on every kind of store."""

import gevent
import pytest
from gevent import socket

from engine.errors import ProviderFault
from tests.knowledge.vectorstores.places import PLACES, direction, point
from tests.providers.fake_http import Response, error

REMOTE = [name for name, kind in PLACES.items() if name not in ("memory", "pgvector")]


@pytest.fixture(params=REMOTE)
def place(request):
    place = PLACES[request.param]()
    yield place
    place.close()


def kind_of(work):
    with pytest.raises(ProviderFault) as raised:
        work()
    return raised.value


def attempts(store):
    return [lambda: store.query(direction("a"), "fee", 3), lambda: store.upsert([point("a")]), store.count,
            lambda: store.get(["a"]), lambda: list(store.scan()), lambda: store.delete(["a"]), store.drop]


def test_a_wrong_key(opened):
    """Only the operator can cure it: kind auth, and the key is not in the text."""
    store = opened(key="not-the-key-987")
    for attempt in (lambda: store.ensure(16), *attempts(store)):
        fault = kind_of(attempt)
        assert fault.kind == "auth" and "987" not in str(fault)


@pytest.mark.parametrize(("response", "kind", "wait_s"), [
    (error(429, {"message": "slow down"}, Retry_After="7"), "rate_limit", 7),
    (error(500, {}), "unavailable", None),
    (Response(503, "text/html", [b"<html>busy</html>"]), "unavailable", None),
    (Response(200, "application/json", [b"{"]), "broken", None),
    (Response(200, "application/json", [b'{"else": 1}']), "broken", None),
    (Response(200, "text/html", [b"<html>a proxy's page</html>"]), "broken", None),
    (Response(302, headers={"Location": "https://elsewhere.example"}), "refused", None),
])  # fmt: skip
def test_what_the_service_answers(place, store, response, kind, wait_s):
    """The router's words for faults: whoever calls can decide without knowing the vendor."""
    store.upsert([point("a")])
    place.server.fail_with = response
    anything = response.pieces == [b'{"else": 1}']  # as good an answer as any to a deletion
    for attempt in attempts(store)[:4 if anything else 6]:
        fault = kind_of(attempt)
        assert (fault.kind, fault.retry_after_s) == (kind, wait_s)


def test_a_search_has_its_own_short_deadline(place, opened):
    """A caller waits for a search, nobody for a batch: the one is given up, the other goes on."""
    store = opened(query_timeout_s=0.05, write_timeout_s=5)
    store.ensure(16)
    place.server.latency_s = 0.2
    assert kind_of(lambda: store.query(direction("a"), "fee", 3)).kind == "timeout"
    store.upsert([point("a")])


def test_an_answer_that_stalls(place, opened):
    """A head without a body must not hold a greenlet for ever."""
    store = opened(write_timeout_s=0.1)
    store.ensure(16)
    place.server.first_s = 5
    assert kind_of(store.count).kind == "timeout"
    place.server.first_s = 0


def test_nobody_listens(place, opened):
    """The service is down, or the address wrong: unavailable, with the address in the text."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    place.server.url, right = url, place.server.url
    store = opened()
    place.server.url = right
    fault = kind_of(lambda: store.ensure(16))
    assert fault.kind == "unavailable" and "127.0.0.1" in str(fault)


def test_connections_are_kept(place, store):
    """A search must not pay for a handshake."""
    store.upsert([point("a")])
    store.query(direction("a"), "fee", 1)
    before = place.server.connections
    for _ in range(5):
        store.query(direction("a"), "fee", 1)
        store.count()
    assert place.server.connections == before


def test_searches_run_side_by_side(place, store):
    """Twenty callers ask at once: nobody waits for the others' answers."""
    store.upsert([point("a"), point("b")])
    place.server.latency_s = 0.1
    searches = [gevent.spawn(store.query, direction("a"), "", 1) for _ in range(10)]
    gevent.joinall(searches, timeout=5)
    assert place.server.connections >= 10
    assert all([one.id for one in each.get()] == ["a"] for each in searches)


def test_a_service_that_was_restarted(place, store):
    """Idle connections that the other side has closed are replaced without a word."""
    store.upsert([point("a")])
    place.server.close_idle.set()
    for _ in range(3):
        assert store.count() == 1
    place.server.close_idle.clear()
