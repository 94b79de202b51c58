"""The statements that change a collection, all within the caller's transaction."""

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from engine.knowledge.document import Document
from engine.knowledge.store.rows import (
    Analysed,
    Line,
    analyse,
    chunk_id,
    digest_of_passage,
    lines_of,
    statements_of,
    to_embed,
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document with all that takes CPU done, so that the transaction is short."""

    document: Document
    source: str
    analysed: tuple[Analysed, ...]
    lines: tuple[Line, ...]


def prepare(document: Document) -> Prepared:
    """Before the transaction: the analysis."""
    return Prepared(document, str(document.source), tuple(analyse(document, passage) for passage in document.passages),
                    tuple(lines_of(document)))


_NAMED = "SELECT id FROM documents WHERE id = ? OR source = ?"


def remember_digests(connection: sqlite3.Connection, gone: Iterable[str], fresh: Iterable[Prepared]) -> None:
    """What is about to be deleted may have vectors that nothing else needs."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS going (digest BLOB PRIMARY KEY)")
    connection.execute("DELETE FROM going")
    for name, source in _names(gone, fresh):
        for table in ("chunks", "lines"):
            connection.execute(f"INSERT OR IGNORE INTO going SELECT digest FROM {table} WHERE document IN ({_NAMED})",
                               (name, source))


def delete_documents(connection: sqlite3.Connection, gone: Iterable[str], fresh: Iterable[Prepared]) -> None:
    """What has gone, and what will be replaced: by its id, or by its source where the id has changed."""
    connection.executemany("DELETE FROM documents WHERE id = ? OR source = ?", list(_names(gone, fresh)))


def _names(gone: Iterable[str], fresh: Iterable[Prepared]) -> Iterable[tuple[str, str | None]]:
    yield from ((name, None) for name in gone)
    yield from ((prepared.document.id, prepared.source) for prepared in fresh)


def insert(connection: sqlite3.Connection, prepared: Prepared, look: tuple[int, int]) -> None:
    """A document with its chunks, lines and full-text rows. ``look``: size and time of its file."""
    document = prepared.document
    connection.execute("INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (
        document.id, prepared.source, document.digest, *look, document.title, _dump(document.tags), document.say,
        document.valid_from, document.valid_until))
    rows: dict[int | None, int | None] = {None: None}
    for ordinal, (passage, analysed) in enumerate(zip(document.passages, prepared.analysed, strict=True)):
        statements = statements_of(passage)
        digest = digest_of_passage(to_embed(document.title, passage.heading, statements))
        row = connection.execute(
            "INSERT INTO chunks (id, document, ordinal, heading, page, language, text, statements, say, digest) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (
                chunk_id(document.id, ordinal, passage.text), document.id, ordinal, _dump(passage.heading),
                passage.page, passage.language, passage.text, _dump(statements), passage.say, digest)).lastrowid
        connection.execute("INSERT INTO analysed (rowid, words, sounds) VALUES (?, ?, ?)",
                           (row, analysed.words, analysed.sounds))
        rows[ordinal] = row
    connection.executemany("INSERT INTO lines (kind, document, chunk, text, digest) VALUES (?, ?, ?, ?, ?)", [
        (line.kind, document.id, rows[line.ordinal], line.text, line.digest) for line in prepared.lines])


def sweep(connection: sqlite3.Connection) -> None:
    """Delete the vectors of what ``remember_digests`` saw and nothing has any more."""
    connection.execute(
        "DELETE FROM vectors WHERE digest IN (SELECT digest FROM going) "
        "AND NOT EXISTS (SELECT 1 FROM chunks WHERE chunks.digest = vectors.digest) "
        "AND NOT EXISTS (SELECT 1 FROM lines WHERE lines.digest = vectors.digest)")


def _dump(texts: Iterable[str]) -> str:
    return json.dumps(list(texts), ensure_ascii=False)
