"""A random client and a random engine against the rules of the protocol."""

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.realtime.realtime_machine import RealtimeMachine


def test_nothing_that_client_or_engine_do_breaks_the_order_of_events():
    """Rules: one response.done per response.created, deltas only inside announced items and parts, times that rise,
    previous ids that exist, one response at a time in the conversation; and every event fits the SDK's types.
    Clients throw, or hang, where one of them is broken."""
    run_state_machine_as_test(
        RealtimeMachine, settings=settings(max_examples=40, stateful_step_count=30, deadline=None)
    )
