"""A call at a glance: what one sees of it in a list, line by line of its log."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.telemetry.glance import LONGEST_TEXT, Glance
from engine.telemetry.vocabulary import EVENTS, FIELDS

BEGIN = [
    {"event": "call_started", "caller": "15551234", "called": "1000", "started": "2026-11-21T10:00:00.000+00:00"},
    {"event": "agent_picked", "name": "support", "language": "en"},
    {"event": "answered", "ms": 20.0},
]


def after(*lines):
    glance = Glance("a")
    for line in [*BEGIN, *lines]:
        glance.step({"t": 0.0, **line})
    return glance.as_dict()


def test_who_with_whom():
    seen = after()
    assert (seen["caller"], seen["called"], seen["agent"], seen["language"]) == ("15551234", "1000", "support", "en")
    assert (seen["state"], seen["started"]) == ("listening", "2026-11-21T10:00:00.000+00:00")


TURN = {"event": "turn", "text": "hi", "gen": 2}
CLAUSE = {"event": "clause", "gen": 2, "text": "We open"}
ON_WIRE = {"event": "on_wire", "gen": 2, "after_voice_ms": 480}


@pytest.mark.parametrize(("lines", "state"), [
    ([{"event": "voice_on"}], "hearing"),
    ([{"event": "voice_on"}, {"event": "voice_off"}], "listening"),
    ([TURN], "thinking"),
    ([TURN, CLAUSE, ON_WIRE], "speaking"),
    ([TURN, ON_WIRE, {"event": "voice_on"}, {"event": "pause", "gen": 2}], "hearing"),
    ([TURN, ON_WIRE, {"event": "pause", "gen": 2}, {"event": "resume", "gen": 2}], "speaking"),
    ([TURN, ON_WIRE, {"event": "playout_finished", "gen": 2}], "listening"),
    ([{"event": "handover_started", "target": "desk"}], "handing over"),
    ([{"event": "handover_queued", "target": "desk"}], "queued"),
    ([{"event": "handover_bridged", "target": "desk"}, {"event": "voice_on"}], "with a human"),
    ([{"event": "handover_bridged", "target": "desk"}, {"event": "caller_back"}], "listening"),
    ([{"event": "hangup", "cause": "NORMAL_CLEARING"}], "ended"),
])
def test_what_is_being_done(lines, state):
    """Two voices and a thought at once are shown as one state: the caller's voice before the agent's."""
    assert after(*lines)["state"] == state


def test_words_are_shown_when_they_are_heard():
    """What the agent is going to say is shown from its first frame on, not while it is speculated."""
    assert after(TURN, CLAUSE)["words"] == ""
    seen = after(TURN, CLAUSE, ON_WIRE, {"event": "clause", "gen": 2, "text": "at nine."})
    assert (seen["who"], seen["words"], seen["partial"]) == ("agent", "We open at nine.", True)
    assert (seen["latency_ms"], seen["median_ms"], seen["turns"]) == (480, 480, 1)
    seen = after(TURN, CLAUSE, ON_WIRE, {"event": "agent_said", "gen": 2, "text": "We open"})
    assert (seen["words"], seen["partial"]) == ("We open", False)


def test_a_reminder_is_no_late_answer():
    """Twenty seconds after the caller's last word the agent asks whether they are there: that is no delay."""
    seen = after(TURN, ON_WIRE, {"event": "playout_finished", "gen": 2},
                 {"event": "on_wire", "gen": 3, "after_voice_ms": 20000})
    assert (seen["latency_ms"], seen["median_ms"]) == (480, 480)


def test_a_line_that_changes_nothing_says_so():
    """Only changes are sent to the pages."""
    glance = Glance("a")
    assert glance.step({"t": 0, **BEGIN[0]})
    assert not glance.step({"t": 0, **BEGIN[0]})
    assert not glance.step({"t": 0, "event": "speculation_miss", "why": "the words changed"})


values = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(),
                   st.lists(st.integers()))
lines = st.sampled_from(sorted(EVENTS)).flatmap(lambda name: st.fixed_dictionaries(
    {"event": st.just(name), "t": st.floats(0, 1000)},
    optional=dict.fromkeys(sorted(FIELDS[name] - {"t", "event"}), values)))


@settings(max_examples=40)
@given(st.lists(lines, max_size=20))
def test_whatever_a_log_has_in_it(log):
    """Values may be anything (a log may be masked or damaged): the glance stays JSON of bounded size."""
    glance = Glance("a")
    for line in log:
        glance.step(line)
    seen = glance.as_dict()
    assert json.loads(json.dumps(seen)) == seen
    assert len(seen["words"]) <= LONGEST_TEXT
