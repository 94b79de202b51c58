"""Light stemmers: a word without its commonest endings, one language each. Pure.

They are meant to bring the forms of one noun together, and to leave a word alone in doubt; what they leave need not
be a word. Nobody who grew up with Malayalam, Tamil or Hindi has checked them.
"""

import re
import unicodedata
from functools import lru_cache

from engine.language.loans import LOANS
from engine.language.smallwords import unaccented
from engine.language.sounds import is_loan, without_sandhi

_SUFFIXES = ("ingly", "ations", "ation", "ments", "ment", "ings", "ing", "ies", "edly", "ed", "ers", "er", "es", "ly",
             "s")
_FRENCH = ("issements", "issement", "ements", "ement", "ations", "ation", "ments", "ment", "euses", "euse", "eurs",
           "eur", "elles", "elle", "els", "el", "ables", "able", "ives", "ive", "ifs", "if", "ees", "ee",
           "es", "er", "ez", "ent", "s", "x", "e")
_LETTER = re.compile("[\u0904-\u0939\u0958-\u0961\u0b85-\u0bb9\u0d05-\u0d3a\u0d7a-\u0d7f]")
_JOINERS = re.compile("[\u200c\u200d]")
LEAST = 2
"""Letters (vowel signs not counted) that an ending must leave."""


def _rules(*rules: tuple[str, str]) -> list[tuple["re.Pattern[str]", str]]:
    """(endings, what is put) as patterns. Endings are separated by blanks, longest first wins."""
    return [(re.compile("(?:" + "|".join(sorted(endings.split(), key=len, reverse=True)) + ")$"), put)
            for endings, put in rules]


_MALAYALAM = _rules(
    ("ത്തിന്റെ ത്തിനുള്ള ത്തിനും ത്തിനെ ത്തിന് ത്തിനു ത്തിലേക്ക് ത്തിലെ ത്തിലും ത്തിലോ "
     "ത്തിൽനിന്ന് ത്തിൽ ത്തിനകം ത്തോട് ത്തോടെ ത്തെ ത്തും ത്ത് വും മാണ് മായി മോ ങ്ങളുടെ ങ്ങൾക്ക് "
     "ങ്ങളിൽ ങ്ങളും ങ്ങളെ ങ്ങൾ", "ം"),
    ("ിന്റെ", ""), ("ിക്ക് ിക്കും ിക്കുള്ള ിക്കോ", "ി"), ("ർക്ക് ർക്കും ർക്കുള്ള", "ർ"),
    ("ന്റെ", "ൻ"),
    ("യുടെ ുടെ ിനുള്ള ിനെ ിനും ിന് ിനു ിനകം ിലേക്ക് ിലെ ിലും ിലോ ിൽനിന്ന് ിൽ യിലേക്ക് യിലെ "
     "ിനാണ് ില്ലാത്ത ില്ലാതെ യിലോ യിലും യിൽ യ്ക്ക് യ്ക്കുള്ള യെ യും യോട് ോട് ോടെ ുകളുടെ കളുടെ "
     "ുകൾക്ക് കൾക്ക് ുകളിൽ കളിൽ ുകളും കളും ുകൾ കൾ ും ാണ് യാണ് ായി യായി ുമോ ുന്നത് ുന്നു ുന്ന "
     "ുമ്പോൾ ുവാൻ ാൻ ണം ാം ാമോ ുക", ""),
)
_TAMIL = _rules(
    ("த்தின் த்தில் த்தை த்துக்கு த்திற்கு த்துடன் த்தும் த்துக்கான த்துக்குள் த்தால் த்திலிருந்து த்திலும் ங்களின் "
     "ங்களில் ங்களை ங்களுக்கு ங்கள்", "ம்"),
    ("ிக்கு ிக்கும் ிக்கான", "ி"), ("ைக்கு ைக்கும் ைக்கான", "ை"),
    ("களின் களில் களை களுக்கு களும் கள் ுகள் ிற்கு ுக்கு ுக்கான ின் ில் ிலிருந்து "
     "ிலும் ுடன் ுடைய யுடைய யின் யில் ையும் யும் ும் ை ாக ான வில் வின் வை வுக்கு", ""),
)
_HINDI = _rules(("ियों ियाँ ियां ियो", "ी"), ("ाओं ाओ ओं ों ें ाएँ ाएं ाएंगे ा े ो", ""))
_ROMANISED = {
    "ml": re.compile(r"(?:inulla|ilekku?|yilekku?|yude|inte|inde|ude|yil|ileth?|ile|ilum|inum|il|inu|in"
                     r"|ykk?u?|ikku|ayi|kal|um|nte)$"),
    "ta": re.compile(r"(?:ilirundhu|irku|ukku|udaiya|udan|udaya|kku|yin|yil|gal|la|il|in|um)$"),
    "hi": re.compile(r"(?:iyon|iyan|on|en)$"),
}
_CHILLU = {"ൻ": "ന", "ർ": "റ", "ൽ": "ല", "ൾ": "ള", "ൺ": "ണ"}
_CHANDRABINDU = str.maketrans({"\u0901": "\u0902", "\u093c": None})


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """The word without accents and its commonest English endings; what is left has three letters or more."""
    if word.isdigit():
        return word
    # Combining classes from 200 are accents above and below letters; Indic signs are lower and stay.
    word = "".join(char for char in unicodedata.normalize("NFD", word) if unicodedata.combining(char) < 200)
    word = word.removesuffix("'s")
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and not word.endswith("ss"):
            word = word[:-len(suffix)]
            break
    doubled = len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeious"
    return word[:-1] if doubled or (len(word) > 3 and word[-1] in "ey") else word


@lru_cache(maxsize=50_000)
def stem_in(word: str, language: str) -> str:
    """The stem of a word (lower case) of a text in that language. Native script decides by itself; words in Latin
    letters in a text of hi, ml or ta lose what is typed of case endings, unless they are known English."""
    if word.isdigit():
        return word
    script = next((ord(char) >> 7 for char in word if 0x900 <= ord(char) < 0xE00), 0)
    if script == 26:
        return _malayalam(word)
    if script == 23:
        return _tamil(word)
    if script == 18:
        return _strip(word.translate(_CHANDRABINDU), _HINDI, 1)
    if script:
        return word
    if language == "fr":
        return _french(word)
    if language in _ROMANISED and word not in LOANS:
        bare = _ROMANISED[language].sub("", word)
        word = bare if len(bare) >= 3 else word
    return stem(word)


def _strip(word: str, rules: list[tuple["re.Pattern[str]", str]], rounds: int) -> str:
    for _ in range(rounds):
        for find, put in rules:
            bare = find.sub(put, word)
            if bare != word and len(_LETTER.findall(bare)) >= LEAST + (put == "ം" or put == "ம்"):
                word = bare
                break
        else:
            break
    return word


def _malayalam(word: str) -> str:
    """Endings off, the half-vowel and -am too; a doubled last consonant single (വീട്ടിൽ as വീട്)."""
    word = _JOINERS.sub("", re.sub("([നരലളണ])\u0d4d\u200d", lambda found: _TO_CHILLU[found[1]], word))
    doubled = _DOUBLE_T.match(word)
    if doubled and is_loan(doubled[1] + "\u0d4d", 4):
        word = doubled[1]
    elif not is_loan(word):
        word = _strip(word, _MALAYALAM, 2)
    word = word[:-1] if word[-1] in "\u0d4d\u0d41\u0d02" and len(word) > 2 else word
    word = word[:-1] + _CHILLU.get(word[-1], word[-1])
    return word[:-2] if len(word) > 4 and word[-2] == "\u0d4d" and word[-1] == word[-3] else word


_DOUBLE_T = re.compile("(.+\u0d24\u0d4d\u0d24)[\u0d4d\u0d3f\u0d41\u0d46\u0d4b]")
"""What may be a noun in -am before an ending, or a word like പഞ്ചായത്ത്."""
_TO_CHILLU = {"ന": "ൻ", "ര": "ർ", "ല": "ൽ", "ള": "ൾ", "ണ": "ൺ"}


def _tamil(word: str) -> str:
    """Endings off, the last u and the dot; a doubled last consonant single (வீட்டில் as வீடு). What the next
    word doubles at the end (வரியைக் கட்ட) is no part of the word."""
    word = without_sandhi(word)
    if not is_loan(word):
        word = _strip(word, _TAMIL, 2)
    word = word[:-1] if word[-1] in "\u0bcd\u0bc1" and len(word) > 2 else word
    return word[:-2] if len(word) > 4 and word[-2] == "\u0bcd" and word[-1] == word[-3] else word


def _french(word: str) -> str:
    """Without accents, number, gender and the commonest endings of verbs and nouns."""
    word = unaccented(re.split("['\u2019]", word)[-1])
    if word.endswith("aux") and len(word) > 5:
        word = word[:-2] + "l"
    for suffix in _FRENCH:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word[:-len(suffix)]
            break
    word = word[:-1] if len(word) > 3 and word[-1] in "ei" else word
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word
