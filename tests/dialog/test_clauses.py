"""Clauses leave as soon as they can be spoken well, and never cut a number, a title or an address in two."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialog.clauses import LONGEST_CLAUSE_CHARS, ClauseSplitter


def split(text, step=None):
    splitter = ClauseSplitter()
    pieces = [text] if step is None else [text[i : i + step] for i in range(0, len(text), step)]
    return [clause for piece in pieces for clause in splitter.feed(piece)] + splitter.flush()


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("Hello. How are you?", ["Hello.", "How are you?"]),
        ("Dr. Rao is in room No. 5 today.", ["Dr. Rao is in room No. 5 today."]),
        ("It costs 12.50 a month. Pay online.", ["It costs 12.50 a month.", "Pay online."]),
        ("We open at 9 a.m. The café opens later.", ["We open at 9 a.m.", "The café opens later."]),
        ("We are open from 9 a.m. to noon.", ["We are open from 9 a.m. to noon."]),
        ("See example.com for more. Bye!", ["See example.com for more.", "Bye!"]),
        ("आप कैसे हैं। मैं ठीक हूँ।", ["आप कैसे हैं।", "मैं ठीक हूँ।"]),
        ("The answer is no. Ask again.", ["The answer is no.", "Ask again."]),
        ("J. K. Smith teaches it.", ["J. K. Smith teaches it."]),
        ("  \n\n ", []),
        ("One line\nanother line", ["One line", "another line"]),
    ],
)
def test_sentences(text, clauses):
    assert split(text) == clauses


def test_the_first_clause_may_end_at_a_comma_once_it_is_long_enough():
    """The caller waits for the first clause only: it leaves early, the others stay whole."""
    text = "Yes, the office is open on Saturdays, from nine to noon, and closed on Sundays, as always. Bye, then, all."
    assert split(text) == [
        "Yes, the office is open on Saturdays,",
        "from nine to noon, and closed on Sundays, as always.",
        "Bye, then, all.",
    ]


def test_a_sentence_is_not_ended_before_the_next_character_is_known():
    """A full stop at the end of what has come so far may be the point of "12.50"."""
    splitter = ClauseSplitter()
    assert splitter.feed("It costs 12.") == []
    assert splitter.feed("50 a month") == []
    assert splitter.flush() == ["It costs 12.50 a month"]


def test_endless_sentences_are_cut():
    assert max(map(len, split("word " * 400))) <= LONGEST_CLAUSE_CHARS


@given(st.text(alphabet="ab ,.!?\n।Dr", max_size=400), st.integers(1, 7))
def test_nothing_is_lost_or_invented(text, step):
    assert "".join("".join(split(text, step)).split()) == "".join(text.split())
