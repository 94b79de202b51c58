"""What a vector store is, as search and ``migrate`` see it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from engine.knowledge.embedding.interface import Floats
from engine.knowledge.scope import ANY, Scope


@dataclass(frozen=True, slots=True)
class Point:
    """A passage with its vector. ``id`` is the chunk's; ``vector`` has shape (dim,), float32, and length 1.

    ``payload`` is JSON: ``document``, ``title``, ``heading`` (list of texts), ``page`` (number), ``language``, ``tags``
    (list), ``text``, ``say``, ``questions`` (list), ``valid_from``, ``valid_until`` (ISO dates, "" for none), ``uri``,
    and whatever else the caller wants back (``migrate`` adds ``digest``).
    """

    id: str
    vector: Floats
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that was found. ``score``: the cosine where only a vector was asked for; else what the engine says,
    which can be compared within one answer only. Higher is better."""

    id: str
    score: float
    payload: Mapping[str, Any]


class VectorStore(Protocol):
    """One collection on one server. Call it in a greenlet, not in a pool thread: it waits for sockets.

    Every method raises ``ProviderFault`` when the server fails or is late, ``KnowledgeError`` for what no server would
    take (a vector of another dimension), ``CollectionMissing`` where ``ensure`` was never called. Writing twice is as
    writing once. Pinecone and Azure show what was written only after some seconds.
    """

    @property
    def name(self) -> str:
        """Kind and collection, for messages."""

    @property
    def finds_words(self) -> bool:
        """Whether it can be asked by text alone. Where not, the text of a query orders what the vector has found."""

    def ensure(self, dim: int) -> None:
        """Make the collection if it is missing. Raises ``KnowledgeError`` if it holds vectors of another length."""

    def upsert(self, points: Sequence[Point]) -> None:
        """Write points, replacing those with the same ids. Split into batches as the server wants them."""

    def delete(self, ids: Sequence[str]) -> None:
        """Remove points; ids that are not there are passed over."""

    def query(self, vector: Floats | None, text: str, k: int, scope: Scope = ANY) -> list[Found]:
        """The best ``k`` within ``scope``, best first: by vector, by text ("" for none), or by both."""

    def get(self, ids: Sequence[str], *, vectors: bool = True) -> list[Point]:
        """Those that are there, in the order asked for. ``vectors=False`` may leave vectors empty, for speed."""

    def count(self) -> int:
        """How many points there are."""

    def scan(self) -> Iterator[Point]:
        """Every point once, page by page, in no order that means anything."""

    def drop(self) -> None:
        """Remove the collection and all that is in it; no error where there is none."""

    def close(self) -> None:
        """Close connections."""
