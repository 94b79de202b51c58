"""The feed of all calls that go on: numbered events that pages resume where they were."""

from itertools import islice
from types import SimpleNamespace

import gevent
import pytest

from engine.disk import DiskWriter
from engine.telemetry.eventlog import EventLog
from engine.web.console_feed import Feed


@pytest.fixture
def calls(tmp_path):
    """``calls(name)``: something with an event log, for a feed to follow."""
    disk, made = DiskWriter(), []

    def call(name):
        log = EventLog(tmp_path / f"{name}.jsonl", disk, lambda: 1.0)
        made.append(log)
        return SimpleNamespace(uuid=name, events=log)

    yield call
    for log in made:
        log.close()
    assert disk.close()


def take(stream, count):
    """So many events, or fewer if they do not come."""
    with gevent.Timeout(5):
        return [(name, data) for _, name, data in islice(stream, count)]


def settle():
    for _ in range(5):
        gevent.sleep(0)


def test_the_state_first_then_what_changes(calls):
    feed, one = Feed(pace_s=0), calls("one")
    feed.follow(one)
    stream = feed.stream()
    (name, state), = take(stream, 1)
    assert name == "calls" and [call["id"] for call in state["calls"]] == ["one"]
    one.events.write("answered", ms=1.0)
    settle()
    (name, call), = take(stream, 1)
    assert (name, call["id"], call["state"]) == ("call", "one", "listening")
    one.events.write("call_ended", seconds=1.0)
    settle()
    assert take(stream, 1) == [("over", {"id": "one"})]
    assert feed.glances() == []


def test_a_page_that_comes_back_misses_nothing_and_gets_nothing_twice(calls):
    """``Last-Event-ID`` is the number of the last event that the page has."""
    feed, one = Feed(pace_s=0), calls("one")
    feed.follow(one)
    number, _, _ = next(feed.stream(lines=True))
    for digit in "123":
        one.events.write("dtmf", digit=digit, at=1.0)
    settle()
    first = feed.stream(number, lines=True)
    last, _, line = next(first)
    assert line["digit"] == "1"
    assert [data["digit"] for _, data in take(feed.stream(last, lines=True), 2)] == ["2", "3"]


@pytest.mark.parametrize("last", ["", "7", "99999999999999999", "-3", "no number", "²", "9" * 5000])
def test_a_number_that_is_not_known_begins_anew(calls, last):
    """From before a restart of the engine, from elsewhere, or made up: the whole state, not a fault."""
    feed = Feed(pace_s=0)
    feed.follow(calls("one"))
    assert next(feed.stream(last))[1] == "calls"


def test_who_was_away_for_too_long_gets_the_state(calls):
    feed, one = Feed(kept=4, pace_s=0), calls("one")
    feed.follow(one)
    number, _, _ = next(feed.stream(lines=True))
    for digit in "123456":
        one.events.write("dtmf", digit=digit, at=1.0)
    settle()
    assert next(feed.stream(number, lines=True))[1] == "calls"


def test_of_many_changes_to_a_call_only_the_last_is_sent(calls):
    """A slow page sees what is, not what was."""
    feed, one, two = Feed(pace_s=0), calls("one"), calls("two")
    feed.follow(one)
    feed.follow(two)
    stream = feed.stream()
    take(stream, 1)
    for word in ("we", "we are", "we are open"):
        one.events.write("partial", text=word, at=1.0)
        two.events.write("partial", text=word.upper(), at=1.0)
    settle()
    seen = [(data["id"], data["words"]) for _, data in take(stream, 2)]
    assert seen == [("one", "we are open"), ("two", "WE ARE OPEN")]


def test_one_call_alone(calls):
    feed, one, two = Feed(pace_s=0), calls("one"), calls("two")
    feed.follow(one)
    feed.follow(two)
    stream = feed.stream(call="two", lines=True)
    (_, state), = take(stream, 1)
    assert [call["id"] for call in state["calls"]] == ["two"]
    one.events.write("dtmf", digit="1", at=1.0)
    two.events.write("dtmf", digit="2", at=1.0)
    settle()
    assert take(stream, 1) == [("line", {"t": 1.0, "event": "dtmf", "digit": "2", "at": 1.0, "id": "two"})]
