"""Vectors of a whole collection in memory, row by row. Goes when the search that wants it so goes."""

from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from engine.knowledge.index import stamp

Floats = npt.NDArray[np.float32]

__all__ = ["VectorIndex", "read", "stamp"]


class VectorIndex:
    """Unit vectors by row; a row's score is its cosine with the question. Never changes after it is built."""

    def __init__(self, vectors: Floats) -> None:
        """``vectors``: shape (count, dim)."""
        self.vectors = np.ascontiguousarray(vectors, np.float32)
        self.count = len(vectors)
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(self.vectors)

    @classmethod
    def of(cls, vectors: Floats) -> "VectorIndex":
        """Build from vectors, shape (count, dim)."""
        return cls(vectors)

    def nearest(self, question: Floats, count: int) -> npt.NDArray[np.intp]:
        """The rows nearest to a question's vector, best first."""
        _, rows = self._index.search(question.reshape(1, -1), min(count, self.count))
        found: npt.NDArray[np.intp] = rows[0][rows[0] >= 0]
        return found


def read(folder: Path, generation: int, model: str, count: int, dim: int) -> VectorIndex | None:
    """Nothing of this kind is kept on disk."""
    return None
