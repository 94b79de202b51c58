"""The words of a collection by their sound, so that a misheard or misspelt word finds what it is near to. Pure."""

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from engine.language.sounds import grams, likeness

LEAST_ALIKE = 0.66
"""Less alike (``sounds.likeness``) is another word."""

MOST_NEAR = 3
"""So many near words are searched for one that was asked: more bring more that is foreign."""

SHORTEST = 3
"""Keys of fewer sounds are like too many."""

_COMPARED = 24
"""Keys that share the most pieces with the one asked for; their likeness is computed."""


class Vocabulary:
    """Keys of one collection, each with the number of passages that have it. Never changes; threads may share it."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        """``counts``: passages by key. Takes about 5 µs a key and 150 bytes."""
        self._counts = dict(counts)
        self._keys = list(self._counts)
        postings: dict[str, list[int]] = defaultdict(list)
        sizes = []
        for number, key in enumerate(self._keys):
            pieces = grams(key)
            sizes.append(len(pieces))
            for piece in pieces:
                postings[piece].append(number)
        self._sizes = np.array(sizes, np.float32)
        self._postings = {piece: np.array(rows, np.int32) for piece, rows in postings.items()}
        self.near = lru_cache(maxsize=4096)(self._near)

    def __len__(self) -> int:
        return len(self._keys)

    def _near(self, key: str) -> tuple[tuple[str, float], ...]:
        """The keys most like this one and not equal to it, with their likeness (0 to 1), likest first."""
        pieces = grams(key)
        found = [self._postings[piece] for piece in pieces if piece in self._postings]
        if not found or len(key) < SHORTEST or key.isdigit():
            return ()
        rows, common = np.unique(np.concatenate(found), return_counts=True)
        shared = 2 * common / (self._sizes[rows] + len(pieces))
        best = [self._keys[rows[place]] for place in np.argsort(-shared, kind="stable")[:_COMPARED]]
        alike = [(other, likeness(key, other)) for other in best if other != key and not other.isdigit()]
        alike.sort(key=lambda pair: -pair[1])
        return tuple(pair for pair in alike[:MOST_NEAR] if pair[1] >= LEAST_ALIKE)


NOTHING = Vocabulary({})
