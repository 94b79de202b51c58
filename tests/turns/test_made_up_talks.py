"""A sample of the made-up conversations that the figures come from: a change that spoils one is seen here first."""

from benchmarks import turns as bench
from benchmarks.conversations import backchannels, interruptions, pausing, talks
from engine.replay.simulate import simulate


def test_quick_callers_are_answered_quickly() -> None:
    """Half of the turns within half a second, none later than 0.8 s."""
    waits = sorted(bench._waits_ms(list(talks(count=5, seed=11))))
    assert waits[len(waits) // 2] <= 500 and waits[-1] <= 800


def test_backchannels_do_not_cut() -> None:
    assert [made.texts for made in backchannels(count=25, seed=12) if simulate(made.case).named("cut")] == []


def test_interruptions_are_taken_and_what_was_heard_is_kept() -> None:
    """Not a word in history that was not played, at most one that is missing."""
    runs = [(made, simulate(made.case)) for made in interruptions(count=25, seed=13)]
    assert [made.texts for made, run in runs if bench._missed(made, run)] == []
    for _, run in runs:
        wrong, missing = bench._words_off(run)
        assert wrong == 0 and missing <= 1


def test_most_callers_who_pause_are_let_finish() -> None:
    split = [text for made in pausing(count=25, seed=14) for run in [simulate(made.case)] for text in made.texts
             if text not in [line.text for line in run.history]]
    assert len(split) <= 3
