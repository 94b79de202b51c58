"""Vector stores: a real PostgreSQL with pgvector on this machine, 10,000 passages of 384 numbers.

The other engines are fakes in the tests; to time a fake says nothing, so there are no rows of them.
"""

import time

import gevent
import numpy as np

from benchmarks.figure import Figure
from engine.config.vectorstores import PgVectorOptions
from engine.knowledge.vectorstores.interface import Point, VectorStore
from engine.knowledge.vectorstores.migrate import migrate
from engine.knowledge.vectorstores.setup import open_store
from tests.knowledge.vectorstores.postgres_server import NoServer, PostgresServer

COMMAND = "make bench ARGS=vectorstores"
PASSAGES, DIM, SEARCHES = 10_000, 384, 300
WORDS = [f"{first}{second}" for first in ("li", "ta", "no", "ru", "ke", "so", "mi", "da") for second in (
    "brary", "riff", "tice", "ling", "yword", "cket", "nute", "mage", "form", "deal", "rent", "port")]


def figures() -> list[Figure]:
    """Vectors in 200 clusters, as passages lie; texts of 60 words, each word in half of them, which is the worst for a
    search by words."""
    try:
        server = PostgresServer()
    except NoServer as fault:
        return [Figure("pgvector", str(fault), "", "runs", False, COMMAND)]
    try:
        store = open_store(PgVectorOptions(dsn=server.dsn(), write_timeout_s=120), "bench")
        points = _points()
        started = time.perf_counter()
        migrate(points, store)
        seconds = time.perf_counter() - started
        rows = [Figure("pgvector: passages migrated a second, 10k x 384", round(len(points) / seconds), "1/s",
                       ">= 200 (own)", len(points) / seconds >= 200, COMMAND)]
        rows += _searches(store, points)
        store.close()
        return rows
    finally:
        server.close()


def _points() -> list[Point]:
    random = np.random.default_rng(1)
    centres = random.standard_normal((200, DIM)).astype(np.float32)
    vectors = centres[random.integers(0, 200, PASSAGES)]
    vectors = vectors + 0.7 * random.standard_normal((PASSAGES, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [Point(f"p{n}", vectors[n], {"document": f"d{n // 10}", "title": "T", "text": " ".join(
        random.choice(WORDS, 60)), "language": "en", "tags": ["guides"]}) for n in range(PASSAGES)]


def _searches(store: VectorStore, points: list[Point]) -> list[Figure]:
    random = np.random.default_rng(2)
    matrix = np.stack([point.vector for point in points])
    spent: dict[str, list[float]] = {"vector": [], "both": []}
    gaps, answers = [0.0], []

    def watch() -> None:
        last = time.perf_counter()
        while True:
            gevent.sleep(0.001)
            now = time.perf_counter()
            gaps.append(now - last - 0.001)
            last = now

    watching = gevent.spawn(watch)
    for _ in range(SEARCHES):
        asked = matrix[random.integers(PASSAGES)] + 0.02 * random.standard_normal(DIM).astype(np.float32)
        asked /= np.linalg.norm(asked)
        for kind, text in (("vector", ""), ("both", " ".join(random.choice(WORDS, 3)))):
            started = time.perf_counter()
            found = store.query(asked, text, 5)
            spent[kind].append(1000 * (time.perf_counter() - started))
            if kind == "vector":
                answers.append((asked, {one.id for one in found}))
    watching.kill()
    right = sum(len(ids & {points[at].id for at in np.argpartition(-(matrix @ asked), 5)[:5]})
                for asked, ids in answers)
    rows = [_figure("recall@5 against an exact search", round(right / 5 / SEARCHES, 3), "share", 0.97, at_least=True)]
    for kind, limits in (("vector", (15, 40)), ("both", (40, 120))):
        p50, p99 = (round(float(np.percentile(spent[kind], q)), 1) for q in (50, 99))
        rows += [_figure(f"search by {kind}, p50", p50, "ms", limits[0]),
                 _figure(f"search by {kind}, p99", p99, "ms", limits[1])]
    return [*rows, _figure("hub late meanwhile, p99", round(1000 * float(np.percentile(gaps, 99)), 1), "ms", 20)]


def _figure(what: str, value: float, unit: str, aim: float, at_least: bool = False) -> Figure:
    ok = value >= aim if at_least else value <= aim
    return Figure(f"pgvector, 10k x 384, this machine: {what}", value, unit,
                  f"{'>=' if at_least else '<='} {aim} (own)", ok, COMMAND)
