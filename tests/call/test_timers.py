"""Deadlines come when they are due, and what is cancelled is let go at once."""

import weakref

import pytest

from engine.timers import CLEAN_FROM, Timers


def test_call_backs_come_in_the_order_of_their_times_and_once():
    timers, made = Timers(), []
    for when in (3.0, 1.0, 2.0, 9.0):
        timers.at(when, made.append)
    timers.run(0.5)
    assert made == []
    timers.run(3.0)
    timers.run(3.0)
    assert made == [1.0, 2.0, 3.0] and len(timers) == 1


def test_a_cancelled_one_is_not_made_and_keeps_nothing_alive():
    """The deadline for the longest call lies an hour ahead; the call that it belonged to must not stay so long."""

    class Call:
        def due(self, when):
            raise AssertionError("was cancelled")

    timers, call = Timers(), Call()
    timer = timers.at(3600.0, call.due)
    gone = weakref.ref(call)
    del call
    assert gone() is not None
    timer.cancel()
    timer.cancel()
    assert gone() is None and len(timers) == 0
    timers.run(4000.0)


def test_cancelled_ones_do_not_pile_up():
    """Every event of a call moves its deadline."""
    timers, made = Timers(), []
    timers.at(5.0, made.append)
    for _ in range(10_000):
        timers.at(3600.0, made.append).cancel()
    assert len(timers._heap) <= 2 * CLEAN_FROM + 2
    timers.run(3600.0)
    assert made == [5.0]


def test_the_next_deadline_is_of_one_that_is_still_wanted():
    """Whoever sleeps until then must not be woken for what was cancelled."""
    timers = Timers()
    assert timers.next_due is None
    first, _ = timers.at(1.0, lambda when: None), timers.at(2.0, lambda when: None)
    assert timers.next_due == 1.0
    first.cancel()
    assert timers.next_due == 2.0 and len(timers) == 1
    timers.run(2.0)
    assert timers.next_due is None


def test_one_that_asks_again_does_not_keep_the_others_from_their_turn():
    timers, made = Timers(), []

    def again(when):
        made.append("again")
        timers.at(when, again)

    timers.at(1.0, again)
    timers.at(1.0, lambda when: made.append("other"))
    timers.run(1.0)
    assert made == ["again", "other"]


def test_after_one_that_raises_the_rest_comes_with_the_next_round():
    timers, made = Timers(), []
    timers.at(1.0, lambda when: 1 / 0)
    timers.at(1.0, made.append)
    with pytest.raises(ZeroDivisionError):
        timers.run(1.0)
    timers.run(1.0)
    assert made == [1.0]
