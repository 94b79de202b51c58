"""A question, made ready to be searched for: each of its words with its stem, its sound and its synonyms. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.knowledge.search.lexical import Piece, Way
from engine.knowledge.words.glossary import Glossary
from engine.knowledge.words.question import analyse
from engine.knowledge.words.stems import stem_in
from engine.knowledge.words.text import content
from engine.language import sounds


@dataclass(frozen=True, slots=True)
class Prepared:
    """``language``: a code such as ``ml``; ``romanised``: it is one of India in Latin letters; ``wants``: the kind of
    answer (``engine.knowledge.words.question``)."""

    text: str
    language: str
    romanised: bool
    wants: str
    pieces: tuple[Piece, ...]

    @property
    def stems(self) -> tuple[str, ...]:
        """The stems of its words, in order."""
        return tuple(piece.stem for piece in self.pieces)


def prepare(text: str, glossary: Glossary, language: str = "") -> Prepared:
    """Take a question apart. ``language``: what the call is in, where it is known."""
    question = analyse(text, language)
    synonyms = glossary.synonyms(text, question.language)
    found, of_latin = content(text, question.language)
    pieces = tuple(Piece(word, stem_in(word, of_latin), sounds.key(word, of_latin),
                         tuple(_ways(synonyms.get(word, ())))) for word in found)
    return Prepared(text, question.language, question.romanised, question.wants, pieces)


def _ways(synonyms: tuple[tuple[str, str, float], ...]) -> Iterator[Way]:
    for stem, sound, weight in synonyms:
        yield Way("words", stem, weight)
        if sound:
            yield Way("sounds", sound, weight * 0.9)
