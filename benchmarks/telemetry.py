"""What watching costs: a line of the event log, the page of a call, the watch over the hub, the configuration."""

import sys
import tempfile
import time
from pathlib import Path

import gevent

from benchmarks.figure import Figure
from engine.configfile import load
from engine.disk import DiskWriter
from engine.telemetry.aftercall import finish
from engine.telemetry.eventlog import EventLog
from engine.telemetry.hubwatch import HubWatch

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "telemetry"))

COMMAND = "python -m benchmarks telemetry"


def figures() -> list[Figure]:
    """All figures of this room."""
    with tempfile.TemporaryDirectory() as folder:
        line_us = log_line(Path(folder))
        page_ms = page(Path(folder))
    watch_us = watch()
    began = time.perf_counter()
    load(None, {})
    load_ms = (time.perf_counter() - began) * 1000
    return [
        Figure("event log, one line, on the hub", round(line_us, 1), "µs", "≤ 10", line_us <= 10, COMMAND),
        Figure("report and page of a call of 25 s", round(page_ms), "ms", "≤ 200", page_ms <= 200, COMMAND),
        Figure("hub watch, CPU a second", round(watch_us / 1000, 1), "ms", "≤ 10", watch_us <= 10_000, COMMAND),
        Figure("configuration read", round(load_ms, 1), "ms", "≤ 50", load_ms <= 50, COMMAND),
    ]


def log_line(folder: Path) -> float:
    """Microseconds of CPU of the hub's thread for a ``final``; the disk's thread is left to drain in between. Best."""
    disk = DiskWriter()
    log = EventLog(folder / "events.jsonl", disk, time.perf_counter)
    best = float("inf")
    for _ in range(60):
        began = time.thread_time()
        for at in range(50):
            log.write("final", text="where is the library on campus", start=1.23456 + at, end=2.5, ms=123.456,
                      confidence=-1.0)
        best = min(best, (time.thread_time() - began) / 50 * 1e6)
        gevent.sleep(0.01)
    log.close()
    disk.close()
    return best


def page(folder: Path) -> float:
    """Milliseconds of ``finish`` for the sample call, modules loaded. Best of three."""
    import sample_call

    sample_call.write(folder)
    finish(folder)
    times = []
    for _ in range(3):
        began = time.perf_counter()
        assert finish(folder).problem == ""
        times.append((time.perf_counter() - began) * 1000)
    return min(times)


def watch() -> float:
    """Microseconds of CPU a second that the watch takes with a hub that turns 200 times a second. Best of three."""
    def spent() -> float:
        began = time.process_time()
        for _ in range(200):
            gevent.sleep(0.005)
        return time.process_time() - began

    differences = []
    for _ in range(3):
        without = spent()
        watching = HubWatch()
        watching.start()
        differences.append(spent() - without)
        watching.stop()
    return max(0.0, min(differences)) * 1e6
