"""How much of a question's words a passage has: by stem, by synonym, by sound, by a sound that is near. Pure.

Each word of a question is a ``Slot`` with the ``ways`` in which a passage may have it. What a passage has of the
question (``coverage``) is the share of its slots, rare words counting more; a word that no passage has counts as the
rarest, so a question about something else scores low even if "open" and "today" are found.
"""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Column = Literal["words", "sounds"]

BY_STEM, BY_SOUND = 1.0, 0.85
"""A word that only sounds like the one that was asked is a little less than the word itself."""

NEAR_SHARE = 0.8
"""A sound that is near counts its likeness times this."""

Near = Callable[[str], Iterable[tuple[str, float]]]


@dataclass(frozen=True, slots=True)
class Way:
    """A key of an indexed column, and how much finding it is worth, 0 to 1."""

    column: Column
    key: str
    weight: float


@dataclass(frozen=True, slots=True)
class Slot:
    """A word of a question, and the ways in which it may be found, the best first. ``worth``: how rare it is."""

    word: str
    ways: tuple[Way, ...]
    worth: float = 1.0

    def found(self, words: Collection[str], sounds: Collection[str]) -> float:
        """How well these keys have it, 0 to 1."""
        for way in self.ways:  # the best ones first
            if way.key in (words if way.column == "words" else sounds):
                return way.weight
        return 0.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A word of a question as the analysis gives it: its stem, its sound, and what else it may be called (stems and
    sounds of synonyms, with their worth)."""

    word: str
    stem: str
    sound: str
    synonyms: tuple[Way, ...] = ()


def slots(pieces: Iterable[Piece], near: Near) -> list[Slot]:
    """The slots of a question, each word once. ``near`` gives the sounds of the collection that are like one."""
    found: dict[str, Slot] = {}
    for piece in pieces:
        ways = [Way("words", piece.stem, BY_STEM), *piece.synonyms]
        if piece.sound:
            ways.append(Way("sounds", piece.sound, BY_SOUND))
            ways += [Way("sounds", key, BY_SOUND * NEAR_SHARE * alike) for key, alike in near(piece.sound)]
        found.setdefault(piece.stem, Slot(piece.word, tuple(sorted(ways, key=lambda way: -way.weight))))
    return list(found.values())


def weighed(slots: Sequence[Slot], frequencies: Mapping[tuple[Column, str], int], passages: int) -> list[Slot]:
    """The same slots with their worth. ``frequencies``: in how many of the passages each key stands. A slot is as rare
    as the best of its ways that is found at all."""
    result = []
    for slot in slots:
        there = [(way.weight, count) for way in slot.ways if (count := frequencies.get((way.column, way.key), 0))]
        count = max(there)[1] if there else 0
        result.append(Slot(slot.word, slot.ways, rarity(count, passages)))
    return result


def rarity(count: int, passages: int) -> float:
    """How much a key tells that ``count`` passages have: BM25's idf, never below zero."""
    return math.log1p((passages - count + 0.5) / (count + 0.5))


def coverage(slots: Sequence[Slot], words: Collection[str], sounds: Collection[str]) -> float:
    """The share of the question that these keys have, 0 to 1."""
    whole = sum(slot.worth for slot in slots)
    return sum(slot.worth * slot.found(words, sounds) for slot in slots) / whole if whole else 0.0


def keys(slots: Sequence[Slot], column: Column) -> list[str]:
    """All keys of a column by which the slots may be found, the best ones of each first."""
    ways = sorted((way for slot in slots for way in slot.ways if way.column == column), key=lambda way: -way.weight)
    return list(dict.fromkeys(way.key for way in ways))
