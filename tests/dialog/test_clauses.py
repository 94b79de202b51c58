"""Clauses leave as soon as they can be spoken well, and never cut a number, a title or an address in two."""

import pytest
from hypothesis import example, given
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
        ("Write to a.b@example.com. We answer.", ["Write to a.b@example.com.", "We answer."]),
        ("It is at https://example.com/a?b=1.2 now. Bye.", ["It is at https://example.com/a?b=1.2 now.", "Bye."]),
        ("आप कैसे हैं। मैं ठीक हूँ।", ["आप कैसे हैं।", "मैं ठीक हूँ।"]),
        ("आप कैसे हैं।मैं ठीक हूँ॥ बस", ["आप कैसे हैं।", "मैं ठीक हूँ॥", "बस"]),
        ("बिल रु. 1,200 है। डॉ. राव आएँगे।", ["बिल रु. 1,200 है।", "डॉ. राव आएँगे।"]),
        ("കെ. പി. നായർ വന്നു. രൂ. 500 തരൂ.", ["കെ. പി. നായർ വന്നു.", "രൂ. 500 തരൂ."]),
        ("எம். ஜி. ராம் வந்தார். ரூ. 500 கொடுங்கள்.", ["எம். ஜி. ராம் வந்தார்.", "ரூ. 500 கொடுங்கள்."]),
        ("The answer is no. Ask again.", ["The answer is no.", "Ask again."]),
        ("Pay Rs. 1,200 at No. 5. Thanks.", ["Pay Rs. 1,200 at No. 5.", "Thanks."]),
        ("J. K. Smith teaches it.", ["J. K. Smith teaches it."]),
        ("So do I. You know.", ["So do I.", "You know."]),
        ("Fruit, e.g. apples. Or pears.", ["Fruit, e.g. apples.", "Or pears."]),
        ("The U.S. Army came.", ["The U.S. Army came."]),
        ("Come at 5.30 or 6. Not later.", ["Come at 5.30 or 6.", "Not later."]),
        ("1. Switch it off. 2. Wait.", ["1. Switch it off.", "2. Wait."]),
        ("Well... let me see. Yes.", ["Well... let me see.", "Yes."]),
        ("Well… Let me see.", ["Well…", "Let me see."]),
        ('He said "Go." Then he went.', ['He said "Go."', "Then he went."]),
        ("The govt. office is shut.", ["The govt. office is shut."]),
        ("It takes 5 hrs. to load mgmt. data. Yes.", ["It takes 5 hrs. to load mgmt. data.", "Yes."]),
        ("It takes 5 hrs. Then it runs.", ["It takes 5 hrs.", "Then it runs."]),
        ("Le 1er mai, M. Dupont est là. « Oui. » Non.", ["Le 1er mai, M. Dupont est là.", "« Oui. » Non."]),
        ("**Bold.** Then _more._ End.", ["**Bold.**", "Then _more._", "End."]),
        ("  \n\n ", []),
        ("One line\nanother line", ["One line", "another line"]),
        ("One line.\n\nAnother", ["One line.", "Another"]),
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


def test_the_first_clause_may_end_before_a_conjunction():
    """A long first sentence without a comma would keep the caller waiting; "and" joins numbers, so it is none."""
    text = "You can keep your old number when you move between the hours of five and six because we take it along."
    assert split(text) == [
        "You can keep your old number when you move between the hours of five and six",
        "because we take it along.",
    ]


def test_a_sentence_is_not_ended_before_the_next_character_is_known():
    """A full stop at the end of what has come so far may be the point of "12.50", or of "No. 5"."""
    splitter = ClauseSplitter()
    assert splitter.feed("It costs 12.") == []
    assert splitter.feed("50 a month, room No. ") == []
    assert splitter.feed("5") == []
    assert splitter.flush() == ["It costs 12.50 a month, room No. 5"]


def test_a_sentence_leaves_with_the_blank_after_it():
    """The next letter may come after seconds, when a model looks something up: "Very well." must be heard before."""
    for text in ("Very well. ", "Is it? ", "Wait! ", "ശരി, നോക്കാം. "):
        assert ClauseSplitter().feed(text) == [text.strip()]


def test_a_new_line_gives_what_there_is_at_once():
    """A brain that will be busy for a while ends its line, so that its words are spoken meanwhile."""
    assert ClauseSplitter().feed("Let me look that up for you.\n") == ["Let me look that up for you."]


def test_endless_sentences_are_cut():
    for text in ("word " * 400, "word" * 400, "ab, " * 400):
        assert max(map(len, split(text))) <= LONGEST_CLAUSE_CHARS
        assert max(map(len, split(text, 3))) <= LONGEST_CLAUSE_CHARS


PIECES = st.sampled_from(
    ["a", "B", "no", "No", "Dr", "5", " ", " ", "  ", ",", ".", "...", "!", "?", "\n", "।", '"', ")", "…",
     "ab cd ef gh", "because", "e.g.", "कि", "രൂ", "1,200", " " * 20, "x" * 90, "."]
)  # fmt: skip


@given(st.lists(PIECES, max_size=60).map("".join), st.integers(1, 7))
@example("No" + "." * 250 + " 5", 1)
@example("a." + " " * 40 + "b", 1)
def test_the_cut_of_the_stream_changes_nothing(text, step):
    """A model's tokens fall anywhere; what the caller hears must not depend on it. Nothing is lost or invented, and no
    clause is too long for a voice."""
    whole = split(text)
    assert split(text, step) == whole
    assert "".join("".join(whole).split()) == "".join(text.split())
    assert all(clause.strip() and len(clause) <= LONGEST_CLAUSE_CHARS for clause in whole)
