"""The words of a collection by their sound, so that a misheard or misspelt word finds what it is near to. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

LEAST_ALIKE = 0.6
"""Less alike (Dice of letter pairs) is another word."""

MOST_NEAR = 3
"""So many near words are searched for one that was asked: more bring more that is foreign."""


class Vocabulary:
    """Keys of one collection, each with the number of passages that have it. Never changes; threads may share it."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        """``counts``: passages by key. Takes about 3 µs a key and 100 bytes."""
        self._counts = dict(counts)
        self._keys = list(self._counts)
        postings: dict[str, list[int]] = defaultdict(list)
        sizes = []
        for number, key in enumerate(self._keys):
            pairs = pairs_of(key)
            sizes.append(len(pairs))
            for pair in pairs:
                postings[pair].append(number)
        self._sizes = np.array(sizes, np.float32)
        self._postings = {pair: np.array(rows, np.int32) for pair, rows in postings.items()}
        self.near = lru_cache(maxsize=4096)(self._near)

    def __len__(self) -> int:
        return len(self._keys)

    def count(self, key: str) -> int:
        """In how many passages the key stands."""
        return self._counts.get(key, 0)

    def _near(self, key: str) -> tuple[tuple[str, float], ...]:
        """The keys most like this one and not equal to it, with their likeness (0 to 1), likest first."""
        pairs = pairs_of(key)
        found: Sequence[npt.NDArray[np.int32]] = [self._postings[pair] for pair in pairs if pair in self._postings]
        if not found or len(pairs) < 3:
            return ()
        rows, common = np.unique(np.concatenate(found), return_counts=True)
        alike = 2 * common / (self._sizes[rows] + len(pairs))
        best = np.argsort(-alike, kind="stable")[:MOST_NEAR + 1]
        return tuple((self._keys[rows[place]], float(alike[place])) for place in best
                     if alike[place] >= LEAST_ALIKE and self._keys[rows[place]] != key)[:MOST_NEAR]


NOTHING = Vocabulary({})


def pairs_of(key: str) -> frozenset[str]:
    """Pairs of neighbouring letters, edges of the word included."""
    padded = f"^{key}$"
    return frozenset(padded[place:place + 2] for place in range(len(padded) - 1))


def counted(keys: Iterable[Iterable[str]]) -> dict[str, int]:
    """In how many of some texts each key stands."""
    counts: dict[str, int] = defaultdict(int)
    for text in keys:
        for key in set(text):
            counts[key] += 1
    return counts
