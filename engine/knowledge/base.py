"""The knowledge base as calls use it: open a collection, search, answer. Shared by all calls of a process.

A collection is read on demand; its index is swapped in whole when it was ingested again. Embedding and search run in
the hub's thread pool, one hop a question.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.config import KnowledgeOptions
from engine.knowledge import index
from engine.knowledge.answer import Answer, Citation, Manner, cite, cited, decide, gate_for
from engine.knowledge.collections import folder_of
from engine.knowledge.embedding import choose
from engine.knowledge.embedding.interface import Embedder
from engine.knowledge.errors import CollectionMissing, KnowledgeError
from engine.knowledge.followup import follow_up
from engine.knowledge.found import Features
from engine.knowledge.glossary import glossary_of
from engine.knowledge.offhub import off_hub
from engine.knowledge.phrases import ENGLISH, Phrases
from engine.knowledge.question import resolve
from engine.knowledge.replying import reply_to
from engine.knowledge.scope import ANY, Scope
from engine.knowledge.search import Candidate, Mode, alone, pool
from engine.knowledge.searcher import Searcher
from engine.knowledge.source import LocalSource
from engine.knowledge.store import Model, Store

log = logging.getLogger(__name__)

MAX_QUESTION = 1000
"""Characters of a question that are looked at; longer ones are cut."""

ALTERNATIVES = 5
"""What the recogniser may have heard instead: so many are searched as well, 4 ms each."""

SURE = 0.8
"""A recogniser that is less confident has often heard other words than were said."""

Context = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found; ``text`` is the whole of it, ``says`` what was written to be said of it, ``features``
    what its score is made of where it was searched for."""

    citation: Citation
    text: str
    says: tuple[str, ...] = ()
    features: Features | None = None

    @property
    def score(self) -> float:
        """How likely it answers, 0 to 1."""
        return self.citation.score

    @property
    def whole(self) -> str:
        """All that is known of it: title, headings, text, what is said."""
        return "\n".join((self.citation.title, *self.citation.heading, self.text, *self.says))


class KnowledgeBase:
    """One collection. Any number of greenlets may ask at once."""

    def __init__(self, collection: str, options: KnowledgeOptions, embedder: Embedder | None) -> None:
        """Use ``open``, which loads."""
        self.collection = collection
        self.options = options
        self.embedder = embedder
        self.folder = folder_of(collection)
        self._store = Store(self.folder)
        self._loading = False
        self._searcher, self.why_keywords, self._stamp = self._load()

    @classmethod
    def open(cls, collection: str | None = None, options: KnowledgeOptions | None = None,
             embedder: Embedder | None = None) -> KnowledgeBase:
        """Load a collection (default: that of the options), with the local embedding model where it is installed.

        Takes about 0.2 s, in the hub's thread pool. Raises ``CollectionMissing``, ``KnowledgeError``.
        """
        options = options or KnowledgeOptions()

        def load() -> KnowledgeBase:
            model = embedder or choose.embedder(options)
            return cls(collection or options.collection, options, model)

        return off_hub(load)

    @property
    def size(self) -> tuple[int, int]:
        """Documents and passages."""

        def count() -> tuple[int, int]:
            with self._store.view() as view:
                return view.size()

        return off_hub(count)

    @property
    def by_meaning(self) -> bool:
        """Whether vectors are searched; otherwise keywords alone, and ``why_keywords`` says why."""
        return self._searcher.by_meaning

    def search(self, query: str, k: int = 5, *, scope: Scope = ANY, context: Context = (),
               confidence: float = -1.0, alternatives: Sequence[str] = (), mode: Mode = "hybrid") -> list[Hit]:
        """The ``k`` passages that fit best, best first, none that repeats another. ``context`` is what was said
        before, as for ``answer``: "and on Sunday?" is understood by it; ``confidence`` and
        ``alternatives`` are as for ``answer``.
        ``mode``: by one list alone, to compare."""
        self._notice()
        others = [_tidy(text) for text in alternatives[:ALTERNATIVES]]
        ranked = self._searcher.rank([resolve(_tidy(query), context), *others], scope, sure=_sure(confidence))
        rankings: list[Sequence[Candidate]] = [
            one.candidates if mode == "hybrid" else alone(one.candidates, mode) for one in ranked]
        best = pool(rankings) if others else rankings[0]
        return [Hit(cite(one), one.passage.text, one.passage.says, one.features) for one in best[:k]]

    def known_documents(self) -> set[str]:
        """The ids of all documents."""

        def read() -> set[str]:
            with self._store.view() as view:
                return {entry.id for entry in view.all_documents()}

        return off_hub(read)

    def passage(self, chunk_id: str) -> Hit | None:
        """The passage of that id, with score 1; None where the collection has none."""
        self._notice()

        def find() -> Hit | None:
            passage = self._searcher.source.passage(chunk_id)
            return Hit(cited(passage, 1.0), passage.text, passage.says) if passage else None

        return off_hub(find)

    def answer(self, question: str, *, spoken: bool, context: Context = (), confidence: float = -1.0,
               alternatives: Sequence[str] = (), phrases: Phrases = ENGLISH, scope: Scope = ANY) -> Answer:
        """What to say. ``spoken``: the question was recognised, with ``confidence`` (0..1; -1: not known) and maybe as
        one of ``alternatives``, and the answer will be said aloud. ``context`` is what was said and heard before,
        oldest first, ``(who, text)``, who ``user`` or ``agent``: "yes" after an offer, "the second" after a question
        back and "and for children?" are understood by it. ``phrases``: what is said around the answer, in the words of
        the agent. Takes 10 to 20 ms, and 5 for each alternative, not of the hub's."""
        self._notice()
        gate = gate_for(self.options, spoken=spoken)
        manner = Manner(phrases, spoken, self.options.offer_more)
        question, others = _tidy(question), [_tidy(text) for text in alternatives[:ALTERNATIVES]]
        searcher = self._searcher
        refers = follow_up(question, context, phrases)
        told = reply_to(question, refers, searcher, gate, manner, scope) if refers else None
        if told is not None:
            return told
        resolved = resolve(question, context)
        ranked = searcher.rank([resolved, *others], scope, sure=_sure(confidence))
        first = ranked[0]
        candidates: Sequence[Candidate] = first.candidates
        if candidates and others and searcher.by_meaning:
            candidates = pool([one.candidates for one in ranked])
        answer = off_hub(decide, candidates, first.slots, gate, replace(manner, wants=first.wants))
        return answer if resolved == question else replace(answer, question=resolved)

    def language_material(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Sentences and utterances of the collection, for a recogniser's language model."""

        def read() -> tuple[tuple[str, ...], tuple[str, ...]]:
            with self._store.view() as view:
                sentences = dict.fromkeys([*view.sentences(), *view.titles()])
                return tuple(sentences), tuple(dict.fromkeys(view.utterances()))

        return off_hub(read)

    def reload(self) -> bool:
        """Load again if the collection was ingested since; whether it was. On a fault the old state goes on serving."""
        if self._loading or index.stamp(self.folder) == self._stamp:
            return False
        self._loading = True
        stamp = index.stamp(self.folder)
        try:
            self._searcher, self.why_keywords, self._stamp = off_hub(self._load)
        except KnowledgeError as fault:
            log.error("collection '%s' changed but cannot be loaded, the old state goes on serving: %s",
                      self.collection, fault)
            self._stamp = stamp  # not again before it changes again
            return False
        finally:
            self._loading = False
        return True

    def _notice(self) -> None:
        """One greenlet loads a change; others go on with the old state meanwhile."""
        if not self._loading and index.stamp(self.folder) != self._stamp:
            self.reload()

    def _load(self) -> tuple[Searcher, str, tuple[int, int]]:
        """The collection now, why it has keywords only ("" if it has vectors), and the manifest's stamp before it was
        read: what changes meanwhile is noticed next time."""
        stamp = index.stamp(self.folder)
        with self._store.view() as view:
            if not view.size()[0]:
                raise CollectionMissing(f"collection '{self.collection}' is empty. Fill it with: trunkline ingest PATH "
                                        f"--collection {self.collection}")
        found, why = self._index()
        embedder = self.embedder if found else None
        source = LocalSource(self._store, embedder.name if embedder else "", found)
        return Searcher(source, embedder, glossary_of(self.folder)), why, stamp

    def _index(self) -> tuple[index.VectorIndex | None, str]:
        """The vectors of the collection, or why they cannot be searched."""
        if self.embedder is None:
            return None, ("the embedding model is not installed (trunkline models install minilm)"
                          if self.options.embedding == "auto" else "knowledge.embedding is none")
        model = Model(self.embedder.name, self.embedder.dim)
        with self._store.view() as view:
            lacking, stored = view.lacking(model.name), view.model
        if stored is not None and stored != model:
            return None, (f"its vectors are of {stored.name} ({stored.dim} dimensions), the model is {model.name} "
                          f"({model.dim}): ingest with --reembed")
        found = index.load(self._store, model)
        return found, "" if found else f"{lacking} passages have no vectors of {model.name} yet: ingest again"


def _sure(confidence: float) -> bool:
    """Whether the words are those that were asked: typed ones are, and what a recogniser is sure of."""
    return confidence < 0 or confidence >= SURE


def _tidy(question: object) -> str:
    return " ".join(str(question)[:MAX_QUESTION].split())
