"""PostgreSQL with pgvector: one table a collection.

The words of a passage are our own terms, written as a ``tsvector`` without PostgreSQL's parser, which cuts Indic words
at their vowel signs. Values travel as parameters only; names of tables are checked and quoted.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from engine.config.vectorstores import PgVectorOptions
from engine.knowledge.embedding.interface import Floats
from engine.knowledge.errors import CollectionMissing, KnowledgeError
from engine.knowledge.scope import ANY, Scope
from engine.knowledge.vectorstores.interface import Found, Point
from engine.knowledge.vectorstores.payload import (
    NO_VECTOR,
    asked_terms,
    batches,
    check_points,
    check_vector,
    facets,
    fuse,
    numbers,
    other_dimension,
    scope_day,
    words,
)
from engine.knowledge.vectorstores.pgpool import Connection, PgPool
from engine.offhub import off_hub

BATCH = 100
"""Points a statement."""

PAGE = 500
"""Points read at once."""

CANDIDATES = 50
"""Of each of the two lists that are fused."""

LONGEST_TERM = 200
"""Characters; a lexeme may have 2046 bytes. Longer ones are no words."""

ENOUGH = 500
"""Passages of each term that are ranked."""

IVF_FROM = 1000
"""Rows from which an ivfflat index has something to learn its lists from. Set up again when they are there."""

_INSERT = SQL("""
INSERT INTO {table} (id, vector, payload, words, tags, language, from_day, until_day)
SELECT row->>'id', (row->>'vector')::vector, row->'payload', (row->>'words')::tsvector,
       ARRAY(SELECT jsonb_array_elements_text(row->'tags')), row->>'language',
       (row->>'from_day')::integer, (row->>'until_day')::integer
FROM jsonb_array_elements(%s::jsonb) AS row
ON CONFLICT (id) DO UPDATE SET vector = EXCLUDED.vector, payload = EXCLUDED.payload, words = EXCLUDED.words,
    tags = EXCLUDED.tags, language = EXCLUDED.language, from_day = EXCLUDED.from_day, until_day = EXCLUDED.until_day
""")


_BY_WORDS = SQL("""
(WITH asked AS (
    SELECT nr, one::tsquery AS one FROM unnest(%(each)s::text[]) WITH ORDINALITY AS given (one, nr)
), hits AS MATERIALIZED (
    SELECT nr, hit.id FROM asked CROSS JOIN LATERAL (
        SELECT id FROM {table} WHERE words @@ one AND {within} LIMIT %(enough)s) AS hit
), weights AS MATERIALIZED (
    SELECT one, ln(1 + %(enough)s::float8 / count(*)) AS weight FROM hits JOIN asked USING (nr)
    WHERE nr > 1 GROUP BY nr, one
)
SELECT 1 AS half, id, payload,
    (SELECT sum(weight) FROM weights WHERE words @@ one) + ts_rank(words, %(any)s::tsquery, 1) AS score
FROM {table} WHERE id IN (SELECT id FROM hits) ORDER BY score DESC, id LIMIT %(k)s)
""")
"""A passage scores by the terms that it has, rare ones more, then by how often. Of each term only so many passages are
looked at, and as many that have all terms: to rank every passage with a common word would take seconds."""


class PgVectorStore:
    """A ``VectorStore``."""

    finds_words = True

    def __init__(self, name: str, options: PgVectorOptions, dsn: str, table: str) -> None:
        """``dsn`` as libpq reads it. Raises ``KnowledgeError``. Opens no connection."""
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,50}", table):
            raise KnowledgeError(f"{name}: no name for a table: {table!r}; give 'table'")
        self.name = f"{name}/{table}"
        self._table = table
        self._index = options.index
        self._searches = PgPool(self.name, dsn, options, options.query_timeout_s)
        self._others = PgPool(self.name, dsn, options, options.write_timeout_s)
        self._dim = 0
        self._halved = False  # the index holds half-precision vectors

    def ensure(self, dim: int) -> None:
        """Make extension, table and indexes. An index over many rows may take longer than ``write_timeout_s``: make it
        with psql then (``docs/operator/vector-stores.md``)."""
        def make(connection: Connection) -> int:
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (self._table,))
                if not connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'vector'").fetchone():
                    connection.execute("CREATE EXTENSION vector")
                has = self._read_dim(connection)
                if not has:
                    connection.execute(SQL(
                        "CREATE TABLE {} (id text PRIMARY KEY, vector vector({}) NOT NULL, payload jsonb NOT NULL,"
                        " words tsvector NOT NULL, tags text[] NOT NULL, language text NOT NULL,"
                        " from_day integer NOT NULL, until_day integer NOT NULL)",
                    ).format(Identifier(self._table), Literal(dim)))
                if has in (0, dim):
                    self._make_indexes(connection, dim)
                return has or dim

        has = self._others.run(make)
        if has != dim:
            raise other_dimension(self.name, has, dim)
        self._dim = dim

    def upsert(self, points: Sequence[Point]) -> None:
        """100 points a statement, each statement all or nothing."""
        off_hub(check_points, points, self._known_dim(), self.name)
        last = {point.id: point for point in points}  # a statement may touch a row once
        for batch in batches(last.values(), BATCH):
            rows = off_hub(_rows, batch)
            self._others.run(lambda connection: connection.execute(self._sql(_INSERT), (rows,)))  # noqa: B023

    def delete(self, ids: Sequence[str]) -> None:
        """In one statement."""
        statement = self._sql(SQL("DELETE FROM {table} WHERE id = ANY(%s)"))
        self._others.run(lambda connection: connection.execute(statement, ([_clean(one) for one in ids],)))

    def query(self, vector: Floats | None, text: str, k: int, scope: Scope = ANY) -> list[Found]:
        """Both halves in one round trip, fused here."""
        dim, asked = self._known_dim(), [_clean(term) for term in asked_terms(text) if len(term) <= LONGEST_TERM]
        halves: list[Composable] = []
        values: dict[str, Any] = {"k": k if vector is None or not asked else max(k, CANDIDATES)}
        within = _within(scope, values)
        if vector is not None:
            check_vector(vector, dim, self.name)
            values["vector"] = json.dumps(numbers(vector))
            halves.append(SQL(
                "(SELECT 0 AS half, id, payload, 1 - (vector <=> %(vector)s::vector) AS score FROM {table}"
                " WHERE {within} ORDER BY {by} <=> %(vector)s::{type} LIMIT %(k)s)",
            ).format(table=Identifier(self._table), within=within, **self._nearness(dim)))
        if asked:
            quoted = [_quoted(term) for term in asked]
            values |= {"each": [" & ".join(quoted), *quoted], "any": " | ".join(quoted), "enough": ENOUGH}
            halves.append(_BY_WORDS.format(table=Identifier(self._table), within=within))
        if not halves:
            return []
        statement = SQL(" UNION ALL ").join(halves)
        rows = self._searches.run(lambda connection: connection.execute(statement, values).fetchall())
        lists: dict[int, list[Found]] = defaultdict(list)
        for half, point_id, payload, score in rows:
            lists[half].append(Found(point_id, float(score), payload))
        ranked = [sorted(each, key=lambda one: (-one.score, one.id)) for each in lists.values()]
        return (ranked or [[]])[0][:k] if len(halves) == 1 else fuse(ranked, k)

    def get(self, ids: Sequence[str], *, vectors: bool = True) -> list[Point]:
        """In pages of 500."""
        found: dict[str, Point] = {}
        column = SQL("vector::text" if vectors else "NULL")
        statement = self._sql(SQL("SELECT id, {vector}, payload FROM {table} WHERE id = ANY(%s)"), vector=column)
        for batch in batches(ids, PAGE):
            wanted = [_clean(one) for one in batch]
            rows = self._others.run(lambda connection: connection.execute(statement, (wanted,)).fetchall())  # noqa: B023
            found |= {row[0]: _point(row) for row in rows}
        return [found[_clean(one)] for one in ids if _clean(one) in found]

    def count(self) -> int:
        """Exactly: PostgreSQL reads an index for it."""
        statement = self._sql(SQL("SELECT count(*) FROM {table}"))
        rows = self._others.run(lambda connection: connection.execute(statement).fetchall())
        return int(rows[0][0])

    def scan(self) -> Iterator[Point]:
        """By id, 500 a page; each page sees what is there when it is read."""
        statement = self._sql(SQL("SELECT id, vector::text, payload FROM {table} WHERE id > %s ORDER BY id LIMIT %s"))
        last = ""
        while True:
            after = last
            rows = self._others.run(lambda connection: connection.execute(statement, (after, PAGE)).fetchall())  # noqa: B023
            yield from map(_point, rows)
            if len(rows) < PAGE:
                return
            last = rows[-1][0]

    def drop(self) -> None:
        """The table; the extension stays."""
        statement = self._sql(SQL("DROP TABLE IF EXISTS {table}"))
        self._others.run(lambda connection: connection.execute(statement))
        self._dim = 0

    def close(self) -> None:
        """Close idle connections."""
        self._searches.close()
        self._others.close()

    def _make_indexes(self, connection: Connection, dim: int) -> None:
        for column in ("words", "tags"):
            connection.execute(self._sql(SQL("CREATE INDEX IF NOT EXISTS {name} ON {table} USING gin ({column})"),
                                         name=Identifier(f"{self._table}_{column}"), column=Identifier(column)))
        version = self._version(connection)
        kind = ("hnsw" if version >= (0, 5) else "ivfflat") if self._index == "auto" else self._index
        self._halved = dim > 2000
        if kind == "none" or dim > (4000 if version >= (0, 7) else 2000):
            self._halved = False
            return  # no index takes so many numbers: the table is read as a whole
        options = SQL("").format()
        if kind == "ivfflat":
            rows = connection.execute(self._sql(SQL("SELECT count(*) FROM {table}"))).fetchone() or (0,)
            if rows[0] < IVF_FROM:
                return
            options = SQL(" WITH (lists = {})").format(Literal(max(rows[0] // 1000, int(rows[0] ** 0.5) // 2)))
        operators = SQL("halfvec_cosine_ops" if self._halved else "vector_cosine_ops")
        connection.execute(self._sql(
            SQL("CREATE INDEX IF NOT EXISTS {name} ON {table} USING {kind} (({by}) {operators}){options}"),
            name=Identifier(f"{self._table}_vector"), kind=SQL(kind), by=self._nearness(dim)["by"],
            operators=operators, options=options))

    def _nearness(self, dim: int) -> dict[str, Composable]:
        """What is compared: more than 2000 numbers are indexed with half their bits (pgvector's limit)."""
        half = SQL("halfvec({})").format(Literal(dim))
        return {"by": SQL("vector::{}").format(half), "type": half} if self._halved else {
            "by": SQL("vector"), "type": SQL("vector")}

    @staticmethod
    def _version(connection: Connection) -> tuple[int, ...]:
        row = connection.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'").fetchone()
        return tuple(int(part) for part in re.findall(r"\d+", row[0] if row else "0"))[:2]

    def _read_dim(self, connection: Connection) -> int:
        """0 where there is no table."""
        row = connection.execute(
            "SELECT atttypmod FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = 'vector'",
            (f'"{self._table}"',)).fetchone()
        if row is None and connection.execute("SELECT to_regclass(%s)", (f'"{self._table}"',)).fetchone() != (None,):
            raise KnowledgeError(f"{self.name}: a table that was not made by Trunkline; give 'table' another name")
        return int(row[0]) if row else 0

    def _known_dim(self) -> int:
        if not self._dim:
            def read(connection: Connection) -> int:
                dim = self._read_dim(connection)
                self._halved = self._index != "none" and 2000 < dim <= 4000 and self._version(connection) >= (0, 7)
                return dim

            self._dim = self._others.run(read)
        if not self._dim:
            raise CollectionMissing(f"{self.name}: there is no such collection; set it up first")
        return self._dim

    def _sql(self, statement: SQL, **parts: Composable) -> Composed:
        return statement.format(table=Identifier(self._table), **parts)


def _within(scope: Scope, values: dict[str, Any]) -> Composable:
    """The scope as a condition; its values go into ``values``."""
    conditions = [SQL("true")]
    if scope.tags:
        values["tags"] = [_clean(tag) for tag in sorted(scope.tags)]
        conditions.append(SQL("tags && %(tags)s::text[]"))
    if scope.languages:
        values["languages"] = ["", *sorted(scope.languages)]
        conditions.append(SQL("language = ANY(%(languages)s::text[])"))
    if day := scope_day(scope):
        values["day"] = day
        conditions.append(SQL("from_day <= %(day)s AND until_day >= %(day)s"))
    return SQL(" AND ").join(conditions)


def _rows(points: Sequence[Point]) -> str:
    """What ``_INSERT`` takes."""
    rows = []
    for point in points:
        seen = facets(point)
        rows.append({
            "id": point.id, "vector": numbers(point.vector), "payload": point.payload,
            "words": _lexemes(words(point.payload)), "tags": list(seen.tags), "language": seen.language,
            "from_day": seen.from_day, "until_day": seen.until_day})
    return json.dumps(_cleaned(rows), ensure_ascii=False, allow_nan=False)


def _lexemes(found: Sequence[str]) -> str:
    """As a ``tsvector`` is written: each term with its places, at most 256 of them and none above 16383."""
    places: dict[str, list[int]] = defaultdict(list)
    for at, term in enumerate(found, 1):
        if len(term) <= LONGEST_TERM and at < 16384 and len(places[term]) < 256:
            places[term].append(at)
    return " ".join(f"{_quoted(term)}:{','.join(map(str, at))}" for term, at in places.items() if at)


def _quoted(term: str) -> str:
    escaped = term.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _clean(text: str) -> str:
    """Without what PostgreSQL's text cannot hold: NUL, and halves of surrogate pairs."""
    return text.replace("\0", " ").encode("utf-8", "replace").decode()


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, Mapping):
        return {_clean(str(key)): _cleaned(each) for key, each in value.items()}
    return [_cleaned(each) for each in value] if isinstance(value, list | tuple) else value


def _point(row: Sequence[Any]) -> Point:
    point_id, vector, payload = row
    found = NO_VECTOR if vector is None else np.fromstring(vector[1:-1], np.float32, sep=",")
    return Point(point_id, found, payload)


