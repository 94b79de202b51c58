"""A collection on disk: SQLite is the truth. One writer at a time (``ingest.lock``); readers are never blocked (WAL).

Everything here waits for the disk: call it in the hub's thread pool. No function gives up the CPU to another greenlet
inside a transaction, because a pool thread runs it from start to end.
"""

import contextlib
import errno
import fcntl
import os
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.knowledge.document import Document
from engine.knowledge.embedding.interface import PassageVectors
from engine.knowledge.errors import CollectionMissing, KnowledgeError
from engine.knowledge.store import schema
from engine.knowledge.store.pending import lacking, without_vectors
from engine.knowledge.store.rows import Pending, wanted_by
from engine.knowledge.store.schema import DATABASE, OLD_DATABASE, connect, transaction
from engine.knowledge.store.view import Floats, Memo, Model, View
from engine.knowledge.store.write import delete_documents, insert, prepare, remember_digests, sweep

LOCK = "ingest.lock"

_MAX_IDLE = 16
"""Connections that are kept open for the next view."""

_PAGE = 512


class Look(NamedTuple):
    """Size and time of a file when it was read: while both are the same, the file is not read again. ``modified_ns`` 0:
    not to be trusted."""

    size: int
    modified_ns: int


class Known(NamedTuple):
    """What is known of a source: its document's id, the SHA-256 of its bytes, and how it looked."""

    document: str
    digest: str
    look: Look


class Store:
    """The database of one collection's folder. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        """``folder`` need not exist until ``create``."""
        self.folder = folder
        self.path = folder / DATABASE
        self._idle: deque[tuple[tuple[int, int], sqlite3.Connection]] = deque()
        self._memo = Memo(-1)

    # ------------------------------------------------------------ the folder

    def exists(self) -> bool:
        """Whether anything was ever ingested."""
        return self.path.is_file()

    def create(self) -> None:
        """Make folder and tables if they are not there. Raises ``KnowledgeError``."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not os.access(self.folder, os.W_OK):
                raise PermissionError(errno.EACCES, "no permission to write in it")
        except OSError as fault:
            raise KnowledgeError(f"{self.folder} cannot be used: {fault.strerror or fault}") from fault
        with self._said(), contextlib.closing(connect(self.path, create=True)) as connection:
            schema.make(connection)
        with self._said():
            connect(self.path).close()  # refuses another schema

    @contextlib.contextmanager
    def writing(self) -> Iterator[bool]:
        """Held while ingesting; gives whether the run before this one was interrupted (see ``sweep``).

        Raises ``KnowledgeError`` at once when another process ingests.
        """
        with (self.folder / LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as fault:
                raise KnowledgeError(f"collection '{self.folder.name}' is being ingested by another process; "
                                     "try again when it is done") from fault
            interrupted = lock.tell() > 0
            lock.write("" if interrupted else "not done\n")
            lock.flush()
            yield interrupted
            lock.truncate(0)

    def close(self) -> None:
        """Close the connections that are kept; the next view opens one again."""
        while self._idle:
            with contextlib.suppress(IndexError):  # another thread took the last one
                self._idle.pop()[1].close()

    def old_sources(self) -> list[tuple[str, str]]:
        """``(source, id)`` of the documents of a schema 1 database that is still in the folder."""
        old = self.folder / OLD_DATABASE
        if not old.is_file():
            return []
        try:
            uri = f"{old.absolute().as_uri()}?mode=ro"
            with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
                return list(connection.execute("SELECT source, id FROM documents ORDER BY source"))
        except sqlite3.Error as fault:
            raise KnowledgeError(f"{old} is of an older version of Trunkline and cannot be read ({fault}); delete "
                                 f"{self.folder} and ingest again") from fault

    def drop_old(self) -> None:
        """Delete a schema 1 database, once its documents are here."""
        for path in self.folder.glob(f"{OLD_DATABASE}*"):
            path.unlink(missing_ok=True)

    def delete(self) -> None:
        """Delete the collection's files; the caller holds ``writing``. Collections below the folder stay."""
        self.close()
        for path in sorted(self.folder.iterdir()):
            if path.is_file() and path.name != LOCK:
                path.unlink()
        (self.folder / LOCK).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # a tenant's folder with other collections in it
            self.folder.rmdir()

    # ------------------------------------------------------------ reading

    @contextlib.contextmanager
    def view(self) -> Iterator[View]:
        """One generation of the collection. Keep it short: what is written meanwhile cannot be tidied away.

        Raises ``CollectionMissing`` if there is none, ``KnowledgeError`` for a database that cannot be read.
        """
        with self._connected() as connection:
            connection.execute("BEGIN")
            try:
                yield View(connection, self._memo_of)
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def known(self) -> dict[str, Known]:
        """Every document, by its source."""
        with self._connected() as connection:
            rows = connection.execute("SELECT source, id, digest, size, modified_ns FROM documents")
            return {source: Known(name, digest, Look(size, modified)) for source, name, digest, size, modified in rows}

    def unembedded(self, model: str, fresh: Iterable[Document]) -> Pending:
        """Passages and questions of documents, in the collection or not, that have no vector of this model."""
        passages, questions = {}, {}
        for document in fresh:
            wanted = wanted_by(document)
            passages.update(wanted.passages)
            questions.update(wanted.questions)
        with self._connected() as connection:
            return without_vectors(connection, model, Pending(passages, questions))

    def lacking(self, model: str) -> Iterator[Pending]:
        """The same of all that is in the collection, a page at a time; no transaction is open in between."""
        for table in ("chunks", "lines"):
            row: int | None = 0
            while row is not None:
                with self._connected() as connection:
                    pending, row = lacking(connection, model, table, row, _PAGE)
                if pending:
                    yield pending

    # ------------------------------------------------------------ writing

    def add_vectors(self, model: Model, passages: Mapping[bytes, PassageVectors],
                    questions: Mapping[bytes, Floats], *, stored: bool = False) -> None:
        """Keep vectors by the digest of what was embedded, in a transaction of its own: an interrupted run finds them.
        ``stored``: they are of passages that are in the collection already, which makes a new generation.

        Raises ``KnowledgeError`` for vectors of another length than the model's first ones had.
        """
        rows: list[tuple[bytes, Floats, Floats | None]]
        rows = [(digest, found.whole, found.statements) for digest, found in passages.items()]
        rows += [(digest, vector, None) for digest, vector in questions.items()]
        for _, whole, _ in rows:
            if whole.shape != (model.dim,):
                raise KnowledgeError(f"{model.name} gave a vector of shape {whole.shape}, not ({model.dim},)")
        with self._connected() as connection, transaction(connection):
            number = _number_of(connection, model)
            for digest, whole, statements in rows:
                row = connection.execute(
                    "INSERT INTO vectors (digest, model, whole) VALUES (?, ?, ?) ON CONFLICT (digest, model) DO UPDATE "
                    "SET whole = excluded.whole RETURNING row", (digest, number, _blob(whole, "<f4"))).fetchone()[0]
                if statements is not None and len(statements):
                    connection.execute("INSERT OR REPLACE INTO statements VALUES (?, ?)",
                                       (row, _blob(statements, "<f2")))
            if stored:
                connection.execute("UPDATE state SET generation = generation + 1")

    def replace(self, fresh: Iterable[Document], gone: Iterable[str], looks: Mapping[str, Look] | None = None) -> int:
        """Put documents in place of those with their ids and drop the ids ``gone``, in one transaction, with vectors
        that nothing needs any more; returns the new generation. ``looks``: how their files looked, by source."""
        prepared = [prepare(document) for document in fresh]
        gone = list(gone)
        with self._connected() as connection, transaction(connection):
            remember_digests(connection, gone, prepared)
            delete_documents(connection, gone, prepared)
            for document in prepared:
                insert(connection, document, (looks or {}).get(document.source, Look(-1, 0)))
            sweep(connection)
            connection.execute("UPDATE state SET generation = generation + 1")
            return int(connection.execute("SELECT generation FROM state").fetchone()[0])

    def seen(self, looks: Mapping[str, Look]) -> None:
        """Files that look otherwise but have the same bytes: remember how they look now."""
        rows = [(look.size, look.modified_ns, source) for source, look in looks.items()]
        with self._connected() as connection, transaction(connection):
            connection.executemany("UPDATE documents SET size = ?, modified_ns = ? WHERE source = ?", rows)

    def use(self, model: Model) -> None:
        """From now on the collection's vectors are this model's; those of others are deleted."""
        with self._connected() as connection, transaction(connection):
            number = _number_of(connection, model)
            if connection.execute("SELECT model FROM state").fetchone()[0] != number:
                connection.execute("UPDATE state SET model = ?, generation = generation + 1", (number,))
                connection.execute("DELETE FROM vectors WHERE model != ?", (number,))
                connection.execute("DELETE FROM models WHERE number != ?", (number,))

    def sweep(self) -> None:
        """Delete vectors that nothing needs: those of a batch that an interrupted run never put in place."""
        with self._connected() as connection, transaction(connection):
            connection.execute(f"DELETE FROM {_HALVES[_USELESS]}")

    def forget(self, model: str) -> None:
        """Delete the vectors of a model, to compute them again."""
        with self._connected() as connection, transaction(connection):
            number = connection.execute("SELECT number FROM models WHERE name = ?", (model,)).fetchone()
            if number:
                connection.execute("UPDATE state SET generation = generation + 1, model = NULLIF(model, ?)", number)
                connection.execute("DELETE FROM vectors WHERE model = ?", number)
                connection.execute("DELETE FROM models WHERE number = ?", number)

    def compact(self) -> None:
        """Write the file anew without what was deleted, so that no trace of it is left there; takes as much disk again
        while it works. Raises ``KnowledgeError`` where others write or the disk is full: nothing has changed then."""
        with self._connected() as connection:
            connection.execute("INSERT INTO analysed (analysed) VALUES ('optimize')")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    # ------------------------------------------------------------

    def check(self) -> list[str]:
        """What is wrong with the database, one line a fault; reads all of it."""
        faults = []
        with self._connected() as connection:
            faults += [f"damaged: {row[0]}" for row in connection.execute("PRAGMA quick_check") if row[0] != "ok"]
            faults += [f"{row[0]}: row {row[1]} belongs to nothing" for row in
                       connection.execute("PRAGMA foreign_key_check")]
            try:
                connection.execute("INSERT INTO analysed (analysed) VALUES ('integrity-check')")
            except sqlite3.DatabaseError as fault:
                faults.append(f"the full-text index is damaged: {fault}")
            for what, query in _HALVES.items():
                if count := connection.execute(f"SELECT COUNT(*) FROM {query}").fetchone()[0]:
                    faults.append(f"{count} {what}")
        return faults

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """A connection that no other thread uses meanwhile."""
        with self._said():
            inode = self._inode()
            try:
                file, connection = self._idle.pop()
            except IndexError:
                file, connection = inode, connect(self.path)
            if file != inode:  # the collection was deleted and made again
                connection.close()
                self.close()
                connection = connect(self.path)
            kept = False
            try:
                yield connection
                kept = len(self._idle) < _MAX_IDLE
            finally:
                if kept:
                    self._idle.append((inode, connection))
                else:
                    connection.close()

    def _inode(self) -> tuple[int, int]:
        try:
            state = self.path.stat()
        except FileNotFoundError:
            name = self.folder.name
            if (self.folder / OLD_DATABASE).is_file():
                raise CollectionMissing(f"collection '{name}' was made by an older version of Trunkline. Bring it up "
                                        f"to date with: trunkline ingest PATH --collection {name}") from None
            raise CollectionMissing(f"there is no collection '{name}'. Make it with: "
                                    f"trunkline ingest PATH --collection {name}") from None
        except OSError as fault:
            raise KnowledgeError(f"{self.path}: {fault.strerror or fault}") from fault
        return state.st_dev, state.st_ino

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        """Faults of SQLite as ``KnowledgeError``, with what to do."""
        try:
            yield
        except sqlite3.Error as fault:
            text = str(fault)
            if "full" in text or "disk I/O" in text:
                text += ". What this step would have changed is as it was before; free some space and run it again"
            elif "malformed" in text or "not a database" in text:
                text += f". The file is damaged: delete {self.folder} and ingest again"
            raise KnowledgeError(f"{self.path}: {text}") from fault

    def _memo_of(self, generation: int) -> Memo:
        memo = self._memo
        if memo.generation != generation:
            self._memo = memo = Memo(generation)
        return memo


_USELESS = "vectors belong to nothing"
_HALVES = {
    "passages are not in the full-text index":
        "chunks WHERE row NOT IN (SELECT rowid FROM analysed)",
    "entries of the full-text index have no passage":
        "analysed WHERE rowid NOT IN (SELECT row FROM chunks)",
    "documents have no passage":
        "documents WHERE id NOT IN (SELECT document FROM chunks)",
    _USELESS:
        "vectors WHERE digest NOT IN (SELECT digest FROM chunks UNION ALL SELECT digest FROM lines)",
}


def _number_of(connection: sqlite3.Connection, model: Model) -> int:
    connection.execute("INSERT OR IGNORE INTO models (name, dim) VALUES (?, ?)", (model.name, model.dim))
    number, dim = connection.execute("SELECT number, dim FROM models WHERE name = ?", (model.name,)).fetchone()
    if dim != model.dim:
        raise KnowledgeError(f"the collection has vectors of {model.name} with {dim} dimensions, now it gives "
                             f"{model.dim}; compute all again with: trunkline ingest PATH --reembed")
    connection.execute("UPDATE state SET model = ? WHERE model IS NULL", (number,))
    return int(number)


def _blob(vector: Floats, kind: str) -> bytes:
    return np.ascontiguousarray(vector, kind).tobytes()


