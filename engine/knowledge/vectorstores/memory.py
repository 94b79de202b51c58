"""A vector store in this process: exact, without an index. For tests, and as the plainest example of the protocol."""

from collections.abc import Iterator, Sequence

import numpy as np

from engine.knowledge.embedding.interface import Floats
from engine.knowledge.errors import CollectionMissing
from engine.knowledge.scope import ANY, Scope
from engine.knowledge.vectorstores.interface import Found, Point
from engine.knowledge.vectorstores.payload import (
    by_words,
    check_points,
    check_vector,
    facets,
    fuse,
    other_dimension,
    scope_day,
)

CANDIDATES = 50
"""Of each list that is fused."""


class MemoryStore:
    """A ``VectorStore``. What is in it is gone with the process."""

    finds_words = True

    def __init__(self, collection: str = "memory") -> None:
        """``collection`` is for messages."""
        self.name = f"memory/{collection}"
        self._dim = 0
        self._points: dict[str, Point] = {}

    def ensure(self, dim: int) -> None:
        """Fix the dimension."""
        if self._dim not in (0, dim):
            raise other_dimension(self.name, self._dim, dim)
        self._dim = dim

    def upsert(self, points: Sequence[Point]) -> None:
        """All or nothing."""
        check_points(points, self._made(), self.name)
        for point in points:
            facets(point)
        self._points |= {point.id: point for point in points}

    def delete(self, ids: Sequence[str]) -> None:
        """Forget them."""
        self._made()
        for one in ids:
            self._points.pop(one, None)

    def query(self, vector: Floats | None, text: str, k: int, scope: Scope = ANY) -> list[Found]:
        """Cosine, BM25, or both by rank."""
        dim, points = self._made(), self._within(scope)
        lists = []
        if vector is not None:
            check_vector(vector, dim, self.name)
            matrix = np.array([point.vector for point in points], np.float32).reshape(-1, dim)
            cosines = matrix @ vector / (np.linalg.norm(matrix, axis=1) * np.linalg.norm(vector))
            order = np.argsort(-cosines, kind="stable")
            lists.append([Found(points[at].id, float(cosines[at]), points[at].payload) for at in order])
        if text:
            lists.append(by_words([Found(point.id, 0.0, point.payload) for point in points], text))
        if len(lists) == 1:
            return lists[0][:k]
        return fuse([each[:max(k, CANDIDATES)] for each in lists], k)

    def get(self, ids: Sequence[str], *, vectors: bool = True) -> list[Point]:
        """From the table."""
        self._made()
        return [self._points[one] for one in ids if one in self._points]

    def count(self) -> int:
        """Length of the table."""
        self._made()
        return len(self._points)

    def scan(self) -> Iterator[Point]:
        """A copy of the table, so that it may change meanwhile."""
        self._made()
        yield from list(self._points.values())

    def drop(self) -> None:
        """Forget all, dimension included."""
        self._dim, self._points = 0, {}

    def close(self) -> None:
        """Nothing is held."""

    def _made(self) -> int:
        if not self._dim:
            raise CollectionMissing(f"{self.name}: there is no such collection; set it up first")
        return self._dim

    def _within(self, scope: Scope) -> list[Point]:
        scope_day(scope)
        return [point for point in self._points.values()
                if scope.admits(point.payload.get("tags") or (), point.payload.get("language") or "",
                                point.payload.get("valid_from") or "", point.payload.get("valid_until") or "")]
