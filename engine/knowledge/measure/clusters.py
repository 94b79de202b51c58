"""Like questions together. Pure; the same questions give the same clusters.

Each text goes to the cluster whose middle it is nearest to, or begins one, the commonest texts first; then all are
dealt out again, some rounds. It takes seconds for 5,000 texts.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.knowledge.words.text import terms
from engine.language.sounds import keys

Floats = npt.NDArray[np.float32]

LIKE, LIKE_BY_TERMS = 0.6, 0.45
"""Cosine with the middle from which on a text belongs to a cluster: of a model's vectors, of ``term_vectors``."""

ROUNDS = 3
DIM = 512
SOUNDS_SHARE = 0.5
"""What the sound of a word weighs beside the word: recognisers and callers spell."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Places of texts, the one nearest to the middle first."""

    places: tuple[int, ...]


def clustered(vectors: Floats, counts: Sequence[int], like: float) -> list[Cluster]:
    """Clusters of texts by their unit vectors, shape (texts, dim); ``counts``: how often each was asked. The largest
    first, by what was asked."""
    order = sorted(range(len(counts)), key=lambda place: (-counts[place], place))
    weights = np.asarray(counts, np.float32)[:, None]
    middles = _Middles(vectors.shape[1], len(counts))
    belongs: dict[int, int] = {}
    for place in order:  # middles follow what comes to them
        number = middles.nearest(vectors[place], like)
        belongs[place] = middles.add(number, vectors[place], counts[place])
    for _ in range(ROUNDS):
        before = belongs
        groups = _groups(belongs)
        middles = _Middles(vectors.shape[1], len(counts))
        for members in groups:
            middles.add(None, (vectors[members] * weights[members]).sum(axis=0), 1)
        belongs = {}
        for place in order:
            number = middles.nearest(vectors[place], like)
            belongs[place] = middles.add(None, vectors[place], 1) if number is None else number
        if _groups(belongs) == _groups(before):
            break
    found = []
    for members in _groups(belongs):
        middle = (vectors[members] * weights[members]).sum(axis=0)
        found.append(Cluster(tuple(sorted(members, key=lambda place: (-float(vectors[place] @ middle), place)))))
    return sorted(found, key=lambda one: (-sum(counts[place] for place in one.places), min(one.places)))


class _Middles:
    """The middles of clusters: sums of their vectors, and these at length 1."""

    def __init__(self, dim: int, most: int) -> None:
        self._sums = np.zeros((most, dim), np.float32)
        self._units = np.zeros((most, dim), np.float32)
        self._count = 0

    def nearest(self, vector: Floats, like: float) -> int | None:
        """The cluster whose middle is nearest, if it is near enough."""
        if not self._count:
            return None
        cosines = self._units[:self._count] @ vector
        best = int(np.argmax(cosines))
        return best if cosines[best] >= like else None

    def add(self, number: int | None, vector: Floats, weight: float) -> int:
        """To a cluster, or as a new one."""
        if number is None:
            number = self._count
            self._count += 1
        self._sums[number] += weight * vector
        self._units[number] = self._sums[number] / (np.linalg.norm(self._sums[number]) or 1.0)
        return number


def term_vectors(texts: Sequence[str], languages: Sequence[str]) -> Floats:
    """Unit vectors of texts by their stems and sounds, rare ones counting more; shape (texts, ``DIM``). Texts without a
    word that says anything are like no other."""
    bags = [Counter({f"w {term}": 1.0 for term in terms(text, language)})
            + Counter({f"s {key}": SOUNDS_SHARE for key in keys(text, language)})
            for text, language in zip(texts, languages, strict=True)]
    seen = Counter(term for bag in bags for term in bag)
    vectors = np.zeros((len(texts), DIM), np.float32)
    for row, (text, bag) in enumerate(zip(texts, bags, strict=True)):
        for term, weight in (bag or {f"t {text}": 1.0}).items():
            place, sign = _hashed(term)
            vectors[row, place] += sign * weight * math.log(1 + len(texts) / (seen[term] or 1))
        vectors[row] /= np.linalg.norm(vectors[row]) or 1.0
    return vectors


def _groups(belongs: dict[int, int]) -> list[list[int]]:
    groups: dict[int, list[int]] = {}
    for place, number in belongs.items():
        groups.setdefault(number, []).append(place)
    return list(groups.values())


def _hashed(term: str) -> tuple[int, int]:
    number = int.from_bytes(hashlib.blake2b(term.encode("utf-8", "ignore"), digest_size=8).digest(), "little")
    return number % DIM, 1 if number & (1 << 40) else -1
