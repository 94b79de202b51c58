"""Which sentence of a passage answers. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.knowledge.search.found import PASSAGE_SHARE, SENTENCE_SHARE, Found
from engine.knowledge.search.lexical import Slot, coverage
from engine.knowledge.words.text import terms
from engine.language import sounds

LEAD = 0.15
"""Preference for what was written to be said: a ``say``, the first sentence after a question."""

LEAD_BY_WORDS = 0.4
"""The same where keywords alone are searched: that a sentence has more words of the question says little."""

WORDS_SHARE = 0.05
"""How much common words count when a sentence is chosen within a passage, on top of its cosine."""

KIND_SHARE = 0.06
"""How much it counts that a sentence has what was asked for: a number, a time."""

FITS = 0.4
"""A second sentence with less in common with the question is not worth an offer."""

_NUMBER = re.compile(r"\d")
_NUMBERS = frozenset({"how_much", "how_many", "how_long", "when"})
"""What is answered with a number: money, an amount, a time."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence that could be spoken. ``score``: how well it answers; ``say``: it was written to be said; ``fits``: it
    has enough to do with the question to be offered."""

    text: str
    score: float
    say: bool = False
    fits: bool = True


def statements(found: Found, slots: Sequence[Slot], wants: str = "") -> list[Statement]:
    """What may be said of a passage, best first: its sentences and what was written to be said."""
    passage, cosines = found.passage, found.cosines
    texts = [(text, False) for text in passage.sentences] + [(text, True) for text in passage.says]
    values = None
    if cosines is not None and len(cosines.statements) == len(passage.sentences):
        values = [*cosines.statements.tolist(), *cosines.says.tolist()]
        if len(values) != len(texts):
            values = None
    result = []
    for place, (text, say) in enumerate(texts):
        shared = coverage(slots, set(terms(text, passage.language)), set(sounds.keys(text, passage.language)))
        if values is not None and cosines is not None:
            own = SENTENCE_SHARE * values[place] + PASSAGE_SHARE * cosines.whole
            score, lead, fits = own + WORDS_SHARE * shared, LEAD, own >= FITS
        else:
            score, lead, fits = shared, LEAD_BY_WORDS, shared >= FITS
        score += KIND_SHARE * _has(text, passage.language, wants) + lead * say
        result.append(Statement(text, score, say, fits))
    result.sort(key=lambda statement: -statement.score)
    return result


def _has(text: str, language: str, wants: str) -> bool:
    """Whether a sentence has the kind of thing that was asked for: a number, in figures or in words."""
    return wants in _NUMBERS and any(map(_NUMBER.search, terms(text, language)))
