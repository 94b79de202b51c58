"""The disk writer: order kept, memory bounded, failures counted and told once, the hub never held."""

import time
from pathlib import Path

import gevent
import pytest
from gevent.monkey import get_original

from engine.disk import DiskWriter

real_sleep = get_original("time", "sleep")


@pytest.fixture
def writer():
    writer = DiskWriter()
    yield writer
    assert writer.close()


def test_writes_are_in_order_and_may_go_back(writer, tmp_path):
    file = writer.open(tmp_path / "new" / "folder" / "file")
    for number in range(100):
        file.write(b"%02d," % number)
    file.write(b"XX", at=0)
    file.write(b"end")
    file.close()
    assert writer.flush()
    content = (tmp_path / "new" / "folder" / "file").read_bytes()
    assert content == b"XX," + b"".join(b"%02d," % n for n in range(1, 100)) + b"end"
    assert (writer.waiting, writer.dropped, file.error) == (0, 0, None)


def test_a_slow_disk_does_not_hold_the_hub(writer):
    """The thread sleeps for real; a greenlet must go on meanwhile."""
    turns = 0

    def other():
        nonlocal turns
        while True:
            gevent.sleep(0.005)
            turns += 1

    greenlet = gevent.spawn(other)
    writer.submit(lambda: real_sleep(0.3), 1)
    assert writer.flush()
    greenlet.kill()
    assert turns >= 5


def test_what_does_not_fit_is_dropped_and_counted(tmp_path):
    writer = DiskWriter(max_bytes=1000)
    gate = get_original("_thread", "allocate_lock")()
    gate.acquire()
    writer.submit(gate.acquire, 0)
    file = writer.open(tmp_path / "file")
    for _ in range(5):
        file.write(b"x" * 300)
    assert writer.waiting == 900
    assert (writer.dropped, file.dropped) == (600, 600)
    assert file.error is None
    gate.release()
    assert writer.close()
    assert (tmp_path / "file").read_bytes() == b"x" * 900


def test_the_count_of_waiting_bytes_does_not_drift(tmp_path):
    """Two threads count; with one shared counter lost updates would close or open the bound for ever."""
    writer = DiskWriter()
    for _ in range(20_000):
        writer.submit(int, 7)
    assert writer.flush()
    assert writer.waiting == 0
    assert writer.close()


def test_a_path_that_cannot_be_made_is_an_error_of_the_file_only(writer, tmp_path, caplog):
    (tmp_path / "occupied").write_text("a file")
    file = writer.open(tmp_path / "occupied" / "file")
    good = writer.open(tmp_path / "good")
    file.write(b"lost")
    good.write(b"kept")
    assert writer.flush()
    file.write(b"lost too")
    file.close()
    file.close()
    good.close()
    assert writer.flush()
    assert "Not a directory" in file.error or "File exists" in file.error
    assert file.dropped == 12
    assert writer.dropped == 4, "what was refused at the file's door never reached the writer"
    assert (tmp_path / "good").read_bytes() == b"kept"
    assert caplog.text.count("what follows for this file is dropped") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_once_and_counted(writer, tmp_path, caplog):
    (tmp_path / "full").symlink_to("/dev/full")
    file = writer.open(tmp_path / "full")
    for _ in range(3):
        file.write(b"x" * 100)
        assert writer.flush()
    assert "No space left" in file.error
    assert file.dropped == 300
    assert "No space left" in writer.error
    assert caplog.text.count("No space left") == 1
    file.close()


def test_a_job_that_raises_does_not_end_the_thread(writer, tmp_path):
    writer.submit(lambda: 1 / 0, 5)
    assert writer.flush()
    assert "ZeroDivisionError" in writer.error
    assert writer.dropped == 5
    file = writer.open(tmp_path / "file")
    file.write(b"on it goes")
    assert writer.flush()
    assert (tmp_path / "file").read_bytes() == b"on it goes"
    file.close()


def test_closing_writes_what_waits_and_takes_nothing_more(tmp_path):
    writer = DiskWriter()
    file = writer.open(tmp_path / "file")
    for _ in range(1000):
        file.write(b"0123456789")
    file.close()
    assert writer.close()
    assert writer.close()
    assert (tmp_path / "file").stat().st_size == 10_000
    assert not writer.submit(int, 3)
    assert writer.open(tmp_path / "late").error
    assert not (tmp_path / "late").exists()


def test_waiting_has_a_deadline():
    writer = DiskWriter()
    gate = get_original("_thread", "allocate_lock")()
    gate.acquire()
    writer.submit(gate.acquire, 0)
    began = time.monotonic()
    assert not writer.flush(0.05)
    assert not writer.close(0.05)
    assert time.monotonic() - began < 5
    gate.release()
    assert writer.close()


def test_writing_after_close_is_counted(writer, tmp_path):
    file = writer.open(tmp_path / "file")
    file.close()
    file.write(b"late")
    assert writer.flush()
    assert file.dropped == 4


def test_no_thread_is_left(tmp_path):
    """The thread is not one of threading's, so it is counted in the process."""

    def count():
        return len(list(Path("/proc/self/task").iterdir()))

    before = count()
    writer = DiskWriter()
    writer.open(tmp_path / "file").close()
    assert writer.close()
    with gevent.Timeout(5):
        while count() > before:
            gevent.sleep(0.01)
