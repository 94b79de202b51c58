"""Report and page after a call: in a process of their own, after the log is on disk, whatever the call left."""

import json
import os
import signal
import subprocess
import sys

import pytest
import sample_call

from engine.disk import DiskWriter
from engine.telemetry.aftercall import MODULE, AfterCall, finish
from engine.telemetry.eventlog import EventLog


@pytest.fixture
def disk():
    disk = DiskWriter()
    yield disk
    disk.close()


@pytest.fixture
def after(disk):
    after = AfterCall(disk)
    yield after
    after.close()


def test_a_call_gets_report_and_page(folder):
    outcome = finish(folder)
    assert (outcome.report, outcome.page, outcome.problem) == (True, True, "")
    report = json.loads((folder / "report.json").read_text())
    assert report["totals"]["turns"] == 3
    assert "when is the library open" in (folder / "call.html").read_text()
    assert sorted(path.name for path in folder.iterdir()) == [
        "call.html", "events.jsonl", "recording.wav", "report.json"]


def test_a_crashed_call_too(folder):
    """Half a last line, a recording that ends in the middle, no header."""
    log, recording = folder / "events.jsonl", folder / "recording.wav"
    log.write_bytes(log.read_bytes()[:4000])
    recording.write_bytes(recording.read_bytes()[:100_001])
    assert finish(folder).problem == ""
    assert json.loads((folder / "report.json").read_text())["damaged_lines"] == 1
    assert "damaged line(s)" in (folder / "call.html").read_text()


def test_without_a_recording_and_without_a_page(folder):
    (folder / "recording.wav").unlink()
    outcome = finish(folder, page=False)
    assert (outcome.report, outcome.page) == (True, False)
    assert not (folder / "call.html").exists()


def test_a_folder_without_a_log_is_said(tmp_path):
    outcome = finish(tmp_path)
    assert not outcome.report
    assert "events.jsonl: cannot be read" in outcome.problem


def test_a_page_that_cannot_be_written_leaves_no_half(folder):
    (folder / "call.html").mkdir()
    outcome = finish(folder)
    assert (outcome.report, outcome.page) == (True, False)
    assert "call.html" in outcome.problem
    assert not [path for path in folder.iterdir() if path.name.endswith(".part")]


def test_the_process_finishes_calls_one_after_the_other(after, disk, tmp_path, until):
    """Submitted right after the log's last line: the disk may not have it yet."""
    outcomes = []
    for name in ("a", "b"):
        log = EventLog(tmp_path / name / "events.jsonl", disk, lambda: 1.0)
        log.write("hangup", cause="NORMAL_CLEARING", by="caller")
        log.close()
        after.submit(tmp_path / name, outcomes.append)
    until(lambda: len(outcomes) == 2, 30)
    assert [outcome.problem for outcome in outcomes] == ["", ""]
    for name in ("a", "b"):
        assert json.loads((tmp_path / name / "report.json").read_text())["call"]["hangup_by"] == "caller"


def test_close_finishes_what_waits(disk, tmp_path):
    after = AfterCall(disk)
    folder = sample_call.write(tmp_path)
    after.submit(folder)
    assert after.close(30)
    assert (folder / "call.html").exists()


def test_a_process_that_died_is_replaced(after, folder, until):
    outcomes = []
    after.submit(folder, outcomes.append)
    until(lambda: len(outcomes) == 1, 30)
    os.kill(after._process.pid, signal.SIGKILL)
    after.submit(folder, outcomes.append)
    until(lambda: len(outcomes) == 2, 30)
    after.submit(folder, outcomes.append)
    until(lambda: len(outcomes) == 3, 30)
    assert outcomes[2].problem == ""


def test_a_call_that_takes_too_long_is_given_up(disk, folder, until, caplog):
    after = AfterCall(disk, timeout_s=0.001)
    outcomes = []
    after.submit(folder, outcomes.append)
    until(lambda: len(outcomes) == 1)
    after.close()
    assert "took longer than 0.001 s" in outcomes[0].problem
    assert after._process is None


def test_more_than_the_limit_is_dropped_and_told(disk, folder, caplog):
    after = AfterCall(disk, limit=1)
    try:
        after.submit(folder)
        after.submit(folder)
        assert after.dropped == 1
        assert f"python -m {MODULE} {folder}" in caplog.text
    finally:
        after.close(30)


def test_by_hand_for_a_folder(folder, tmp_path):
    command = [sys.executable, "-m", MODULE]
    done = subprocess.run([*command, str(folder), str(tmp_path / "none")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "report.json, call.html" in done.stdout
    assert "none/events.jsonl: cannot be read" in done.stdout
    assert subprocess.run(command, capture_output=True, timeout=60).returncode == 2


def test_its_process_is_there_before_the_first_call_has_ended(disk):
    """To fork takes 50 ms, in which no call would hear or say anything."""
    after = AfterCall(disk)
    process = after._process
    assert process is not None and process.poll() is None
    assert after.close(1)
    assert process.poll() is not None
