"""The words of a text as they are searched: whole in every script, small letters, one spelling of a letter. Pure.

Databases take Indian languages apart at vowel signs (PostgreSQL, and SQLite by default), so words are made here and the
databases are given them ready.
"""

import re
import unicodedata

LONGEST = 64
"""Letters of a word that count; PostgreSQL refuses words above 2 kB."""

_JOINERS = re.compile("[\u200c\u200d\u2019']")
_CHILLU = {"ന\u0d4d\u200d": "ൻ", "ര\u0d4d\u200d": "ർ", "ല\u0d4d\u200d": "ൽ", "ള\u0d4d\u200d": "ൾ", "ണ\u0d4d\u200d": "ൺ",
           "ക\u0d4d\u200d": "ൿ"}  # fmt: skip
"""Malayalam's final consonants, as old keyboards write them."""


def words(text: str) -> list[str]:
    """In their order, repeated ones too. ``Wi-Fi's`` is ``wi`` and ``fis``, ``CAFÉ`` is ``cafe``."""
    for old, letter in _CHILLU.items():
        text = text.replace(old, letter)
    text = unicodedata.normalize("NFKC", _JOINERS.sub("", text)).casefold()
    found, word = [], ""
    for letter in f"{_unaccented(text)} ":
        if unicodedata.category(letter)[0] in "LNM":
            word += letter
        elif word:
            found.append(word[:LONGEST])
            word = ""
    return found


def _unaccented(text: str) -> str:
    """Without the accents of Latin letters: people search ``cafe``. Signs of other scripts are letters of theirs."""
    if text.isascii():
        return text
    return "".join(unicodedata.normalize("NFD", letter)[0] if "À" <= letter <= "ɏ" or "Ḁ" <= letter <= "ỿ" else letter
                   for letter in text)
