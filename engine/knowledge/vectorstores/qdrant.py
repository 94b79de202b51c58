"""Qdrant by REST. Paths and bodies follow its API reference (1.10 or later, for ``/points/query``).

A point has two vectors: ``dense``, the model's, and ``words``, a sparse one of its terms with BM25 weights, to which
Qdrant adds the rarity of terms (``modifier: idf``). So it searches by words, and fuses both, by itself. Ids there are
UUIDs, made of the chunk's id, which stays in the payload as ``chunk_id``.
"""

import hashlib
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np

from engine.config.vectorstores import QdrantOptions
from engine.errors import ProviderFault
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
    numbers,
    other_dimension,
    scope_day,
    term_weight,
    words,
)
from engine.knowledge.vectorstores.rest import Rest
from engine.net.credentials import Credentials
from engine.offhub import off_hub

BATCH = 100
"""Points a request: 100 of 1536 numbers are 2 MB; Qdrant takes 32 MB."""

CANDIDATES = 50
"""Of each of the two lists that are fused."""

USUAL_TERMS = 60
"""Terms of an average passage, for BM25. Fixed, so that weights of old points stay right when new ones come."""

SPACE = uuid.UUID("6f0c2e0a-5d5b-5b0e-9a4e-0d6b8a4f7c11")
"""Namespace of our UUIDs: the same chunk, the same point, on every server."""

RESERVED = ("chunk_id", "from_day", "until_day")
"""Fields of ours beside the caller's payload."""

INDEXED = {"tags": "keyword", "language": "keyword", "from_day": "integer", "until_day": "integer"}


class QdrantStore:
    """A ``VectorStore``."""

    finds_words = True

    def __init__(
        self, name: str, options: QdrantOptions, credentials: Credentials, collection: str, base_url: str = "",
    ) -> None:
        """``collection`` as it is called there; ``base_url`` where the options have none. Opens no connection."""
        self.name = f"{name}/{collection}"
        self._path = f"/collections/{quote(collection, safe='')}"
        self._rest = Rest(self.name, options.base_url or base_url, options, credentials)
        self._dim = 0

    def ensure(self, dim: int) -> None:
        """Make the collection and the indexes of what is filtered by."""
        has = self._read_dim()
        if not has:
            body = {"vectors": {"dense": {"size": dim, "distance": "Cosine"}},
                    "sparse_vectors": {"words": {"modifier": "idf"}}}
            try:
                self._rest.ask("PUT", self._path, body)
            except ProviderFault as fault:
                if fault.status != 409:  # another process has just made it
                    raise
            has = self._read_dim() or dim
        if has != dim:
            raise other_dimension(self.name, has, dim)
        for field, kind in INDEXED.items():
            self._ask("PUT", "/index", {"field_name": field, "field_schema": kind}, wait=True)
        self._dim = dim

    def upsert(self, points: Sequence[Point]) -> None:
        """In batches of 100, each waited for."""
        off_hub(check_points, points, self._known_dim(), self.name)
        for batch in batches(points, BATCH):
            self._ask("PUT", "/points", {"points": off_hub(_points, batch)}, wait=True)

    def delete(self, ids: Sequence[str]) -> None:
        """By their UUIDs."""
        for batch in batches(ids, 1000):
            self._ask("POST", "/points/delete", {"points": [_uuid(one) for one in batch]}, wait=True)

    def query(self, vector: Floats | None, text: str, k: int, scope: Scope = ANY) -> list[Found]:
        """Qdrant fuses by reciprocal rank where both are asked for."""
        within = _filter(scope)
        asked: list[dict[str, Any]] = []
        if vector is not None:
            check_vector(vector, self._known_dim(), self.name)
            asked.append({"query": numbers(vector), "using": "dense"})
        if sparse := _sparse(Counter(asked_terms(text)), as_query=True):
            asked.append({"query": sparse, "using": "words"})
        if not asked:
            return []
        if len(asked) == 1:
            body = {**asked[0], **within, "limit": k}
        else:
            limit = max(k, CANDIDATES)
            body = {"prefetch": [{**each, **within, "limit": limit} for each in asked], "query": {"fusion": "rrf"},
                    "limit": k}
        result = self._ask("POST", "/points/query", {**body, "with_payload": True}, search=True)
        return self._rest.understood(
            lambda: [Found(one["payload"]["chunk_id"], float(one["score"]), _payload(one)) for one in result["points"]])

    def get(self, ids: Sequence[str], *, vectors: bool = True) -> list[Point]:
        """In batches of 100."""
        found: dict[str, Point] = {}
        for batch in batches(ids, BATCH):
            body = {"ids": [_uuid(one) for one in batch], "with_payload": True, "with_vector": _with(vectors)}
            result = self._ask("POST", "/points", body)
            found |= {point.id: point for point in self._rest.understood(lambda: [_read(one) for one in result])}  # noqa: B023
        return [found[one] for one in ids if one in found]

    def count(self) -> int:
        """Exactly."""
        result = self._ask("POST", "/points/count", {"exact": True})
        return self._rest.understood(lambda: int(result["count"]))

    def scan(self) -> Iterator[Point]:
        """By scrolling, 100 a page."""
        body: dict[str, Any] = {"limit": BATCH, "with_payload": True, "with_vector": _with(True)}
        while True:
            result = self._ask("POST", "/points/scroll", body)
            yield from self._rest.understood(lambda: [_read(one) for one in result["points"]])  # noqa: B023
            if result.get("next_page_offset") is None:
                return
            body["offset"] = result["next_page_offset"]

    def drop(self) -> None:
        """Qdrant says nothing of a collection that is not there."""
        try:
            self._rest.ask("DELETE", self._path)
        except ProviderFault as fault:
            if fault.status != 404:
                raise
        self._dim = 0

    def close(self) -> None:
        """Close idle connections."""
        self._rest.close()

    def _known_dim(self) -> int:
        self._dim = self._dim or self._read_dim()
        if not self._dim:
            raise CollectionMissing(f"{self.name}: there is no such collection; set it up first")
        return self._dim

    def _read_dim(self) -> int:
        """0 where there is no collection."""
        try:
            answer = self._rest.ask("GET", self._path)
        except ProviderFault as fault:
            if fault.status == 404:
                return 0
            raise
        vectors = self._rest.understood(lambda: answer["result"]["config"]["params"]["vectors"])
        if "dense" not in vectors:
            raise KnowledgeError(f"{self.name}: a collection that was not made by Trunkline: it has no vector named "
                                 "'dense'; use another name")
        return self._rest.understood(lambda: int(vectors["dense"]["size"]))

    def _ask(self, method: str, path: str, body: Mapping[str, Any], *, wait: bool = False, search: bool = False) -> Any:
        """The ``result`` of a request below the collection."""
        try:
            answer = self._rest.ask(method, self._path + path, body, search=search,
                                    query={"wait": "true"} if wait else None)
        except ProviderFault as fault:
            if fault.status == 404:
                self._dim = 0
                raise CollectionMissing(f"{self.name}: there is no such collection; set it up first") from fault
            raise
        return self._rest.understood(lambda: answer["result"])


def _uuid(point_id: str) -> str:
    return str(uuid.uuid5(SPACE, point_id))


def _with(vectors: bool) -> list[str] | bool:
    return ["dense"] if vectors else False


def _points(batch: Sequence[Point]) -> list[dict[str, Any]]:
    return [_point(point) for point in batch]


def _point(point: Point) -> dict[str, Any]:
    seen = facets(point)
    vector: dict[str, Any] = {"dense": numbers(point.vector)}
    if sparse := _sparse(Counter(words(point.payload))):
        vector["words"] = sparse
    return {"id": _uuid(point.id), "vector": vector,
            "payload": {**point.payload, "chunk_id": point.id, "tags": list(seen.tags), "language": seen.language,
                        "from_day": seen.from_day, "until_day": seen.until_day}}


def _sparse(counts: "Counter[str]", as_query: bool = False) -> dict[str, list[Any]]:
    """Terms as a sparse vector, empty for none; in a query every term weighs 1."""
    length, weights = counts.total(), Counter[int]()
    for term, count in counts.items():
        place = int.from_bytes(hashlib.blake2s(term.encode("utf-8", "replace"), digest_size=4).digest(), "big")
        weights[place] += 1.0 if as_query else term_weight(count, length, USUAL_TERMS)  # type: ignore[assignment]
    order = sorted(weights)
    return {"indices": order, "values": [round(float(weights[place]), 6) for place in order]} if order else {}


def _filter(scope: Scope) -> dict[str, Any]:
    must: list[dict[str, Any]] = []
    if scope.tags:
        must.append({"key": "tags", "match": {"any": sorted(scope.tags)}})
    if scope.languages:
        must.append({"key": "language", "match": {"any": ["", *sorted(scope.languages)]}})
    if day := scope_day(scope):
        must += [{"key": "from_day", "range": {"lte": day}}, {"key": "until_day", "range": {"gte": day}}]
    return {"filter": {"must": must}} if must else {}


def _payload(one: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in one["payload"].items() if key not in RESERVED}


def _read(one: Mapping[str, Any]) -> Point:
    vector = (one.get("vector") or {}).get("dense")
    return Point(one["payload"]["chunk_id"], NO_VECTOR if vector is None else np.asarray(vector, np.float32),
                 _payload(one))
