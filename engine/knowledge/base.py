"""The knowledge base as calls use it: open a collection, search, answer. Shared by all calls of a process.

The collection is one immutable ``Snapshot``; ingesting makes a new one, and it is swapped in whole. Embedding and
search run in the hub's thread pool, one hop a question.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.config import KnowledgeOptions
from engine.knowledge import index
from engine.knowledge.answer import DECLINED, SNIPPET, UNKNOWN, Answer, Citation, Gate, cite, decide, gate_for, tell
from engine.knowledge.embedding import choose
from engine.knowledge.embedding.interface import Embedder
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.followup import FollowUp, follow_up, named
from engine.knowledge.ingest import folder_of
from engine.knowledge.offhub import off_hub
from engine.knowledge.search import Candidate, Snapshot, pool
from engine.knowledge.store import Store

log = logging.getLogger(__name__)

MAX_QUESTION = 1000
"""Characters of a question that are looked at; longer ones are cut."""

ALTERNATIVES = 5
"""What the recogniser may have heard instead: so many are searched as well, 4 ms each."""

RECENT = 512
"""Questions whose vectors are kept: partial transcripts of a turn repeat themselves."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found; ``text`` is the whole of it."""

    citation: Citation
    text: str

    @property
    def score(self) -> float:
        """How near it is, 0 to 1."""
        return self.citation.score


class KnowledgeBase:
    """One collection. Any number of greenlets may ask at once."""

    def __init__(self, collection: str, options: KnowledgeOptions, embedder: Embedder | None) -> None:
        """Use ``open``, which loads."""
        self.collection = collection
        self.options = options
        self.embedder = embedder
        self.folder = folder_of(collection)
        self._loading = False
        self._vector = lru_cache(maxsize=RECENT)(self._encode)
        self._snapshot, self.why_keywords, self._stamp = self._load()

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
    def by_meaning(self) -> bool:
        """Whether vectors are searched; otherwise keywords alone, and ``why_keywords`` says why."""
        return self._snapshot.index is not None

    @property
    def size(self) -> tuple[int, int]:
        """Documents and passages."""
        return len(self._snapshot.documents), len(self._snapshot.chunks)

    def search(self, query: str, k: int = 5) -> list[Hit]:
        """The best passage of each of the ``k`` nearest documents, best first."""
        self._notice()
        return off_hub(self._search, self._snapshot, _tidy(query), k)

    def passage(self, chunk_id: str) -> Hit | None:
        """The passage of that id, with score 1; None where the collection has none."""
        self._notice()
        return off_hub(_passage, self._snapshot, chunk_id)

    def answer(self, question: str, *, spoken: bool, context: Sequence[tuple[str, str]] = (),
               confidence: float = -1.0, alternatives: Sequence[str] = ()) -> Answer:
        """What to say. ``spoken``: the question was recognised, with ``confidence`` (0..1; -1: not known) and maybe as
        one of ``alternatives``, and the answer will be said aloud. ``context`` is what was said and heard before,
        oldest first, ``(who, text)``, who ``user`` or ``agent``: "yes" after an offer and "the second" after a question
        back are understood by it. Takes 10 to 20 ms, and 4 for each alternative, not of the hub's."""
        self._notice()
        gate = gate_for(self.options, spoken=spoken, meaning=self.by_meaning, confidence=confidence)
        others = tuple(_tidy(text) for text in alternatives[:ALTERNATIVES])
        return off_hub(self._answer, self._snapshot, _tidy(question), spoken, tuple(context), gate, others)

    def language_material(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Sentences and utterances of the collection, for a recogniser's language model."""
        snapshot = self._snapshot
        titles = tuple(entry.title for entry in snapshot.documents)
        return tuple(dict.fromkeys(snapshot.sentences + titles)), tuple(dict.fromkeys(snapshot.utterances))

    def reload(self) -> bool:
        """Load again if the collection was ingested since; whether it was. On a fault the old state goes on serving."""
        if self._loading or index.stamp(self.folder) == self._stamp:
            return False
        self._loading = True
        try:
            stamp = index.stamp(self.folder)
            self._snapshot, self.why_keywords, self._stamp = off_hub(self._load)
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

    def _load(self) -> tuple[Snapshot, str, tuple[int, int]]:
        """The collection now, why it has keywords only ("" if it has vectors), and the manifest's stamp before it was
        read: what changes meanwhile is noticed next time."""
        stamp = index.stamp(self.folder)
        store, embedder = Store(self.folder), self.embedder
        if embedder is None:
            why = ("the embedding model is not installed (trunkline models install minilm)"
                   if self.options.embedding == "auto" else "knowledge.embedding is none")
            return Snapshot(store.load(None), None), why, stamp
        content = store.load(embedder.name, embedder.dim)
        if content.vectors is None:
            why = f"{content.missing} texts have no vectors of {embedder.name} yet: ingest again"
            return Snapshot(content, None), why, stamp
        found = index.read(self.folder, content.generation, embedder.name, *content.vectors.shape)
        return Snapshot(content, found or index.VectorIndex.of(content.vectors)), "", stamp

    # ------------------------------------------------------------ in the thread pool

    def _encode(self, text: str) -> npt.NDArray[np.float32]:
        assert self.embedder is not None
        vector: npt.NDArray[np.float32] = self.embedder.encode([text])[0]
        return vector

    def _rank(self, snapshot: Snapshot, question: str, spoken: bool, only: Sequence[int] | None = None
              ) -> list[Candidate]:
        if not question:
            return []
        vector = self._vector(question) if snapshot.index is not None else None
        return snapshot.rank(question, vector, 0.0 if spoken else self.options.words_weight, only)

    def _search(self, snapshot: Snapshot, query: str, k: int) -> list[Hit]:
        ranked = self._rank(snapshot, query, spoken=False)[:k]
        return [Hit(cite(snapshot, candidate), snapshot.chunks[candidate.chunk].text) for candidate in ranked]

    def _answer(self, snapshot: Snapshot, question: str, spoken: bool, context: tuple[tuple[str, str], ...],
                gate: Gate, others: Sequence[str]) -> Answer:
        refers = follow_up(question, context)
        if refers is not None and (resolved := self._resolve(snapshot, question, refers, spoken, gate)) is not None:
            return resolved
        ranked = self._rank(snapshot, question, spoken)
        if ranked and others and snapshot.index is not None:
            ranked = pool([ranked, *(self._rank(snapshot, other, spoken) for other in others)])
        return decide(ranked, snapshot, gate, spoken=spoken, offer=self.options.offer_more)

    def _resolve(self, snapshot: Snapshot, reply: str, refers: FollowUp, spoken: bool, gate: Gate) -> Answer | None:
        """The answer to a reply that goes back to an earlier question; ``None``: it is a question of its own."""
        ranked = self._rank(snapshot, _tidy(refers.question), spoken)
        if not ranked:
            return None
        names = tuple((snapshot.documents[candidate.document].id, candidate.score) for candidate in ranked[:3])
        if refers.kind == "no_more":
            return Answer("answer", DECLINED, (), ranked[0].score, "the caller wants no more", names)
        if refers.kind == "neither":
            return Answer("unknown", UNKNOWN, (), ranked[0].score, "the caller meant neither", names)
        if refers.kind == "more":
            told = tell(ranked[0], snapshot, gate, names, spoken=spoken, offer=False, why="the caller wants more")
            return Answer("answer", told.more or told.text, told.citations, told.score, told.why, names)
        if refers.kind in ("first", "second"):
            best = ranked[0 if refers.kind == "first" else min(1, len(ranked) - 1)]
            why = f"the caller chose the {refers.kind}"
        else:
            chosen = self._named(snapshot, reply, refers, ranked[:2], gate.score, spoken)
            if chosen is None:
                return None
            best, why = chosen, "the caller named it"
        return tell(best, snapshot, gate, names, spoken=spoken, offer=self.options.offer_more, why=why)

    def _named(self, snapshot: Snapshot, reply: str, refers: FollowUp, pair: Sequence[Candidate], gate: float,
               spoken: bool) -> Candidate | None:
        """Which of the two the reply means, judged by title, else by what is nearest; ``None``: something else."""
        documents = [candidate.document for candidate in pair]
        place = named(reply, [snapshot.documents[number].title for number in documents]) if len(pair) == 2 else None
        if place is None:
            own = self._rank(snapshot, reply, spoken)
            if not own or (own[0].document not in documents and own[0].score >= gate):
                return None
            nearer = max(self._rank(snapshot, reply, spoken, documents), key=lambda candidate: candidate.score)
            place = documents.index(nearer.document)
        return self._rank(snapshot, f"{reply}. {_tidy(refers.question)}", spoken, [documents[place]])[0]


def _passage(snapshot: Snapshot, chunk_id: str) -> Hit | None:
    chunk = next((chunk for chunk in snapshot.chunks if chunk.id == chunk_id), None)
    if chunk is None:
        return None
    title = next((document.title for document in snapshot.documents if document.id == chunk.document), chunk.document)
    return Hit(Citation(chunk.id, chunk.document, title, chunk.heading, 1.0, chunk.text[:SNIPPET]), chunk.text)


def _tidy(question: Any) -> str:
    return " ".join(str(question)[:MAX_QUESTION].split())
