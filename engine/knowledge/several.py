"""Several collections as one, for agents who know more than one."""

from collections.abc import Sequence

from engine.knowledge.base import Hit, KnowledgeBase


class SeveralBases:
    """Searches all of ``bases``. Scores are comparable where the collections have the same embedding."""

    def __init__(self, bases: Sequence[KnowledgeBase]) -> None:
        """At least one."""
        self._bases = tuple(bases)

    def search(self, query: str, k: int = 5) -> list[Hit]:
        """The ``k`` best passages of all collections, best first; at equal scores in the order of the collections."""
        hits = [hit for base in self._bases for hit in base.search(query, k)]
        return sorted(hits, key=lambda hit: -hit.score)[:k]

    def passage(self, chunk_id: str) -> Hit | None:
        """The passage of that id, from whichever collection has it; None where none has."""
        return next((hit for base in self._bases if (hit := base.passage(chunk_id)) is not None), None)
