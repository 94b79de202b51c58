"""Timelines of peers and of our own, run on a virtual clock against the demands written in them."""

from pathlib import Path

import pytest

from engine.replay.cases import Case, load
from engine.replay.checks import judge
from engine.replay.simulate import simulate

DATA = Path(__file__).parents[1] / "data" / "turns"
CASES = [case for name in ("cases.json", "own.json") for case in load(DATA / name)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Case) -> None:
    """What the case demands holds. What happened: trunkline turns replay FILE --only ID --verbose."""
    run = simulate(case)
    assert {must.kind: found for must in case.musts if (found := judge(run, must))} == {}


def test_a_run_is_the_same_every_time() -> None:
    """No clock, no chance: a case that fails fails again under the debugger."""
    case = next(case for case in CASES if case.id == "B01")
    assert simulate(case) == simulate(case)


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        ("L12", "silent_by"),
        ("L16", "assistant_complete"),
        ("L18", "resumed_by"),
        ("L07", "audio"),
        ("L01", "audio"),
        ("L30", "tool_runs"),
    ],
)
def test_demands_can_fail(case: str, kind: str) -> None:
    """The same demands, with the engine made to break the rule that they check.
    A check that cannot fail proves nothing."""
    worse = {
        "L12": {"barge_in": False},
        "L16": {"backchannels": ("never",)},
        "L18": {"resume_ms": 2000},
        "L07": {"endpoint_min_ms": 0, "endpoint_max_ms": 100},
        "L01": {"endpoint_min_ms": 900},
        "L30": {"speculate": False, "endpoint_min_ms": 3000},
    }
    found = next(item for item in CASES if item.id == case)
    broken = Case(**{**vars(found), "turns": found.turns.model_copy(update=worse[case])})
    run = simulate(broken)
    assert any(judge(run, must) for must in broken.musts if must.kind == kind)
