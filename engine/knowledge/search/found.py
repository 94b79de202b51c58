"""What a source brings of a passage, and how well it fits a question. Pure.

A sentence is scored as 0.6 sentence + 0.4 passage (cosines with the question): a sentence alone lacks what it is about,
a passage alone does not say which sentence to speak. A question that was written down with a passage counts too.
``docs/knowledge.md`` has the measurements.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.knowledge.search.lexical import Slot, coverage
from engine.knowledge.words.text import sentences

SENTENCE_SHARE, PASSAGE_SHARE = 0.6, 0.4
QUESTION_WEIGHT = 0.9
"""A written question that equals the caller's is still not an answer; at 1.0 foreign questions score too high."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage with its document's title, whatever store it comes from. ``say`` and ``utterances`` of the document
    come along: ``says`` are the answers to speak (of the passage, of the document)."""

    key: str
    document: str
    title: str
    uri: str
    heading: tuple[str, ...]
    page: int
    language: str
    tags: tuple[str, ...]
    text: str
    statements: tuple[str, ...]
    says: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """What may be spoken of it."""
        return self.statements or tuple(sentences(self.text)) or (self.text,)


@dataclass(frozen=True, slots=True)
class Cosines:
    """Of a question with a passage: as a whole, its sentences (zeros beyond what the model saw; none from a model that
    gives none), its ``says``, the best of its own questions, the best of its document's."""

    whole: float
    statements: Floats
    says: Floats
    question: float = 0.0
    utterance: float = 0.0




@dataclass(frozen=True, slots=True)
class Found:
    """A passage and all that a source knows of how it fits. ``cosines`` None: no vectors. ``bm25``: its score by words
    as a share of the best one's; ``fused``: its place among all lists (RRF), as a share of the best one's."""

    passage: Passage
    words: frozenset[str]
    sounds: frozenset[str]
    cosines: Cosines | None = None
    bm25: float = 0.0
    fused: float = 0.0


@dataclass(frozen=True, slots=True)
class Features:
    """What the score of a passage is made of, each 0 to 1. ``meaning``: by vectors; ``words``: share of the question
    that the passage has, by stems, synonyms and sounds; ``bm25``, ``fused``: see ``Found``."""

    meaning: float
    words: float
    bm25: float
    fused: float


def features(found: Found, slots: Sequence[Slot], utterance: bool = True) -> Features:
    """Of one passage. ``utterance``: its document's questions count for it (they lead to one passage only)."""
    meaning = meaning_of(found.cosines, utterance) if found.cosines else 0.0
    return Features(meaning, coverage(slots, found.words, found.sounds), found.bm25, found.fused)


def meaning_of(cosines: Cosines, utterance: bool = True) -> float:
    """How near the passage is by its vectors."""
    best = max(float(cosines.statements.max(initial=0.0)), float(cosines.says.max(initial=0.0)))
    body = SENTENCE_SHARE * best + PASSAGE_SHARE * cosines.whole if best > 0 else cosines.whole
    asked = max(cosines.question, cosines.utterance if utterance else 0.0)
    return max(0.0, body, QUESTION_WEIGHT * asked)
