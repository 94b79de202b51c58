"""What the tests of this room share: the sample call in a folder, waiting with a deadline."""

import gevent
import pytest
import sample_call


@pytest.fixture
def folder(tmp_path):
    return sample_call.write(tmp_path)


@pytest.fixture
def until():
    def until(condition, seconds: float = 10.0) -> None:
        with gevent.Timeout(seconds):
            while not condition():
                gevent.sleep(0.005)

    return until
