"""What a test starts is closed after it, the last one first."""

import pytest


@pytest.fixture
def started():
    things = []

    def start(thing):
        things.append(thing)
        return thing

    yield start
    for thing in reversed(things):
        thing.close()
