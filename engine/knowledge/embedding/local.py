"""The embedding model of this machine."""

from engine.config.knowledge import KnowledgeOptions
from engine.knowledge.embedding import choose
from engine.knowledge.embedding.interface import Embedder


def local() -> Embedder | None:
    """The embedded model, loaded once a process; ``None`` where its data is not installed."""
    return choose.embedder(KnowledgeOptions())
