"""What callers ask in vain: unanswered questions, like ones together, each with the passage that is nearest now."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from engine.errors import ProviderFault
from engine.knowledge.base import Hit, KnowledgeBase
from engine.knowledge.embedding.interface import Embedder, Floats, is_remote
from engine.knowledge.measure.clusters import LIKE, LIKE_BY_TERMS, clustered, term_vectors
from engine.knowledge.measure.unanswered import Unanswered
from engine.knowledge.words.question import analyse
from engine.offhub import off_hub

Advice = Literal["answered now", "word it", "write it"]

NEAR = 0.5
"""As a share of the score from which on is answered: a passage that is nearer may well be about it."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Like questions. ``example``: the most typical one; ``others``: the further texts, most typical first, each once;
    ``asked``: how often in all, in ``calls`` calls, ``last`` on that day; ``decisions``: what was said to them;
    ``nearest``: passages for the example now.

    ``advice``: ``answered now`` by the nearest one (documents changed since); ``word it``: a passage is near, give its
    document such utterances; ``write it``: nothing is near."""

    example: str
    others: tuple[str, ...]
    asked: int
    calls: int
    last: str
    decisions: dict[str, int]
    nearest: tuple[Hit, ...]
    advice: Advice

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"example": self.example, "others": list(self.others), "asked": self.asked, "calls": self.calls,
                "last": self.last, "decisions": self.decisions, "advice": self.advice,
                "nearest": [hit.citation.as_dict() for hit in self.nearest]}


def gaps(base: KnowledgeBase, questions: Sequence[Unanswered], most: int = 20) -> tuple[list[Gap], int]:
    """The ``most`` largest clusters of questions, the largest first, and how many there are in all. Texts in languages
    that the embedding model does not know are put together by their words."""
    asked: dict[str, list[Unanswered]] = {}
    for question in questions:
        asked.setdefault(question.text.lower().rstrip("?.! "), []).append(question)
    groups = sorted(asked.values(), key=lambda group: (-len(group), group[0].text))
    texts = [_written(group) for group in groups]
    languages = off_hub(lambda: [analyse(text).language for text in texts])
    clusters: list[tuple[int, ...]] = []
    for places, vectors, like in _spaces(base, texts, languages):
        found = off_hub(clustered, vectors, [len(groups[place]) for place in places], like)
        clusters += [tuple(places[one] for one in cluster.places) for cluster in found]
    clusters.sort(key=lambda places: (-sum(len(groups[place]) for place in places), min(places)))
    return [_gap(base, [texts[place] for place in places], [one for place in places for one in groups[place]])
            for places in clusters[:most]], len(clusters)


def _spaces(base: KnowledgeBase, texts: Sequence[str], languages: Sequence[str]
            ) -> list[tuple[list[int], Floats, float]]:
    """Texts that can be compared with each other: by the model's vectors, or by words."""
    model = base.embedder if base.by_meaning else None
    known = [place for place, language in enumerate(languages)
             if model is not None and (not model.languages or (language or "en") in model.languages)]
    vectors = _encoded(model, [texts[place] for place in known]) if model is not None and known else None
    if vectors is None:
        known = []
    others = [place for place in range(len(texts)) if place not in set(known)]
    found = [(known, vectors, LIKE)] if vectors is not None else []
    if others:
        by_terms = off_hub(term_vectors, [texts[place] for place in others], [languages[place] for place in others])
        found.append((others, by_terms, LIKE_BY_TERMS))
    return found


def _encoded(model: Embedder, texts: list[str]) -> Floats | None:
    """``None`` where an endpoint fails."""
    try:
        vectors: Floats = np.asarray(model.encode(texts) if is_remote(model) else off_hub(model.encode, texts),
                                     np.float32)
    except ProviderFault:
        return None
    return vectors


def _written(group: Sequence[Unanswered]) -> str:
    """The commonest way in which the same words were written."""
    return Counter(question.text for question in group).most_common(1)[0][0]


def _gap(base: KnowledgeBase, texts: Sequence[str], questions: Sequence[Unanswered]) -> Gap:
    example = texts[0]
    hits = tuple(base.search(example, 2))
    decisions = Counter(question.decision for question in questions)
    return Gap(example, tuple(texts[1:]), len(questions), len({question.call for question in questions}),
               max(question.when for question in questions), dict(decisions.most_common()), hits,
               _advice(base, example, hits))


def _advice(base: KnowledgeBase, example: str, hits: Sequence[Hit]) -> Advice:
    if base.answer(example, spoken=True).decision == "answer":
        return "answered now"
    return "word it" if hits and hits[0].score >= NEAR * base.options.answer_score else "write it"
