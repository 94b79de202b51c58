"""From lists of passages to a ranking: fuse, score, drop what says the same again. Pure.

Dense, words and sounds each bring a list; reciprocal rank fusion (Cormack, Clarke, Büttcher 2009, k = 60) chooses which
passages are looked at; those are scored by what was measured to tell right ones from wrong ones (``relevance``).
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from engine.knowledge.search.found import Features, Found, Passage, features, meaning_of
from engine.knowledge.search.lexical import Slot
from engine.knowledge.search.relevance import Regime, even, fit, fit_of, likelihood

RRF_K = 60
SAME = 0.85
"""Share of words (of the larger of two passages) that both have, from which on they say the same."""

Mode = Literal["hybrid", "meaning", "words"]
"""Ranked by all, by vectors alone, by BM25 alone."""

OWN_LANGUAGE = 0.04
"""How much better a passage fits that is in the language of the question."""

FURTHER = 0.9
"""What the fit of each further passage of a document is multiplied with."""

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that may answer. ``fit``: how well it fits, to be compared with that of others; ``even``: the fit at
    which it is as likely to answer as not."""

    found: Found
    features: Features
    fit: float
    even: float = 0.0

    @property
    def score(self) -> float:
        """How likely it answers, 0 to 1."""
        return likelihood(self.fit, self.even)

    @property
    def passage(self) -> Passage:
        """The passage itself."""
        return self.found.passage


def scored(candidate: Candidate, score: float) -> Candidate:
    """The candidate with a likelihood that was found in another way."""
    return replace(candidate, fit=fit_of(score, candidate.even))


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


def rank(found: Sequence[Found], slots: Sequence[Slot], regime: Regime, language: str = "") -> list[Candidate]:
    """Passages by how likely they answer, best first, without those that repeat a better one. Questions written for a
    whole document count for that passage of it which fits best otherwise. A passage in the question's ``language``
    comes before its translation."""
    own = [features(one, slots, utterance=False) for one in found]
    heads: dict[str, int] = {}
    for place, one in enumerate(found):
        head = heads.setdefault(one.passage.document, place)
        if _worth(own[place]) > _worth(own[head]):
            heads[one.passage.document] = place
    level = even(regime, len(slots))
    candidates = []
    for place, one in enumerate(found):
        mine = own[place]
        if one.cosines and one.cosines.utterance and heads[one.passage.document] == place:
            mine = replace(mine, meaning=meaning_of(one.cosines))
        fits = fit(mine, regime) + (OWN_LANGUAGE if language and one.passage.language == language else 0.0)
        candidates.append(Candidate(one, mine, fits, level))
    candidates.sort(key=lambda candidate: -candidate.fit)
    return _spread(distinct(candidates))


def _spread(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Further passages of a document stand back a little: they say less that is new."""
    seen: dict[str, int] = defaultdict(int)
    spread = []
    for candidate in candidates:
        before = seen[candidate.passage.document]
        seen[candidate.passage.document] += 1
        spread.append(replace(candidate, fit=candidate.fit * FURTHER ** before) if before else candidate)
    return sorted(spread, key=lambda candidate: -candidate.fit)


def distinct(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Without passages that have the words of a better one."""
    kept: list[Candidate] = []
    for candidate in candidates:
        own = candidate.found.words
        if not any(_same(own, other.found.words) for other in kept):
            kept.append(candidate)
    return kept


def pool(rankings: Sequence[Sequence[Candidate]]) -> list[Candidate]:
    """One ranking of what several hypotheses of one question lead to. The fit of a passage is the mean of its best one
    and of its mean over all of them (where one does not name it, the lowest fit of that ranking stands in): what only
    one hypothesis leads to is not trusted. The features are those of the hypothesis which it fits best."""
    lowest = [min((candidate.fit for candidate in ranking), default=0.0) for ranking in rankings]
    fits = [{candidate.passage.key: candidate.fit for candidate in ranking} for ranking in rankings]
    best: dict[str, Candidate] = {}
    for ranking in rankings:
        for candidate in ranking:
            other = best.get(candidate.passage.key)
            if other is None or candidate.fit > other.fit:
                best[candidate.passage.key] = candidate
    pooled = []
    for key, candidate in best.items():
        mean = sum(own.get(key, low) for own, low in zip(fits, lowest, strict=True)) / len(rankings)
        pooled.append(replace(candidate, fit=(candidate.fit + mean) / 2))
    return sorted(pooled, key=lambda candidate: -candidate.fit)


def alone(candidates: Sequence[Candidate], mode: Mode) -> list[Candidate]:
    """Ranked by one list only; a score is then that of this list."""
    scored = [replace(one, fit=one.features.meaning if mode == "meaning" else one.features.bm25) for one in candidates]
    return sorted((one for one in scored if one.fit > 0), key=lambda one: -one.fit)


def _worth(features: Features) -> float:
    return features.words + features.meaning


def _same(words: frozenset[str], others: frozenset[str]) -> bool:
    few, many = sorted((len(words), len(others)))
    return few >= SAME * many > 0 and len(words & others) >= SAME * many
