"""The knowledge base as calls use it: open a collection, search, answer. Shared by all calls of a process.

A collection is read on demand; its index is swapped in whole when it was ingested again. Embedding and search run in
the hub's thread pool, one hop a question.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.config import KnowledgeOptions
from engine.errors import ProviderFault
from engine.knowledge import index
from engine.knowledge.answer import (
    Answer,
    Citation,
    Gate,
    Manner,
    cite,
    cited,
    decide,
    gate_for,
    names_of,
    tell,
)
from engine.knowledge.embedding import choose
from engine.knowledge.embedding.interface import Embedder
from engine.knowledge.errors import CollectionMissing, KnowledgeError
from engine.knowledge.followup import FollowUp, follow_up, named
from engine.knowledge.found import Floats
from engine.knowledge.ingest import folder_of
from engine.knowledge.lexical import Slot
from engine.knowledge.offhub import off_hub
from engine.knowledge.phrases import ENGLISH, Phrases
from engine.knowledge.prepared import Asking, make_ready, resolve
from engine.knowledge.relevance import Regime
from engine.knowledge.scope import ANY, Scope
from engine.knowledge.search import Candidate, Mode, alone, pool, rank
from engine.knowledge.source import Asked, LocalSource, Source
from engine.knowledge.store import Model, Store

log = logging.getLogger(__name__)

MAX_QUESTION = 1000
"""Characters of a question that are looked at; longer ones are cut."""

ALTERNATIVES = 5
"""What the recogniser may have heard instead: so many are searched as well, 4 ms each."""

RECENT = 512
"""Rankings that are kept: partial transcripts of a turn repeat themselves, and end in the final one."""

Context = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found; ``text`` is the whole of it, ``says`` what was written to be said of it."""

    citation: Citation
    text: str
    says: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        """How likely it answers, 0 to 1."""
        return self.citation.score

    @property
    def whole(self) -> str:
        """All that is known of it: title, headings, text, what is said."""
        return "\n".join((self.citation.title, *self.citation.heading, self.text, *self.says))


@dataclass(frozen=True, slots=True)
class _Ranked:
    """What one question led to."""

    candidates: tuple[Candidate, ...]
    slots: tuple[Slot, ...]
    wants: str


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
        self._recent: OrderedDict[tuple[object, ...], _Ranked] = OrderedDict()
        self._source, self.by_meaning, self.why_keywords, self._stamp = self._load()

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

    def search(self, query: str, k: int = 5, *, scope: Scope = ANY, context: Context = (),
               alternatives: Sequence[str] = (), mode: Mode = "hybrid") -> list[Hit]:
        """The ``k`` passages that fit best, best first, none that repeats another. ``context`` is what was said
        before, as for ``answer``: "and on Sunday?" is understood by it; ``alternatives`` are what was maybe heard.
        ``mode``: by one list alone, to compare."""
        self._notice()
        others = tuple(_tidy(text) for text in alternatives[:ALTERNATIVES])

        def find() -> list[Hit]:
            rankings: list[Sequence[Candidate]] = [
                self._rank(text, scope).candidates for text in (resolve(_tidy(query), tuple(context)), *others)]
            if mode != "hybrid":
                rankings = [alone(ranking, mode) for ranking in rankings]
            best = pool(rankings) if others else rankings[0]
            return [Hit(cite(one), one.passage.text, one.passage.says) for one in best[:k]]

        return off_hub(find)

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
            passage = self._source.passage(chunk_id)
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
        gate = gate_for(self.options, spoken=spoken, confidence=confidence)
        manner = Manner(phrases, spoken, self.options.offer_more)
        others = tuple(_tidy(text) for text in alternatives[:ALTERNATIVES])
        return off_hub(self._answer, _tidy(question), tuple(context), gate, manner, others, scope)

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
            self._source, self.by_meaning, self.why_keywords, self._stamp = off_hub(self._load)
            self._recent.clear()
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

    def _load(self) -> tuple[Source, bool, str, tuple[int, int]]:
        """The collection now, whether it has vectors, why not, and the manifest's stamp before it was read: what
        changes meanwhile is noticed next time."""
        stamp = index.stamp(self.folder)
        with self._store.view() as view:
            if not view.size()[0]:
                raise CollectionMissing(f"collection '{self.collection}' is empty. Fill it with: trunkline ingest PATH "
                                        f"--collection {self.collection}")
        if self.embedder is None:
            why = ("the embedding model is not installed (trunkline models install minilm)"
                   if self.options.embedding == "auto" else "knowledge.embedding is none")
            return LocalSource(self._store, "", None), False, why, stamp
        model = Model(self.embedder.name, self.embedder.dim)
        with self._store.view() as view:
            lacking, stored = view.lacking(model.name), view.model
        if stored is not None and stored != model:
            why = (f"its vectors are of {stored.name} ({stored.dim} dimensions), the model is {model.name} "
                   f"({model.dim}): ingest with --reembed")
            return LocalSource(self._store, "", None), False, why, stamp
        found = index.load(self._store, model)
        why = "" if found else f"{lacking} passages have no vectors of {model.name} yet: ingest again"
        return LocalSource(self._store, model.name, found), found is not None, why, stamp

    # ------------------------------------------------------------ in the thread pool

    def _rank(self, text: str, scope: Scope = ANY, language: str = "") -> _Ranked:
        question = make_ready(text, language)
        key = (tuple(piece.stem for piece in question.pieces), question.wants, question.language, scope)
        kept = self._recent.get(key)
        if kept is None:
            vector, regime = self._vector(question)
            asked = Asked(question.text, question.language, question.pieces, vector)
            found, slots = self._source.gather(asked, scope)
            kept = _Ranked(tuple(rank(found, slots, regime)), tuple(slots), question.wants)
            self._recent[key] = kept
            while len(self._recent) > RECENT:
                self._recent.popitem(last=False)
        return kept

    def _vector(self, question: Asking) -> tuple[Floats | None, Regime]:
        """The question's vector, and what it is worth. A model that does not answer costs the meaning, not the call."""
        if not self.by_meaning or self.embedder is None or not question.text:
            return None, "words"
        try:
            vector = self.embedder.encode([question.text])[0]
        except ProviderFault as fault:
            log.warning("collection '%s' is searched by keywords alone: %s", self.collection, fault)
            return None, "words"
        return vector, regime_of(self.embedder, question)

    def _answer(self, question: str, context: tuple[tuple[str, str], ...], gate: Gate, manner: Manner,
                others: Sequence[str], scope: Scope) -> Answer:
        refers = follow_up(question, context, manner.phrases)
        if refers is not None:
            told = self._resolve(question, refers, gate, manner, scope)
            if told is not None:
                return told
        resolved = resolve(question, context)
        ranked = self._rank(resolved, scope)
        candidates: Sequence[Candidate] = ranked.candidates
        if candidates and others and self.by_meaning:
            candidates = pool([candidates, *(self._rank(other, scope).candidates for other in others)])
        answer = decide(candidates, ranked.slots, gate, replace(manner, wants=ranked.wants))
        return answer if resolved == question else replace(answer, question=resolved)

    def _resolve(self, reply: str, refers: FollowUp, gate: Gate, manner: Manner, scope: Scope) -> Answer | None:
        """The answer to a reply that goes back to an earlier question; ``None``: it is a question of its own."""
        ranked = self._rank(_tidy(refers.question), scope)
        if not ranked.candidates:
            return None
        manner = replace(manner, wants=ranked.wants)
        pair = _pair(ranked.candidates)
        names = names_of(ranked.candidates)
        score = ranked.candidates[0].score
        if refers.kind == "no_more":
            return Answer("answer", manner.phrases.declined, (), score, "the caller wants no more", names)
        if refers.kind == "neither":
            return Answer("unknown", manner.phrases.unknown, (), score, "the caller meant neither", names)
        if refers.kind == "more":
            told = tell(ranked.candidates[0], ranked.slots, gate, replace(manner, offer=False), names,
                        "the caller wants more")
            return replace(told, text=told.more or told.text, more="")
        if refers.kind in ("first", "second"):
            best = pair[0 if refers.kind == "first" else -1]
            return tell(best, ranked.slots, gate, manner, names, f"the caller chose the {refers.kind}")
        return self._named(reply, refers, pair, gate, manner, scope)

    def _named(self, reply: str, refers: FollowUp, pair: Sequence[Candidate], gate: Gate, manner: Manner, scope: Scope
               ) -> Answer | None:
        """The one of the two that the reply means, judged by title, else by what is nearest; ``None``: something
        else."""
        documents = [candidate.passage.document for candidate in pair]
        place = named(reply, [candidate.passage.title for candidate in pair]) if len(pair) == 2 else None
        if place is None:
            own = self._rank(reply, scope).candidates
            if not own or (own[0].passage.document not in documents and own[0].score >= gate.score):
                return None
            nearer = next((one for one in own if one.passage.document in documents), None)
            if nearer is None:
                return None
            place = documents.index(nearer.passage.document)
        both = self._rank(f"{reply}. {_tidy(refers.question)}", scope)
        best = next((one for one in both.candidates if one.passage.document == documents[place]), pair[place])
        return tell(best, both.slots, gate, replace(manner, wants=both.wants), names_of(both.candidates),
                    "the caller named it")


def regime_of(embedder: Embedder, question: Asking) -> Regime:
    """What the model's vectors are worth for this question."""
    languages: frozenset[str] = getattr(embedder, "languages", frozenset())
    if not languages or (question.language or "en") in languages and not question.romanised:
        return "known"
    return "latin" if question.language == "fr" else "other"


def _pair(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The best two documents, as a question back names them."""
    first = candidates[0]
    other = next((one for one in candidates[1:] if one.passage.title != first.passage.title), None)
    return [first, other] if other else [first]


def _tidy(question: object) -> str:
    return " ".join(str(question)[:MAX_QUESTION].split())
