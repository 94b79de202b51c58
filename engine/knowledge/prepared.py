"""A question, made ready to be searched for: its words with their stems, sounds and synonyms. Pure."""

import re
from dataclasses import dataclass

from engine.knowledge.lexical import Piece
from engine.knowledge.numberwords import figures, in_figures
from engine.knowledge.stems import stem_in
from engine.knowledge.text import words
from engine.language import sounds
from engine.language.identify import identify
from engine.language.scripts import LATIN
from engine.language.smallwords import is_small, latin_language


@dataclass(frozen=True, slots=True)
class Asking:
    """``language``: a code such as ``ml``; ``romanised``: it is one of India in Latin letters; ``wants``: see
    ``engine.knowledge.question``."""

    text: str
    language: str
    romanised: bool
    pieces: tuple[Piece, ...]
    wants: str = ""


def make_ready(text: str, language: str = "") -> Asking:
    guess = identify(text)
    language = guess.language or language
    romanised = guess.script == LATIN and language in ("hi", "ml", "ta")
    found = words(figures(text, language))
    of_latin = latin_language([word for word in found if word < "\u0250"], language)
    if of_latin == "fr":
        found = [part for word in found for part in re.split("['\u2019]", word) if part]
    found = in_figures(found, of_latin)
    content = [word for word in found if not is_small(word, of_latin)] or found
    pieces = tuple(Piece(word, stem_in(word, of_latin), sounds.key(word, of_latin)) for word in content)
    return Asking(text, language, romanised, pieces)


def resolve(text: str, context: tuple[tuple[str, str], ...]) -> str:
    return text
