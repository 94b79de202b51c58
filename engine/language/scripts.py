"""Which script a text is in, and which language that means. Exact where a script has one language. Pure."""

import re
from collections import Counter

LATIN = "Latn"

_BLOCKS = {18: "Deva", 19: "Beng", 20: "Guru", 21: "Gujr", 22: "Orya", 23: "Taml", 24: "Telu", 25: "Knda", 26: "Mlym",
           12: "Arab", 13: "Arab", 14: "Arab"}  # fmt: skip
_LANGUAGES = {"Beng": "bn", "Guru": "pa", "Gujr": "gu", "Orya": "or", "Taml": "ta", "Telu": "te", "Knda": "kn",
              "Mlym": "ml"}  # fmt: skip
_WORD = re.compile(r"[\u0900-\u0963\u0971-\u097f]+|[\u0600-\u065f\u066e-\u06d3\u06d5-\u06ef\u06fa-\u06ff]+")
_MARATHI = frozenset("""
आहे आहेत नाही मला माझा माझी माझे तुम्ही तुमचा तुमची काय आणि पाहिजे होते झाले सांगा कसे कुठे का नको मी आम्ही हे
""".split())  # noqa: SIM905
_NEPALI = frozenset("""
छ छैन हो मलाई मेरो तपाईं तपाईंको गर्न गर्नु भयो पनि हुन्छ लाई के कहाँ हुनुहुन्छ थियो धेरै रुपैयाँ म
""".split())  # noqa: SIM905
_HINDI = frozenset("""
है हैं हूँ हूं में का की के को मुझे मेरा मेरी नहीं और क्या मैं आप हम यह वह से पर था थी कर रहा रही चाहिए
""".split())  # noqa: SIM905
_URDU_LETTERS = re.compile(r"[\u0679\u0688\u0691\u06ba\u06d2\u06c1\u06be\u06a9\u06af\u0686\u067e]")

LETTERS_SHARE = 0.25
"""Least share of the letters that another script than Latin must have to be the language of the text: words of English
stand in every Indian sentence, the other way round they do not."""


def histogram(text: str) -> Counter[str]:
    """Letters by script; letters of scripts that are none of ours count as ``Zyyy``."""
    if text.isascii():
        return Counter({LATIN: many}) if (many := sum(map(str.isalpha, text))) else Counter()
    counts: Counter[str] = Counter()
    for char in text:
        code = ord(char)
        if code < 0x250:
            if char.isalpha():
                counts[LATIN] += 1
        elif char.isalpha() or code >> 7 in _BLOCKS:
            counts[_BLOCKS.get(code >> 7, "Zyyy")] += 1
    return counts


def native_language(text: str, counts: Counter[str]) -> tuple[str, float]:
    """The language of the strongest script that is not Latin, and its share of the letters; ``("", 0.0)`` if Latin
    letters are all there is to go by."""
    total = counts.total()
    others = [(many, script) for script, many in counts.items() if script not in (LATIN, "Zyyy")]
    if not others:
        return "", 0.0
    many, script = max(others)
    if many < LETTERS_SHARE * total:
        return "", 0.0
    if script == "Deva":
        return _devanagari(text), many / total
    if script == "Arab":
        return ("ur" if _URDU_LETTERS.search(text) else "ar"), many / total
    return _LANGUAGES[script], many / total


def _devanagari(text: str) -> str:
    """Hindi, unless more of the small words are Marathi or Nepali ones."""
    words = _WORD.findall(text)
    hindi = sum(word in _HINDI for word in words)
    marathi = sum(word in _MARATHI for word in words)
    nepali = sum(word in _NEPALI for word in words)
    if max(marathi, nepali) <= hindi:
        return "hi"
    return "mr" if marathi >= nepali else "ne"
