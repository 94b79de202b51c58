"""The Hindi lexicon is sound: what searches with it may trust its form."""

import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

import engine.language

LEXICON = Path(engine.language.__file__).with_name("lexicon") / "hi.tsv"
DEVANAGARI = re.compile("[\u0900-\u0963]+(?:[ -][\u0900-\u0963]+)*")
ENGLISH = re.compile(r"[a-z]+(?:[ -][a-z]+)*")

EVERYDAY = {
    "भुगतान": "payment", "चुकाना": "pay", "बिल": "bill", "पानी": "water", "बिजली": "electricity", "कटौती": "cut",
    "रिसाव": "leak", "मीटर": "meter", "फोन": "phone", "फ़ोन": "phone", "कार्ड": "card", "बैंक": "bank", "कीमत": "price",
    "मुफ्त": "free", "टैक्स": "tax", "आवेदन": "application", "पंजीकरण": "registration", "स्कूल": "school",
    "छात्रवृत्ति": "scholarship", "छात्र": "student", "विवाह": "marriage", "जन्म": "birth", "मृत्यु": "death",
    "लाइसेंस": "licence", "डॉक्टर": "doctor", "दवा": "medicine", "पेंशन": "pension", "राशन कार्ड": "ration card",
    "प्रमाण पत्र": "certificate", "शिकायत": "complaint", "पुलिस": "police", "जमीन": "land", "ज़मीन": "land",
    "कनेक्शन": "connection", "कल": "tomorrow", "शनिवार": "saturday", "मार्च": "march", "तीस": "thirty",
    "खुला": "open", "बंद": "closed", "हिंदी": "hindi", "हिन्दी": "hindi", "भेजा": "send", "भेजेंगे": "send",
    "आएगा": "come", "टूटा": "broken", "खोया": "lost", "लड़के": "boy", "नई": "new", "कितना": "how much",
    "कितने दिन": "how long", "नहीं": "not", "पहले": "before", "बाद": "after", "तक": "until", "बिना": "without",
    "सिर्फ": "only", "ज्यादा": "more", "कम": "less", "हर": "every", "बाएं": "left", "लाल": "red",
}  # fmt: skip
EVERYDAY = {unicodedata.normalize("NFC", form): english for form, english in EVERYDAY.items()}


@pytest.fixture(scope="module")
def entries() -> list[tuple[list[str], str]]:
    """Each entry: the native forms, the English."""
    lines = [line for line in LEXICON.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert all(line.count("\t") == 1 for line in lines), [line for line in lines if line.count("\t") != 1]
    return [(native.split("|"), english) for native, english in (line.split("\t") for line in lines)]


def test_the_lexicon_covers_everyday_dealings(entries):
    """Fewer entries leave the common words of a question untranslated."""
    assert len(entries) >= 1500


def test_no_form_stands_twice(entries):
    """A form with two translations would have whichever comes last."""
    times = Counter(form for native, _ in entries for form in native)
    assert [form for form, count in times.items() if count > 1] == []


def test_forms_are_in_devanagari_and_composed(entries):
    """They are looked up as they are: a nukta composed otherwise or a stray blank would never be found."""
    odd = [form for native, _ in entries for form in native
           if not DEVANAGARI.fullmatch(form) or unicodedata.normalize("NFC", form) != form]
    assert odd == []


def test_english_is_plain_words_of_the_model(entries):
    """The embedding model reads lower-case English; a phrase of more than three words is no word for word."""
    odd = [english for _, english in entries if not ENGLISH.fullmatch(english) or len(english.split()) > 3]
    assert odd == []


def test_everyday_words_have_their_everyday_sense(entries):
    """Both sides of a search meet in the commonest English word."""
    found = {form: english for native, english in entries for form in native}
    assert {form: found.get(form) for form in EVERYDAY} == EVERYDAY
