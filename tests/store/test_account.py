"""From the lines of a log to rows: states, who took part, what was said, how it ended."""

import math
from datetime import datetime, timezone

import pytest
import sample_call
from hypothesis import given
from hypothesis import strategies as st
from store_world import started, whole

from engine import lifecycle
from engine.store.account import Account
from engine.telemetry.vocabulary import FIELDS


def account(*events, folder="2026-11-20/100000-a-call"):
    made = Account(folder)
    for number, event in enumerate(events, 1):
        made.take({"t": float(number), **event}, number)
    return made


def test_the_sample_call():
    """The same three turns, one interruption and latencies as the call's report has."""
    made = account(*sample_call.lines())
    row, rows = made.session, made.take_changes()
    assert (row["state"], row["status"], row["outcome"]) == ("ended", "completed", "caller_left")
    assert (row["turns"], row["interruptions"], row["errors"]) == (3, 1, 0)
    assert (row["answer_ms_p50"], row["answer_ms_p95"]) == (520.0, 960.0)
    assert row["answered_at"] == datetime(2026, 11, 21, 4, 0, 0, 112400, timezone.utc)
    said = [(one["speaker"], one["text"], one["start_time"], one["end_time"]) for one in rows["segments"]]
    assert said[1] == ("customer", "when is the library open", 4.02, 5.54)
    assert said[4] == ("bot", "To reset your password, open the", 14.44, 16.7)
    cut = rows["items"][4]
    assert (cut["role"], cut["status"], cut["truncated_ms"]) == ("assistant", "incomplete", 2260)


@pytest.mark.parametrize(("events", "state", "outcome"), [
    ([{"event": "hangup", "cause": "ORIGINATOR_CANCEL", "by": "caller"}], "cancelled", "not_answered"),
    ([{"event": "hangup", "cause": "USER_BUSY", "by": "switch"}], "busy", "not_answered"),
    ([{"event": "hangup", "cause": "NO_ANSWER", "by": "switch"}], "no_answer", "not_answered"),
    ([{"event": "hangup", "cause": "CALL_REJECTED", "by": "switch"}], "failed", "failed"),
    ([{"event": "answered", "ms": 5}, {"event": "hangup", "cause": "NORMAL_CLEARING", "by": "agent"}],
     "ended", "agent_done"),
    ([{"event": "answered", "ms": 5}, {"event": "hangup", "cause": "left to the dialplan", "by": "engine"}],
     "ended", "let_go"),
    ([{"event": "answered", "ms": 5}, {"event": "error", "where": "call", "message": "no audio"}], "failed", "failed"),
    ([{"event": "answered", "ms": 5}, {"event": "answering", "verdict": "machine"}], "ended", "machine"),
])
def test_how_calls_end(events, state, outcome):
    """Searches for outcomes must mean the same for every call."""
    made = account(started(), *events, {"event": "call_ended", "seconds": 1.0})
    assert (made.session["state"], made.session["outcome"]) == (state, outcome)
    assert made.session["filed"]


def test_a_hand_over_is_followed():
    """Created, answered, talking, queued, bridged, talking again: and who was there when."""
    seen = []
    made = Account("day/folder")
    for number, event in enumerate([
        started(), {"event": "answered", "ms": 0.0}, {"event": "media_attached"}, {"event": "handover_queued"},
        {"event": "handover_dialing", "target": "sales", "leg": "b-leg"}, {"event": "handover_bridged"},
        {"event": "caller_back", "away_s": 2.0}, {"event": "hangup", "cause": "NORMAL_CLEARING", "by": "caller"},
        {"event": "call_ended", "seconds": 9.0}], 1):
        made.take({"t": float(number), **event}, number)
        seen.append(made.session["state"])
    assert seen == ["created", "answered", "talking", "queued", "queued", "bridged", "talking", "wrap_up", "ended"]
    human = next(one for one in made.take_changes()["participants"] if one["role"] == "agent")
    assert (human["display_name"], human["fs_uuid"], human["leg"]) == ("sales", "b-leg", "b")
    assert (human["left_at"] - human["joined_at"]).total_seconds() == 1.0
    assert made.session["escalated"]
    assert made.session["outcome"] == "handed_over"


def test_skills_and_their_results():
    """A repeated call of a skill did not run; one whose result never came is no success."""
    made = account(
        started(), {"event": "tool_call", "gen": 2, "id": "c1", "skill": "order", "arguments": {"number": 7}},
        {"event": "tool_call", "gen": 2, "id": "c2", "skill": "order", "arguments": {}, "repeated": True},
        {"event": "tool_result", "gen": 2, "id": "c1", "success": True, "ms": 12.5, "result": {"state": "sent"}},
        {"event": "tool_call", "gen": 3, "id": "c3", "skill": "slow", "arguments": {}},
        {"event": "call_ended", "seconds": 9.0})
    calls = made.take_changes()["tool_calls"]
    assert [(one["name"], one["status"], one["duration_ms"]) for one in calls] == [
        ("order", "completed", 12.5), ("slow", "abandoned", None)]
    assert calls[0]["result"] == {"state": "sent"}


def test_a_log_that_breaks_off():
    """An engine that died leaves no live session behind."""
    made = account(*whole("hello")[:-2])
    assert made.session["state"] == "talking"
    made.break_off(12.0)
    assert (made.session["state"], made.session["hangup_cause"]) == ("failed", "the log breaks off")
    assert made.session["filed"]


def test_what_was_not_written_waits_in_its_newest_form():
    """A database that fails must not bring old rows back over newer ones."""
    made = account(started(), {"event": "tool_call", "gen": 1, "id": "c", "skill": "s", "arguments": {}})
    failed = made.take_changes()
    made.take({"t": 3.0, "event": "tool_result", "id": "c", "success": True, "ms": 1.0, "result": 1}, 3)
    made.put_back(failed)
    rows = made.take_changes()
    assert [one["status"] for one in rows["tool_calls"]] == ["completed"]
    assert len(rows["participants"]) == 1
    assert made.take_changes() == {}


VALUES = st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(max_size=20), st.lists(st.integers()),
                   st.dictionaries(st.text(max_size=3), st.floats(), max_size=2),
                   st.sampled_from(["a\0b", "\ud800", "2026-11-20T10:00:00Z", math.inf]))


@st.composite
def lines(draw):
    name = draw(st.sampled_from(sorted(FIELDS)))
    fields = {field: draw(VALUES) for field in sorted(FIELDS[name])}
    return {**fields, "event": name, "t": draw(st.floats(-1e9, 1e9))}


@given(st.lists(lines(), max_size=30))
def test_any_log_makes_rows_that_hold_together(events):
    """Logs of crashed calls and of other versions hold anything: no line raises, states follow the table, and the same
    log makes the same rows."""
    first, state = Account("day/folder"), "created"
    first.take(started(), 1)
    for number, event in enumerate(events, 2):
        first.take(event, number)
        after = first.session["state"]
        assert after == state or after in lifecycle.FOLLOWING.get(state, ()) or after in lifecycle.ENDS
        assert after in lifecycle.STATES
        state = after
    again = Account("day/folder")
    for number, event in enumerate([started(), *events], 1):
        again.take(event, number)
    assert repr(first.take_changes()) == repr(again.take_changes())
    assert repr(first.session) == repr(again.session)


def segments_of(*events):
    account = Account("2026-11-21/100000-a")
    for number, event in enumerate([started(), {"t": 0.0, "event": "answered", "ms": 0.0}, *events], 1):
        account.take(event, number)
    return account.take_changes()["segments"]


def key(digit, at):
    return {"t": at, "event": "dtmf", "digit": digit, "at": at, "duration_ms": 100}


def test_keys_are_one_segment_until_the_turn_is_over():
    """A number that is keyed in is read as one; the caller's turn that it makes is not told twice; masked keys are only
    told of."""
    said = segments_of(key("1", 1.0), key("2", 2.0), {"t": 3.0, "event": "turn", "text": "1 2"}, key("7", 3.5),
                       {"t": 4.0, "event": "user_said", "text": "12"}, key("***", 9.0), key("***", 9.5))
    assert [(row["text"], row["source"], row["start_time"], row["end_time"]) for row in said] == [
        ("12", "dtmf", 1.0, 2.0), ("7", "dtmf", 3.5, 3.5), ("12", "freeswitch", None, None), ("***", "dtmf", 9.0, 9.5)]
    said = segments_of(key("1", 1.0), key("2", 2.0), {"t": 3.0, "event": "user_said", "text": "1 2"})
    assert [(row["text"], row["source"]) for row in said] == [("12", "dtmf")]
    said = segments_of(key("1", 1.0), key("2", 7.0))
    assert [row["text"] for row in said] == ["1", "2"]


def test_the_time_with_a_human_is_a_segment():
    """From the bridge to the caller's return, or to the end; it has no words that a search would find."""
    bridged = {"t": 5.0, "event": "handover_bridged", "target": "sales", "ms": 1.0}
    for end, until in (({"t": 65.0, "event": "caller_back", "why": "", "away_s": 60.0}, 65.0),
                       ({"t": 30.0, "event": "call_ended", "seconds": 30.0}, 30.0)):
        (row,) = segments_of(bridged, end)
        assert (row["speaker"], row["source"], row["start_time"], row["end_time"]) == ("agent", "handover", 5.0, until)
        assert "sales" in row["text"]
        assert row["words"] == ""


def test_items_have_the_names_that_clients_know_once_each():
    """Ids of the protocol where there are some; a log that repeats one, or hides it, gets one of its own for it."""
    account = Account("2026-11-21/100000-a")
    lines = [{"t": 1.0, "event": "user_said", "text": "a", "item": name} for name in ("item_1", "item_1", "***")]
    for number, event in enumerate([started(), *lines], 1):
        account.take(event, number)
    names = [row["id"] for row in account.take_changes()["items"]]
    assert names[0] == "item_1"
    assert len(set(names)) == 3 and "***" not in names


def test_tools_are_filed_by_who_runs_them():
    """The engine, an MCP server, the session's client: the latter's results may be no JSON."""
    account = Account("2026-11-21/100000-a")
    lines = [{"t": 1.0, "event": "tool_call", "id": "a", "skill": "s", "arguments": {}, "side": "mcp"},
             {"t": 1.0, "event": "tool_call", "id": "b", "skill": "s", "arguments": {}},
             {"t": 1.0, "event": "client_call", "id": "c", "name": "n", "arguments": '{"x": 1}'},
             {"t": 3.0, "event": "client_result", "id": "c", "output": "sunny"}]
    for number, event in enumerate([started(), *lines], 1):
        account.take(event, number)
    rows = account.take_changes()["tool_calls"]
    assert [row["side"] for row in rows] == ["mcp", "server", "client"]
    assert (rows[2]["arguments"], rows[2]["result"], rows[2]["duration_ms"]) == ({"x": 1}, "sunny", 2000.0)
