"""What of a collection has no vector yet."""

import json
import sqlite3

from engine.knowledge.embedding.interface import PassageText
from engine.knowledge.store.rows import SAY, Pending, to_embed

_LACKS = ("NOT EXISTS (SELECT 1 FROM vectors v WHERE v.digest = t.digest AND v.model = "
          "(SELECT number FROM models WHERE name = ?))")


def without_vectors(connection: sqlite3.Connection, model: str, wanted: Pending) -> Pending:
    """Those of ``wanted`` that have no vector of this model."""
    have = {digest for digest in (*wanted.passages, *wanted.questions) if connection.execute(
        "SELECT 1 FROM vectors WHERE digest = ? AND model = (SELECT number FROM models WHERE name = ?)",
        (digest, model)).fetchone()}
    return Pending({digest: text for digest, text in wanted.passages.items() if digest not in have},
                   {digest: text for digest, text in wanted.questions.items() if digest not in have})


def lacking(connection: sqlite3.Connection, model: str, table: str, after: int, limit: int
            ) -> tuple[Pending, int | None]:
    """Up to ``limit`` rows of ``chunks`` or ``lines`` after a row that lack a vector, and the row to go on from
    (``None``: that was the end)."""
    rows = (_chunks if table == "chunks" else _lines)(connection, model, after, limit)
    passages: dict[bytes, PassageText] = {}
    questions: dict[bytes, str] = {}
    for _, digest, text in rows:
        if isinstance(text, str):
            questions[digest] = text
        else:
            passages[digest] = text
    return Pending(passages, questions), rows[-1][0] if len(rows) == limit else None


_Row = tuple[int, bytes, PassageText | str]


def _chunks(connection: sqlite3.Connection, model: str, after: int, limit: int) -> list[_Row]:
    found = connection.execute(
        "SELECT t.row, t.digest, d.title, t.heading, t.statements FROM chunks t JOIN documents d ON d.id = t.document "
        f"WHERE t.row > ? AND {_LACKS} ORDER BY t.row LIMIT ?", (after, model, limit))
    return [(row, digest, to_embed(title, tuple(json.loads(heading)), tuple(json.loads(statements))))
            for row, digest, title, heading, statements in found]


def _lines(connection: sqlite3.Connection, model: str, after: int, limit: int) -> list[_Row]:
    found = connection.execute(
        "SELECT t.row, t.digest, t.kind, t.text, d.title, c.heading FROM lines t JOIN documents d ON d.id = t.document "
        f"LEFT JOIN chunks c ON c.row = t.chunk WHERE t.row > ? AND {_LACKS} ORDER BY t.row LIMIT ?",
        (after, model, limit))
    return [(row, digest, to_embed(title, tuple(json.loads(heading or "[]")), (text,)) if kind == SAY else text)
            for row, digest, kind, text, title, heading in found]
