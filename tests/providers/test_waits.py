"""How long a provider wants us to wait, read out of what it says."""

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.net.waits import LONGEST_S, duration, wait_in_text, wait_told

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(("text", "seconds"), [
    ("Rate limit reached for gpt-4o in organization org-1 on tokens per min (TPM): Limit 30000, Used 29000, "
     "Requested 1900. Please try again in 1.8s. Visit https://x/account/rate-limits to learn more.", 1.8),
    ("Please try again in 250ms.", 0.25),
    ("Please try again in 6m0s.", 360.0),
    ("Please try again in 1m2.5s.", 62.5),
    ("Please try again in 7h12m0s", 25920.0),
    ("Please retry after 20 seconds.", 20.0),
    ("Requests to the ChatCompletions_Create Operation have exceeded call rate limit. Please retry after 1 second.", 1),
    ("Retry in 3 minutes and 5 secs", 185.0),
    ("You may TRY AGAIN in about 2 hours", 7200.0),
    ("wait 10 s", 10.0),
    ("Please try again in 1 min, 30 s.", 90.0),
    ("Limit 30000, used 12s", None),
    ("Please try again later", None),
    ("try again: limit is 500 requests", None),
    ("Please try again in 5", None),
    ("", None),
])
def test_waits_in_texts(text, seconds):
    assert wait_in_text(text) == (pytest.approx(seconds) if seconds is not None else None)


@pytest.mark.parametrize(("headers", "seconds"), [
    ({"retry-after": "7"}, 7.0),
    ({"retry-after": "0.5"}, 0.5),
    ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
    ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, 30.0),
    ({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, 0.0),
    ({"retry-after": "soon"}, None),
    ({"retry-after": "-3"}, None),
    ({"retry-after": "99999999"}, LONGEST_S),
    ({"x-ratelimit-reset-requests": "12ms", "x-ratelimit-remaining-requests": "4000",
      "x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-remaining-tokens": "0"}, 360.0),
    ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "3s"}, 3.0),
    ({"anthropic-ratelimit-requests-reset": "2026-11-21T12:00:09Z", "anthropic-ratelimit-requests-remaining": "0",
      "anthropic-ratelimit-tokens-reset": "2026-11-21T13:00:00Z", "anthropic-ratelimit-tokens-remaining": "50"}, 9.0),
    ({"x-ratelimit-reset-requests": "soon"}, None),
    ({}, None),
])
def test_waits_in_headers(headers, seconds):
    assert wait_told(headers, "", NOW) == (pytest.approx(seconds) if seconds is not None else None)


def test_the_most_exact_wins():
    """The reset of a whole window is longer than the wait until the next request fits."""
    headers = {"x-ratelimit-reset-tokens": "6m0s", "x-ratelimit-remaining-tokens": "0"}
    assert wait_told(headers, "Please try again in 1.8s", NOW) == 1.8
    assert wait_told({**headers, "retry-after": "2"}, "Please try again in 1.8s", NOW) == 2.0


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_written_durations_are_read_back(hours, minutes, seconds, thousandths):
    exact = hours * 3600 + minutes * 60 + seconds + thousandths / 1000
    compact = f"{hours}h{minutes}m{seconds}.{thousandths:03d}s"
    spoken = f"{hours} hours, {minutes} minutes and {seconds}.{thousandths:03d} seconds"
    assert duration(compact) == pytest.approx(exact)
    assert wait_in_text(f"Please try again in {compact}.") == pytest.approx(exact)
    assert wait_in_text(f"Retry after {spoken}!") == pytest.approx(exact)


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms", "x-ratelimit-reset-tokens",
                                        "anthropic-ratelimit-tokens-reset"]), st.text()), st.text())
def test_nothing_said_can_hurt(headers, text):
    """Headers and texts come from outside: any of them gives a sane wait or none."""
    wait = wait_told(headers, f"try again in {text}", NOW)
    assert wait is None or 0 <= wait <= LONGEST_S
