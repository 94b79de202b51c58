"""Collecting digits: what ends an input, what counts, and that it always ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialog.digits import DigitCollector, Wanted, spoken_digits, why


def collect(wanted, *steps):
    """``steps``: (time, key), (time, "say ..."), or (time, None) for a tick. The result, or None."""
    collector = DigitCollector(wanted, 0.0)
    for at, what in steps:
        if what is None:
            collector.tick(at)
        elif what.startswith("say "):
            collector.words(what[4:], at)
        else:
            collector.key(what, at)
    return collector.result


PIN = Wanted(min_digits=4, max_digits=4, timeout_s=10, digit_timeout_s=3)
FREE = Wanted(min_digits=2, max_digits=6, timeout_s=10, digit_timeout_s=3)
MENU = Wanted(choices=("1", "2", "10"), terminators="")

CASES = {
    "all keys pressed": (PIN, [(1, "1"), (2, "2"), (3, "3"), (4, "4")], (True, "1234", "full")),
    "the terminator ends it and is no part of it": (FREE, [(1, "1"), (2, "2"), (3, "#")], (True, "12", "terminator")),
    "the terminator too early": (PIN, [(1, "1"), (2, "#")], (False, "1", "terminator")),
    "nothing is pressed": (PIN, [(9.9, None), (10, None)], (False, "", "timeout")),
    "a pause after enough": (FREE, [(1, "1"), (2, "2"), (4.9, None), (5, None)], (True, "12", "pause")),
    "a pause after too few": (FREE, [(1, "1"), (4, None)], (False, "1", "pause")),
    "half pressed, half said": (PIN, [(1, "1"), (2, "say two three four")], (True, "1234", "full")),
    "the caller has something to say": (PIN, [(1, "1"), (2, "say I do not have it")], (False, "1", "words")),
    "a choice that no longer one follows": (MENU, [(1, "2")], (True, "2", "choice")),
    "a choice that could become a longer one": (MENU, [(1, "1"), (4, None)], (True, "1", "pause")),
    "the longer choice": (MENU, [(1, "1"), (2, "0")], (True, "10", "choice")),
    "no choice": (MENU, [(1, "7")], (False, "7", "invalid")),
    "a star is a key like others": (Wanted(1, 2), [(1, "*"), (2, "5")], (True, "*5", "full")),
}


@pytest.mark.parametrize("name", CASES)
def test_what_ends_an_input(name):
    """The rule is the name of the case."""
    wanted, steps, expected = CASES[name]
    result = collect(wanted, *steps)
    assert (result.ok, result.digits, result.ended_by) == expected
    assert bool(why(result)) is not result.ok


def test_the_time_to_press_begins_when_the_question_was_heard():
    """A long question must not use up the caller's time; keys pressed during it count all the same."""
    collector = DigitCollector(PIN, 0.0)
    collector.prompt_heard(8.0)
    collector.tick(17.9)
    assert collector.result is None
    collector.key("1", 17.9)
    collector.prompt_heard(18.0)
    assert collector.deadline == pytest.approx(20.9), "a prompt that ends later must not give more time between digits"


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("four two double seven", "4277"), ("One, two. Three!", "123"), ("triple oh 5", "0005"), ("12 34", "1234"),
        ("un deux trois", "123"), ("ek do teen", "123"), ("एक दो तीन", "123"), ("१२", "12"), ("ஒன்று இரண்டு", "12"),
        ("രണ്ട് മൂന്ന്", "23"), ("um one", "1"), ("I have two dogs", None), ("", None), ("and then", None),
    ],
)  # fmt: skip
def test_spoken_digits(text, digits):
    """Digits in the languages of the mission; a sentence with a number in it is no input."""
    assert spoken_digits(text) == digits


@pytest.mark.parametrize(
    "arguments", [{"min_digits": 5, "max_digits": 4}, {"max_digits": 0, "min_digits": 0}, {"terminators": "x"},
                  {"timeout_s": 0}, {"choices": ("1#",)}],
)  # fmt: skip
def test_what_nobody_could_press_is_refused(arguments):
    """A model that asks for nonsense is told so at once, not after the caller's silence."""
    with pytest.raises(ValueError):
        Wanted(**arguments)


@given(
    st.lists(st.tuples(st.floats(0.01, 5), st.sampled_from([*"0123456789*#", "say one", "say hello", None]))),
    st.integers(0, 4), st.integers(1, 6), st.sampled_from(["", "#", "*#"]),
)  # fmt: skip
def test_it_always_ends_and_never_changes_afterwards(steps, least, more, terminators):
    """Whatever is pressed, the deadline ends it; ``ok`` digits are as many as were asked for, without terminators."""
    wanted = Wanted(least, least + more, terminators)
    collector, now = DigitCollector(wanted, 0.0), 0.0
    for pause, what in steps:
        now += pause
        before = collector.result
        collector.tick(now)
        if what and what.startswith("say "):
            collector.words(what[4:], now)
        elif what:
            collector.key(what, now)
        assert before is None or collector.result is before
    collector.tick(collector.deadline)
    assert collector.result is not None
    if collector.result.ok:
        assert least <= len(collector.result.digits) <= least + more
        assert not set(collector.result.digits) & set(terminators)
