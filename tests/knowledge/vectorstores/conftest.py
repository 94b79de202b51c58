"""One place a kind of store; what a test opens is closed and dropped after it."""

import pytest

from tests.knowledge.vectorstores.places import PLACES, stop_postgres


@pytest.fixture(scope="session", autouse=True)
def _postgres_ends():
    yield
    stop_postgres()


@pytest.fixture(scope="module", params=list(PLACES))
def place(request):
    """A server, used by all tests of a module one after the other."""
    place = PLACES[request.param]()
    yield place
    place.close()


@pytest.fixture
def opened(place):
    """``opened(collection="desk", **options)`` is a store at the place."""
    stores = []

    def open_one(collection="desk", **options):
        stores.append(place.open(collection, **options))
        return stores[-1]

    yield open_one
    for store in stores:
        if place.server is not None:
            place.server.fail_with, place.server.latency_s = None, 0
        store.close()
    for collection in ("desk", "other"):
        store = place.open(collection)
        store.drop()
        store.close()
    if hasattr(place, "reset"):
        place.reset()


@pytest.fixture
def store(opened):
    """A store with an empty collection."""
    made = opened()
    made.ensure(16)
    return made
