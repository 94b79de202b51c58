"""A text of another language put into English, word by word: what an embedding model that knows English only can make
something of. Crude by intent: no grammar, no senses; names and unknown words are spelled in Latin letters. Pure, but
for the lexicons, which are read once.

    gloss("വെള്ളത്തിന്റെ ബിൽ എത്ര", "ml")      "water bill how much"
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import engine.language
from engine.knowledge.numberwords import figures, in_figures
from engine.knowledge.question import language_of
from engine.knowledge.stems import stem_in
from engine.knowledge.text import words
from engine.language import sounds
from engine.language.romanise import romanise
from engine.language.smallwords import is_small

FOLDER = Path(engine.language.__file__).parent / "lexicon"
LANGUAGES = frozenset(path.stem for path in FOLDER.glob("*.tsv"))

SHORTEST_KEY = 4
"""Sounds of fewer letters are shared by too many words."""

SHORTEST_PART = 4
"""Letters of a word within a longer one that is written together, as Malayalam and Tamil do."""

_JOINERS = re.compile("[\u200c\u200d]")
_SANDHI = frozenset({"க்", "ச்", "த்", "ப்"})
"""Consonants that Tamil doubles at the end of a word before the next one."""

VERSION = 1
"""Of rules and lexicons: vectors of another version are computed again."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """English words by native form (several words too), by stem, by whole sound, by sound without endings, by skeleton."""

    forms: dict[str, str]
    stems: dict[str, str]
    sounds: dict[str, str]
    vowelled: dict[str, str]
    keys: dict[str, str]
    longest: int

    def written(self, word: str, language: str) -> str:
        """The English of a word as it is written, "" where it is not known."""
        found = self.forms.get(word) or self.stems.get(stem_in(word, language))
        if not found and language == "ta" and word[-2:] in _SANDHI:
            found = self.forms.get(word[:-2]) or self.stems.get(stem_in(word[:-2], language))
        return found or ""

    def heard(self, word: str, language: str) -> str:
        """The English of a word by its sound, "" where it is not known."""
        found = self.sounds.get(sounds.sounding(word)) or self.vowelled.get(sounds.vowelled(word, language))
        if not found:
            key = sounds.key(word, language)
            found = self.keys.get(key) if len(key) >= SHORTEST_KEY else None
        return found or ""

    def beginning(self, word: str) -> str:
        """The English of the longest known word at the beginning of a longer one."""
        for end in range(len(word) - 1, SHORTEST_PART - 1, -1):
            if found := self.forms.get(word[:end]) or self.stems.get(word[:end]):
                return found
        return ""


def gloss(text: str, language: str = "") -> str:
    """The text in English words. ``language``: that of the text, where it is known; English comes back as it is."""
    spoken, romanised = language_of(text, language.partition("-")[0])
    if spoken not in LANGUAGES:
        return text
    return " ".join(_english(_tokens(text, spoken), spoken, romanised=romanised))


def _tokens(text: str, language: str) -> list[str]:
    plain = unicodedata.normalize("NFC", _JOINERS.sub("", text))
    found = words(figures(plain, language))
    if language == "fr":
        found = [part for word in found for part in word.split("'") if part]
    return in_figures(found, language)


def _english(tokens: list[str], language: str, *, romanised: bool) -> Iterator[str]:
    lexicon = lexicon_of(language)
    at = 0
    while at < len(tokens):
        for length in range(min(lexicon.longest, len(tokens) - at), 1, -1):
            if known := lexicon.forms.get(" ".join(tokens[at:at + length])):
                yield known
                at += length
                break
        else:
            if known := _word(tokens[at], lexicon, language, romanised=romanised):
                yield known
            at += 1


def _word(word: str, lexicon: Lexicon, language: str, *, romanised: bool) -> str:
    if word.isdigit():
        return word
    if known := lexicon.forms.get(word):
        return known
    if is_small(word, language):
        return ""
    if known := lexicon.written(word, language):
        return known
    if language == "fr":
        return word
    if romanised and word.isascii():
        return word if word in sounds.LOANS or word in _english_words() else lexicon.heard(word, language) or word
    if word.isascii():
        return word
    loan = _loans().get(sounds.key(word, language)) if sounds.is_loan(word) else None
    return loan or lexicon.beginning(word) or romanise(word)


@lru_cache(maxsize=8)
def lexicon_of(language: str) -> Lexicon:
    """The lexicon of a language, out of ``engine/language/lexicon``. The first one takes 0.2 s."""
    forms: dict[str, str] = {}
    for line in (FOLDER / f"{language}.tsv").read_text(encoding="utf-8").splitlines():
        if "\t" not in line or line.startswith("#"):
            continue
        native, _, english = line.partition("\t")
        for form in native.lower().replace("\u2019", "'").split("|"):
            forms.setdefault(unicodedata.normalize("NFC", _JOINERS.sub("", form)), english)
    stems: dict[str, str] = {}
    sounding: dict[str, str] = {}
    vowelled: dict[str, str] = {}
    keys: dict[str, str] = {}
    for form, english in forms.items():
        if " " not in form:
            stems.setdefault(stem_in(form, language), english)
            if language != "fr":
                sounding.setdefault(sounds.sounding(form), english)
                vowelled.setdefault(sounds.vowelled(form, language), english)
                keys.setdefault(sounds.key(form, language), english)
    return Lexicon(forms, stems, sounding, vowelled, keys, max(form.count(" ") + 1 for form in forms))


@lru_cache(maxsize=1)
def _english_words() -> frozenset[str]:
    """English words of four letters and more that the lexicons know: in an Indian sentence in Latin letters they are
    meant as they are."""
    lines = (line.partition("\t")[2] for path in FOLDER.glob("*.tsv")
             for line in path.read_text(encoding="utf-8").splitlines())
    return frozenset(word for line in lines for word in line.split() if len(word) > 3)


@lru_cache(maxsize=1)
def _loans() -> dict[str, str]:
    """English words that the languages of India use, by their sound."""
    found: dict[str, str] = {}
    for word in sorted(sounds.LOANS, key=lambda word: (len(word), word)):
        found.setdefault(sounds.key(word), word)
    return found
