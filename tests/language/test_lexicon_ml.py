"""The Malayalam lexicon: the English of the words of a text, for models that know English only."""

import re
import unicodedata
from collections import Counter
from pathlib import Path

import engine.language

FILE = Path(engine.language.__file__).with_name("lexicon") / "ml.tsv"
ENTRIES = [line for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
MEANING = {form: line.split("\t")[1] for line in ENTRIES for form in line.split("\t")[0].split("|")}
EVERYDAY = {
    "ഇല്ല": "not", "മുമ്പ്": "before", "ശേഷം": "after", "എത്ര": "how much", "അമ്മ": "mother", "കുട്ടികൾ": "child",
    "പനി": "fever", "ആശുപത്രി": "hospital", "മരുന്ന്": "medicine", "വീട്ടിൽ": "house", "വെള്ളം": "water",
    "വൈദ്യുതി": "electricity", "കറന്റ്": "electricity", "ഫോൺ": "phone", "ബിൽ": "bill", "പണം": "money", "വായ്പ": "loan",
    "നികുതി": "tax", "ഭൂമി": "land", "സർട്ടിഫിക്കറ്റ്": "certificate", "അപേക്ഷ": "application", "പരാതി": "complaint",
    "കോടതി": "court", "പരീക്ഷ": "exam", "ജോലി": "job", "കട": "shop", "ലൈസൻസ്": "licence", "അരി": "rice", "ബസ്": "bus",
    "തിങ്കളാഴ്ച": "monday", "രാവിലെ": "morning", "നാളെ": "tomorrow", "അഞ്ച്": "five", "മഴ": "rain", "പശു": "cow",
    "പെൻഷൻ": "pension", "അടച്ചു": "pay", "തുറക്കും": "open", "നഷ്ടപ്പെട്ടു": "lose", "അയച്ചു": "send", "മാറ്റണം": "change",
    "വന്നു": "come", "പോയി": "go", "റദ്ദാക്കാൻ": "cancel", "പുതിയ": "new", "ചുവപ്പ്": "red", "വലിയ": "big", "വരുന്നില്ല": "not come",
}  # fmt: skip


def test_a_line_of_the_malayalam_lexicon_has_two_fields() -> None:
    """Native forms, tab, English: a line that has lost its tab would be dropped or misread."""
    assert [line for line in ENTRIES if not re.fullmatch(r"[^\t|]+(?:\|[^\t|]+)*\t[^\t]+", line)] == []


def test_the_malayalam_lexicon_is_large_enough() -> None:
    """Fewer than 1,500 words leave too much of a passage without any English."""
    assert len(ENTRIES) >= 1500


def test_no_malayalam_form_stands_twice() -> None:
    """A form with two meanings would get whichever line is read last."""
    forms = [form for line in ENTRIES for form in line.split("\t")[0].split("|")]
    assert [form for form, times in Counter(forms).items() if times > 1] == []


def test_malayalam_forms_are_single_words_in_malayalam_script() -> None:
    """Look-up is word by word and byte by byte: no Latin, no blanks, no joiners, letters composed."""
    odd = [form for form in MEANING
           if not re.fullmatch("[\u0d02-\u0d7f]+", form) or unicodedata.normalize("NFC", form) != form]
    assert odd == []


def test_the_english_of_the_malayalam_lexicon_is_plain() -> None:
    """A few lower-case words of ASCII letters: the embedding model gets them as they are."""
    odd = [english for english in MEANING.values() if not re.fullmatch("[a-z]+(?:[ -][a-z]+){0,3}", english)]
    assert odd == []


def test_everyday_malayalam_words_have_their_meaning() -> None:
    """What callers say most, citation forms and forms of verbs."""
    assert {word: MEANING.get(word) for word in EVERYDAY} == EVERYDAY
