"""The plan of a hand-over: from every state there is a way out, and the caller is never without sound or owner."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialog import handover as plan
from engine.dialog.handover import Handover, State, told

WAY_THROUGH = {"blind": [plan.Answered(), plan.Bridged()], "warm": [plan.Answered(), plan.Key("1"), plan.Bridged()]}


def begin(mode):
    handover = Handover(mode, ring_s=20, accept_s=15)
    return handover, handover.start(0.0)


def names(actions):
    return [type(action).__name__ for action in actions]


@pytest.mark.parametrize("mode", ["blind", "warm"])
def test_the_good_road(mode):
    """Hold music before the first ring; a warm human is briefed; then the two are connected, nobody is dropped."""
    handover, actions = begin(mode)
    done = names(actions)
    for at, event in enumerate(WAY_THROUGH[mode], 1):
        done += names(handover.step(at, event))
    assert done == {"blind": ["Hold", "Dial", "Bridge"], "warm": ["Hold", "Dial", "Brief", "Bridge"]}[mode]
    assert handover.state is State.DONE
    assert handover.deadline is None


FAILURES = {
    "busy": ("blind", [plan.HumanGone("the line is busy")], "the line is busy", False),
    "nobody answers": ("blind", [plan.Tick()], "nobody answered", False),
    "refused by key": ("warm", [plan.Answered(), plan.Key("2")], "they cannot take the call now", False),
    "hung up in the briefing": ("warm", [plan.Answered(), plan.HumanGone("they hung up")],
                                "they hung up without taking the call", False),
    "no key": ("warm", [plan.Answered(), plan.Tick()], "they did not take the call in time", False),
    "other keys are no answer": ("warm", [plan.Answered(), plan.Key("5"), plan.Key("#"), plan.Tick()],
                                 "they did not take the call in time", False),
    "gone in the moment of the bridge": ("blind", [plan.Answered(), plan.BridgeFailed("gone")], "gone", False),
    "the bridge was begun, and failed": ("blind", [plan.Answered(), plan.BridgeFailed("gone", moved=True)], "gone",
                                         True),
    "no news of the bridge": ("blind", [plan.Answered(), plan.Tick()], "the two could not be connected", True),
    "the engine drains": ("warm", [plan.Answered(), plan.CalledOff("draining")], "draining", False),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILURES)
def test_failures_bring_the_caller_back(name):
    """The human's leg ends first, then the caller is the agent's again; by the dialplan where the channel had left."""
    mode, events, why, fetch = FAILURES[name]
    handover, actions = begin(mode)
    for event in events:
        now = (handover.deadline or 0.0) if isinstance(event, plan.Tick) else 1.0
        actions = handover.step(now, event)
    assert actions == [plan.DropHuman(), plan.Return(why, fetch)]
    assert handover.state is State.BACK
    assert handover.why == why


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_caller_who_hangs_up_takes_the_human_along(after):
    """In whatever state: nobody must answer a phone with no one on the other side."""
    handover, _ = begin("warm")
    for event in WAY_THROUGH["warm"][:after]:
        handover.step(1.0, event)
    assert handover.step(2.0, plan.CallerGone()) == [plan.DropHuman()]
    assert handover.state is State.GONE


EVENTS = st.sampled_from([
    plan.Answered(), plan.HumanGone("gone"), plan.NotBriefed("mute"), plan.Key("1"), plan.Key("2"),
    plan.Key("9"), plan.Bridged(),
    plan.BridgeFailed("no"), plan.BridgeFailed("no", moved=True), plan.CallerGone(), plan.CalledOff("draining"),
    plan.Tick(),
])  # fmt: skip


@given(st.sampled_from(["blind", "warm"]), st.lists(st.tuples(st.floats(0, 30), EVENTS), max_size=12))
def test_no_path_leaves_the_caller_alone(mode, steps):
    """Any events in any order: until it is over there is a deadline and the caller is on hold; when it is over the
    caller is with the human, with the agent, or gone; the human's leg is connected or ended, never left."""
    handover, actions = begin(mode)
    done, now = list(actions), 0.0
    for pause, event in steps:
        now += pause
        if not handover.over:
            assert handover.deadline is not None
        before = handover.state
        taken = handover.step(now, event)
        assert not taken or before not in plan.FINAL
        done += taken
    while not handover.over:
        assert handover.deadline is not None
        done += handover.step(max(now, handover.deadline), plan.Tick())
    kinds = names(done)
    assert kinds[:2] == ["Hold", "Dial"]
    assert kinds.count("Return") == (handover.state is State.BACK)
    assert kinds.count("DropHuman") == (handover.state is not State.DONE)
    assert kinds.count("Bridge") <= 1
    if mode == "warm" and "Bridge" in kinds:
        assert "Brief" in kinds, "a human gets a caller without having been told"


def test_the_story_of_an_absence_says_what_is_known():
    """Who, how long, what came of it; what was said is not known, and the model is told so."""
    assert told("desk", "warm", 12.0, 200.0, True).startswith(
        "The caller was connected with desk, and they talked for 3 minutes.")
    queued = told("support", "queue", 40.0, 100.0, True)
    assert "somebody of the queue support, after a wait of 40 seconds, and they talked for 60 seconds." in queued
    assert "not known to you" in queued
    missed = told("support", "queue", 120.0, 121.0, False)
    assert "waited in the queue support for 2 minutes. Nobody took the call." in missed
    assert "talked" not in missed
