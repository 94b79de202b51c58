"""``--watch``: what changes in a folder comes into the collection, whatever goes wrong, until it is told to end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import gevent
import pytest
from gevent.event import Event
from gevent.queue import Queue

from engine.knowledge.errors import KnowledgeError
from engine.knowledge.filling.watch import watch

ROOT = Path(__file__).resolve().parents[2]
LATE = "# Paying late\n\nThe late fee is six dollars.\n"


class Clock:
    """In place of ``ended``: each wait of the watch is a step that the test lets happen."""

    def __init__(self):
        self.ended = False
        self.steps = Queue()
        self.waiting = Event()

    def is_set(self):
        return self.ended

    def wait(self, seconds):
        self.waiting.set()
        self.ended = self.steps.get(timeout=20)

    def step(self):
        assert self.waiting.wait(20)
        self.waiting.clear()
        self.steps.put(False)
        assert self.waiting.wait(20)


@pytest.fixture
def watched(desk):
    """A watch of the desk's folder and the reports of its runs; look by look."""
    clock, reports = Clock(), []
    greenlet = gevent.spawn(watch, [desk.folder], "desk", desk.embedder, clock, reports.append, again_s=0.0)
    yield clock, reports
    assert clock.waiting.wait(20)
    clock.steps.put(True)
    greenlet.join(20)
    assert greenlet.successful()


def test_changes_come_in_when_they_have_settled(desk, watched):
    """A file that is still being written would be read half, and answered from."""
    clock, reports = watched
    path = desk.write("late.md", LATE)
    clock.step()
    clock.step()
    assert [report.added for report in reports] == [["late"]]
    for size in (1, 2, 3):
        path.write_text(LATE + "More.\n" * size)
        clock.step()
        assert len(reports) == 1
    clock.step()
    assert reports[1].changed == ["late"]
    for _ in range(3):
        clock.step()
    assert len(reports) == 2
    desk.write("park.md", LATE)
    path.unlink()
    clock.step()
    clock.step()
    assert (reports[2].added, reports[2].removed) == (["park"], ["late"])


def test_what_goes_wrong_is_tried_again(desk, watched, monkeypatch, caplog):
    """A lock held by another run, a full disk, a folder that is not there yet: the watch outlives them."""
    clock, reports = watched
    from engine.knowledge.filling import watch as module

    ingest, faults = module.ingest, [KnowledgeError("being ingested by another process")] * 2

    def failing(*args, **more):
        if faults:
            raise faults.pop()
        return ingest(*args, **more)

    monkeypatch.setattr(module, "ingest", failing)
    desk.write("late.md", LATE)
    for _ in range(5):
        clock.step()
    assert [report.added for report in reports] == [["late"]]
    assert [record.message for record in caplog.records] == [
        "collection 'desk' could not be brought up to date: being ingested by another process"]


def test_the_command_ends_cleanly(desk, home):
    """A service manager stops it with SIGTERM, an operator with Ctrl-C."""
    desk.write("late.md", LATE)
    children = {number: subprocess.Popen(
        [sys.executable, "-m", "engine", "ingest", str(desk.folder), "--watch", "--json", "--collection",
         f"c{int(number)}"],
        cwd=ROOT, env=os.environ | {"TRUNKLINE_HOME": str(home)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        for number, child in children.items():
            while b"added" not in (line := child.stdout.readline()):
                assert line
            child.send_signal(number)
            _, errors = child.communicate(timeout=20)
            assert (child.returncode, errors) == (0, b"")
    finally:
        for child in children.values():
            child.kill()
            child.wait()
