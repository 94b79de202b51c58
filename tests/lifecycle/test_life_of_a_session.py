"""The one table of states: what carriers, FreeSWITCH and our own log say, in whatever order it comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import lifecycle
from engine.lifecycle import ENDS, FOLLOWING, STATES, STATUS, WORDS, Life, end_of, of, reached, reached_from_outside
from engine.store.account import Account
from engine.telemetry.eventlog import read

ORDER = ["created", "ringing", "answered", "talking", "queued", "bridged", "wrap_up"]

LINES = [{"event": "answered", "ms": 1.0}, {"event": "media_attached"}, {"event": "handover_queued"},
         {"event": "handover_bridged"}, {"event": "caller_back"}, {"event": "hangup", "cause": "USER_BUSY"},
         {"event": "error", "where": "call"}, {"event": "error", "where": "recording"}, {"event": "call_ended"},
         *({"event": "carrier_told", "means": one} for one in (*STATES, "", "nonsense"))]


def test_every_word_of_the_table_means_a_state_there_is():
    """A typing error there would file sessions under a state that nobody searches for."""
    assert {state for words in WORDS.values() for state in words.values()} <= set(STATES)
    assert set(STATUS) == set(STATES)
    assert {after for following in FOLLOWING.values() for after in following} <= set(STATES)


@pytest.mark.parametrize(("who", "word", "state"), [
    ("twilio", "in-progress", "answered"), ("twilio", "No-Answer", "no_answer"), ("twilio", "canceled", "cancelled"),
    ("exotel", "no answer", "no_answer"), ("exotel", "client_hangup", "cancelled"), ("exotel", "terminal", ""),
    ("freeswitch", "CHANNEL_BRIDGE", "bridged"), ("realtime", "session.created", "created"),
    ("twilio", None, ""), ("twilio", "x" * 10_000, ""), ("nobody", "busy", ""),
])
def test_words_are_known_in_every_spelling(who, word, state):
    """Documents and senders disagree on capitals, hyphens and blanks."""
    assert of(who, word) == state


@given(st.lists(st.sampled_from([*STATES, "", "nonsense"]), max_size=12))
def test_nobody_outside_moves_a_session_back(told):
    """Callbacks come late, twice and in any order."""
    state = "created"
    for one in told:
        after = reached_from_outside(state, one)
        if after != state:
            assert state not in ENDS
            assert after in ENDS or ORDER.index(after) > ORDER.index(state)
        assert reached_from_outside(after, one) == after
        state = after


@given(st.lists(st.sampled_from(LINES), max_size=15))
def test_any_log_keeps_to_the_table(lines):
    """Every step is one of the table, and an end is the end."""
    life = Life()
    for line in lines:
        before, after = life.state, life.take(line)
        assert after == before or after in FOLLOWING.get(before, ()) or after in ENDS and before not in ENDS
        assert reached(after, before) in (after, before)


def test_the_carriers_end_waits_for_that_of_the_log():
    """The carrier's `completed` may overtake our own hangup: the session is over when its log is."""
    life = Life()
    for line in ({"event": "answered"}, {"event": "media_attached"}, {"event": "carrier_told", "means": "ended"}):
        life.take(line)
    assert life.state == "wrap_up"
    assert life.take({"event": "call_ended"}) == "ended"


@pytest.mark.parametrize(("answered", "cause", "fault", "told", "state"), [
    (True, "USER_BUSY", False, "", "ended"), (False, "USER_BUSY", False, "", "busy"),
    (False, "", False, "no_answer", "no_answer"), (False, "", False, "ended", "failed"),
    (True, "", True, "ended", "failed"), (False, "ORIGINATOR_CANCEL", False, "", "cancelled"),
    (False, "UNHEARD_OF", False, "", "failed"),
])
def test_why_it_ended(answered, cause, fault, told, state):
    assert end_of(answered, cause, fault, told) == state


def test_log_and_tables_tell_the_same_states(tmp_path):
    """Each step is a line of the log; the row that is made of the log has the same state at every line."""
    from engine.disk import DiskWriter
    from engine.telemetry.eventlog import EventLog

    disk = DiskWriter()
    log = EventLog(tmp_path / "events.jsonl", disk, lambda: 1.0)
    log.write("call_started", id="c1", transport="freeswitch", started="2026-11-21T04:00:00Z")
    log.write("carrier_told", carrier="twilio", call="CA1", word="ringing", means="ringing")
    log.write("answered", ms=1.0)
    log.masked = True
    log.write("media_attached", backend="unicast")
    log.write("carrier_told", carrier="twilio", call="CA1", word="ringing", means="ringing")
    log.write("hangup", cause="NORMAL_CLEARING", by="caller")
    log.write("call_ended", seconds=2.0)
    assert log.state == "ended"
    log.close()
    disk.close()
    events = read(tmp_path / "events.jsonl").events
    account, told = Account("day/folder"), "created"
    for number, event in enumerate(events, 1):
        account.take(event, number)
        if event["event"] == "state":
            assert event["before"] == told
            told = event["state"]
            assert account.session["state"] == told
    assert told == "wrap_up" and events[-1]["event"] == "call_ended" and events[-1]["state"] == "ended"
    assert account.session["state"] == "ended" and account.session["carrier_call_id"] == "CA1"
    assert lifecycle.STATUS[account.session["state"]] == "completed"
