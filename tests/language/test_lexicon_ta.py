"""The Tamil lexicon: the English of the words of a text, for models that know English only."""

import re
import unicodedata
from collections import Counter
from pathlib import Path

import engine.language

FILE = Path(engine.language.__file__).with_name("lexicon") / "ta.tsv"
ENTRIES = [line for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
MEANING = {form: line.split("\t")[1] for line in ENTRIES for form in line.split("\t")[0].split("|")}
EVERYDAY = {
    "இல்லை": "not", "முன்பு": "before", "பிறகு": "after", "எத்தனை": "how many", "அம்மா": "mother",
    "குழந்தைகள்": "child", "காய்ச்சல்": "fever", "மருத்துவமனை": "hospital", "மருந்து": "medicine",
    "வீட்டில்": "house", "தண்ணீர்": "water", "மின்சாரம்": "electricity", "கரண்ட்": "electricity", "தொலைபேசி": "phone",
    "பில்": "bill", "பணம்": "money", "கடன்": "loan", "வரி": "tax", "நிலம்": "land", "சான்றிதழ்": "certificate",
    "விண்ணப்பம்": "application", "புகார்": "complaint", "நீதிமன்றம்": "court", "தேர்வு": "exam", "வேலை": "job",
    "கடை": "shop", "உரிமம்": "licence", "அரிசி": "rice", "பேருந்து": "bus", "திங்கட்கிழமை": "monday",
    "காலை": "morning", "நாளை": "tomorrow", "ஐந்து": "five", "மழை": "rain", "பசு": "cow", "ஓய்வூதியம்": "pension",
    "செலுத்த": "pay", "திறக்கும்": "open", "தொலைந்தது": "lose", "அனுப்பினேன்": "send", "மாற்ற": "change",
    "வந்தது": "come", "போனது": "go", "ரத்து": "cancel", "புதிய": "new", "சிவப்பு": "red", "பெரிய": "big",
    "வரவில்லை": "not come",
}  # fmt: skip


def test_a_line_of_the_tamil_lexicon_has_two_fields() -> None:
    """Native forms, tab, English: a line that has lost its tab would be dropped or misread."""
    assert [line for line in ENTRIES if not re.fullmatch(r"[^\t|]+(?:\|[^\t|]+)*\t[^\t]+", line)] == []


def test_the_tamil_lexicon_is_large_enough() -> None:
    """Fewer than 1,500 words leave too much of a passage without any English."""
    assert len(ENTRIES) >= 1500


def test_no_tamil_form_stands_twice() -> None:
    """A form with two meanings would get whichever line is read last."""
    forms = [form for line in ENTRIES for form in line.split("\t")[0].split("|")]
    assert [form for form, times in Counter(forms).items() if times > 1] == []


def test_tamil_forms_are_single_words_in_tamil_script() -> None:
    """Look-up is word by word and byte by byte: no Latin, no blanks, no joiners, letters composed."""
    odd = [form for form in MEANING
           if not re.fullmatch("[\u0b82-\u0bff]+", form) or unicodedata.normalize("NFC", form) != form]
    assert odd == []


def test_the_english_of_the_tamil_lexicon_is_plain() -> None:
    """A few lower-case words of ASCII letters: the embedding model gets them as they are."""
    odd = [english for english in MEANING.values() if not re.fullmatch("[a-z]+(?:[ -][a-z]+){0,3}", english)]
    assert odd == []


def test_everyday_tamil_words_have_their_meaning() -> None:
    """What callers say most, citation forms and forms of verbs."""
    assert {word: MEANING.get(word) for word in EVERYDAY} == EVERYDAY
