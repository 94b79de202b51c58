"""What turns text into vectors. The local one is MiniLM; others need only this protocol."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from engine import modelstore
from engine.knowledge.minilm import MiniLM


class Embedder(Protocol):
    """Thread-safe. ``name`` tells vectors of one model from those of another: they are never compared."""

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Unit vectors, shape (len(texts), dim), in order. Takes CPU or network time: never call it in the hub."""


def local() -> Embedder | None:
    """The embedded model, loaded once a process; ``None`` where its data is not installed."""
    if not modelstore.installed("minilm"):
        return None
    return _load(modelstore.path("minilm"))


@lru_cache(maxsize=2)
def _load(folder: Path) -> MiniLM:
    return MiniLM(folder)
