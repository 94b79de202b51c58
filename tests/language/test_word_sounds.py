"""Skeletons of words: what must meet, what must stay apart."""

from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.language import sounds
from engine.language.romanise import romanise
from engine.language.sounds import grams, key, keys, likeness

DATA = Path(__file__).parent / "data"


def pairs(name):
    """(word, other spelling) of a file: a line is a word and its other spellings."""
    lines = (line.split() for line in (DATA / name).read_text(encoding="utf-8").splitlines())
    return [(word, other) for word, *others in lines for other in dict.fromkeys(others)]


def share(name, language, at_least=1.0):
    """How many of the pairs of a file have skeletons that are at least so alike."""
    found = pairs(name)
    return sum(likeness(key(one, language), key(other, language)) >= at_least for one, other in found) / len(found)


@pytest.mark.parametrize(("name", "language", "same"), [
    ("ml", "ml", 0.93), ("hi", "hi", 0.93), ("ta", "ta", 0.92),
    ("loans", "", 0.82), ("en", "", 0.7), ("fr", "fr", 0.85)])
@pytest.mark.parametrize("half", ["tuning", "held"])
def test_spellings_of_a_word_meet(name, language, same, half):
    """Native and typed in any usual way, a loan in four scripts, a word and what is heard of it: most have one
    skeleton, and nearly all of the rest are near enough for approximate match."""
    assert share(f"{name}.{half}.txt", language) >= same
    assert share(f"{name}.{half}.txt", language, 0.5) >= 0.97


@pytest.mark.parametrize("words", [
    "bill ball pill", "birth parathi", "vellam vilakku veedu", "panam pani", "date rate late", "card ticket form",
    "pension passport password", "water letter router",
    "income insurance instalment", "fees phone form",
    "school scholarship",
    "बिजली बिल बेटी", "जन्म जाति जमीन", "മരണം മരുന്ന് മഴ", "നികുതി നിരക്ക്", "வரி வருமானம் வீடு",
    "சாதி சாலை சான்று"])
def test_different_words_stay_apart(words):
    """A skeleton that everything shares finds everything."""
    found = [key(word) for word in words.split()]
    assert len(set(found)) == len(found), found


def test_words_of_the_sample_do_not_collapse():
    """Of the words of the built-in support desk, fewer than three in ten share their skeleton with another stem."""
    from engine.knowledge.words.stems import stem

    files = Path(sounds.__file__).parent.parent.glob("knowledge/sample/support/*.md")
    stems = defaultdict(set)
    for word in {word.lower() for file in files for word in sounds.WORD.findall(file.read_text(encoding="utf-8"))}:
        stems[key(word)].add(stem(word))
    many = sum(map(len, stems.values()))
    assert many > 200
    assert sum(len(found) for found in stems.values() if len(found) > 1) / many < 0.3


@pytest.mark.parametrize(("bare", "forms"), [
    ("വെള്ളം", "വെള്ളത്തിൽ വെള്ളത്തിന്റെ വെള്ളവും vellathil vellathinte vellavum"),
    ("സർട്ടിഫിക്കറ്റ്", "സർട്ടിഫിക്കറ്റിന്റെ സർട്ടിഫിക്കറ്റിന് certificatinte certificatinu"),
    ("വീട്", "വീട്ടിൽ veettil"), ("പരാതി", "പരാതിയുടെ പരാതികൾ പരാതിക്ക് parathiyude"),
    ("പഞ്ചായത്ത്", "പഞ്ചായത്തിൽ panchayathil"), ("പെൻഷൻ", "പെൻഷന്റെ"),
])
def test_case_endings_of_malayalam_are_no_part_of_the_sound(bare, forms):
    assert {key(form, "ml") for form in forms.split()} == {key(bare)}


@pytest.mark.parametrize(("bare", "forms"), [
    ("மின்சாரம்", "மின்சாரத்தில் மின்சாரத்தை minsaarathil"), ("வீடு", "வீட்டில் veettil"),
    ("கார்டு", "கார்டுக்கு")])
def test_case_endings_of_tamil_are_no_part_of_the_sound(bare, forms):
    assert {key(form, "ta") for form in forms.split()} == {key(bare)}


def test_english_words_keep_their_ends_in_every_language():
    """"Council" ends like a Malayalam locative and is none, in either script."""
    assert key("council", "ml") == key("council") == key("കൗൺസിൽ")


def test_small_words_are_left_out_in_every_script_and_spelling():
    assert keys("birth certificate nte fee ethra aanu") == keys("birth certificate fee")
    assert keys("bijli bill kitna hai") == keys("बिजली का बिल कितना है") == [key("bijli"), key("bill")]
    assert keys("what is it") == [key("what"), key("is"), key("it")]


def test_grams_of_near_words_overlap():
    one, other = set(grams(key("certificate"))), set(grams(key("sertifikate")))
    assert one == other
    assert set(grams(key("registration"))) & set(grams(key("registeration")))
    assert grams("") == []
    assert all(2 <= len(gram) <= 3 for gram in grams(key("electricity")))


def test_likeness_is_a_share():
    assert likeness("VLM", "VLM") == 1.0
    assert likeness("VLM", "") == 0.0
    assert likeness("SRTPKT", "SRTPK") > likeness("SRTPKT", "SRT") > likeness("SRTPKT", "VLM")


@given(st.text(max_size=20), st.sampled_from(["", "en", "fr", "hi", "ml", "ta", "xx"]))
def test_any_text_has_skeletons_of_plain_letters(text, language):
    """The sounds stand in a full-text index: no blanks or marks, whatever is sent."""
    for found in keys(text, language):
        assert found and not any(char.isspace() or char in "\"'*^" for char in found)


@given(st.sampled_from([word for name in ("ml", "hi", "ta") for word, _ in pairs(f"{name}.tuning.txt")]))
def test_our_own_romanisation_is_met(native):
    """What romanise() types has to sound like what it was typed for, or nearly."""
    assert likeness(key(native), key(romanise(native))) >= 0.5
