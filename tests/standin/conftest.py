"""A stand-in on a virtual clock and a controller for it."""

import gc

import gevent
import pytest
from tiny_engine import TinyEngine

from engine.standin.clock import ManualClock
from engine.standin.standin import StandIn


@pytest.fixture
def engine():
    """A controller that says ``connect``, ``linger 1`` and ``myevents`` on every connection."""
    engine = TinyEngine()
    yield engine
    engine.stop()


@pytest.fixture
def standin():
    """The stand-in on a virtual clock; the test fails when it leaves a greenlet behind."""
    with StandIn(ManualClock(), seed=7) as standin:
        yield standin
    gevent.sleep(0)
    left = [item for item in gc.get_objects() if isinstance(item, gevent.Greenlet) and item in standin._greenlets]
    assert not left
