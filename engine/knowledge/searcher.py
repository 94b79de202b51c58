"""Questions to rankings: takes them apart, has them embedded, searches, scores; keeps what was asked lately.

While a caller speaks, partial transcripts are searched; the last of them mostly has the words of the final one, and its
ranking is there already.
"""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import ProviderFault
from engine.knowledge.embedding.interface import Embedder
from engine.knowledge.embedding.questions import Questions
from engine.knowledge.found import Floats
from engine.knowledge.glossary import Glossary
from engine.knowledge.lexical import Slot
from engine.knowledge.offhub import off_hub
from engine.knowledge.prepared import Prepared, prepare
from engine.knowledge.relevance import Regime
from engine.knowledge.scope import ANY, Scope
from engine.knowledge.search import Candidate, rank
from engine.knowledge.source import Asked, Source

log = logging.getLogger(__name__)

RECENT = 512
"""Rankings that are kept; one has some 40 passages of 2 kB."""

_LATIN = frozenset({"fr"})
"""Languages that an English model half understands, by their letters."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """What a question led to, best first; its words as the collection has them; the kind of answer that it wants."""

    candidates: tuple[Candidate, ...]
    slots: tuple[Slot, ...]
    wants: str


class Searcher:
    """One collection at one generation. Called in the hub, by any number of greenlets at once."""

    def __init__(self, source: Source, embedder: Embedder | None, glossary: Glossary) -> None:
        """``embedder`` None: by keywords alone."""
        self.source = source
        self._embedder = embedder
        self._questions = Questions(embedder) if embedder else None
        self._glossary = glossary
        self._recent: OrderedDict[tuple[object, ...], Ranked] = OrderedDict()

    @property
    def by_meaning(self) -> bool:
        """Whether vectors are searched."""
        return self._embedder is not None

    def rank(self, texts: Sequence[str], scope: Scope = ANY, *, sure: bool = True) -> list[Ranked]:
        """What each text leads to, in order. ``sure``: these are the words that were asked, as far as is known.
        Waits for the pool, 10 ms and more; not at all for what was asked lately.

        A model that does not answer costs the meaning, not the call."""
        prepared = [prepare(text, self._glossary) for text in texts]
        keys = [(one.stems, one.language, one.wants, scope, sure) for one in prepared]
        found = {key: kept for key in keys if (kept := self._kept(key)) is not None}
        missing = {key: one for key, one in zip(keys, prepared, strict=True) if key not in found}
        if missing:
            asked = list(missing.values())
            results = off_hub(self._search, asked, self._vectors(asked), scope, sure)
            for key, ranked in zip(missing, results, strict=True):
                found[key] = self._recent[key] = ranked
            while len(self._recent) > RECENT:
                self._recent.popitem(last=False)
        return [found[key] for key in keys]

    def _kept(self, key: tuple[object, ...]) -> Ranked | None:
        ranked = self._recent.get(key)
        if ranked is not None:
            self._recent.move_to_end(key)
        return ranked

    def _vectors(self, asked: Sequence[Prepared]) -> Sequence[Floats | None]:
        if self._questions is None or not any(one.text for one in asked):
            return [None] * len(asked)
        try:
            return self._questions.vectors([one.text for one in asked])
        except ProviderFault as fault:
            log.warning("searched by keywords alone: %s", fault)
            return [None] * len(asked)

    def _search(self, asked: Sequence[Prepared], vectors: Sequence[Floats | None], scope: Scope, sure: bool
                ) -> list[Ranked]:
        """In a pool thread."""
        results = []
        for one, vector in zip(asked, vectors, strict=True):
            found, slots = self.source.gather(Asked(one.pieces, vector), scope)
            regime = self._regime(one, sure) if vector is not None else "words"
            results.append(Ranked(tuple(rank(found, slots, regime)), tuple(slots), one.wants))
        return results

    def _regime(self, asked: Prepared, sure: bool) -> Regime:
        """What the model's vectors are worth for this question."""
        languages = self._embedder.languages if self._embedder else frozenset()
        if not languages or ((asked.language or "en") in languages and not asked.romanised):
            return "known" if sure else "heard"
        return "latin" if asked.language in _LATIN else "other"
