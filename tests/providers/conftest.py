"""Fake providers, closed after each test; and no greenlet of ours left behind."""

import gc

import gevent
import pytest

from engine.net.http import HttpClient


@pytest.fixture
def started():
    """``started(thing)``: it is closed at the end, the last one first."""
    things = []

    def start(thing):
        things.append(thing)
        return thing

    yield start
    for thing in reversed(things):
        thing.close()


@pytest.fixture(autouse=True)
def nothing_left():
    yield
    gevent.sleep(0)
    for each in gc.get_objects():
        if isinstance(each, HttpClient):
            assert not each._warming
