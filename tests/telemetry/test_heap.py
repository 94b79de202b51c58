"""What has survived a long collection is not looked at again, and is not forgotten either."""

import gc

import pytest
from wholeheap import LOOK

from engine import heap
from engine.heap import Heap


class Cycle:
    """Garbage that only a collection finds."""

    left = 0

    def __init__(self):
        self.me = self
        Cycle.left += 1

    def __del__(self):
        Cycle.left -= 1


@pytest.fixture(autouse=True)
def real(monkeypatch):
    """The others do without."""
    monkeypatch.setattr(Heap, "look_at_everything", LOOK)


@pytest.fixture
def made(real):
    quiet = [False]
    one = Heap(lambda: quiet[0])
    one.quiet_now = quiet
    one.start()
    Cycle.left = 0
    yield one
    one.stop()
    gc.collect()


def test_what_survives_a_long_collection_is_put_aside(made, monkeypatch):
    """The next one looks at what came since; so pauses do not grow with what is alive."""
    monkeypatch.setattr(heap, "LONG_S", -1.0)
    alive = [[n] for n in range(50_000)]
    before = gc.get_freeze_count()
    gc.collect()
    assert made.put_aside == 1 and gc.get_freeze_count() - before >= len(alive)
    assert len(gc.get_objects()) < 10_000


def test_short_collections_change_nothing(made, monkeypatch):
    """Little is alive: garbage of cycles is found as ever."""
    monkeypatch.setattr(heap, "LONG_S", 60.0)
    before = gc.get_freeze_count()
    for _ in range(10):
        Cycle()
    gc.collect()
    assert Cycle.left == 0 and made.put_aside == 0 and gc.get_freeze_count() <= before


@pytest.mark.parametrize(("quiet", "much", "found"), [(False, 1 << 40, False), (True, 1 << 40, True), (False, 1, True)])
def test_garbage_that_was_put_aside_is_found_when_it_is_quiet_or_when_it_is_much(made, monkeypatch, quiet, much, found):
    """A busy engine has no quiet moment; it must not grow for ever all the same."""
    monkeypatch.setattr(heap, "LONG_S", -1.0)
    monkeypatch.setattr(heap, "SOME", 10)
    monkeypatch.setattr(heap, "MUCH", much)
    made.quiet_now[0] = quiet
    cycles = [Cycle() for _ in range(100)]
    gc.collect()
    cycles.clear()
    gc.collect()
    assert Cycle.left == 100, "it was put aside"
    made.tidy()
    assert (Cycle.left == 0) is found


def test_nothing_new_is_no_reason_to_look(made, monkeypatch):
    """An engine without calls does not look at a million objects every half minute."""
    made.quiet_now[0] = True
    looked = []
    monkeypatch.setattr(made, "look_at_everything", lambda: looked.append(1))
    made.tidy()
    assert not looked


def test_after_the_end_nothing_is_left_aside():
    """Other engines of the process, and the tests, find the collector as it was."""
    before = len(gc.callbacks), gc.get_threshold()
    one = Heap(lambda: True)
    one.start()
    one.start()
    one.stop()
    one.stop()
    assert gc.get_freeze_count() == 0 and (len(gc.callbacks), gc.get_threshold()) == before
