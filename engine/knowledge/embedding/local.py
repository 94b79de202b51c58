"""The embedding model of this machine."""

from functools import lru_cache
from pathlib import Path

from engine import modelstore
from engine.knowledge.embedding.interface import Embedder
from engine.knowledge.embedding.minilm import MiniLM


def local() -> Embedder | None:
    """The embedded model, loaded once a process; ``None`` where its data is not installed."""
    if not modelstore.installed("minilm"):
        return None
    return _load(modelstore.path("minilm"))


@lru_cache(maxsize=2)
def _load(folder: Path) -> MiniLM:
    return MiniLM(folder)
