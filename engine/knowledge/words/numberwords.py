"""Number words to figures, so that "two hundred and fifty", दो सौ पचास and 250 are one term. Pure.

The words come from ``engine.speech.spoken``, which says numbers in five languages; here they are read the other way.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from engine.language.loans import LOANS
from engine.language.romanise import romanise
from engine.language.smallwords import is_small
from engine.language.sounds import sounding
from engine.language.typed import alike, spelling
from engine.speech.spoken.rules import LANGUAGES

_GROUPED = re.compile(r"(?<!\d)\d{1,3}(?:,\d{2,3})+(?!\d)")
_SPACED = re.compile(r"(?<!\d)\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?!\d)")
_ORDINAL = re.compile(r"(\d{1,4})(?:st|nd|rd|th|er|re|e|eme|\u00e8me|\u0d3e\u0d02|-\u0d3e\u0d02)")
_SCALES = {
    "en": {"hundred": 100, "thousand": 1000, "lakh": 10**5, "lakhs": 10**5, "lac": 10**5, "million": 10**6,
           "millions": 10**6, "crore": 10**7, "crores": 10**7, "billion": 10**9},
    "fr": {"cent": 100, "cents": 100, "mille": 1000, "million": 10**6, "millions": 10**6, "milliard": 10**9,
           "milliards": 10**9},
    "hi": {"सौ": 100, "हज़ार": 1000, "हजार": 1000, "लाख": 10**5, "करोड़": 10**7},
    "ml": {"നൂറ്": 100, "ആയിരം": 1000, "ആയിരത്തി": 1000,
           "ലക്ഷം": 10**5, "ലക്ഷത്തി": 10**5, "കോടി": 10**7},
    "ta": {"ஆயிரம்": 1000, "ஆயிரத்து": 1000, "லட்சம்": 10**5, "லட்சத்து": 10**5,
           "கோடி": 10**7, "கோடியே": 10**7},
}  # fmt: skip
_JOINING = {"en": ("and",), "fr": ("et",), "hi": (), "ml": (), "ta": ()}
_ALIKE = {"hi": {"छः": 6, "छे": 6, "पांच": 5, "पंद्रह": 15, "पन्द्रह": 15},
          "ml": {"ഒൻപത്": 9, "നൂറു": 100},
          "ta": {"நாலு": 4, "ரெண்டு": 2, "அஞ்சு": 5, "மூணு": 3},
          "fr": {"vingts": 20, "une": 1, "septante": 70, "huitante": 80, "nonante": 90}}


def figures(text: str, language: str = "") -> str:
    """The text with grouped numbers (1,20,000; in French also 1 200) as one number and digits of all scripts as 0-9."""
    if language == "fr":
        text = _SPACED.sub(lambda found: re.sub(r"\D", "", found[0]), text)
    text = _GROUPED.sub(lambda found: found[0].replace(",", ""), text)
    if text.isascii():
        return text
    return "".join(str(unicodedata.digit(char)) if char.isdigit() and not char.isascii() else char for char in text)


def in_figures(words: Sequence[str], language: str) -> list[str]:
    """The words (lower case), number words as figures. ``language``: that of words in Latin letters. Rows of digits
    stay apart ("five five one"); a lone "one", and a lone number word that is also a small word, stay as they are."""
    made: list[str] = []
    at = 0
    while at < len(words):
        used, value = _number(words, at, language)
        lone = used == 1 and (is_small(words[at], language) or (value == 1 and not words[at].isdigit()
                                                                and not _in_a_row(words, at, made, language)))
        if used and not lone:
            made.append(str(value))
            at += used
        else:
            ordinal = _ORDINAL.fullmatch(words[at])
            made.append(ordinal[1] if ordinal and int(ordinal[1]) > 3 else words[at])
            at += 1
    return made


def _in_a_row(words: Sequence[str], at: int, made: list[str], language: str) -> bool:
    """Whether a number stands right before or behind this one: "five one two"."""
    return bool(made and made[-1].isdigit()) or bool(at + 1 < len(words) and _number(words, at + 1, language)[0])


def _number(words: Sequence[str], start: int, language: str) -> tuple[int, int]:
    """How many words from ``start`` are one number, and which."""
    total = group = used = 0
    at = start
    while at < len(words):
        of = language if words[at].isascii() or language == "fr" else _script_language(words[at])
        value, scale = _value(words[at], of)
        if used and not value and not scale and words[at] in _JOINING.get(of, ()) and (group >= 20 or total) \
                and at + 1 < len(words) and any(_value(words[at + 1], of)):
            at += 1
            continue
        if scale and (used or scale > 100 or of != "en"):
            if scale == 100 and group < 100:
                group = (group or 1) * 100
            elif scale > 100 and group < scale and (not total or scale < _low(total)):
                total, group = total + (group or 1) * scale, 0
            else:
                break
        elif value is not None and not scale:
            if of == "fr" and group % 100 == 4 and value == 20:
                group += 76
            elif _fits(group, value, of) and (value or not used):
                group += value
            else:
                break
        else:
            break
        at += 1
        used = at - start
    return used, total + group


def _fits(group: int, value: int, language: str) -> bool:
    """Whether a number can go on with this one: after twenty comes five, not fifteen; after soixante comes quinze."""
    return not group or value < _low(group) or (language == "fr" and group % 100 in (60, 80) and 0 < value < 20)


def _low(number: int) -> int:
    """The place of the last figure of a number that is not nought: 100 for 2500."""
    place = 1
    while number and number % (place * 10) == 0:
        place *= 10
    return place


def _value(word: str, language: str) -> tuple[int | None, int]:
    """(value, scale) of a word: (20, 0) for twenty, (None, 1000) for thousand, (None, 0) for others."""
    values = _words(language)
    scale = _SCALES.get(language, {}).get(word, 0)
    if scale:
        return None, scale
    if word in values:
        return values[word], 0
    if word.isascii() and language in ("hi", "ml", "ta"):
        if word in _words("en") or word in _SCALES["en"]:
            return _value(word, "en")
        if word not in LOANS:
            value, scale, spelled = _by_sound(language).get(sounding(word), (None, 0, ""))
            return (value, scale) if _same(word, spelled, language) else (None, 0)
    return None, 0


def _same(word: str, spelled: str, language: str) -> bool:
    """Whether a typed word of the sound of a number is that number: ghar (house) sounds like gyarah, naal (day) like
    naalu. ``spelled``: how the number is typed."""
    if not spelled or (language != "hi" and (word[-1] in "aeiou") != (spelled[-1] in "aeiou")):
        return False
    if language != "hi" and word[-1] in "aeio" and word[-1] != spelled[-1]:
        return False
    return alike(spelling(word, language), spelling(spelled, language))


@lru_cache(maxsize=8)
def _words(language: str) -> dict[str, int]:
    """Every single word that says a number, by the words that are said for it."""
    known = LANGUAGES.get(language)
    if known is None:
        return {}
    said = {number: known.cardinal(number) for number in range(100)}
    found = {words: number for number, words in said.items() if " " not in words and "-" not in words}
    if language in ("ml", "ta"):
        for number in [*range(20, 100, 10), *range(100, 1000, 100), *range(1000, 100_000, 1000)]:
            alone, before = known.cardinal(number), known.cardinal(number + 3).split()
            if " " not in alone:
                found.setdefault(alone, number)
                if len(before) == 2:  # the form that it has when more follows
                    found.setdefault(before[0], number)
    return {**found, **_ALIKE.get(language, {})}


@lru_cache(maxsize=4)
def _by_sound(language: str) -> dict[str, tuple[int | None, int, str]]:
    """(value, scale, usual spelling) by the sound of the words, for those typed in Latin letters."""
    found: dict[str, tuple[int | None, int, str]] = {}
    for word, number in _words(language).items():
        found.setdefault(sounding(word), (number, 0, romanise(word)))
    for word, scale in _SCALES[language].items():
        found[sounding(word)] = (None, scale, romanise(word))
    return found


def _script_language(word: str) -> str:
    script = next((ord(char) >> 7 for char in word if 0x900 <= ord(char) < 0xE00), 0)
    return {18: "hi", 23: "ta", 26: "ml"}.get(script, "fr" if not script else "")
