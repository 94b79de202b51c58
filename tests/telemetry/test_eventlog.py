"""The event log: what a line looks like, what never fails a call, who may listen."""

import json
import logging
from pathlib import Path

import gevent
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.disk import DiskWriter
from engine.telemetry import eventlog
from engine.telemetry.errors import TelemetryError
from engine.telemetry.eventlog import KEPT_LINES, EventLog, decode, encode, read
from engine.telemetry.vocabulary import EVENTS, FIELDS


@pytest.fixture
def disk():
    disk = DiskWriter()
    yield disk
    assert disk.close()


@pytest.fixture
def log(tmp_path, disk):
    log = EventLog(tmp_path / "call" / "events.jsonl", disk, lambda: 1.23456789)
    yield log
    log.close()


def written(log: EventLog, disk: DiskWriter) -> list[str]:
    log.close()
    disk.close()
    return log.path.read_text("utf-8").splitlines()


def test_a_line_is_time_name_and_fields(log, disk):
    log.write("voice_on", at=1.0)
    log.note("wait", "the sentence is not finished", until_ms=900)
    assert written(log, disk) == [
        '{"t":1.2346,"event":"voice_on","at":1.0}',
        '{"t":1.2346,"event":"wait","why":"the sentence is not finished","until_ms":900}',
    ]


def test_what_was_written_is_read_back_in_order(log, disk):
    for digit in "123#":
        log.write("dtmf", digit=digit, at=0.5, duration_ms=80)
    before = log.events()
    written(log, disk)
    found = read(log.path)
    assert (found.damaged, found.events) == (0, before)
    assert [event["digit"] for event in found.events] == list("123#")


@pytest.mark.parametrize(
    ("name", "fields", "named"),
    [("voice_onn", {}, "event voice_onn"), ("voice_on", {"att": 1}, "field att of event voice_on")],
)
def test_under_test_a_line_outside_the_vocabulary_raises(log, name, fields, named):
    """A misspelt name would otherwise be found when the page lacks it, in production."""
    with pytest.raises(TelemetryError, match=named):
        log.write(name, **fields)


def test_a_note_that_has_a_name_of_the_vocabulary_keeps_its_fields(log):
    with pytest.raises(TelemetryError, match="field txt of event turn"):
        log.note("turn", "silence", txt="hello")
    with pytest.raises(TelemetryError, match="lower case"):
        log.note("Not A Name", "x")


def test_in_a_callers_call_it_is_written_all_the_same(tmp_path, disk, caplog):
    """A forgotten vocabulary entry must not end a call."""
    log = EventLog(tmp_path / "e.jsonl", disk, lambda: 0.0, strict=False)
    log.write("surprise", x=1)
    assert json.loads(written(log, disk)[0]) == {"t": 0.0, "event": "surprise", "x": 1}
    assert "event surprise is not in the vocabulary" in caplog.text


@pytest.mark.parametrize(
    ("value", "stands"),
    [
        (np.float32(0.5), 0.5),
        (np.array([1, 2], np.int16), [1, 2]),
        (Path("/x"), "/x"),
        (float("nan"), "nan"),
        ({"deep": float("inf")}, "{'deep': inf}"),
        ({1, 2}, "{1, 2}"),
        (0.1 + 0.2, 0.3),
        ("grüße ✓", "grüße ✓"),
        ("two\nlines\u2028", "two\nlines\u2028"),
        ("bad \udcff byte", "bad \udcff byte"),
        ({(1, 2): 3}, "{(1, 2): 3}"),
    ],
)
def test_any_value_makes_one_line_of_json(value, stands):
    """Headers and transcripts come from outside; a value that JSON has not must not raise in a call."""
    line = encode({"t": 0.0, "event": "error", "message": value})
    assert line.count(b"\n") == 1
    assert json.loads(line)["message"] == stands


def test_a_value_that_holds_itself_makes_a_line_too():
    value: list = []
    value.append(value)
    assert json.loads(encode({"t": 0.0, "event": "error", "message": value}))["event"] == "error"


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.booleans() | st.floats() | st.text() | st.binary(),
                                               st.lists, max_leaves=5)))
def test_every_line_can_be_read_back(fields):
    event = decode(encode({**fields, "t": 1.0, "event": "error"}))
    assert event is not None
    assert (event["t"], event["event"]) == (1.0, "error")


@given(st.binary())
def test_anything_can_be_read(data):
    assert decode(data) is None or decode(data)["event"] is not None


def test_a_log_that_was_cut_off_is_read_as_far_as_it_goes(folder):
    """A crashed engine leaves half a line; the call before it is what one wants to see."""
    path = folder / "events.jsonl"
    whole = read(path).events
    path.write_bytes(path.read_bytes()[:-20] + b"\n[]\n{\"t\": null, \"event\": \"x\"}\n\xff\n")
    found = read(path)
    assert found.events == whole[:-1]
    assert found.damaged == 4


def test_a_missing_log_is_an_error_that_names_it(tmp_path):
    with pytest.raises(TelemetryError, match=r"none\.jsonl: cannot be read: No such file"):
        read(tmp_path / "none.jsonl")


def test_memory_keeps_the_newest_lines_only(log):
    for at in range(KEPT_LINES + 10):
        log.write("voice_on", at=at)
    events = log.events()
    assert (len(events), events[0]["at"]) == (KEPT_LINES, 10)


def test_listeners_get_events_in_order_until_they_close(log, until):
    heard: list = []
    with log.listen(heard.append):
        log.write("voice_on", at=1)
        log.write("voice_off", at=2)
        until(lambda: len(heard) == 2)
    log.write("voice_on", at=3)
    assert [event["event"] for event in heard] == ["voice_on", "voice_off"]


def test_a_listener_that_hangs_holds_nobody_and_drops_what_does_not_fit(log, until):
    """A browser that stopped reading must not fill memory or hold a call."""
    gate = gevent.event.Event()
    heard: list = []

    def slow(event):
        gate.wait()
        heard.append(event["at"])

    listener = log.listen(slow, limit=3)
    log.write("voice_on", at=0)
    gevent.sleep(0)
    for at in range(1, 10):
        log.write("voice_on", at=at)
    assert listener.dropped == 6
    gate.set()
    until(lambda: heard == [0, 1, 2, 3])


def test_a_listener_that_fails_is_called_no_more_and_the_others_are(log, until, caplog):
    calls, heard = [], []

    def broken(event):
        calls.append(event)
        raise RuntimeError("broken listener")

    log.listen(broken)
    log.listen(heard.append)
    log.write("voice_on", at=1)
    until(lambda: len(heard) == 1)
    log.write("voice_on", at=2)
    until(lambda: len(heard) == 2)
    assert len(calls) == 1
    assert "broken listener" in caplog.text


def test_close_delivers_what_waits_and_ends_the_greenlets(log):
    heard: list = []
    listener = log.listen(heard.append)
    log.write("voice_on", at=1)
    log.close()
    log.write("voice_on", at=2)
    assert [event["at"] for event in heard] == [1]
    assert listener._greenlet.ready()


def test_a_listener_may_close_itself(log, until):
    heard: list = []

    def once(event):
        heard.append(event)
        listener.close()

    listener = log.listen(once)
    log.write("voice_on", at=1)
    until(lambda: listener._greenlet.ready())
    log.write("voice_on", at=2)
    assert len(heard) == 1


def test_a_disk_that_refuses_does_not_show_in_the_call(tmp_path, disk, caplog):
    """A full disk or a wrong folder costs the file, not the call; memory and listeners go on."""
    (tmp_path / "file").write_text("in the way")
    log = EventLog(tmp_path / "file" / "events.jsonl", disk, lambda: 0.0)
    with caplog.at_level(logging.ERROR):
        log.write("voice_on", at=1)
        log.close()
        disk.close()
    assert len(log.events()) == 1
    assert disk.error is not None


def test_the_vocabulary_names_its_fields():
    assert FIELDS["turn"] == {"text", "waited_ms", "why", "gen"}
    assert FIELDS["hangup"] == {"cause", "by"}
    assert all(field.isidentifier() for fields in FIELDS.values() for field in fields)
    assert FIELDS.keys() == EVENTS.keys()


def test_strict_is_the_rule_under_test():
    assert eventlog.STRICT
