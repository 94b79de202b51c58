"""Reading a collection: one generation of it, row by row, on demand. Nothing is loaded that is not asked for."""

import heapq
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from engine.knowledge.store.rows import QUESTION, SAY

Floats = npt.NDArray[np.float32]
Column = Literal["words", "sounds"]

MAX_TERMS = 64
"""Different terms of a question that are searched; the rest of a longer one is left out."""

MAX_POSTINGS = 8_000
"""Chunks that one search may score, about 20 ms. In a large collection the commonest terms of a question are left out
first: they say least. If the rarest alone stands in more chunks, so many of them are scored."""

ENOUGH_TERMS, ENOUGH_POSTINGS = 4, 2_000
"""When so many terms that are there at all have been taken, common ones are left out sooner."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A document. ``utterances``: questions that lead to the whole of it."""

    id: str
    source: str
    title: str
    tags: tuple[str, ...]
    say: str
    utterances: tuple[str, ...] = ()
    valid_from: str = ""
    valid_until: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage. ``row`` is never used again after the passage has gone; ``id`` is the same after it was ingested
    again unchanged. ``statements`` has at least one sentence."""

    row: int
    id: str
    document: str
    ordinal: int
    heading: tuple[str, ...]
    page: int
    language: str
    text: str
    statements: tuple[str, ...]
    questions: tuple[str, ...]
    say: str


class Asked(NamedTuple):
    """A question that leads to a chunk (its row), or to all of a document (``chunk`` 0)."""

    row: int
    document: str
    chunk: int
    text: str


class Model(NamedTuple):
    """Whose vectors a collection has."""

    name: str
    dim: int


@dataclass(slots=True)
class Memo:
    """What was counted of one generation. Views of the same generation share it; writing twice does no harm."""

    generation: int
    size: tuple[int, int] | None = None
    frequencies: dict[tuple[str, str], int] = field(default_factory=dict)
    not_holding: dict[str, int] = field(default_factory=dict)


_MAX_MEMO = 50_000
_SPOKEN = "(? = '' OR c.language IN ('', ?))"
_AMONG = "IN (SELECT value FROM json_each(?))"


class View:
    """What a short read transaction sees. Every method waits for the disk; none may be used after the transaction."""

    def __init__(self, connection: sqlite3.Connection, memo: Callable[[int], Memo]) -> None:
        """Use ``Store.view``. ``connection`` is within a transaction."""
        self._connection = connection
        self.generation, number = connection.execute("SELECT generation, model FROM state").fetchone()
        self._memo = memo(self.generation)
        row = connection.execute("SELECT name, dim FROM models WHERE number = ?", (number,)).fetchone()
        self.model: Model | None = Model(*row) if row else None

    # ------------------------------------------------------------ documents and chunks

    def size(self) -> tuple[int, int]:
        """Documents and chunks."""
        if self._memo.size is None:
            self._memo.size = (self._number("SELECT COUNT(*) FROM documents"),
                               self._number("SELECT COUNT(*) FROM chunks"))
        return self._memo.size

    def chunks(self, rows: Iterable[int]) -> dict[int, Chunk]:
        """The chunks of these rows; those that have gone are left out."""
        return {chunk.row: chunk for chunk in self._chunks(f"row {_AMONG}", _json(rows))}

    def chunk(self, chunk_id: str) -> Chunk | None:
        """The chunk of that id."""
        return next(iter(self._chunks("id = ?", _whole_characters(chunk_id))), None)

    def of_document(self, document: str) -> list[Chunk]:
        """All chunks of a document, in order."""
        return self._chunks("document = ? ORDER BY ordinal", _whole_characters(document))

    def documents(self, ids: Iterable[str]) -> dict[str, Entry]:
        """The documents of these ids; those that have gone are left out."""
        return {entry.id: entry for entry in self._entries(f"WHERE id {_AMONG}", json.dumps(list(ids)))}

    def not_holding(self, on: str) -> int:
        """How many documents do not hold on a date (ISO)."""
        known = self._memo.not_holding
        if on not in known:
            known[on] = self._number("SELECT COUNT(*) FROM documents WHERE valid_from > ? OR "
                                     "(valid_until != '' AND valid_until < ?)", on, on)
        return known[on]

    def all_documents(self, limit: int = 100_000) -> list[Entry]:
        """Every document, by id."""
        return self._entries("ORDER BY id LIMIT ?", limit)

    def documents_after(self, document: str, limit: int) -> list[Entry]:
        """The next documents by id, "" for the first ones: pages of a collection of any size."""
        return self._entries("WHERE id > ? ORDER BY id LIMIT ?", _whole_characters(document), limit)

    def languages(self) -> dict[str, int]:
        """How many chunks are in each language ("" where it cannot be told), the most first."""
        return dict(self._connection.execute(
            "SELECT language, COUNT(*) FROM chunks GROUP BY language ORDER BY COUNT(*) DESC, language").fetchall())

    def tags(self) -> dict[str, int]:
        """How many documents have each tag, by name."""
        return dict(self._connection.execute(
            "SELECT t.value, COUNT(*) FROM documents d, json_each(d.tags) t GROUP BY t.value ORDER BY t.value"
        ).fetchall())

    def questions(self) -> int:
        """How many questions documents and chunks have."""
        return self._number("SELECT COUNT(*) FROM lines WHERE kind = ?", QUESTION)

    def asked(self, rows: Iterable[int]) -> dict[int, Asked]:
        """The questions of these rows (as the index gives them); those that have gone are left out."""
        found = self._connection.execute(
            f"SELECT row, document, COALESCE(chunk, 0), text FROM lines WHERE row {_AMONG} AND kind = '{QUESTION}'",
            (_json(rows),))
        return {row[0]: Asked(*row) for row in found}

    # ------------------------------------------------------------ words

    def words(self, terms: Sequence[str], limit: int) -> list[tuple[int, float]]:
        """``(chunk row, bm25)`` of the chunks with any of these terms, best (highest) first. Terms are what
        ``knowledge.text.terms`` makes of a question, never a caller's own syntax."""
        return self._ranked("words", terms, limit)

    def sounds(self, keys: Sequence[str], limit: int) -> list[tuple[int, float]]:
        """The same by how words sound (``language.sounds.keys``)."""
        return self._ranked("sounds", keys, limit)

    def frequencies(self, terms: Iterable[str], column: Column) -> dict[str, int]:
        """In how many chunks each term stands, 0 included."""
        known = self._memo.frequencies
        if len(known) > _MAX_MEMO:
            known.clear()
        found = {}
        for term in terms:
            count = known.get((column, term))
            if count is None:
                # Looked up as the tokenizer keeps it: in lower case. A row a term, so this is a seek.
                count = self._number("SELECT COALESCE(SUM(doc), 0) FROM vocabulary WHERE term = ? AND col = ?",
                                     _whole_characters(term.lower()), column)
                known[column, term] = count
            found[term] = count
        return found

    def keys(self, column: Column, limit: int) -> dict[str, int]:
        """The terms of a column, each with the number of chunks that have it; the commonest where there are more."""
        found = self._connection.execute(
            "SELECT term, doc FROM vocabulary WHERE col = ? ORDER BY doc DESC LIMIT ?", (column, limit))
        return dict(found.fetchall())

    def analysed(self, rows: Iterable[int]) -> dict[int, tuple[str, str]]:
        """What keyword search sees of chunks: their words and their sounds, each joined by spaces."""
        found = self._connection.execute(f"SELECT rowid, words, sounds FROM analysed WHERE rowid {_AMONG}",
                                         (_json(rows),))
        return {row: (words, sounds) for row, words, sounds in found}

    def _ranked(self, column: Column, terms: Sequence[str], limit: int) -> list[tuple[int, float]]:
        wanted = self._affordable(list(dict.fromkeys(filter(None, map(_clean, terms))))[:MAX_TERMS], column)
        if not wanted or limit <= 0:
            return []
        query = f"{column} : (" + " OR ".join(f'"{term}"' for term in wanted) + ")"
        # Without ORDER BY the limit bounds what is scored, not only what is given.
        found = self._connection.execute("SELECT bm25(analysed), rowid FROM analysed WHERE analysed MATCH ? LIMIT ?",
                                         (query, MAX_POSTINGS))
        return [(row, -score) for score, row in heapq.nsmallest(limit, found)]

    def _affordable(self, terms: list[str], column: Column) -> list[str]:
        if self.size()[1] * len(terms) <= MAX_POSTINGS:
            return terms
        counts = self.frequencies(terms, column)
        chosen: list[str] = []
        postings = telling = 0
        for term in sorted(terms, key=lambda term: counts[term]):
            postings += counts[term]
            if chosen and postings > (ENOUGH_POSTINGS if telling >= ENOUGH_TERMS else MAX_POSTINGS):
                break
            chosen.append(term)
            telling += counts[term] > 0
        return chosen

    # ------------------------------------------------------------ vectors

    def passage_vectors(self, model: str, rows: Iterable[int]) -> dict[int, Floats]:
        """Unit vectors, shape (dim,), of the chunks that have one."""
        found = self._connection.execute(
            "SELECT c.row, v.whole FROM chunks c JOIN vectors v ON v.digest = c.digest AND v.model = "
            f"(SELECT number FROM models WHERE name = ?) WHERE c.row {_AMONG}", (model, _json(rows)))
        return {row: _floats(blob) for row, blob in found}

    def statement_vectors(self, model: str, rows: Iterable[int]) -> dict[int, Floats]:
        """Vectors of a chunk's statements, shape (statements, dim), of the chunks that have them. From a model that
        gives none of sentences: shape (0, dim). Zeros for a sentence beyond what the model sees."""
        found = self._connection.execute(
            "SELECT c.row, LENGTH(v.whole) / 4, s.halves FROM chunks c JOIN vectors v ON v.digest = c.digest AND "
            "v.model = (SELECT number FROM models WHERE name = ?) LEFT JOIN statements s ON s.vector = v.row "
            f"WHERE c.row {_AMONG}", (model, _json(rows)))
        return {row: _halves(blob, dim) for row, dim, blob in found}

    def question_vectors(self, model: str, rows: Iterable[int]) -> dict[int, Floats]:
        """Vectors of ``Chunk.questions``, shape (questions, dim), in their order, of chunks that have questions; zeros
        for one without a vector."""
        return self._line_vectors(model, QUESTION, "l.chunk", _json(rows))

    def utterance_vectors(self, model: str, documents: Iterable[str]) -> dict[str, Floats]:
        """Vectors of ``Entry.utterances``, likewise, by document."""
        return self._line_vectors(model, QUESTION, "l.chunk IS NULL AND l.document", json.dumps(list(documents)))

    def say_vectors(self, model: str, documents: Iterable[str]) -> dict[str, Floats]:
        """Vector of a document's ``say``, shape (1, dim), of those that have one: of the sentence in its context, as
        those of statements."""
        return self._line_vectors(model, SAY, "l.chunk IS NULL AND l.document", json.dumps(list(documents)))

    def chunk_say_vectors(self, model: str, rows: Iterable[int]) -> dict[int, Floats]:
        """The same of a chunk's own ``say``."""
        return self._line_vectors(model, SAY, "l.chunk", _json(rows))

    def _line_vectors(self, model: str, kind: str, where: str, keys: str) -> dict:
        key = where.rpartition(" ")[2]
        rows = self._connection.execute(
            f"SELECT {key}, v.whole, s.halves FROM lines l LEFT JOIN vectors v ON v.digest = l.digest AND v.model = "
            "(SELECT number FROM models WHERE name = ?) LEFT JOIN statements s ON s.vector = v.row "
            f"WHERE l.kind = ? AND {where} {_AMONG} ORDER BY l.row", (model, kind, keys)).fetchall()
        dim = next((len(whole) // 4 for _, whole, _ in rows if whole is not None), 0)
        found: dict = {}
        for owner, whole, halves in rows:
            vector = np.zeros(dim, np.float32) if whole is None else _floats(whole)
            if halves:
                vector = _halves(halves, dim)[0]
            found.setdefault(owner, []).append(vector)
        return {owner: np.stack(vectors) for owner, vectors in found.items()} if dim else {}

    # ------------------------------------------------------------ for the index

    def embedded(self, model: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Rows of the chunks, and of the questions, that have a vector of this model; sorted."""
        number = "(SELECT number FROM models WHERE name = ?)"
        having = f"EXISTS (SELECT 1 FROM vectors v WHERE v.digest = t.digest AND v.model = {number})"
        chunks = self._connection.execute(f"SELECT row FROM chunks t WHERE {having} ORDER BY row", (model,))
        lines = self._connection.execute(
            f"SELECT row FROM lines t WHERE kind = '{QUESTION}' AND {having} ORDER BY row", (model,))
        return (np.fromiter((row for row, in chunks), np.int64), np.fromiter((row for row, in lines), np.int64))

    def vectors_of_chunks(self, model: str, rows: Sequence[int]) -> Floats:
        """Vectors of these rows of ``embedded``, in their order, shape (rows, dim). ``KeyError`` if one has gone."""
        return self._whole("chunks", model, rows)

    def vectors_of_questions(self, model: str, rows: Sequence[int]) -> Floats:
        """The same for its questions."""
        return self._whole("lines", model, rows)

    def _whole(self, table: str, model: str, rows: Sequence[int]) -> Floats:
        found = dict(self._connection.execute(
            f"SELECT t.row, v.whole FROM {table} t JOIN vectors v ON v.digest = t.digest AND v.model = "
            f"(SELECT number FROM models WHERE name = ?) WHERE t.row {_AMONG}", (model, _json(rows))))
        return np.frombuffer(b"".join(found[int(row)] for row in rows), "<f4").reshape(len(rows), -1)

    def lacking(self, model: str) -> int:
        """How many chunks have no vector of this model."""
        return self._number("SELECT COUNT(*) FROM chunks t WHERE NOT EXISTS (SELECT 1 FROM vectors v WHERE v.digest = "
                            "t.digest AND v.model = (SELECT number FROM models WHERE name = ?))", model)

    # ------------------------------------------------------------ for a recogniser's language model

    def sentences(self, limit: int = 20_000, language: str = "") -> Iterator[str]:
        """Sentences of the collection, at most so many; only of passages in ``language``, if one is given, and of those
        whose language is not known."""
        left = limit
        for (statements,) in self._connection.execute(
                f"SELECT statements FROM chunks c WHERE {_SPOKEN} ORDER BY row LIMIT ?", (language, language, limit)):
            for sentence in json.loads(statements)[:left]:
                yield sentence
                left -= 1

    def utterances(self, limit: int = 20_000, language: str = "") -> Iterator[str]:
        """Questions that documents and chunks answer, likewise; those of a whole document if any passage of it is in
        the language."""
        return (text for text, in self._connection.execute(
            f"SELECT text FROM lines l WHERE kind = '{QUESTION}' AND EXISTS (SELECT 1 FROM chunks c WHERE {_SPOKEN} "
            "AND c.document = l.document AND (l.chunk IS NULL OR c.row = l.chunk)) ORDER BY row LIMIT ?",
            (language, language, limit)))

    def titles(self, limit: int = 20_000, language: str = "") -> Iterator[str]:
        """Titles of documents that have any passage in the language, likewise."""
        return (title for title, in self._connection.execute(
            f"SELECT title FROM documents d WHERE EXISTS (SELECT 1 FROM chunks c WHERE {_SPOKEN} AND "
            "c.document = d.id) ORDER BY id LIMIT ?", (language, language, limit)))

    # ------------------------------------------------------------

    def _chunks(self, where: str, *values: object) -> list[Chunk]:
        rows = self._connection.execute("SELECT row, id, document, ordinal, heading, page, language, text, statements, "
                                        f"say FROM chunks WHERE {where}", values).fetchall()
        questions: dict[int, list[str]] = {}
        for chunk, text in self._connection.execute(
                f"SELECT chunk, text FROM lines WHERE kind = '{QUESTION}' AND chunk {_AMONG} ORDER BY row",
                (_json(row[0] for row in rows),)):
            questions.setdefault(chunk, []).append(text)
        return [Chunk(row[0], row[1], row[2], row[3], tuple(json.loads(row[4])), row[5], row[6], row[7],
                      tuple(json.loads(row[8])), tuple(questions.get(row[0], ())), row[9]) for row in rows]

    def _entries(self, where: str, *values: object) -> list[Entry]:
        rows = self._connection.execute("SELECT id, source, title, tags, say, valid_from, valid_until FROM documents "
                                        + where, values).fetchall()
        utterances: dict[str, list[str]] = {}
        for document, text in self._connection.execute(
                f"SELECT document, text FROM lines WHERE kind = '{QUESTION}' AND chunk IS NULL AND document {_AMONG} "
                "ORDER BY row", (json.dumps([row[0] for row in rows]),)):
            utterances.setdefault(document, []).append(text)
        return [Entry(row[0], row[1], row[2], tuple(json.loads(row[3])), row[4], tuple(utterances.get(row[0], ())),
                      row[5], row[6]) for row in rows]

    def _number(self, statement: str, *values: object) -> int:
        return int(self._connection.execute(statement, values).fetchone()[0])


def _clean(term: str) -> str:
    """A term as a string of FTS5: nothing in it is syntax."""
    return _whole_characters(term.replace("\0", "")).replace('"', '""').strip()


def _whole_characters(text: str) -> str:
    """Without halves of characters, which the database refuses."""
    return text.encode("utf-8", "ignore").decode()


def _json(rows: Iterable[int]) -> str:
    return json.dumps([int(row) for row in rows])


def _floats(blob: bytes) -> Floats:
    return np.frombuffer(blob, "<f4")


def _halves(blob: bytes | None, dim: int) -> Floats:
    return np.frombuffer(blob or b"", "<f2").astype(np.float32).reshape(-1, dim)
