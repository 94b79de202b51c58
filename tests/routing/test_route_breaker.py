"""The circuit breaker and what is measured, on a clock set by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import RoutingOptions
from engine.routing.breaker import PROBE_LOST_S, Breaker
from engine.routing.latency import Latency

OPTIONS = RoutingOptions(breaker_failures=3, breaker_open_s=10, breaker_open_max_s=60, breaker_share=0.5)


def breaker():
    return Breaker(OPTIONS)


def fail(one, now, kind="unavailable", times=1):
    return [one.bad(now, one.begin(now), kind) for _ in range(times)]


def test_it_opens_at_the_third_failure_in_a_row():
    """Two may be chance; a success in between begins anew."""
    one = breaker()
    assert fail(one, 0, times=2) == [None, None]
    one.good(0, one.begin(0))
    assert fail(one, 0, times=3) == [None, None, "opened"]
    assert (one.state(9.9), one.may_try(9.9), one.state(10), one.may_try(10)) == ("open", False, "half_open", True)


def test_in_half_open_one_request_tries_it():
    """A provider that comes back must not be met by all calls at once."""
    one = breaker()
    fail(one, 0, times=3)
    ticket = one.begin(10)
    assert not one.may_try(10)
    assert one.good(10.4, ticket) == "closed"
    assert one.may_try(10.4) and one.state(10.4) == "closed"


def test_a_failed_try_doubles_the_time_up_to_a_limit():
    """A provider that is down for an hour is not asked every ten seconds."""
    one, now, waits = breaker(), 0.0, []
    fail(one, now, times=3)
    for _ in range(4):
        waits.append(one.ready_at(now) - now)
        now = one.ready_at(now)
        assert fail(one, now) == ["opened"]
    assert waits == [10, 20, 40, 60]


def test_a_try_that_is_cancelled_or_lost_leaves_room_for_another():
    """A caller who hangs up in that moment must not lock the provider out for good."""
    one = breaker()
    fail(one, 0, times=3)
    one.dropped(one.begin(10))
    assert one.may_try(10)
    one.begin(10)
    assert not one.may_try(10 + PROBE_LOST_S - 1)
    assert one.may_try(10 + PROBE_LOST_S)


def test_results_of_requests_from_before_decide_nothing():
    """A slow answer that began before the breaker opened says nothing about now."""
    one = breaker()
    early = [one.begin(0) for _ in range(3)]
    fail(one, 1, times=3)
    assert one.good(2, early[0]) is None and one.state(2) == "open"
    one.begin(11)
    assert one.bad(11.5, early[1], "timeout") is None
    assert one.state(11.5) == "half_open"


def test_a_request_of_last_resort_that_goes_well_closes_it():
    """When all are open one is asked all the same; its success is proof enough."""
    one = breaker()
    fail(one, 0, times=3)
    assert one.good(3, one.begin(2)) == "closed"


def test_a_refused_key_opens_at_once_for_long():
    """The key does not get better by trying."""
    one = breaker()
    assert fail(one, 0, kind="auth") == ["opened"]
    assert one.ready_at(0) == 60


@pytest.mark.parametrize("kind", ["refused", "rate_limit"])
def test_refusals_and_rate_limits_are_no_failures(kind):
    """The provider is well."""
    one = breaker()
    fail(one, 0, kind=kind, times=20)
    assert one.state(0) == "closed"


def test_a_rate_limit_makes_it_rest_as_long_as_it_says():
    """"Try again in 1.8 s"."""
    one = breaker()
    one.bad(0, one.begin(0), "rate_limit", 1.8)
    assert not one.may_try(1.7) and one.may_try(1.8)


def test_the_error_budget_opens_it_too():
    """Every second request failing is down for the caller, though never three in a row."""
    one, changes = breaker(), []
    for number in range(40):
        ticket = one.begin(number)
        good = number % 3 == 0
        changes.append(one.good(number, ticket) if good else one.bad(number, ticket, "timeout"))
    assert "opened" in changes[9:]
    assert "opened" not in changes[:9], "too few to judge"


@given(st.lists(st.tuples(st.sampled_from(["good", "bad", "drop", "limit"]), st.floats(0, 30)), max_size=60))
def test_open_lets_nobody_through_and_never_for_ever(steps):
    """Whatever happens: no request while open or resting, and within its limit it can be tried again."""
    one, now = breaker(), 0.0
    for what, wait in steps:
        now += wait
        if not one.may_try(now):
            assert now < one.ready_at(now) <= now + max(OPTIONS.breaker_open_max_s, PROBE_LOST_S)
            continue
        assert one.state(now) != "open"
        ticket = one.begin(now)
        if what == "good":
            assert one.good(now, ticket) in (None, "closed")
            assert one.state(now) == "closed"
        elif what == "drop":
            one.dropped(ticket)
        else:
            one.bad(now, ticket, "timeout" if what == "bad" else "rate_limit", 1.0)


# ---------------------------------------------------------------- delay


def test_delay_begins_as_expected_and_follows_what_is_measured():
    """One lucky answer does not decide, a hundred do."""
    delay = Latency(expected_ms=500, half_life_s=300)
    assert delay.p95(0) == 500
    delay.add(0, 100)
    assert 350 < delay.p95(0) < 500
    for _ in range(100):
        delay.add(0, 100)
    assert 95 < delay.p95(0) < 135


def test_it_is_the_slow_end_that_counts():
    """A provider that is slow for one caller in ten is slow."""
    delay = Latency(500, 300)
    for number in range(200):
        delay.add(0, 3000 if number % 10 == 0 else 100)
    assert delay.p95(0) > 2000


def test_what_was_measured_fades():
    """After some half-lives the expectation has the word again."""
    delay = Latency(500, 300)
    for _ in range(20):
        delay.add(0, 5000)
    assert delay.p95(0) > 4000
    assert delay.p95(3000) < 700


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1e6)), min_size=1, max_size=50))
def test_a_percentile_lies_among_its_measurements(samples):
    """Within the width of a bucket, and between expectation and measurements."""
    delay, now = Latency(500, 300), 0.0
    for wait, ms in samples:
        now += wait
        delay.add(now, ms)
    low, high = min(500, *(ms for _, ms in samples)), max(500, *(ms for _, ms in samples))
    assert min(low, 10) - 1 <= delay.p95(now) <= max(high * 1.2, 500)
