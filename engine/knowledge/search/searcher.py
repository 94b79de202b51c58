"""Questions to rankings: takes them apart, has them embedded, searches, scores; keeps what was asked lately.

While a caller speaks, partial transcripts are searched; the last of them mostly has the words of the final one, and its
ranking is there already.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import gevent

from engine.errors import ProviderFault
from engine.knowledge.embedding.interface import Embedder
from engine.knowledge.embedding.questions import Questions
from engine.knowledge.scope import ANY, Scope
from engine.knowledge.search.found import Floats, Passage
from engine.knowledge.search.lexical import Slot
from engine.knowledge.search.prepared import Prepared, prepare
from engine.knowledge.search.ranking import Candidate, rank, scored
from engine.knowledge.search.relevance import Regime
from engine.knowledge.search.rerank import Reranker
from engine.knowledge.search.source import Asked, Gathered, Source
from engine.knowledge.words.glossary import Glossary
from engine.offhub import off_hub

log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

RECENT = 128
"""Rankings that are kept; one has some 40 passages of 2 kB."""

RERANKED = 8
"""Passages that a reranker reads: some 15 ms each."""

QUICK_CHARS = 80
"""Questions of so many characters together are taken apart in the hub, in half a millisecond; longer ones, which take
up to 10 ms each, in the pool."""

_LATIN = frozenset({"fr"})
"""Languages that an English model half understands, by their letters."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """What a question led to, best first; its words as the collection has them; the kind of answer that it wants."""

    candidates: tuple[Candidate, ...]
    slots: tuple[Slot, ...]
    wants: str


class Ranker(Protocol):
    """What finds candidates: one collection, or several. Called in the hub; waits without holding it."""

    @property
    def by_meaning(self) -> bool:
        """Whether vectors are searched."""

    def rank(self, texts: Sequence[str], scope: Scope = ANY, *, sure: bool = True) -> list[Ranked]:
        """What each text leads to, in order."""

    def reranked(self, question: str, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """The candidates of a question that is to be answered, in the order of the reranker if there is one."""


class Searcher:
    """One collection at one generation, a ``Ranker``. Called in the hub, by any number of greenlets at once."""

    def __init__(self, source: Source, embedder: Embedder | None, glossary: Glossary, reranker: Reranker | None = None,
                 rerank_s: float = 0.15) -> None:
        """``embedder`` None: by keywords alone. ``rerank_s``: longest wait for the reranker."""
        self.source = source
        self._embedder = embedder
        self._questions = Questions(embedder) if embedder else None
        self._glossary = glossary
        self._reranker = reranker
        self._rerank_s = rerank_s
        self._prepared: _Kept[str, Prepared] = _Kept()
        self._recent: _Kept[tuple[object, ...], Ranked] = _Kept()
        self._scores: _Kept[tuple[str, ...], Floats] = _Kept()

    @property
    def by_meaning(self) -> bool:
        """Whether vectors are searched."""
        return self._embedder is not None

    def rank(self, texts: Sequence[str], scope: Scope = ANY, *, sure: bool = True) -> list[Ranked]:
        """What each text leads to, in order. ``sure``: these are the words that were asked, as far as is known.
        Waits for the pool, 10 ms and more; not at all for what was asked lately.

        A model that does not answer costs the meaning, not the call. Raises ``ProviderFault`` of a source behind the
        network that nothing on this machine stands in for."""
        prepared = self._prepare(texts)
        epoch = self.source.epoch
        keys = [(one.stems, one.language, one.wants, scope, sure, epoch) for one in prepared]
        found = {key: kept for key in keys if (kept := self._recent.get(key)) is not None}
        missing = {key: one for key, one in zip(keys, prepared, strict=True) if key not in found}
        if missing:
            asked = list(missing.values())
            vectors = self._vectors(asked)
            gathered = self.source.gather(
                [Asked(one.text, one.pieces, vector) for one, vector in zip(asked, vectors, strict=True)], scope)
            for key, ranked in zip(missing, off_hub(self._ranked, asked, gathered, sure), strict=True):
                found[key] = ranked
                self._recent.put(key, ranked)
        return [found[key] for key in keys]

    def reranked(self, question: str, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """The best ``RERANKED`` with the reranker's scores in place of theirs, best first; the others behind them, none
        with a higher score than the last of those. Where it takes too long, all stay as they are."""
        if self._reranker is None or not candidates:
            return candidates
        first, rest = candidates[:RERANKED], candidates[RERANKED:]
        key = (question, *(one.passage.key for one in first))
        scores = self._scores.get(key)
        if scores is None:
            texts = [_whole(one.passage) for one in first]
            scores = gevent.with_timeout(self._rerank_s, off_hub, self._reranker.score, question, texts,
                                         timeout_value=None)
            if scores is None:
                log.info("the reranker took more than %g ms: the order stays", self._rerank_s * 1000)
                return candidates
            self._scores.put(key, scores)
        best = [scored(one, float(score)) for one, score in zip(first, scores, strict=True)]
        best.sort(key=lambda one: -one.score)
        return [*best, *(scored(one, min(one.score, best[-1].score)) for one in rest)]

    def _prepare(self, texts: Sequence[str]) -> list[Prepared]:
        known = {text: kept for text in texts if (kept := self._prepared.get(text)) is not None}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        at: Callable[..., list[Prepared]] = off_hub if sum(map(len, missing)) > QUICK_CHARS else _here
        for text, one in zip(missing, at(self._prepare_all, missing), strict=True):
            known[text] = one
            self._prepared.put(text, one)
        return [known[text] for text in texts]

    def _prepare_all(self, texts: Sequence[str]) -> list[Prepared]:
        return [prepare(text, self._glossary) for text in texts]

    def _vectors(self, asked: Sequence[Prepared]) -> Sequence[Floats | None]:
        if self._questions is None or not any(one.text for one in asked):
            return [None] * len(asked)
        try:
            return self._questions.vectors([one.text for one in asked])
        except ProviderFault as fault:
            log.warning("searched by keywords alone: %s", fault)
            return [None] * len(asked)

    def _ranked(self, asked: Sequence[Prepared], gathered: Sequence[Gathered], sure: bool) -> list[Ranked]:
        """In a pool thread."""
        results = []
        for one, (found, slots) in zip(asked, gathered, strict=True):
            regime = self._regime(one, sure) if any(each.cosines is not None for each in found) else "words"
            results.append(Ranked(tuple(rank(found, slots, regime, one.language)), tuple(slots), one.wants))
        return results

    def _regime(self, asked: Prepared, sure: bool) -> Regime:
        """What the model's vectors are worth for this question."""
        languages = self._embedder.languages if self._embedder else frozenset()
        if not languages or ((asked.language or "en") in languages and not asked.romanised):
            return "known" if sure else "heard"
        return "latin" if asked.language in _LATIN else "other"


class _Kept(Generic[K, V]):
    """The last ``RECENT`` that were asked for."""

    def __init__(self) -> None:
        self._kept: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: K, value: V) -> None:
        self._kept[key] = value
        while len(self._kept) > RECENT:
            self._kept.popitem(last=False)


def _here(function: Callable[[Sequence[str]], list[Prepared]], texts: Sequence[str]) -> list[Prepared]:
    return function(texts)


def _whole(passage: Passage) -> str:
    """What a reranker reads of a passage."""
    return "\n".join((". ".join((passage.title, *passage.heading)), passage.text))
