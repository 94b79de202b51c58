"""Token buckets on a virtual clock."""

from hypothesis import given
from hypothesis import strategies as st

from engine.web.limits import Buckets


def test_a_bucket_empties_and_fills_steadily():
    buckets = Buckets()
    assert [buckets.take("a", 60, 0.0).remaining for _ in range(60)] == list(range(59, -1, -1))
    refused = buckets.take("a", 60, 0.0)
    assert (refused.wait_s, refused.remaining, refused.reset_seconds) == (1.0, 0, 60.0)
    assert buckets.take("a", 60, 0.5).wait_s == 0.5
    assert buckets.take("a", 60, 1.0).wait_s == 0
    assert buckets.look("a", 60, 31.0).remaining == 30
    assert buckets.take("b", 60, 1.0).remaining == 59


@given(st.lists(st.floats(0, 30), max_size=200), st.integers(1, 120))
def test_never_more_than_the_bucket_and_what_it_filled(pauses, per_minute):
    """Whatever the rhythm: in any time at most a full bucket and the refill of that time get through."""
    buckets, now, passed = Buckets(), 0.0, 0
    for pause in pauses:
        now += pause
        taken = buckets.take("a", per_minute, now)
        passed += taken.wait_s == 0
        assert 0 <= taken.remaining <= per_minute
        assert passed <= per_minute + now * per_minute / 60 + 1e-6


def test_the_table_is_bounded_and_forgets_who_was_silent_longest():
    """A flood of addresses takes no memory, and does not free who is over the limit and still asks."""
    buckets = Buckets(entries=10)
    buckets.take("busy", 1, 0.0)
    for n in range(100):
        buckets.take(f"x{n}", 1, 0.0)
        assert buckets.take("busy", 1, 0.0).wait_s > 0
    assert len(buckets) == 10
