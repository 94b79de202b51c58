"""The tables of a collection, and connections to them.

``collection.sqlite`` was the file of schema 1, so this one has another name: the old file can be read until all of its
documents are in the new one.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from engine.knowledge.errors import CollectionMissing, KnowledgeError

DATABASE = "knowledge.sqlite"
OLD_DATABASE = "collection.sqlite"
SCHEMA = 2

TIMEOUT_S = 10.0
"""How long a statement waits for another process's transaction. Transactions are short: a batch of documents."""

TOKENIZER = "unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc' tokenchars '''\u2019\u200c\u200d'"
"""Keeps Indic words whole: by default FTS5 splits them at every vowel sign. The signs within words (apostrophes, the
joiners of Malayalam and others) belong to a word as well. What is a word was decided before, by the analysis."""

_TABLES = f"""
CREATE TABLE models (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, dim INTEGER NOT NULL);
CREATE TABLE state (generation INTEGER NOT NULL, model INTEGER REFERENCES models (number));
INSERT INTO state VALUES (0, NULL);
CREATE TABLE documents (id TEXT PRIMARY KEY, source TEXT NOT NULL UNIQUE, digest TEXT NOT NULL,
    size INTEGER NOT NULL, modified_ns INTEGER NOT NULL, title TEXT NOT NULL, tags TEXT NOT NULL, say TEXT NOT NULL,
    valid_from TEXT NOT NULL, valid_until TEXT NOT NULL);
CREATE TABLE chunks (row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    document TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE, ordinal INTEGER NOT NULL,
    heading TEXT NOT NULL, page INTEGER NOT NULL, language TEXT NOT NULL, text TEXT NOT NULL, statements TEXT NOT NULL,
    say TEXT NOT NULL, digest BLOB NOT NULL);
CREATE INDEX chunks_document ON chunks (document, ordinal);
CREATE INDEX chunks_digest ON chunks (digest);
CREATE TABLE lines (row INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL,
    document TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    chunk INTEGER REFERENCES chunks (row) ON DELETE CASCADE, text TEXT NOT NULL, digest BLOB NOT NULL);
CREATE INDEX lines_document ON lines (document);
CREATE INDEX lines_chunk ON lines (chunk);
CREATE INDEX lines_digest ON lines (digest);
CREATE TABLE vectors (row INTEGER PRIMARY KEY, digest BLOB NOT NULL, model INTEGER NOT NULL, whole BLOB NOT NULL,
    UNIQUE (digest, model));
CREATE TABLE statements (vector INTEGER PRIMARY KEY REFERENCES vectors (row) ON DELETE CASCADE, halves BLOB NOT NULL);
CREATE VIRTUAL TABLE analysed USING fts5 (words, sounds, tokenize = "{TOKENIZER}");
CREATE VIRTUAL TABLE vocabulary USING fts5vocab (analysed, col);
CREATE TRIGGER chunk_gone AFTER DELETE ON chunks BEGIN DELETE FROM analysed WHERE rowid = old.row; END;
"""
# lines: texts that are embedded by themselves: a 'question' that its chunk answers (or its document, where chunk is
# NULL), and a 'say', the answer to speak. vectors: found by the digest of what was embedded, so that equal passages
# share one and an interrupted run need not repeat. Sentences lie in a table of their own, to keep scans of the whole
# vectors short.


def connect(path: Path, *, create: bool = False) -> sqlite3.Connection:
    """A connection for one thread at a time. Raises ``sqlite3.Error``; ``KnowledgeError`` for another schema."""
    mode = "rwc" if create else "rw"
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=TIMEOUT_S,
                                 isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        found = SCHEMA if create else version(connection)
        if found == 0:  # whoever made the file did not live to make the tables
            raise CollectionMissing(f"collection '{path.parent.name}' is empty. Fill it with: "
                                    f"trunkline ingest PATH --collection {path.parent.name}")
        if found != SCHEMA:
            raise KnowledgeError(f"{path} was made by another version of Trunkline; delete {path.parent} and "
                                 "ingest again")
    except BaseException:
        connection.close()
        raise
    return connection


def version(connection: sqlite3.Connection) -> int:
    """0 for an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def make(connection: sqlite3.Connection) -> None:
    """The tables, in one transaction, if the file has none."""
    if version(connection) == 0:
        connection.execute("PRAGMA journal_mode = WAL")
        with transaction(connection):
            if version(connection) == 0:
                for statement in _statements():
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {SCHEMA}")


def _statements() -> Iterator[str]:
    held = ""
    for line in _TABLES.splitlines():
        held += line + "\n"
        if sqlite3.complete_statement(held):
            yield held
            held = ""


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing. Begins as a writer, so it never has to be given up halfway because another one wrote."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled it back already
            connection.execute("ROLLBACK")
        raise
