"""The recogniser's language model: words, phrases, probabilities, pronunciations."""

import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from speech_world import needs_espeak

from engine.speech.stt import grammars, lexicon
from engine.speech.stt.arpa import END, START, Trigrams
from engine.speech.stt.lm import ARPA, DICTIONARY, build_language_model, noun_phrases, verb_phrases
from engine.speech.stt.words import cardinal, ordinal, sentences, words


@pytest.mark.parametrize(("written", "spoken"), [
    ("Reset your password!", "reset your password"),
    ("It’s open 9:30 to 17:05.", "it's open nine thirty to seventeen oh five"),
    ("$1,250.50", "one thousand two hundred and fifty dollars and fifty cents"),
    ("€ 20 (5% off)", "twenty euros five percent off"),
    ("May 21st, 2027", "may twenty first twenty twenty seven"),
    ("in 2005", "in two thousand and five"),
    ("call 0151 47", "call zero one five one forty seven"),
    ("order 12345678", "order one two three four five six seven eight"),
    ("3.14 & e.g. Wi-Fi", "three point one four and for example wi fi"),
    ("naïve café", "naive cafe"),
    ("", ""),
])
def test_written_english_becomes_the_words_that_are_said(written, spoken):
    assert " ".join(words(written)) == spoken


def test_numbers_are_spoken():
    assert " ".join(cardinal(999_999_999)).startswith("nine hundred and ninety nine million nine hundred")
    assert " ".join(cardinal(1_000_007)) == "one million and seven"
    assert cardinal(10**9)[:2] == ["one", "zero"]
    assert [" ".join(ordinal(n)) for n in (1, 12, 20, 43, 100)] == [
        "first", "twelfth", "twentieth", "forty third", "one hundredth"]


@given(st.text(max_size=200))
def test_any_text_becomes_words_that_a_dictionary_can_hold(text):
    for sentence in sentences(text):
        assert sentence
        for word in sentence:
            assert word.isascii()
            assert word.replace("'", "").isalpha()
            assert word.islower()


def test_sentences_end_at_marks_and_lines():
    assert sentences("Open daily. Closed\nMondays (sorry)") == [["open", "daily"], ["closed"], ["mondays"], ["sorry"]]


def test_phrases_are_found_between_function_words():
    spoken = sentences("To renew your library card, go to the front desk. Bring the old card.")
    assert "library card" in noun_phrases(spoken)
    assert "front desk" in noun_phrases(spoken)
    assert "renew my library card" in verb_phrases(spoken)
    assert "bring the old card" in verb_phrases(spoken)


def read_arpa(text):
    """{gram: (log10 probability, log10 back-off)}."""
    grams = {}
    for line in text.splitlines():
        fields = line.split("\t")
        if len(fields) >= 2:
            grams[tuple(fields[1].split())] = (float(fields[0]), float(fields[2]) if len(fields) > 2 else 0.0)
    return grams


def probability(grams, history, word):
    if (*history, word) in grams:
        return 10 ** grams[(*history, word)][0]
    backoff = 10 ** grams[history][1] if history in grams else 1.0
    return backoff * probability(grams, history[1:], word)


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c"]), max_size=4), min_size=1, max_size=8))
def test_after_any_history_the_probabilities_sum_to_one(corpus):
    """Else the decoder would weigh words by where they stand in the file."""
    model = Trigrams()
    for sentence in corpus:
        model.add(sentence, 0.5)
    out = io.StringIO()
    model.write(out)
    grams = read_arpa(out.getvalue())
    following = sorted(model.vocabulary | {END})
    for history in [(), (START,), *((START, word) for word in model.vocabulary), ("a", "b"), ("c",)]:
        total = sum(probability(grams, history, word) for word in following)
        assert math.isclose(total, 1, abs_tol=0.002)


def test_what_was_seen_is_likelier_than_what_was_not():
    model = Trigrams()
    for text in ("how do i reset my password", "how do i reset my router", "reset it"):
        model.add(text.split())
    out = io.StringIO()
    model.write(out)
    grams = read_arpa(out.getvalue())
    seen, unseen = (probability(grams, ("reset", "my"), word) for word in ("password", "how"))
    assert seen > 5 * unseen > 0


def test_a_model_is_built_once_and_again_when_something_changes(home):
    first = build_language_model(["The library opens at eight."], ["When does the library open?"])
    assert build_language_model(["The library opens at eight."], ["When does the library open?"]) == first
    assert build_language_model(["The library opens at nine."], ["When does the library open?"]) != first
    assert [path.name for path in first.parent.glob(".building*")] == []


def test_every_word_of_the_model_and_of_the_grammars_has_a_pronunciation(home):
    """The decoder drops words without one, silently."""
    folder = build_language_model(["Ask the qwyxt desk for eduroam."], [])
    known = {line.split(" ")[0] for line in (folder / DICTIONARY).read_text().splitlines()}
    unigrams = {gram[0] for gram in read_arpa((folder / ARPA).read_text()) if len(gram) == 1} - {START, END}
    assert {"qwyxt", "eduroam"} <= unigrams
    assert unigrams <= known
    assert grammars.vocabulary() <= known


def test_pronunciations_come_from_the_dictionary_then_the_hand_then_rules(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda program: None)
    lines = lexicon.dictionary(["hello", "eduroam", "vpnx", "trackbot"])
    assert "hello HH AH L OW" in lines
    assert "hello(2) HH EH L OW" in lines
    assert "eduroam EH JH UW R OW M" in lines
    assert "vpnx V IY P IY EH N EH K S" in lines
    assert "trackbot T R AE K B AA T" in lines


@needs_espeak
def test_unknown_words_are_asked_of_espeak():
    assert lexicon.dictionary(["trackbotting"]) == ["trackbotting T R AE K B AA T IH NG"]
