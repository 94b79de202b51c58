"""Endpoints for tests."""

import time

import pytest
from leftovers import nothing_left

from engine.sip.endpoint import Endpoint
from engine.sip.options import SipOptions


class Owner:
    """Takes calls as the engine would, and notes what it is told."""

    def __init__(self):
        self.calls, self.told = [], []
        self.do = lambda call: call.answer(("127.0.0.1", 40000))

    def __call__(self, call):
        self.calls.append(call)
        call.on_confirmed = lambda: self.told.append("confirmed")
        call.on_change = lambda agreed: self.told.append(agreed)
        call.on_digit = lambda digit, ms: self.told.append((digit, ms))
        call.on_end = lambda cause: self.told.append(cause)
        self.do(call)


@pytest.fixture
def owner():
    return Owner()


@pytest.fixture
def endpoint_at():
    """Makes endpoints whose clock can be put forward, and closes them."""
    made = []

    def make(on_call, options=None, bind=("127.0.0.1", 0), **named):
        offset = [0.0]
        endpoint = Endpoint(bind, on_call, options or SipOptions(), clock=lambda: time.monotonic() + offset[0], **named)

        def forward(seconds):
            offset[0] += seconds
            endpoint.agent.advance(endpoint.clock())
            endpoint.flush()

        endpoint.forward = forward
        made.append(endpoint)
        return endpoint

    with nothing_left():
        yield make
        for endpoint in made:
            endpoint.close()
        made.clear()
