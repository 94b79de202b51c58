"""A text of another language put into English, word by word: what an embedding model that knows English only can make
something of. Crude by intent: no grammar, no senses; names and unknown words are spelled in Latin letters. Pure, but
for the lexicons, which are read once.

    gloss("വെള്ളത്തിന്റെ ബിൽ എത്ര", "ml")      "water bill how much"
"""

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
from engine.language.smallwords import is_small, latin_language

FOLDER = Path(engine.language.__file__).parent / "lexicon"
LANGUAGES = frozenset(path.stem for path in FOLDER.glob("*.tsv"))

SHORTEST_KEY = 3
"""Sounds of fewer letters are shared by too many words."""

SHORTEST_PART = 4
"""Letters of a word within a longer one that is written together, as Malayalam and Tamil do."""

VERSION = 1
"""Of rules and lexicons: vectors of another version are computed again."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """English words by native form, by stem, by sound."""

    forms: dict[str, str]
    stems: dict[str, str]
    keys: dict[str, str]

    def find(self, word: str, language: str, *, by_sound: bool) -> str:
        """The English of a word, "" where it is not known."""
        found = self.forms.get(word) or self.stems.get(stem_in(word, language))
        if not found and by_sound:
            key = sounds.key(word, language)
            found = self.keys.get(key) if len(key) >= SHORTEST_KEY else None
        return found or ""

    def part(self, word: str) -> str:
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
    return " ".join(_words(text, spoken, romanised=romanised))


def _words(text: str, language: str, *, romanised: bool) -> Iterator[str]:
    lexicon, loans = lexicon_of(language), _loans()
    found = words(figures(text, language))
    of_latin = latin_language([word for word in found if word < "\u0250"], language)
    if of_latin == "fr":
        found = [part for word in found for part in word.replace("\u2019", "'").split("'") if part]
    for word in in_figures(found, of_latin):
        native = not word.isascii()
        if word.isdigit():
            yield word
        elif is_small(word, of_latin) and not lexicon.forms.get(word):
            continue
        elif known := lexicon.find(word, language, by_sound=False):
            yield known
        elif not native and language != "fr" and (word in loans.values() or not romanised):
            yield word
        elif (loan := loans.get(sounds.key(word, language))) and language != "fr":
            yield loan
        elif known := lexicon.find(word, language, by_sound=language != "fr") or (lexicon.part(word) if native else ""):
            yield known
        else:
            yield romanise(word) if native else word


@lru_cache(maxsize=8)
def lexicon_of(language: str) -> Lexicon:
    """The lexicon of a language, out of ``engine/language/lexicon``."""
    forms: dict[str, str] = {}
    stems: dict[str, str] = {}
    keys: dict[str, str] = {}
    for line in (FOLDER / f"{language}.tsv").read_text(encoding="utf-8").splitlines():
        if "\t" not in line or line.startswith("#"):
            continue
        native, _, english = line.partition("\t")
        for form in native.lower().split("|"):
            forms.setdefault(form, english)
            stems.setdefault(stem_in(form, language), english)
            keys.setdefault(sounds.key(form, language), english)
    return Lexicon(forms, stems, keys)


@lru_cache(maxsize=1)
def _loans() -> dict[str, str]:
    """English words that the languages of India use, by their sound."""
    found: dict[str, str] = {}
    for word in sorted(sounds.LOANS, key=lambda word: (len(word), word)):
        key = sounds.key(word)
        if len(key) >= SHORTEST_KEY:
            found.setdefault(key, word)
    return found
