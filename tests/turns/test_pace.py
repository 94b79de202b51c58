"""How long the caller is waited for: their own pauses, numbers, languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import AgentOptions, TurnOptions
from engine.turns import events as ev
from engine.turns.bargein import BargeIn
from engine.turns.digits import Digits
from engine.turns.endpointing import Collecting, Endpointing, lexical_score
from engine.turns.engine import TurnEngine
from engine.turns.language import LANGUAGES, word_lists
from engine.turns.pace import Pace
from engine.turns.words import Phrases

SENTENCE = "I want to book a table"


def test_a_caller_of_whom_nothing_is_known_gets_the_configured_wait() -> None:
    assert Endpointing(TurnOptions()).wait_s("yes", False) == Endpointing(TurnOptions()).wait_s(SENTENCE, False) == 0.5


def test_a_caller_who_does_not_pause_is_answered_sooner_and_sooner() -> None:
    """Down to the floor; a "yes" still sooner than a sentence, which may go on."""
    waits = Endpointing(TurnOptions())
    told = []
    for _ in range(20):
        waits.pace.finished(5)
        told.append(waits.wait_s(SENTENCE, False))
    assert told == sorted(told, reverse=True)
    assert 0.25 <= told[-1] < 0.26
    waits.pace.paused(0.6, complete=True)
    assert waits.wait_s("yes", False) < waits.wait_s(SENTENCE, False)


def test_a_caller_who_pauses_is_waited_for() -> None:
    """After two pauses of 0.8 s the wait is longer than such a pause; a turn with such pauses does not shorten it."""
    waits = Endpointing(TurnOptions())
    for _ in range(3):
        waits.pace.paused(0.8, complete=True)
        waits.pace.finished(8)
    assert 1.0 < waits.wait_s(SENTENCE, False) <= 1.3


def test_pauses_after_open_words_say_nothing_of_complete_ones() -> None:
    """Who looks for a word after "my number is" need not pause after a question."""
    waits = Endpointing(TurnOptions())
    for _ in range(9):
        waits.pace.paused(2.4, complete=False)
    assert waits.wait_s(SENTENCE, False) == 0.5
    assert 2.9 < waits.wait_s("my number is", False) <= 3.0


@given(st.lists(st.one_of(st.tuples(st.floats(-1, 100), st.booleans()), st.integers(0, 50)), max_size=60))
def test_the_pace_stays_within_its_bounds(script: list[object]) -> None:
    """Whatever the caller does, and a gap longer than the longest wait is never learned."""
    pace = Pace(0.5, 0.25, 3.0)
    for item in script:
        before = pace.complete_s, pace.open_s
        if isinstance(item, tuple):
            pace.paused(*item)
            assert item[0] <= 3.0 or (pace.complete_s, pace.open_s) == before
        elif isinstance(item, int):
            pace.finished(item)
        assert 0.25 <= pace.complete_s <= 3.0 and 0 <= pace.open_s <= 3.0


def test_a_floor_above_the_first_wait_keeps_it_where_it_is() -> None:
    """An operator who wants short waits from the first turn gets them."""
    waits = Endpointing(TurnOptions(endpoint_min_ms=200))
    waits.pace.finished(9)
    assert waits.wait_s(SENTENCE, False) == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("text", "language", "done"),
    [
        ("my number is nine eight four seven one two three", "en", False),
        ("my number is nine eight four seven one two three four five six", "en", True),
        ("my number is 98471 23456", "en", True),
        ("it's double five triple two", "en", False),
        ("my pin is 7", "en", False),
        ("I was born in 1984", "en", True),
        ("where is room 123", "en", True),
        ("it's at 10 30", "en", True),
        ("98471 23", "en", False),
        ("room twenty one", "en", True),
        ("let me check", "en", False),
        ("five five five.", "en", False),
        ("मेरा नंबर है", "hi", False),
        ("mera number hai", "hi", False),
        ("mujhe ticket chahiye", "hi", True),
        ("and my", "hi", False),
        ("എന്റെ നമ്പർ", "ml", False),
        ("ente number", "ml", False),
        ("enikku oru ticket venam", "ml", True),
        ("என் நம்பர்", "ta", False),
        ("enakku oru ticket venum", "ta", True),
        ("mon numéro c'est", "fr", False),
        ("mon numéro c'est le zéro six douze trente quatre", "fr", False),
        ("c'est le zéro six douze trente quatre cinquante six soixante", "fr", True),
        ("je voudrais", "fr", True),
        ("je voudrais une", "fr", False),
    ],
)
def test_words_that_are_complete(text: str, language: str, done: bool) -> None:
    assert (lexical_score(TurnOptions(), language)(text) >= 0.5) is done


@pytest.mark.parametrize(
    ("text", "language", "count", "words", "before"),
    [
        ("my number is 98 double four", "en", 4, 3, "my number is"),
        ("twenty one thirty", "en", 4, 3, ""),
        ("room five please", "en", 0, 0, "room five please"),
        ("मेरा नंबर नौ आठ एक", "hi", 3, 3, "मेरा नंबर"),
        ("randu moonnu naalu", "ml", 3, 3, ""),
        ("zéro six douze", "fr", 4, 3, ""),
    ],
)
def test_digits_at_the_end(text: str, language: str, count: int, words: int, before: str) -> None:
    assert Digits(word_lists(language)).at_end(text) == (count, words, before)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("haan ji", "hi", "backchannel"), ("हाँ, ठीक है", "hi", "backchannel"), ("okay haan", "hi", "backchannel"),
        ("रुकिए", "hi", "interrupt"), ("ruko", "hi", "interrupt"), ("uh-huh", "ml", "backchannel"),
        ("ശരി", "ml", "backchannel"), ("sheri sheri", "ml", "backchannel"), ("venda", "ml", "interrupt"),
        ("ஆமா, சரி", "ta", "backchannel"), ("sari", "ta", "backchannel"), ("நிறுத்துங்க", "ta", "interrupt"),
        ("d'accord, oui", "fr", "backchannel"), ("attendez", "fr", "interrupt"), ("sheri", "en", "interrupt"),
    ],
)
def test_backchannels_and_stop_words_of_a_language(text: str, language: str, expected: str) -> None:
    """Of the call's language; Indian callers mix English in."""
    assert BargeIn(TurnOptions(), language).verdict(text, True, 0.4)[0] == expected


def test_lists_of_the_configuration_hold_in_every_language() -> None:
    judge = BargeIn(TurnOptions(backchannels=("righto",)), "fr")
    assert judge.verdict("righto", True, 0.3)[0] == "backchannel"
    assert judge.verdict("oui", True, 0.3)[0] == "interrupt"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_backchannel_is_a_stop_word(language: str) -> None:
    """One that is in both lists would cut the agent."""
    lists = word_lists(language)
    stop = Phrases(lists.stop_words)
    assert [phrase for phrase in lists.backchannels if stop.within(phrase)] == []


def test_a_language_without_lists_has_those_of_english() -> None:
    assert word_lists("de-AT") == word_lists("en") and word_lists("ml_IN") == word_lists("ml") != word_lists("en")


def test_the_language_may_change_in_mid_call() -> None:
    """A caller who turns out to speak Malayalam is understood from then on."""
    engine = TurnEngine(TurnOptions(), AgentOptions())
    engine.step(0.0, ev.Written("hello", 0.0))
    engine.step(0.1, ev.ReplyReady(1, 9.0))
    engine.step(0.1, ev.PlayoutStarted(1, 0.1))
    engine.step(0.5, ev.Language("ml"))
    engine.step(1.06, ev.VoiceOn(1.0))
    actions = engine.step(1.5, ev.Transcript("sheri", True, 1.0, 1.4))
    assert [action.name for action in actions if isinstance(action, ev.Note)] == ["backchannel"]


@pytest.mark.parametrize("phase", ["greeting", "thinking"])
def test_a_hello_into_the_greeting_or_a_silence_changes_nothing(phase: str) -> None:
    """People answer a greeting, and ask into a silence; to begin anew for it makes the silence longer."""
    judge = BargeIn(TurnOptions())
    assert judge.verdict("hello?", True, 0.4, phase)[0] == "backchannel"
    assert judge.verdict("hello?", True, 0.4)[0] == "interrupt"
    assert judge.verdict("hello, I want a table", True, 0.4, phase)[0] == "interrupt"
    assert judge.bar_s(0, "greeting") > judge.bar_s(0, "speaking")


def test_a_number_that_was_asked_for_is_waited_out() -> None:
    waits = Endpointing(TurnOptions())
    waits.collecting = Collecting(6)
    assert waits.wait_s("one two three", False) == 3.0
    assert waits.wait_s("1 2 3 4 5 6", False) == 0.25
    assert waits.wait_s("I do not have it with me", False) == 0.5
    waits.collecting = Collecting()
    assert waits.wait_s("one two three four five six", False) == 3.0


def test_a_score_that_cannot_say_leaves_it_to_the_words() -> None:
    """A model of English has nothing to say about Tamil."""
    waits = Endpointing(TurnOptions(), lambda text: None if text == "my number is" else 0.0)
    assert 1.0 < waits.wait_s("my number is", False) < 3.0
    assert waits.wait_s(SENTENCE, False) == 3.0
