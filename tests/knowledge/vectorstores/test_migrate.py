"""Moving a collection: whole, resumable, patient with faults that pass, checked at the end."""

import pytest

from engine.errors import ProviderFault
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.vectorstores.memory import MemoryStore
from engine.knowledge.vectorstores.migrate import Migrated, Progress, migrate
from engine.knowledge.vectorstores.payload import digest
from tests.knowledge.vectorstores.places import Pinecone, point
from tests.providers.fake_http import error


class Clock:
    """Time passes only in ``sleep``."""

    def __init__(self):
        self.now = 0.0
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


class Shaky(MemoryStore):
    """Fails as told: ``faults`` are raised by the next writes, one each, half of the batch written."""

    def __init__(self):
        super().__init__()
        self.faults = []
        self.written = []

    def upsert(self, points):
        if self.faults:
            super().upsert(points[:len(points) // 2])
            raise self.faults.pop(0)
        super().upsert(points)
        self.written += [one.id for one in points]


@pytest.fixture
def clock():
    return Clock()


def move(source, target, clock, **more):
    return migrate(source, target, sleep=clock.sleep, clock=clock, **more)


def fault(kind, after=None):
    return ProviderFault("x", kind, "no", after)


def test_all_of_it(store, clock):
    """Every passage, once, on every kind of store; the counts agree."""
    told = []
    done = migrate([point(str(n)) for n in range(250)], store, told.append, sleep=clock.sleep, clock=clock)
    assert done == Migrated(Progress(250, 250), 250, 0) == Migrated(told[-1], store.count(), 0)
    assert [one.read for one in told] == [100, 200, 250]
    [found] = store.get(["7"])
    assert found.payload["digest"] == digest(point("7"))


def test_again_writes_nothing(store, clock):
    """An interrupted run is run again: what is there with the same digest is passed over, what changed is written."""
    move([point(str(n)) for n in range(150)], store, clock)
    again = move([point("3", "changed"), *(point(str(n)) for n in range(160) if n != 3)], store, clock)
    assert again.progress == Progress(160, 11, 149)
    assert store.get(["3"])[0].payload["text"] == "changed"


def test_what_breaks_off_goes_on(clock):
    """The source fails in the middle: the next run writes only the rest."""
    def breaking():
        yield from (point(str(n)) for n in range(130))
        raise OSError("disk")

    target = Shaky()
    with pytest.raises(OSError, match="disk"):
        move(breaking(), target, clock)
    assert target.count() == 100
    move([point(str(n)) for n in range(130)], target, clock)
    assert sorted(target.written, key=int) == [str(n) for n in range(130)]


def test_faults_that_pass(clock):
    """Each is tried again after a growing wait, or what the server says; a batch half written is written whole."""
    target = Shaky()
    target.faults = [fault("unavailable"), fault("rate_limit", 7), fault("timeout"), fault("broken")]
    assert move([point(str(n)) for n in range(10)], target, clock).count == 10
    assert clock.slept == [0.5, 7, 2, 4]


@pytest.mark.parametrize("kind", ["auth", "refused"])
def test_faults_that_stay(clock, kind):
    """A wrong key does not get better: at once to the operator."""
    target = Shaky()
    target.faults = [fault(kind)]
    with pytest.raises(ProviderFault):
        move([point("a")], target, clock)
    assert clock.slept == []


def test_patience_ends(clock):
    """Six tries, then the fault itself."""
    target = Shaky()
    target.faults = [fault("unavailable")] * 20
    with pytest.raises(ProviderFault):
        move([point("a")], target, clock)
    assert len(target.faults) == 14 and clock.slept == [0.5, 1, 2, 4, 8]


def test_a_target_of_another_dimension(clock):
    """Nothing is written there."""
    target = MemoryStore()
    target.ensure(24)
    with pytest.raises(KnowledgeError, match=r"24.*16"):
        move([point("a")], target, clock)


def test_an_empty_source(clock):
    """Most likely the wrong name: no silent success."""
    with pytest.raises(KnowledgeError, match="empty"):
        move([], MemoryStore(), clock)


def test_what_the_source_no_longer_has(store, clock):
    """Left and counted, unless the operator wants it gone: then the target is the source's mirror."""
    move([point(str(n)) for n in range(5)], store, clock)
    assert move([point("1"), point("2")], store, clock) == Migrated(Progress(2, 0, 2), 5, 3)
    assert move([point("1"), point("2")], store, clock, prune=True) == Migrated(Progress(2, 0, 2, 3), 2, 0)


def test_equal_ids_in_the_source(store, clock):
    """One passage, the last one; the counts agree all the same."""
    assert move([point("a", "old"), point("b"), point("a", "new")], store, clock).count == 2
    assert store.get(["a"])[0].payload["text"] == "new"


def test_a_count_that_comes_late(clock):
    """Engines that are consistent only in the end are waited for, up to a minute."""
    place = Pinecone()
    try:
        store = place.open()
        store.ensure(16)
        place.server.stale = 4
        assert move([point(str(n)) for n in range(3)], store, clock).count == 3
        assert clock.slept == [0.5, 1, 2, 4]
        place.server.stale = 10 ** 6
        with pytest.raises(KnowledgeError, match="holds 3 passages after the migration, not 4"):
            move([point(str(n)) for n in range(4)], store, clock)
        assert 60 <= clock.now <= 100
    finally:
        store.close()
        place.close()


def test_a_real_rate_limit(clock):
    """From the status of an HTTP answer to the wait: all of the way."""
    place = Pinecone()
    store = place.open()
    store.ensure(16)
    place.server.fail_with = error(429, {"message": "Too many requests"}, Retry_After="3")
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        place.server.fail_with = None

    assert migrate([point("a")], store, sleep=sleep, clock=clock).count == 1
    assert waits == [3]
    store.close()
    place.close()
