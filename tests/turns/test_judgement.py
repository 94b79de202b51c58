"""What words over the agent's speech are, how complete a text is, how transcripts become a turn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import TurnOptions
from engine.turns.bargein import BargeIn
from engine.turns.caller import Piece, Turn, Voice
from engine.turns.endpointing import Endpointing, lexical_score
from engine.turns.words import Phrases, same_words, tokens

OPTIONS = TurnOptions()


@pytest.mark.parametrize(
    ("text", "final", "voiced_s", "expected"),
    [
        ("uh-huh", True, 0.3, "backchannel"),
        ("Mmm, okay.", True, 0.5, "backchannel"),
        ("yeah yeah yeah", True, 2.0, "backchannel"),
        ("I see, go on", True, 0.8, "backchannel"),
        ("uh", False, 0.2, "unsure"),
        ("I", False, 0.3, "unsure"),
        ("yeah", False, 0.9, "unsure"),
        ("yeah but", True, 0.5, "interrupt"),
        ("stop", False, 0.1, "interrupt"),
        ("Wait!", True, 0.2, "interrupt"),
        ("okay stop", False, 0.4, "interrupt"),
        ("tuesday", False, 0.3, "unsure"),
        ("tuesday", False, 0.6, "interrupt"),
        ("tuesday", True, 0.3, "interrupt"),
        ("on tuesday", False, 0.3, "interrupt"),
    ],
)
def test_verdict(text: str, final: bool, voiced_s: float, expected: str) -> None:
    """Stop words cut at one word, backchannels never; a partial of one word needs half a second of voice.
    A 0.3 s "yeah" must not pass because it is a transcript, as it does in a peer."""
    assert BargeIn(OPTIONS).verdict(text, final, voiced_s)[0] == expected


def test_fewer_words_than_asked_for_do_not_interrupt() -> None:
    """An operator on noisy lines may ask for three words; stop words still cut at one."""
    judge = BargeIn(TurnOptions(barge_in_min_words=3))
    assert judge.verdict("on tuesday", True, 1.0)[0] == "backchannel"
    assert judge.verdict("not on tuesday please", True, 1.0)[0] == "interrupt"
    assert judge.verdict("stop", True, 0.2)[0] == "interrupt"


def test_the_bar_rises_with_false_interruptions_and_stays_bounded() -> None:
    """Bursts of noise make the agent pause less and less, but a caller who keeps talking always stops it."""
    bars = [BargeIn(OPTIONS).bar_s(n) for n in range(10)]
    assert bars == sorted(bars)
    assert bars[0] == pytest.approx(0.06)
    assert bars[-1] == pytest.approx(0.51)


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("I want to book a table", True),
        ("yes", True),
        ("two", True),
        ("is that so?", True),
        ("I want to", False),
        ("my number is", False),
        ("book it and", False),
        ("five five five", False),
        ("it is 5 5 5", False),
    ],
)
def test_lexical_score(text: str, done: bool) -> None:
    """Nobody ends on "and" or in the middle of a dictated number; a short answer is complete."""
    assert (lexical_score(OPTIONS)(text) >= 0.5) is done


@given(st.floats(0, 1), st.booleans())
def test_the_wait_stays_within_its_bounds(score: float, awaited: bool) -> None:
    """Never shorter than the least silence, never longer than the longest, whatever the score says."""
    wait = Endpointing(OPTIONS, lambda text: score).wait_s("hello", awaited)
    assert OPTIONS.endpoint_min_ms / 1000 <= wait <= OPTIONS.endpoint_max_ms / 1000
    if awaited:
        assert wait >= OPTIONS.final_wait_ms / 1000


def test_tokens() -> None:
    """Case and punctuation make no difference; marks of Indian scripts belong to their letters."""
    assert tokens("Uh-huh, I'm HERE!") == ("uh", "huh", "i'm", "here")
    assert tokens("नमस्ते, जी") == ("नमस्ते", "जी")
    assert same_words("Hello, how are you?", "hello how are you")
    assert not same_words("hello", "hello there")


def test_phrases_overlap() -> None:
    phrases = Phrases(("go", "go on", "uh huh"))
    assert phrases.others("go on go uh huh") == 0
    assert phrases.others("huh go") == 1
    assert phrases.others("go uh", partial=True) == 0
    assert phrases.others("go uh") == 1


def taken(*pieces: Piece) -> Turn:
    turn = Turn()
    for piece in pieces:
        turn.take(piece, Voice(on=0.0, off=10.0))
    return turn


def test_a_final_replaces_its_partials() -> None:
    turn = taken(Piece("he", False, 0, 1), Piece("hello", False, 0, 2), Piece("hello you", True, 0, 2))
    assert turn.text == "hello you"


def test_a_repeated_final_counts_once() -> None:
    """Recognisers repeat finals after a reconnection; the caller did not say it twice."""
    assert taken(Piece("hello", True, 0, 2), Piece("hello", True, 0.1, 2.1)).text == "hello"


def test_finals_stand_in_the_order_of_their_audio() -> None:
    """The final of the first stretch may come after that of the second."""
    assert taken(Piece("a table", True, 2.2, 3.2), Piece("I want", True, 0.5, 1.5)).text == "I want a table"


def test_a_partial_of_another_stretch_is_kept() -> None:
    """A stretch whose final never comes is not lost when the next one begins."""
    assert taken(Piece("I want", False, 0.5, 1.5), Piece("a table", False, 2.2, 3.2)).text == "I want a table"


def test_a_partial_after_the_final_of_its_audio_says_nothing_new() -> None:
    """Recognisers repeat themselves; the caller did not."""
    final = Piece("when do you open", True, 0, 2)
    assert taken(final, Piece("when do you open", False, 0, 2)).text == "when do you open"
    assert taken(final, Piece("you open", False, 1.2, 2)).text == "when do you open"


def test_a_transcript_that_begins_with_an_older_one_takes_its_place() -> None:
    """A final that the recogniser opens again and goes on from. The same word said again is another word."""
    assert taken(Piece("I want", True, 0, 1), Piece("I want a table", False, 0, 2)).text == "I want a table"
    assert taken(Piece("five", True, 0, 1), Piece("five one", True, 1, 2)).text == "five five one"
