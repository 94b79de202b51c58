"""The watch over the hub: every block, its length, and whose it was."""

import sys
import time

import gevent
import pytest
from gevent.monkey import get_original

from engine.telemetry.hubwatch import HubWatch

real_sleep = get_original("time", "sleep")


@pytest.fixture
def watch():
    watch = HubWatch(threshold_ms=50)
    watch.start()
    gevent.sleep(0.02)
    yield watch
    watch.stop()


def hold_the_hub(seconds: float) -> None:
    real_sleep(seconds)


def test_a_block_is_counted_measured_and_logged_with_its_stack(watch, caplog):
    gevent.spawn(hold_the_hub, 0.3).join()
    gevent.sleep(0.02)
    figures = watch.snapshot()
    assert figures["blocks"] >= 1
    assert figures["longest_ms"] >= 300
    assert "hold_the_hub" in figures["longest_where"]
    # The engine of another test may watch the same hub.
    record = next(record for record in caplog.records if getattr(record, "blocked_ms", 0) >= 300)
    assert "hold_the_hub" in record.message
    assert any("test_hubwatch.py" in line for line in record.stack)


def test_a_busy_loop_is_found_too(watch, caplog):
    def spin():
        end = time.perf_counter() + 0.3
        while time.perf_counter() < end:
            pass

    gevent.spawn(spin).join()
    gevent.sleep(0.02)
    assert "spin" in watch.snapshot()["longest_where"]


def test_waiting_is_no_block(watch, caplog):
    """A greenlet that waits leaves the hub alone, however long."""
    watch.figures.blocks = 0
    gevent.sleep(0.3)
    assert not [record for record in caplog.records if record.blocked_ms >= 250]


def test_stop_ends_the_thread_and_may_be_called_twice():
    before = sys._current_frames().keys()
    watch = HubWatch()
    watch.start()
    watch.stop()
    watch.stop()
    assert sys._current_frames().keys() <= before
    blocks = watch.figures.blocks
    hold_the_hub(0.05)
    gevent.sleep(0)
    assert watch.figures.blocks == blocks
