"""Where passages come from: the protocol, and the collection of this machine."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine.knowledge.scope import Scope
from engine.knowledge.search.found import Cosines, Floats, Found, Passage
from engine.knowledge.search.lexical import BY_STEM, Column, Near, Piece, Slot, keys, slots, weighed
from engine.knowledge.search.ranking import fuse
from engine.knowledge.search.vocabulary import NOTHING, Vocabulary
from engine.knowledge.store import Store
from engine.knowledge.store.index import PASSAGE, QUESTION, VectorIndex
from engine.knowledge.store.view import Chunk, Entry, View
from engine.offhub import off_hub

NEAREST_ROWS, BEST_WORDS, BEST_SOUNDS = 48, 32, 24
"""How many rows of vectors, passages by words and passages by sounds are fused."""

LOOKED_AT = 56
"""Passages that are scored in full: 50 µs each."""

MOST_KEPT = 2_000
"""Passages that are kept once they were read: 6 kB each."""

NARROW = 8
"""A scope may drop most of what is found; this many times as much is looked for then."""

MOST_KEYS = 120_000
"""Sounds of a collection among which near ones are looked for, the commonest first: 12 MB, 0.4 s to load."""

SOUNDS_SHARE = 0.7
"""What the list by sounds weighs in the fusion, beside 1 for words and for vectors."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, ready for a source. ``vector`` None: without meaning."""

    text: str
    pieces: tuple[Piece, ...]
    vector: Floats | None


Gathered = tuple[list[Found], list[Slot]]
"""The passages worth scoring for a question, and its words as the collection has them."""


class Source(Protocol):
    """Passages, wherever they are kept. Called in the hub; waits as a socket does, or for the hub's thread pool, and
    raises ``ProviderFault`` where a server is needed and fails."""

    @property
    def epoch(self) -> int:
        """What was found in another epoch may be out of date."""

    def gather(self, asked: Sequence[Asked], scope: Scope) -> list[Gathered]:
        """For each question, in order."""

    def passage(self, key: str) -> Passage | None:
        """The passage of that id."""


Counts = dict[tuple[Column, str], int]
"""In how many passages each key stands."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A passage as it was read."""

    chunk: Chunk
    entry: Entry
    passage: Passage
    words: frozenset[str]
    sounds: frozenset[str]

    def admitted(self, scope: Scope) -> bool:
        """Whether the scope allows it."""
        entry = self.entry
        return scope.admits(entry.tags, self.chunk.language, entry.valid_from, entry.valid_until)


class LocalSource:
    """The collection of a store, with its index. Belongs to no generation: what is gone is simply not found."""

    def __init__(self, store: Store, model: str, index: VectorIndex | None) -> None:
        """``model`` is that of the vectors; ``index`` None: keywords only."""
        self._store = store
        self._model = model
        self._index = index
        self._kept: dict[int, _Kept] = {}
        self._kept_at = -1
        self._vocabulary: Vocabulary | None = None
        self._reading = threading.Lock()
        self.epoch = 0  # whoever notices another generation makes another source

    def gather(self, asked: Sequence[Asked], scope: Scope) -> list[Gathered]:
        """See ``Source``. One hop to the pool for all questions."""
        return off_hub(self._gather_all, asked, scope)

    def passage(self, key: str) -> Passage | None:
        """See ``Source``."""
        return off_hub(self._passage, key)

    def _passage(self, key: str) -> Passage | None:
        with self._store.view() as view:
            chunk = view.chunk(key)
            return _passage(chunk, view.documents([chunk.document])[chunk.document]) if chunk else None

    def _gather_all(self, asked: Sequence[Asked], scope: Scope) -> list[Gathered]:
        return [self._gather(one, scope) for one in asked]

    def _gather(self, asked: Asked, scope: Scope) -> Gathered:
        with self._store.view() as view:
            wide = _wide(view, scope)
            words, counts = self._weighed(asked, view)
            unwritten = [slot for slot in words if not _is_written(slot, counts)]
            by_words = view.words(keys(words, "words"), BEST_WORDS * wide)
            by_sounds = view.sounds(keys(unwritten, "sounds"), BEST_SOUNDS * wide)
            by_meaning = self._nearest(asked, view, NEAREST_ROWS * wide)
            fused = fuse([(1.0, by_meaning), (1.0, [row for row, _ in by_words]),
                          (SOUNDS_SHARE, [row for row, _ in by_sounds])])
            kept = self._read(view, list(fused))
            rows = [row for row in fused if row in kept and kept[row].admitted(scope)][:LOOKED_AT]
            chunks = {row: kept[row].chunk for row in rows}
            near = _Vectors(view, self._model, asked.vector, rows, chunks) if asked.vector is not None else None
        top_words = max((score for _, score in by_words), default=0.0) or 1.0
        best = max((fused[row] for row in rows), default=0.0) or 1.0
        bm25 = {row: score / top_words for row, score in by_words}
        found = []
        for row in rows:
            own = kept[row]
            found.append(Found(own.passage, own.words, own.sounds, near.cosines(own.chunk) if near else None,
                               max(0.0, bm25.get(row, 0.0)), fused[row] / best))
        return found, words

    def _read(self, view: View, rows: Sequence[int]) -> dict[int, _Kept]:
        """The passages of these rows; those that have gone are left out. Rankings share them."""
        if view.generation != self._kept_at or len(self._kept) > MOST_KEPT:
            self._kept, self._kept_at = {}, view.generation
        known = self._kept
        missing = [row for row in rows if row not in known]
        if missing:
            chunks, analysed = view.chunks(missing), view.analysed(missing)
            entries = view.documents({chunk.document for chunk in chunks.values()})
            for row, chunk in chunks.items():
                entry = entries.get(chunk.document)
                if entry is not None:
                    words, heard = analysed.get(row, ("", ""))
                    known[row] = _Kept(chunk, entry, _passage(chunk, entry), frozenset(words.split()),
                                       frozenset(heard.split()))
        return {row: known[row] for row in rows if row in known}

    def _weighed(self, asked: Asked, view: View) -> tuple[list[Slot], Counts]:
        found = slots(asked.pieces, self._near(view))
        counts: Counts = {}
        for column in ("words", "sounds"):
            for key, count in view.frequencies(keys(found, column), column).items():
                counts[column, key] = count
        return weighed(found, counts, view.size()[1]), counts

    def _near(self, view: View) -> Near:
        """Loaded at the first question; another thread that asks meanwhile goes on without."""
        if self._vocabulary is None and self._reading.acquire(blocking=False):
            try:
                self._vocabulary = Vocabulary(view.keys("sounds", MOST_KEYS))
            finally:
                self._reading.release()
        return (self._vocabulary or NOTHING).near

    def _nearest(self, asked: Asked, view: View, count: int) -> list[int]:
        """Rows of chunks by vectors, best first. A question of a whole document leads to all its passages."""
        if asked.vector is None or self._index is None:
            return []
        hits = self._index.nearest(asked.vector, count)
        lines = view.asked([hit.row for hit in hits if hit.kind == QUESTION])
        rows: dict[int, None] = {}
        for hit in hits:
            if hit.kind == PASSAGE:
                rows.setdefault(hit.row)
            elif (line := lines.get(hit.row)) is not None:
                for row in [line.chunk] if line.chunk else [chunk.row for chunk in view.of_document(line.document)[:8]]:
                    rows.setdefault(row)
        return list(rows)


class _Vectors:
    """Vectors of some passages, held against a question's."""

    def __init__(self, view: View, model: str, asked: Floats, rows: Sequence[int], chunks: dict[int, Chunk]) -> None:
        documents = {chunks[row].document for row in rows}
        self._asked = asked
        self._wholes = view.passage_vectors(model, rows)
        self._statements = view.statement_vectors(model, rows)
        self._questions = view.question_vectors(model, rows)
        self._says = view.chunk_say_vectors(model, rows)
        self._utterances = view.utterance_vectors(model, documents)
        self._document_says = view.say_vectors(model, documents)

    def cosines(self, chunk: Chunk) -> Cosines | None:
        """None for a passage without vectors."""
        whole = self._wholes.get(chunk.row)
        if whole is None:
            return None
        statements = self._statements.get(chunk.row)
        says = [self._says.get(chunk.row), self._document_says.get(chunk.document)]
        return Cosines(
            float(whole @ self._asked),
            statements @ self._asked if statements is not None and len(statements) else _EMPTY,
            np.concatenate([vectors @ self._asked for vectors in says if vectors is not None] or [_EMPTY]),
            self._best(self._questions.get(chunk.row)), self._best(self._utterances.get(chunk.document)))

    def _best(self, vectors: Floats | None) -> float:
        return float((vectors @ self._asked).max(initial=0.0)) if vectors is not None else 0.0


_EMPTY = np.zeros(0, np.float32)


def _passage(chunk: Chunk, entry: Entry) -> Passage:
    return Passage(chunk.id, chunk.document, entry.title, entry.source, chunk.heading, chunk.page, chunk.language,
                   entry.tags, chunk.text, chunk.statements, tuple(filter(None, (chunk.say, entry.say))))


def _wide(view: View, scope: Scope) -> int:
    """How many times as much is looked for, because the scope may drop some of it."""
    if scope.tags or scope.languages:
        return NARROW
    if not scope.on:
        return 1
    dropped = view.not_holding(scope.on)
    return NARROW if dropped * 4 > view.size()[0] else 2 if dropped else 1


def _is_written(slot: Slot, counts: Counts) -> bool:
    """Whether the collection has the word as it was asked. Only others are looked for by their sound."""
    return any(way.column == "words" and way.weight == BY_STEM and counts.get(("words", way.key)) for way in slot.ways)
