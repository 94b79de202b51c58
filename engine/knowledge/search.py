"""From lists of passages to a ranking: fuse, score, drop what says the same again. Pure.

Dense, words and sounds each bring a list; reciprocal rank fusion (Cormack, Clarke, Büttcher 2009, k = 60) chooses which
passages are looked at; those are scored by what was measured to tell right ones from wrong ones (``relevance``).
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from engine.knowledge.found import Features, Found, Passage, features, meaning_of
from engine.knowledge.lexical import Slot
from engine.knowledge.relevance import Regime, relevance

RRF_K = 60
SAME = 0.85
"""Share of words (of the larger of two passages) that both have, from which on they say the same."""

Mode = Literal["hybrid", "meaning", "words"]
"""Ranked by all, by vectors alone, by BM25 alone."""

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that may answer. ``score``: how likely it does, 0 to 1."""

    found: Found
    features: Features
    score: float

    @property
    def passage(self) -> Passage:
        """The passage itself."""
        return self.found.passage


def fuse(lists: Iterable[tuple[float, Sequence[K]]]) -> dict[K, float]:
    """Reciprocal rank fusion of ``(weight, keys best first)``; best first, the best possible is 1."""
    scores: dict[K, float] = defaultdict(float)
    whole = 0.0
    for weight, keys in lists:
        whole += weight / (RRF_K + 1)
        for place, key in enumerate(keys, 1):
            scores[key] += weight / (RRF_K + place)
    ranked = sorted(scores.items(), key=lambda entry: -entry[1])
    return {key: score / whole for key, score in ranked}


def rank(found: Sequence[Found], slots: Sequence[Slot], regime: Regime) -> list[Candidate]:
    """Passages by how likely they answer, best first, without those that repeat a better one. Questions written for a
    whole document count for that passage of it which fits best otherwise."""
    heads: dict[str, int] = {}
    for place, one in enumerate(found):
        head = heads.get(one.passage.document)
        if head is None or _own(one, slots) > _own(found[head], slots):
            heads[one.passage.document] = place
    candidates = []
    for place, one in enumerate(found):
        own = features(one, slots, utterance=heads[one.passage.document] == place)
        candidates.append(Candidate(one, own, relevance(own, regime)))
    candidates.sort(key=lambda candidate: -candidate.score)
    return distinct(candidates)


def distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Without passages that have the words of a better one."""
    kept: list[Candidate] = []
    for candidate in candidates:
        own = candidate.found.words
        if not any(_same(own, other.found.words) for other in kept):
            kept.append(candidate)
    return kept


def pool(rankings: Sequence[Sequence[Candidate]]) -> list[Candidate]:
    """One ranking of what several hypotheses of one question lead to. A passage's score is the mean of its best score
    and of its mean over all of them (where one does not name it, the lowest score of that ranking stands in): what only
    one hypothesis leads to is not trusted. The features are those of the hypothesis which it fits best."""
    lowest = [min((candidate.score for candidate in ranking), default=0.0) for ranking in rankings]
    scores = [{candidate.passage.key: candidate.score for candidate in ranking} for ranking in rankings]
    best: dict[str, Candidate] = {}
    for ranking in rankings:
        for candidate in ranking:
            other = best.get(candidate.passage.key)
            if other is None or candidate.score > other.score:
                best[candidate.passage.key] = candidate
    pooled = []
    for key, candidate in best.items():
        mean = sum(own.get(key, low) for own, low in zip(scores, lowest, strict=True)) / len(rankings)
        pooled.append(replace(candidate, score=(candidate.score + mean) / 2))
    return sorted(pooled, key=lambda candidate: -candidate.score)


def alone(candidates: Sequence[Candidate], mode: Mode) -> list[Candidate]:
    """Ranked by one list only."""
    scored = [replace(one, score=one.features.meaning if mode == "meaning" else one.features.bm25)
              for one in candidates]
    return sorted((one for one in scored if one.score > 0), key=lambda one: -one.score)


def by_document(candidates: Iterable[Candidate]) -> Mapping[str, Candidate]:
    """The best candidate of each document, best first."""
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        found.setdefault(candidate.passage.document, candidate)
    return found


def _own(found: Found, slots: Sequence[Slot]) -> float:
    own = features(found, slots, utterance=False)
    return own.words + (meaning_of(found.cosines, False) if found.cosines else 0.0)


def _same(words: frozenset[str], others: frozenset[str]) -> bool:
    return len(words & others) >= SAME * max(len(words), len(others), 1)
