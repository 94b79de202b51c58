"""A collection on disk: SQLite is the truth. Documents, their passages, every text that is embedded, and its vectors.

One writer at a time (``ingest.lock``); readers are never blocked (WAL) and hold no connection: ``load`` reads all in
one transaction and closes. Everything here waits for the disk: call it in the hub's thread pool. No function gives up
the CPU to another greenlet inside a transaction, because a pool thread runs it from start to end.
"""

import base64
import contextlib
import fcntl
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.knowledge.documents import Document, Passage
from engine.knowledge.errors import CollectionMissing, KnowledgeError

DATABASE = "collection.sqlite"
LOCK = "ingest.lock"
SCHEMA = 1

_TABLES = """
CREATE TABLE documents (id TEXT PRIMARY KEY, source TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, title TEXT NOT NULL,
    tags TEXT NOT NULL, say TEXT NOT NULL);
CREATE TABLE chunks (id TEXT PRIMARY KEY, document TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    ordinal INTEGER NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE texts (document TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    chunk TEXT REFERENCES chunks (id) ON DELETE CASCADE, kind TEXT NOT NULL,
    ordinal INTEGER NOT NULL, text TEXT NOT NULL, digest BLOB NOT NULL);
CREATE INDEX texts_document ON texts (document);
CREATE INDEX texts_digest ON texts (digest);
CREATE TABLE vectors (model TEXT NOT NULL, digest BLOB NOT NULL, vector BLOB NOT NULL, PRIMARY KEY (model, digest))
    WITHOUT ROWID;
CREATE TABLE state (generation INTEGER NOT NULL);
INSERT INTO state VALUES (0);
"""

PASSAGE, SENTENCE, TITLED, QUESTION = "passage", "sentence", "titled", "question"
"""Kinds of text: a passage under its headings, a sentence, a sentence under its headings, a question it answers.
A sentence without a chunk is the document's ``say``; a question without one is an utterance of the document's."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Text:
    """A row of ``texts``. ``ordinal`` counts the sentences of a chunk."""

    document: str
    chunk: str | None
    kind: str
    ordinal: int
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of ``documents``."""

    id: str
    source: str
    title: str
    tags: tuple[str, ...]
    say: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A row of ``chunks``."""

    id: str
    document: str
    heading: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Content:
    """A whole collection at one generation; ``vectors`` are those of one model, row by row with ``texts``, or ``None``
    where ``missing`` texts have none."""

    generation: int
    documents: tuple[Entry, ...]
    chunks: tuple[Chunk, ...]
    texts: tuple[Text, ...]
    vectors: Floats | None
    missing: int


class Store:
    """The database of one collection's folder."""

    def __init__(self, folder: Path) -> None:
        """``folder`` need not exist until ``create``."""
        self.folder = folder
        self.path = folder / DATABASE

    def exists(self) -> bool:
        """Whether anything was ever ingested."""
        return self.path.is_file()

    def create(self) -> None:
        """Make folder and tables if they are not there."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise KnowledgeError(f"{self.folder} cannot be made: {fault.strerror or fault}") from fault
        with self._connect(create=True) as connection:
            if _version(connection) == 0:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {SCHEMA}; COMMIT;")

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Held while ingesting. Raises ``KnowledgeError`` at once when another process does."""
        with (self.folder / LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as fault:
                raise KnowledgeError(f"collection '{self.folder.name}' is being ingested by another process; "
                                     "try again when it is done") from fault
            yield

    def known(self) -> dict[str, tuple[str, str]]:
        """``{source: (id, digest)}`` of every document."""
        with self._connect() as connection:
            return {source: (name, digest) for name, source, digest in
                    connection.execute("SELECT id, source, digest FROM documents")}

    def unembedded(self, model: str, fresh: Iterable[Document] = ()) -> list[str]:
        """Texts without a vector of this model, each once: of the collection, and of documents not yet in it."""
        with self._connect() as connection:
            have = {digest for digest, in connection.execute("SELECT digest FROM vectors WHERE model = ?", (model,))}
            stored = [text for text, in connection.execute("SELECT text FROM texts")]
        wanted = dict.fromkeys([text.text for document in fresh for text in texts_of(document)] + stored)
        return [text for text in wanted if digest_of(text) not in have]

    def add_vectors(self, model: str, texts: Sequence[str], vectors: Floats) -> None:
        """Keep vectors, one transaction. They are found by model and text, so an interrupted run need not repeat."""
        rows = [(model, digest_of(text), vector.astype("<f4").tobytes())
                for text, vector in zip(texts, vectors, strict=True)]
        with self._connect() as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)

    def replace(self, fresh: Iterable[Document], gone: Iterable[str]) -> int:
        """Put documents in place of those with their ids and drop the ids ``gone``, in one transaction, with vectors
        that nothing needs any more; returns the new generation."""
        with self._connect() as connection, connection:
            connection.executemany("DELETE FROM documents WHERE id = ?", [(name,) for name in gone])
            for document in fresh:
                _insert(connection, document)
            connection.execute("DELETE FROM vectors WHERE digest NOT IN (SELECT digest FROM texts)")
            connection.execute("UPDATE state SET generation = generation + 1")
            return int(connection.execute("SELECT generation FROM state").fetchone()[0])

    def load(self, model: str | None, dim: int = 0) -> Content:
        """Everything, with the vectors of ``model``. Raises ``CollectionMissing`` if there is nothing."""
        if not self.exists():
            raise CollectionMissing(f"there is no collection '{self.folder.name}'. Make it with: "
                                    f"trunkline ingest PATH --collection {self.folder.name}")
        with self._connect() as connection, _reading(connection):
            generation = int(connection.execute("SELECT generation FROM state").fetchone()[0])
            documents = tuple(Entry(name, source, title, tuple(json.loads(tags)), say)
                              for name, source, title, tags, say in connection.execute(
                                  "SELECT id, source, title, tags, say FROM documents ORDER BY id"))
            chunks = tuple(Chunk(row[0], row[1], tuple(json.loads(row[2])), row[3]) for row in connection.execute(
                "SELECT id, document, heading, text FROM chunks ORDER BY document, ordinal"))
            rows = connection.execute(
                "SELECT t.document, t.chunk, t.kind, t.ordinal, t.text, v.vector FROM texts t LEFT JOIN vectors v "
                "ON v.model = ? AND v.digest = t.digest ORDER BY t.document, t.rowid", (model,)).fetchall()
        if not documents:
            raise CollectionMissing(f"collection '{self.folder.name}' is empty. Fill it with: "
                                    f"trunkline ingest PATH --collection {self.folder.name}")
        missing = sum(row[5] is None for row in rows)
        vectors = None if missing else _matrix([row[5] for row in rows], dim, self.path)
        return Content(generation, documents, chunks, tuple(Text(*row[:5]) for row in rows), vectors, missing)

    @contextlib.contextmanager
    def _connect(self, create: bool = False) -> Iterator[sqlite3.Connection]:
        mode = "rwc" if create else "rw"
        try:
            with contextlib.closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode={mode}", uri=True,
                                                    timeout=10)) as connection:
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute("PRAGMA foreign_keys = ON")
                if not create and _version(connection) != SCHEMA:
                    raise KnowledgeError(f"{self.path} was made by another version of Trunkline; delete "
                                         f"{self.folder} and ingest again")
                yield connection
        except sqlite3.Error as fault:
            raise KnowledgeError(f"{self.path}: {fault}") from fault


def digest_of(text: str) -> bytes:
    """What a text's vector is found by."""
    return hashlib.sha256(text.encode()).digest()[:16]


def chunk_id(document: str, ordinal: int, text: str) -> str:
    """Stable while the passage is; letters, digits, '-' and '_' only, so that a model may repeat it."""
    digest = hashlib.sha1(f"{document}#{ordinal}{text}".encode(), usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def texts_of(document: Document) -> Iterator[Text]:
    """Every text of a document that gets a vector. A sentence alone lacks what it is about, hence ``TITLED``."""
    def statement(chunk: str | None, ordinal: int, above: str, text: str) -> Iterator[Text]:
        yield Text(document.id, chunk, SENTENCE, ordinal, text)
        yield Text(document.id, chunk, TITLED, ordinal, f"{above}. {text}")

    for question in document.utterances:
        yield Text(document.id, None, QUESTION, 0, question)
    if document.say:
        yield from statement(None, 0, document.title, document.say)
    for number, passage in enumerate(document.passages):
        chunk, above = chunk_id(document.id, number, passage.text), _above(document, passage)
        yield Text(document.id, chunk, PASSAGE, 0, f"{above}. {passage.text}")
        for question in passage.questions:
            yield Text(document.id, chunk, QUESTION, 0, question)
        for ordinal, sentence in enumerate(passage.statements):
            yield from statement(chunk, ordinal, above, sentence)


def _above(document: Document, passage: Passage) -> str:
    return ". ".join((document.title, *passage.heading))


def _insert(connection: sqlite3.Connection, document: Document) -> None:
    connection.execute("DELETE FROM documents WHERE id = ? OR source = ?", (document.id, str(document.source)))
    connection.execute("INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?)", (
        document.id, str(document.source), document.digest, document.title, json.dumps(document.tags), document.say))
    connection.executemany("INSERT INTO chunks VALUES (?, ?, ?, ?, ?)", [
        (chunk_id(document.id, number, passage.text), document.id, number, json.dumps(passage.heading), passage.text)
        for number, passage in enumerate(document.passages)])
    connection.executemany("INSERT INTO texts VALUES (?, ?, ?, ?, ?, ?)", [
        (text.document, text.chunk, text.kind, text.ordinal, text.text, digest_of(text.text))
        for text in texts_of(document)])


@contextlib.contextmanager
def _reading(connection: sqlite3.Connection) -> Iterator[None]:
    """Several statements see one state of the database."""
    connection.execute("BEGIN")
    yield
    connection.rollback()


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _matrix(blobs: list[bytes], dim: int, path: Path) -> Floats:
    if any(len(blob) != dim * 4 for blob in blobs):
        raise KnowledgeError(f"{path} holds vectors of another length than the model's ({dim}); ingest again")
    return np.frombuffer(b"".join(blobs), "<f4").reshape(len(blobs), dim)
