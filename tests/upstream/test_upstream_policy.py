"""What is done after a loss or a rate limit, on a virtual clock."""

import pytest

from engine.config.upstream import UpstreamOptions
from engine.errors import ProviderFault
from engine.net.errors import SocketClosed
from engine.upstream.policy import Retries, rate_limit_wait, rate_limited, recoverable

LOST = SocketClosed(1006, "the connection broke")


def failed(message, code="rate_limit_exceeded"):
    return {"type": "response.done", "response": {"status": "failed", "status_details": {
        "type": "failed", "error": {"type": "requests", "code": code, "message": message}}}}


def test_five_tries_each_twice_as_late_as_the_one_before():
    """0.5 s to 8 s, then the session goes on without the service."""
    retries = Retries(UpstreamOptions(), lambda: 0.0)
    assert [retries.lost(0.0, LOST) for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 8.0, None]


def test_chance_makes_waits_shorter_never_longer():
    """Sessions that were lost together must not come back together."""
    waits = [Retries(UpstreamOptions(), lambda chance=chance: chance).lost(0.0, LOST) for chance in (0.0, 0.5, 0.99)]
    assert waits == sorted(waits, reverse=True) and waits[-1] > 0.5 * 0.75 - 1e-9


@pytest.mark.parametrize(("held_s", "first_again"), [(31.0, True), (29.0, False)])
def test_only_a_connection_that_held_gives_fresh_tries(held_s, first_again):
    """A service that accepts and drops at once must not be tried for ever."""
    retries = Retries(UpstreamOptions(), lambda: 0.0)
    retries.lost(0.0, LOST)
    retries.opened(1.0)
    assert (retries.lost(1.0 + held_s, LOST) == 0.5) is first_again


@pytest.mark.parametrize(("code", "again"), [(1000, False), (1001, True), (1005, True), (1006, True), (1008, False),
                                             (1009, False), (1011, True), (1012, True), (1013, True), (1015, True),
                                             (4000, False)])
def test_codes_after_which_it_is_tried_again(code, again):
    """As in openai-python; 1001 is also how a session of 60 minutes ends."""
    assert recoverable(SocketClosed(code, "")) is again


def test_a_wrong_key_is_no_reason_to_try_again():
    """Nor is a model that does not exist: the next try would say the same."""
    assert not recoverable(ProviderFault("up", "auth", "no"))
    assert not recoverable(ProviderFault("up", "refused", "no"))
    assert recoverable(ProviderFault("up", "unavailable", "no"))


def test_a_full_service_says_when_to_come_back():
    """At the handshake, too (429 with Retry-After)."""
    retries = Retries(UpstreamOptions(), lambda: 0.0)
    assert retries.lost(0.0, ProviderFault("up", "rate_limit", "full", 3.0)) == pytest.approx(3.1)


@pytest.mark.parametrize(("text", "seconds"), [
    ("Rate limit reached. Please try again in 1.8s. Visit the site.", 1.8), ("Please try again in 250ms.", 0.25),
    ("Please try again in 1m30s", 90.0), ("Please retry after 20 seconds", 20.0), ("Too many.", 2.0)])
def test_the_wait_is_read_out_of_both_kinds_of_event(text, seconds):
    """An ``error``, and a response that failed; where no time is told a short one is taken."""
    assert rate_limited(failed(text)) == pytest.approx(seconds)
    error = {"type": "error", "error": {"type": "rate_limit_error", "code": None, "message": text}}
    assert rate_limited(error) == pytest.approx(seconds)


@pytest.mark.parametrize("event", [
    failed("Please try again in 5s", "server_error"), {"type": "response.done", "response": {"status": "completed"}},
    {"type": "response.done"}, {"type": "error", "error": None}, {"type": "session.created"}, {}])
def test_other_events_ask_for_no_patience(event):
    """Whatever their shape."""
    assert rate_limited(event) is None


def test_a_wait_is_bounded_and_a_little_longer_than_told():
    """The service's clock is not ours."""
    options = UpstreamOptions()
    assert 1.8 < rate_limit_wait(1.8, options, 0.0) < rate_limit_wait(1.8, options, 0.9) < 2.5
    assert rate_limit_wait(3600.0, options, 0.5) == 60.0
