"""The knowledge base as calls use it: open a collection, search, answer. Shared by all calls of a process.

A collection is read on demand; its index is swapped in whole when it was ingested again. Embedding and search run in
the hub's thread pool, one hop a question.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import islice

import numpy as np

from engine.config import KnowledgeOptions
from engine.config.providers import Provider
from engine.config.vectorstores import VectorStoreOptions
from engine.errors import ProviderFault
from engine.knowledge.answers import answering
from engine.knowledge.answers.answer import Answer
from engine.knowledge.answers.answering import Context, Hit
from engine.knowledge.answers.phrases import ENGLISH, Phrases
from engine.knowledge.collections import folder_of
from engine.knowledge.embedding import choose
from engine.knowledge.embedding.glossed import Glossed
from engine.knowledge.embedding.interface import Embedder
from engine.knowledge.errors import CollectionMissing, KnowledgeError
from engine.knowledge.scope import ANY, Scope
from engine.knowledge.search.ranking import Candidate, Mode
from engine.knowledge.search.remote import RemoteSource
from engine.knowledge.search.rerank import Reranker
from engine.knowledge.search.searcher import Ranked, Searcher
from engine.knowledge.search.source import LocalSource, Source
from engine.knowledge.store import Model, Store, index
from engine.knowledge.vectorstores.interface import VectorStore
from engine.knowledge.vectorstores.local import passages_of
from engine.knowledge.words import glossary
from engine.offhub import off_hub

__all__ = ["Hit", "KnowledgeBase"]

log = logging.getLogger(__name__)

HEARD_PASSAGES = 2000
"""Passages of another machine's collection whose words a recogniser is told."""

LOCAL = "local"

Stamp = tuple[tuple[int, int], tuple[int, int]]
"""Of the index, and of the glossary."""


class KnowledgeBase:
    """One collection, a ``Ranker``. Any number of greenlets may ask at once."""

    def __init__(self, collection: str, options: KnowledgeOptions, embedder: Embedder | None,
                 reranker: Reranker | None = None, remote: VectorStore | None = None,
                 today: Callable[[], date] = date.today) -> None:
        """Use ``open``, which loads. ``remote``: where the passages are, if not on this machine."""
        self.collection = collection
        self.options = options
        self.embedder = embedder
        self.folder = folder_of(collection)
        self._reranker = reranker
        self._remote = remote
        self._today = today
        self._store = Store(self.folder)
        self._loading = False
        if remote is not None:
            self._look_at(remote)
        self._searcher, self.why_keywords, self._stamp = off_hub(self._load)

    @classmethod
    def open(cls, collection: str | None = None, options: KnowledgeOptions | None = None,
             embedder: Embedder | None = None, providers: Mapping[str, Provider] | None = None,
             stores: Mapping[str, VectorStoreOptions] | None = None, *, today: Callable[[], date] = date.today
             ) -> KnowledgeBase:
        """Load a collection (default: that of the options), with the embedding model that the options name (by default
        the local one, where it is installed). ``providers`` and ``stores`` are those of the configuration
        (``providers:``, ``vector_stores:``); ``today``: the date on which documents must hold.

        Takes about 0.2 s, in the hub's thread pool. Raises ``CollectionMissing``, ``KnowledgeError``, what
        ``choose.embedder`` raises, and ``ProviderFault`` of a vector store when this machine has no copy.
        """
        options = options or KnowledgeOptions()
        name = collection or options.collection
        model = embedder or off_hub(choose.embedder, options, providers)
        remote = _opened(options.store, stores or {}, name)
        return cls(name, options, model, off_hub(choose.reranker, options), remote, today)

    @property
    def size(self) -> tuple[int, int]:
        """Documents and passages; of a vector store without a copy on this machine, 0 documents."""
        if self._remote is not None and not self._store.exists():
            return 0, self._remote.count()

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
        return answering.hits(self, query, k, scope=scope, context=context, confidence=confidence,
                              alternatives=alternatives, mode=mode)

    def known_documents(self) -> set[str]:
        """The ids of all documents."""

        if self._remote is not None and not self._store.exists():
            return {str(point.payload.get("document") or "") for point in self._remote.scan()}

        def read() -> set[str]:
            with self._store.view() as view:
                return {entry.id for entry in view.all_documents()}

        return off_hub(read)

    def passage(self, chunk_id: str) -> Hit | None:
        """The passage of that id, with score 1; None where the collection has none."""
        self._notice()
        found = self._searcher.source.passage(chunk_id)
        return answering.hit_of(found) if found else None

    def answer(self, question: str, *, spoken: bool, context: Context = (), confidence: float = -1.0,
               alternatives: Sequence[str] = (), phrases: Phrases = ENGLISH, scope: Scope = ANY) -> Answer:
        """What to say. ``spoken``: the question was recognised, with ``confidence`` (0..1; -1: not known) and maybe as
        one of ``alternatives``, and the answer will be said aloud. ``context`` is what was said and heard before,
        oldest first, ``(who, text)``, who ``user`` or ``agent``: "yes" after an offer, "the second" after a question
        back and "and for children?" are understood by it. ``phrases``: what is said around the answer, in the words of
        the agent. Takes 10 to 20 ms, and 5 for each alternative, not of the hub's."""
        return answering.answer(self, self.options, question, spoken=spoken, context=context, confidence=confidence,
                                alternatives=alternatives, phrases=phrases, scope=scope)

    def rank(self, texts: Sequence[str], scope: Scope = ANY, *, sure: bool = True) -> list[Ranked]:
        """See ``Ranker``. Only what the options allow is found, and only what holds today."""
        self._notice()
        return self._searcher.rank(texts, self._within(scope), sure=sure)

    def reranked(self, question: str, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """See ``Ranker``."""
        return self._searcher.reranked(question, candidates)

    def language_material(self, language: str = "") -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Sentences and utterances of the collection, for a recogniser's language model; only those of passages in
        ``language``, if one is given, and of those whose language is not known."""
        if self._remote is not None and not self._store.exists():
            return self._heard_remotely(self._remote, language)

        def read() -> tuple[tuple[str, ...], tuple[str, ...]]:
            with self._store.view() as view:
                sentences = dict.fromkeys([*view.sentences(language=language), *view.titles(language=language)])
                return tuple(sentences), tuple(dict.fromkeys(view.utterances(language=language)))

        return off_hub(read)

    def _heard_remotely(self, remote: VectorStore, language: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        try:
            points = list(islice(remote.scan(), HEARD_PASSAGES))
        except ProviderFault as fault:
            log.warning("the recogniser does not know the words of collection '%s': %s", self.collection, fault)
            return (), ()

        def read() -> tuple[tuple[str, ...], tuple[str, ...]]:
            found = [one for one in passages_of(points) if not language or one[0].language in ("", language)]
            sentences = dict.fromkeys(text for one, _ in found for text in (*one.sentences, one.title))
            return tuple(sentences), tuple(dict.fromkeys(text for _, questions in found for text in questions))

        return off_hub(read)

    def reload(self) -> bool:
        """Load again if the collection was ingested since; whether it was. On a fault the old state goes on serving."""
        if self._loading or self._stamp_now() == self._stamp:
            return False
        self._loading = True
        stamp = self._stamp_now()
        try:
            self._searcher, self.why_keywords, self._stamp = off_hub(self._load)
        except KnowledgeError as fault:
            log.error("collection '%s' changed but cannot be loaded, the old state goes on serving: %s",
                      self.collection, fault)
            self._stamp = stamp  # not again before it changes again
            return False
        finally:
            self._loading = False
        gc.freeze()  # a full collection over a new index's objects would stop every call
        return True

    def _notice(self) -> None:
        """One greenlet loads a change; others go on with the old state meanwhile."""
        if not self._loading and self._stamp_now() != self._stamp:
            self.reload()

    def _within(self, scope: Scope) -> Scope:
        """``scope``, within what the options allow, on a day."""
        return Scope(_both(scope.tags, frozenset(self.options.tags), ""),
                     _both(scope.languages, frozenset(self.options.languages), "zxx"),
                     scope.on or self._today().isoformat())

    def _stamp_now(self) -> Stamp:
        return index.stamp(self.folder), glossary.stamp(self.folder)

    def _look_at(self, remote: VectorStore) -> None:
        """Whether it can be asked at all. A server that is down is waited for, where this machine has a copy."""
        if self.embedder is None and not remote.finds_words:
            raise KnowledgeError(f"{remote.name} finds by vectors alone, so knowledge.embedding must name a model")
        probe = np.zeros(self.embedder.dim, np.float32) if self.embedder else None
        if probe is not None:
            probe[0] = 1
        try:
            remote.query(probe, "" if probe is not None else "test", 1)
        except ProviderFault as fault:
            if not self._store.exists():
                raise
            log.warning("collection '%s' is answered from its copy on this machine: %s", self.collection, fault)

    def _load(self) -> tuple[Searcher, str, Stamp]:
        """The collection now, why it has keywords only ("" if it has vectors), and the stamp before it was read: what
        changes meanwhile is noticed next time."""
        stamp = self._stamp_now()
        source, embedder, why = self._local() if self._remote is None else self._remotely(self._remote)
        return Searcher(source, embedder, glossary.glossary_of(self.folder), self._reranker,
                        self.options.rerank_timeout_ms / 1000), why, stamp

    def _local(self) -> tuple[Source, Embedder | None, str]:
        with self._store.view() as view:
            if not view.size()[0]:
                raise CollectionMissing(f"collection '{self.collection}' is empty. Fill it with: trunkline ingest PATH "
                                        f"--collection {self.collection}")
        embedder, found, why = self._index()
        return LocalSource(self._store, embedder.name if embedder else "", found), embedder, why

    def _remotely(self, remote: VectorStore) -> tuple[Source, Embedder | None, str]:
        model = self.embedder.name if self.embedder else ""
        copy = LocalSource(self._store, model, None) if self._store.exists() else None
        return RemoteSource(remote, copy), self.embedder, "" if self.embedder else "knowledge.embedding is none"

    def _index(self) -> tuple[Embedder | None, index.VectorIndex | None, str]:
        """The model to ask with and the vectors of the collection, or why they cannot be searched."""
        embedder = self.embedder
        if embedder is None:
            return None, None, ("the embedding model is not installed (trunkline models install minilm)"
                                if self.options.embedding == "auto" else "knowledge.embedding is none")
        with self._store.view() as view:
            stored = view.model
            if isinstance(embedder, Glossed) and stored is not None and stored.name == embedder.plain.name:
                embedder = embedder.plain  # made before there was a gloss: it answers as it did
                log.warning("collection '%s' has vectors of %s; other languages than English are found better after: "
                            "trunkline ingest PATH --collection %s", self.collection, stored.name, self.collection)
            lacking = view.lacking(embedder.name)
        model = Model(embedder.name, embedder.dim)
        if stored is not None and stored != model:
            again = "ingest again" if choose.only_newer(embedder, stored.name) else "ingest with --reembed"
            return None, None, (f"its vectors are of {stored.name} ({stored.dim} dimensions), the model is "
                                f"{model.name} ({model.dim}): {again}")
        found = index.load(self._store, model)
        return (embedder, found, "") if found else (
            None, None, f"{lacking} passages have no vectors of {model.name} yet: ingest again")


def _opened(name: str, stores: Mapping[str, VectorStoreOptions], collection: str) -> VectorStore | None:
    """The vector store that ``knowledge.store`` names; ``None``: the collection on this machine."""
    if name == LOCAL:
        return None
    folder_of(collection)  # a name that is none is told before anything is asked
    if name not in stores:
        raise KnowledgeError(f"knowledge.store: there is no '{name}' under vector_stores; there are: "
                             f"{', '.join(stores) or 'none'}, and 'local'")
    from engine.knowledge.vectorstores.setup import open_store

    return open_store(stores[name], collection, name=name)


def _both(one: frozenset[str], other: frozenset[str], none: str) -> frozenset[str]:
    """What both allow; ``none``, which nothing has, where they have nothing in common."""
    return (one & other or frozenset({none})) if one and other else one | other
