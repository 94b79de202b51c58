"""Human or machine: told by times and words alone."""

import pytest

from engine.dialog.answering import AnsweringDetector


def run(script, until=6.0, step=0.05):
    """``script``: (time, what, argument); ticks in between. All decisions in order."""
    detector = AnsweringDetector()
    events, decisions = sorted(script, key=lambda each: each[0]), []
    for number in range(round(until / step) + 1):
        now = number * step
        while events and events[0][0] <= now:
            at, what, *argument = events.pop(0)
            getattr(detector, what)(*argument, at)
        detector.tick(now)
        if detector.decision and (not decisions or decisions[-1] != detector.decision):
            decisions.append(detector.decision)
    return decisions


def talk(*stretches):
    return [each for on, off in stretches for each in ((on, "voice_on"), (off, "voice_off"))]


CASES = {
    "hello, then silence": (talk((0.5, 1.0)), "human", 1.9),
    "name and company, in one breath": (talk((0.3, 2.0)), "human", 2.9),
    "two hellos": (talk((0.3, 0.7), (1.1, 1.5)), "human", 2.4),
    "nobody says anything": ([], "human", 2.5),
    "talks without a pause": (talk((0.3, 9.0)), "machine", 2.6),
    "talks with the pauses of an announcement": (talk((0.3, 1.2), (1.6, 2.4), (2.8, 5.0)), "machine", 3.0),
    "says that it is one": ([*talk((0.2, 2.0)), (1.4, "words", "please leave a message")], "machine", 1.5),
    "says so in French, accents or not": ([(1.0, "words", "Laissez un message après le bip")], "machine", 1.1),
    "in Hindi": ([(1.0, "words", "कृपया बीप के बाद बोलें")], "machine", 1.1),
    "a word, and the recogniser is sure that it ended": (
        [*talk((0.3, 0.7)), (0.9, "words", "hello")], "human", 1.5),
    "beeps at once": ([(1.0, "beep")], "machine", 1.1),
}


@pytest.mark.parametrize("name", CASES)
def test_who_answered(name):
    """The verdict, and that it does not take longer than this: a human waits for nothing."""
    script, verdict, latest = CASES[name]
    decisions = run(script)
    assert decisions[-1].verdict == verdict, decisions
    assert decisions[0].at <= latest


def test_a_human_by_silence_can_turn_out_to_be_a_machine():
    """A mailbox that starts late was taken for a silent human; its beep and its words still tell."""
    decisions = run([(5.0, "words", "the mailbox of")], until=6.0)
    assert [decision.verdict for decision in decisions] == ["human", "machine"]


def test_a_final_word_needs_no_pause():
    """A recogniser that knows the end of the sentence saves the human the rest of the wait."""
    detector = AnsweringDetector()
    detector.voice_on(0.3)
    detector.voice_off(0.7)
    detector.words("hello", 0.8)
    assert detector.decision is None
    detector.words("hello", 0.9, final=True)
    assert detector.decision.verdict == "human"
    detector.words("hello you have reached", 1.5)
    assert detector.decision.verdict == "machine"


def test_a_beep_near_a_human_makes_no_machine():
    """Who said hello and waited is not hung up on because a microwave is ready; a silent one may be a mailbox."""
    assert run([*talk((0.3, 0.7)), (4.0, "beep")])[-1].verdict == "human"
    assert run([(4.0, "beep")])[-1].verdict == "machine"


def test_a_machine_stays_one():
    """What it says after its beep, which is our own message or nothing, changes nothing."""
    decisions = run([*talk((0.2, 4.0)), (4.5, "beep"), *talk((5.0, 5.3))])
    assert [decision.verdict for decision in decisions] == ["machine"]


def test_nothing_is_heeded_after_the_watch():
    """A human who says "leave a message with my assistant" in the second minute is no machine."""
    detector = AnsweringDetector(watch_s=30)
    detector.tick(2.5)
    detector.words("you can leave a message with my assistant", 61.0)
    detector.beep(62.0)
    assert detector.decision.verdict == "human"
