"""A relay between a client and a strict fake of the upstream, on real sockets."""

import pytest
from relay_world import World

from tests.fakes.speech_server import SpeechServer


@pytest.fixture
def started():
    things = []

    def start(thing):
        things.append(thing)
        return thing

    yield start
    for thing in reversed(things):
        thing.close()


@pytest.fixture
def server(started):
    return started(SpeechServer())


@pytest.fixture
def world(server, started):
    return lambda **options: started(World(server, **options))
