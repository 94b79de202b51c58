"""Native script in Latin letters, as people type it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.language.romanise import romanise


@pytest.mark.parametrize(("native", "typed"), [
    ("വെള്ളം", "vellam"), ("വൈദ്യുതി", "vaidyuthi"), ("പേര്", "peru"), ("വീട്", "veedu"), ("മഴ", "mazha"),
    ("എങ്ങനെ", "engane"), ("ഞാൻ", "njaan"), ("കമ്പനി", "kambani"), ("ഓൺലൈൻ", "onlain"), ("സംശയം", "samshayam"),
])
def test_malayalam(native, typed):
    """Half-vowels at the end are typed u, chillu letters are plain, single ട is d."""
    assert romanise(native) == typed


@pytest.mark.parametrize(("native", "typed"), [
    ("बिजली", "bijli"), ("पानी", "paani"), ("प्रमाण पत्र", "praman patra"), ("ज्ञान", "gyaan"), ("ज़रूरत", "zaroorat"),
    ("हिंदी", "hindi"), ("मुंबई", "mumbai"), ("जन्म", "janm"), ("समय", "samay"), ("राज्य", "raajya"), ("कार्ड", "kaard"),
])
def test_hindi(native, typed):
    """The vowel that is written nowhere is dropped where it is not said."""
    assert romanise(native) == typed


@pytest.mark.parametrize(("native", "typed"), [
    ("தண்ணீர்", "thanneer"), ("வீடு", "veedu"), ("எப்படி", "eppadi"), ("பேசுங்கள்", "pesungal"), ("சம்பளம்", "sambalam"),
    ("காற்று", "kaatru"), ("ஒன்று", "ondru"), ("அஞ்சல்", "anjal"), ("ஃபார்ம்", "faarm"), ("பச்சை", "pacchai"),
])
def test_tamil(native, typed):
    """The letters do not tell voiced from voiceless; the place in the word does."""
    assert romanise(native) == typed


def test_other_scripts_of_india_come_by_the_same_table():
    assert romanise("నీరు") == romanise("ನೀರು") == "neeru"
    assert romanise("ਪਾਣੀ") == romanise("પાણી") == "paani"


def test_what_is_not_indic_stays_as_it_is():
    assert romanise("Pay ₹250 for the കാർഡ്, s'il vous plaît") == "Pay ₹250 for the kaardu, s'il vous plaît"
    assert romanise("") == ""


@given(st.text(alphabet=st.characters(min_codepoint=0x900, max_codepoint=0xD7F), max_size=12))
def test_any_row_of_letters_becomes_latin_or_stays(text):
    """Recognisers and web pages send broken words: signs without letters, unassigned code points."""
    romanise(text)
