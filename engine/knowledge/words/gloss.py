"""A text of another language put into English, word by word: what an embedding model that knows English only can make
something of. Crude by intent: no grammar, no senses; names and unknown words are spelled in Latin letters. Pure, but
for the lexicons, which are read once (``lexicon.py``).

    gloss("വെള്ളത്തിന്റെ ബിൽ എത്ര", "ml")      "water bill how much"

A word is looked up as it is written, then by its stem, then by its typed spelling, whole and cut in two (a word with an
ending, two words written together), then by its sound among words of a near spelling.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache

from engine.knowledge.words.lexicon import ASKING, LANGUAGES, Lexicon, lexicon_of
from engine.knowledge.words.numberwords import figures
from engine.knowledge.words.question import language_of
from engine.knowledge.words.stems import stem_in
from engine.knowledge.words.text import apart, words
from engine.language import sounds, typed
from engine.language.indic import DEVANAGARI, MALAYALAM, RUN, TAMIL, script_of
from engine.language.romanise import romanise
from engine.language.smallwords import ENGLISH, is_small, unaccented

__all__ = ["LANGUAGES", "VERSION", "gloss"]

VERSION = 3
"""Of rules and lexicons: vectors of another version are computed again."""

SHORTEST_PART, SHORTEST_SECOND = 3, 4
"""Letters of a known word at the beginning of a longer one, and of the second word of two."""

SHORTEST_WORD, LONGEST_ENDING_APART = 2, 3
"""Letters of a word that is looked at; of an ending that is typed as a word of its own: "parking nu"."""

SHORTEST_STEM = 4
"""Letters of a French stem: shorter ones are shared by words that have nothing in common (faut, fer)."""

SHORTEST_GUESS = 5
"""Letters of a word that may be taken for another one of a near spelling."""

_OF_SCRIPT = {DEVANAGARI: "hi", MALAYALAM: "ml", TAMIL: "ta"}
_RELATED = {"mr": "hi", "ne": "hi"}
"""Short texts of Hindi are easily taken for Marathi or Nepali, which share its letters and many of its words."""

SAID_IN_SMALL_WORDS = ASKING | {"not", "get", "need", "give", "can", "cannot", "not need", "become", "tell", "cost"}
"""English of small words that carry something of a question."""

_JOINERS = re.compile("[\u200c\u200d]")
_U, _VIRAMA = "\u0d41", "\u0d4d"
"""Malayalam writes the half-vowel at the end of a word with either."""
_WITHOUT = ("ില്ലാത്ത", "ില്ലാതെ", "ில்லாத", "ில்லாமல்", "ில்லாம")
"""Endings that say that there is none of it."""
_SANDHI = frozenset({"க்", "ச்", "த்", "ப்"})
"""Consonants that Tamil doubles at the end of a word before the next one."""


def gloss(text: str, language: str = "") -> str:
    """The text in English words. ``language``: that of the text, where it is known; English comes back as it is,
    but for words in a script of India."""
    spoken, _ = language_of(text, language.partition("-")[0])
    spoken = _RELATED.get(spoken, spoken)
    if spoken not in LANGUAGES:
        return RUN.sub(_lone, text)
    return " ".join(_english(_tokens(text, spoken), spoken))


def _lone(found: "re.Match[str]") -> str:
    """The English of a word in a script of India in an English text."""
    language = _OF_SCRIPT.get(script_of(found[0]), "")
    word = unicodedata.normalize("NFC", _JOINERS.sub("", found[0]))
    return _word(word, language) if word and language in LANGUAGES else found[0]


def _tokens(text: str, language: str) -> list[str]:
    plain = unicodedata.normalize("NFC", _JOINERS.sub("", text))
    return apart(words(figures(plain, language)), language)


def _english(tokens: list[str], language: str) -> Iterator[str]:
    lexicon = lexicon_of(language)
    at = 0
    while at < len(tokens):
        for length in range(min(lexicon.longest, len(tokens) - at), 1, -1):
            if known := _phrase(tokens[at:at + length], lexicon, language):
                yield known
                at += length
                break
        else:
            if known := _word(tokens[at], language):
                yield known
            at += 1


def _phrase(tokens: list[str], lexicon: Lexicon, language: str) -> str:
    """The English of a set phrase of several words, "" where it is none."""
    if known := lexicon.forms.get(" ".join(tokens)):
        return known
    if language == "fr" or not all(word.isascii() for word in tokens):
        return ""
    return lexicon.typed.get(" ".join(typed.spelling(word, language) for word in tokens), "")


@lru_cache(maxsize=20_000)
def _word(word: str, language: str) -> str:
    """The English of one word, "" if it says nothing; a word that is not known, in Latin letters."""
    lexicon = lexicon_of(language)
    if word.isdigit():
        return word
    if known := lexicon.forms.get(word):
        return known
    if language == "fr":
        return _french(word, lexicon)
    if word.isascii():
        return _typed(word, lexicon, language)
    if is_small(word, language):
        known = lexicon.forms.get(_bare(word, language), "")
        return known if known in SAID_IN_SMALL_WORDS else ""
    known = _written(word, lexicon, language) or _loan(word) or _spelled(word, lexicon, language)
    return known or ("" if _is_ending(romanise(word), language) else romanise(word))


def _french(word: str, lexicon: Lexicon) -> str:
    if is_small(word, "fr"):
        return ""
    stem = stem_in(word, "fr")
    found = lexicon.stems.get(stem) if len(stem) >= SHORTEST_STEM else None
    return found or lexicon.typed.get(unaccented(word)) or word


def _written(word: str, lexicon: Lexicon, language: str) -> str:
    """The English of a word in its own script by its stem, or as it is before another word."""
    bare = _bare(word, language)
    found = lexicon.stems.get(stem_in(word, language)) or lexicon.forms.get(bare) \
        or (bare and lexicon.stems.get(stem_in(bare, language))) or ""
    return f"{found} without" if found and word.endswith(_WITHOUT) else found


def _bare(word: str, language: str) -> str:
    """A word as it is written where no other follows, "" where that is the same."""
    if language == "ta" and word[-2:] in _SANDHI:
        return word[:-2]
    return word[:-1] + _VIRAMA if language == "ml" and word[-1] == _U else ""


def _loan(word: str) -> str:
    """The English word that a word in a script of India is."""
    return _loans().get(sounds.key(word), "") if sounds.is_loan(word) else ""


def _spelled(word: str, lexicon: Lexicon, language: str) -> str:
    """The English of a word in a script of India by its spelling, in which it can be cut between any two sounds."""
    spelled = typed.spelling(_bare(word, language) or word, language, long=True)
    return lexicon.spelled.get(spelled) or _cut(spelled, lexicon.spelled, language)


def _typed(word: str, lexicon: Lexicon, language: str) -> str:
    """The English of a word in Latin letters in a text of an Indian language."""
    if word in ENGLISH or len(word) < SHORTEST_WORD:
        return ""
    long = typed.spelling(word, language, long=True)
    spelled = typed.short(long, language)
    if is_small(word, language):
        if len(word) == SHORTEST_WORD:
            return ""
        found = (lexicon.spelled.get(long, ""), lexicon.typed.get(spelled, ""),
                 _guessed(word, spelled, lexicon, language))
        return next((known for known in found if known in SAID_IN_SMALL_WORDS), "")
    if word in sounds.LOANS or word in lexicon.english:
        return word
    once = spelled[:-1] if spelled[-1:] == spelled[-2:-1] else spelled
    if known := lexicon.spelled.get(long) or lexicon.typed.get(spelled) or lexicon.typed.get(once):
        return known
    if _is_ending(word, language):
        return ""
    if len(word) == SHORTEST_WORD:
        return word
    return _cut(long, lexicon.spelled, language) or _cut(spelled, lexicon.typed, language) \
        or _with_ending(word, lexicon, language) or _guessed(word, spelled, lexicon, language) or word


def _cut(spelled: str, known: Mapping[str, str], language: str) -> str:
    """The English of a known word with an ending, or of two known words written together."""
    for head, rest in typed.cuts(spelled, language, SHORTEST_PART):
        first = known.get(head)
        if not first:
            continue
        if (adds := _ending(rest, language)) is not None:
            return f"{first} {adds}".rstrip()
        if len(rest) >= SHORTEST_SECOND and len(head) >= SHORTEST_SECOND and (second := _second(rest, known, language)):
            return f"{first} {second}"
    return ""


def _second(spelled: str, known: Mapping[str, str], language: str) -> str:
    """The English of the second word of two, which may have an ending."""
    if found := known.get(spelled):
        return found
    return next((f"{known[head]} {adds}".rstrip() for head, rest in typed.cuts(spelled, language, SHORTEST_SECOND)
                 if head in known and (adds := _ending(rest, language)) is not None), "")


def _ending(rest: str, language: str) -> str | None:
    """What an ending says in English, None if it is none."""
    return typed.ENDINGS[language].get(typed.even(typed.short(rest, language)))


def _is_ending(word: str, language: str) -> bool:
    """Whether it is a case ending that is written as a word of its own: "parking nu", 15-ന്."""
    return len(word) <= LONGEST_ENDING_APART and (len(word) < SHORTEST_WORD or word in typed.ENDINGS[language])


def _with_ending(word: str, lexicon: Lexicon, language: str) -> str:
    """The English word at the beginning of one that is typed with an Indian ending: officeil, bankinte."""
    return next((word[:at] for at in range(len(word) - 1, SHORTEST_SECOND - 1, -1)
                 if (word[:at] in sounds.LOANS or word[:at] in lexicon.english)
                 and _ending(typed.spelling(word[at:], language), language) is not None), "")


def _guessed(word: str, spelled: str, lexicon: Lexicon, language: str) -> str:
    """The English of the word of the same sound whose spelling is nearest."""
    if len(spelled) < SHORTEST_GUESS:
        return ""
    others = lexicon.sounds.get(sounds.key(word, language), "").split()
    nearest = min(others, key=lambda other: typed.apart(spelled, other), default="")
    return lexicon.typed[nearest] if nearest and typed.alike(spelled, nearest) else ""


@lru_cache(maxsize=1)
def _loans() -> dict[str, str]:
    """English words that the languages of India use, by their sound."""
    found: dict[str, str] = {}
    for word in sorted(sounds.LOANS, key=lambda word: (len(word), word)):
        found.setdefault(sounds.key(word), word)
    return found
