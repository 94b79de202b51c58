"""The report: its figures are those of the log, and no log breaks it."""

import json
import random

import pytest
import sample_call
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.telemetry.report import build
from engine.telemetry.vocabulary import FIELDS


@pytest.fixture(scope="module")
def report():
    return build(sample_call.lines()).to_dict()


def event(t: float, name: str, **fields) -> dict:
    return {"t": t, "event": name, **fields}


def test_facts_of_the_call(report):
    call = report["call"]
    assert (call["id"], call["caller"], call["called"]) == ("6c1f0e52-sample", "+49 30 901820", "1000")
    assert (call["hangup_cause"], call["hangup_by"]) == ("NORMAL_CLEARING", "caller")
    assert (report["seconds"], report["complete"], report["recording_starts"]) == (25.13, True, 0.02)


def test_what_providers_did_and_cost_is_part_of_the_report():
    """An operator sees what a call cost and who failed in it, also where the caller noticed nothing."""
    providers = {"cloud": {"requests": 3, "output_tokens": 210, "cost": 0.042}}
    report = build([
        event(0, "call_started", id="x"), event(0, "answered", ms=1),
        event(4, "provider_failed", capability="llm", provider="local", model="m", kind="timeout",
              message="local: did not begin within 2 s", ms=2000, begun=False),
        event(9, "cost", total=0.042, currency="EUR", providers=providers), event(9, "call_ended", seconds=9),
    ]).to_dict()
    assert (report["totals"]["cost"], report["totals"]["currency"]) == (0.042, "EUR")
    assert report["call"]["providers"] == providers
    assert [(fault["t"], fault["where"]) for fault in report["faults"]] == [(4, "provider for llm")]


def test_the_waterfall_counts_from_the_last_voiced_frame(report):
    """Steps of a speculative reply end below 0: they cost the caller nothing."""
    stages = {stage["name"]: (stage["from_ms"], stage["to_ms"]) for stage in report["turns"][0]["stages"]}
    assert stages == {
        "endpoint": (0.0, 502.0),
        "stt": (0.0, 280.0),
        "retrieval": (-50.0, -28.0),
        "first_text": (-28.0, -27.0),
        "first_audio": (-27.0, 100.0),
        "on_wire": (503.0, 520.0),
    }
    assert [turn["total_ms"] for turn in report["turns"]] == [520.0, 520.0, 960.0]


def test_a_false_interruption_and_a_real_one(report):
    false, real = report["interruptions"]
    assert (false["outcome"], false["onset"], false["onset_to_pause_ms"]) == ("resumed", 8.28, 100.0)
    assert (false["silent_ms"], false["voice_end_to_resume_ms"]) == (560.0, 420.0)
    assert (real["outcome"], real["onset_to_pause_ms"], real["heard"]) == (
        "cut", 80.0, "To reset your password, open the")
    assert [len(turn["interruptions"]) for turn in report["turns"]] == [1, 1, 0]


def test_transcript_is_what_was_heard_in_order_of_time(report):
    lines = [(line["who"], line["start"], line["interrupted"]) for line in report["transcript"]]
    assert lines == [
        ("agent", 0.04, False), ("caller", 4.02, False), ("agent", 6.06, False), ("caller", 12.4, False),
        ("agent", 14.44, True), ("caller", 16.62, False), ("agent", 19.42, False), ("key", 24.48, False),
    ]
    assert report["transcript"][4]["text"] == "To reset your password, open the"


def test_speech_is_a_span_from_first_to_last_frame(report):
    assert [(span["start"], span["end"]) for span in report["caller_speech"]] == sample_call.CALLER
    assert [(span["start"], span["end"]) for span in report["agent_speech"]] == sample_call.AGENT


def test_every_decision_is_kept_with_its_turn(report):
    assert [[item["name"] for item in turn["decisions"]] for turn in report["turns"]] == [
        ["wait", "turn", "false_interruption"], ["turn", "interruption"], ["turn"]]


def test_totals(report):
    totals = report["totals"]
    assert (totals["turns"], totals["replies"], totals["interruptions"], totals["false_interruptions"]) == (3, 4, 1, 1)
    assert totals["answer_ms"] == {"count": 3, "p50": 520.0, "p95": 960.0, "max": 960.0}
    assert (totals["greeting_ms"], totals["speculative_replies"], totals["speculative_used"]) == (40.0, 3, 2)
    assert totals["stages_ms"]["stt"]["max"] == 681.0


def test_it_is_json(report):
    assert json.loads(json.dumps(report)) == report


def test_a_failed_reply_and_the_one_after_it_belong_to_the_same_turn():
    """A reminder much later does not."""
    report = build([
        event(1.0, "turn", text="hi", waited_ms=500, why="silence", gen=1),
        event(1.0, "think", gen=1, text="hi", speculative=False),
        event(1.2, "reply_failed", gen=1, reason="timeout"),
        event(1.2, "think", gen=2, text="hi", speculative=False),
        event(1.3, "first_audio", gen=2, ms=10, cached=False),
        event(1.4, "on_wire", gen=2, at=1.4, after_voice_ms=900),
        event(9.0, "say", gen=3, text="Are you still there?", interruptible=True),
    ])
    (turn,) = report.turns
    assert (turn.replies, turn.total_ms) == ([1, 2], 900)
    assert [(fault.where, fault.message) for fault in report.faults] == [("reply 1", "timeout")]


def test_a_cut_after_hangup_is_no_interruption():
    """The engine cuts its own speech when the caller is gone; counting that would spoil the rate."""
    report = build([event(1.0, "on_wire", gen=1, at=1.0), event(2.0, "hangup", cause="X", by="caller"),
                    event(2.0, "cut", gen=1, at=2.0, heard="Hello")])
    assert report.interruptions == []
    paused = build([event(1.0, "on_wire", gen=1, at=1.0), event(1.5, "pause", gen=1, at=1.5, after_onset_ms=60),
                    event(2.0, "hangup", cause="X", by="caller"), event(2.0, "cut", gen=1, at=2.0, heard="")])
    assert [item.outcome for item in paused.interruptions] == ["hangup"]


def test_without_waited_ms_the_last_voice_off_counts():
    report = build([event(1.0, "voice_on", at=0.5), event(2.2, "voice_off", at=2.0),
                    event(2.5, "turn", text="x", why="w", gen=1), event(2.6, "on_wire", gen=1, at=2.6)])
    (turn,) = report.turns
    assert turn.voice_end == 2.0
    assert round(turn.total_ms) == 600


def test_an_empty_log_is_a_report_of_nothing():
    report = build([]).to_dict()
    assert (report["turns"], report["transcript"], report["complete"], report["seconds"]) == ([], [], False, 0.0)
    assert report["totals"]["answer_ms"] is None


@pytest.mark.parametrize("kept", range(0, 75, 3))
def test_a_log_may_end_anywhere(kept):
    report = build(sample_call.lines()[:kept], damaged_lines=1)
    assert report.complete is False
    json.dumps(report.to_dict())


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.none(), max_size=2)
EVENT = st.sampled_from(sorted(FIELDS) + ["some_note"]).flatmap(
    lambda name: st.fixed_dictionaries(
        {"t": st.floats(-1, 100), "event": st.just(name)},
        optional=dict.fromkeys(sorted(FIELDS.get(name, {"why", "gen"})), VALUES)))


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENT, max_size=25))
def test_no_values_break_it(events):
    """A log may come from another version, or from a hand."""
    json.dumps(build(events).to_dict())


def test_order_of_lines_does_not_matter():
    """Lines of one instant are written by several greenlets."""
    lines = sample_call.lines()
    shuffled = random.Random(1).sample(lines, len(lines))
    assert build(sorted(shuffled, key=lambda line: line["t"])).to_dict()["totals"] == build(lines).to_dict()["totals"]


def test_skills_stand_with_the_reply_that_asked_for_them():
    """Also when the result came after the reply was cut: why a call went wrong is often there."""
    log = [
        event(1.0, "think", gen=1, text="tea", speculative=False),
        event(1.1, "tool_call", gen=1, id="a", skill="order", arguments={"item": "tea"}, speculative=False,
              repeated=False),
        event(1.2, "cut", gen=1, at=1.2, heard=""),
        event(1.3, "think", gen=2, text="hello?", speculative=False),
        event(1.4, "tool_result", gen=1, id="a", skill="order", success=False, error="timeout", ms=300.0,
              result={"success": False}),
        event(1.5, "tool_call", gen=2, id="b", skill="order", arguments={"item": "tea"}, repeated=True),
    ]
    report = build(log)
    first, second = report.replies
    (use,), (again,) = first.skills, second.skills
    assert (use.skill, use.arguments) == ("order", {"item": "tea"})
    assert (use.success, use.error, use.ms) == (False, "timeout", 300)
    assert (again.repeated, again.success) == (True, None)
