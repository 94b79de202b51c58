"""Pinecone by REST: one dense index with cosine, a namespace a collection. Paths, bodies and limits follow its API
reference, version 2025-04.

A dense index compares vectors only; the text of a query orders what the vector has found (by rank fusion, here).
Metadata are texts, numbers and lists of texts, so the other fields of a payload travel as JSON in ``more``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from typing import Any
from urllib.parse import quote, urlencode

import gevent
import numpy as np

from engine.config.vectorstores import PineconeOptions
from engine.errors import ProviderFault
from engine.knowledge.embedding.interface import Floats
from engine.knowledge.errors import CollectionMissing, KnowledgeError
from engine.knowledge.scope import ANY, Scope
from engine.knowledge.vectorstores.interface import Found, Point
from engine.knowledge.vectorstores.payload import (
    batches,
    by_words,
    check_points,
    check_vector,
    facets,
    fuse,
    numbers,
    original_id,
    other_dimension,
    safe_key,
    scope_day,
)
from engine.knowledge.vectorstores.rest import Rest, encode
from engine.net.credentials import Credentials
from engine.offhub import off_hub

VERSION = "2025-04"
MOST_RECORDS, MOST_BYTES = 1000, 2_000_000
"""Of one upsert."""

MOST_METADATA = 40_000
"""Bytes of a record's metadata (the limit is 40 KB)."""

CANDIDATES = 50
"""Nearest passages among which the text decides, or four times what is wanted where that is more."""

LONGEST_QUERY = 6000
"""Characters of ids in one address."""

READY_S, POLL_S = 120.0, 1.0
"""A new index is waited for so long, asked for so often."""

NO_LANGUAGE = "und"
"""ISO 639 for one that is not known: a filter cannot name an absent field."""

RESERVED = ("from_day", "until_day", "more")


class PineconeStore:
    """A ``VectorStore``. A namespace exists while there is something in it: only a missing index is a missing
    collection."""

    finds_words = False

    def __init__(
        self, name: str, options: PineconeOptions, credentials: Credentials, index: str, namespace: str,
    ) -> None:
        """Opens no connection."""
        self.name = f"{name}/{index}/{namespace}"
        self._options, self._credentials = options, credentials
        self._index, self._namespace = index, namespace
        self._control = Rest(self.name, options.base_url, options, credentials)
        self._data: Rest | None = None
        self._dim = 0

    def ensure(self, dim: int) -> None:
        """Make the index and wait until it answers. Raises ``KnowledgeError`` if it has another dimension or metric."""
        about = self._describe()
        if about is None:
            where = {"cloud": self._options.cloud, "region": self._options.region}
            body = {"name": self._index, "dimension": dim, "metric": "cosine", "spec": {"serverless": where}}
            try:
                self._ask_control("POST", "/indexes", body)
            except ProviderFault as fault:
                if fault.status != 409:  # another process has just made it
                    raise
        self._wait_until_ready()
        has = self._known_dim()
        if has != dim:
            raise other_dimension(self.name, has, dim)

    def upsert(self, points: Sequence[Point]) -> None:
        """In requests of at most 1000 records and 2 MB."""
        off_hub(check_points, points, self._known_dim(), self.name)
        last = {point.id: point for point in points}
        for batch in batches(last.values(), 100):
            for body in off_hub(_bodies, batch, self._namespace, self.name):
                answer = self._ask("POST", "/vectors/upsert", body)
                self._rest().understood(lambda: int(answer["upsertedCount"]))  # noqa: B023

    def delete(self, ids: Sequence[str]) -> None:
        """By 1000."""
        for batch in batches(ids, MOST_RECORDS):
            self._delete({"ids": [safe_key(one) for one in batch]})

    def query(self, vector: Floats | None, text: str, k: int, scope: Scope = ANY) -> list[Found]:
        """Raises ``KnowledgeError`` without a vector."""
        if vector is None:
            raise KnowledgeError(f"{self.name}: Pinecone's dense index finds nothing without a vector; search by words "
                                 "on this machine")
        check_vector(vector, self._known_dim(), self.name)
        wanted = min(max(4 * k, CANDIDATES), 1000) if text else k
        body: dict[str, Any] = {"namespace": self._namespace, "vector": numbers(vector), "topK": wanted,
                                "includeMetadata": True, "includeValues": False}
        if within := _filter(scope):
            body["filter"] = within
        answer = self._ask("POST", "/query", body, search=True)
        found = self._rest().understood(
            lambda: [Found(original_id(one["id"]), float(one["score"]), _payload(one)) for one in answer["matches"]])
        return fuse([found, off_hub(by_words, found, text)], k) if text else found

    def get(self, ids: Sequence[str], *, vectors: bool = True) -> list[Point]:
        """Vectors always come along."""
        found: dict[str, Point] = {}
        for batch in batches(ids, 100):
            found |= {point.id: point for point in self._fetch([safe_key(one) for one in batch])}
        return [found[one] for one in ids if one in found]

    def count(self) -> int:
        """As the index's statistics say, some seconds late."""
        answer = self._ask("POST", "/describe_index_stats", {})
        return self._rest().understood(
            lambda: int(answer["namespaces"].get(self._namespace, {}).get("vectorCount", 0)))

    def scan(self) -> Iterator[Point]:
        """Ids page by page (serverless indexes only), each page fetched."""
        asked = {"namespace": self._namespace, "limit": "100"}
        while True:
            answer = self._ask("GET", f"/vectors/list?{urlencode(asked)}")
            keys = self._rest().understood(lambda: [one["id"] for one in answer.get("vectors") or ()])  # noqa: B023
            yield from self._fetch(keys)
            token = (answer.get("pagination") or {}).get("next")
            if not token:
                return
            asked["paginationToken"] = token

    def drop(self) -> None:
        """Empty the namespace; the index stays, for the other collections in it."""
        if self._describe() is not None:
            self._delete({"deleteAll": True})

    def close(self) -> None:
        """Close idle connections."""
        self._control.close()
        if self._data is not None:
            self._data.close()

    def _fetch(self, keys: Sequence[str]) -> list[Point]:
        found: list[Point] = []
        rest = list(keys)
        while rest:
            taken, size = 0, 0
            while taken < len(rest) and (not taken or size + len(rest[taken]) + 5 < LONGEST_QUERY):
                size += len(rest[taken]) + 5
                taken += 1
            asked = urlencode([("namespace", self._namespace), *(("ids", key) for key in rest[:taken])])
            answer = self._ask("GET", f"/vectors/fetch?{asked}")
            found += self._rest().understood(
                lambda: [Point(original_id(one["id"]), np.asarray(one["values"], np.float32), _payload(one))
                         for one in answer["vectors"].values()])  # noqa: B023
            rest = rest[taken:]
        return found

    def _delete(self, what: Mapping[str, Any]) -> None:
        self._known_dim()
        try:
            self._ask("POST", "/vectors/delete", {**what, "namespace": self._namespace})
        except ProviderFault as fault:
            if fault.status != 404:  # no such namespace: nothing is in it
                raise

    def _known_dim(self) -> int:
        self._rest()
        if not self._dim:
            answer = self._ask("POST", "/describe_index_stats", {})
            self._dim = self._rest().understood(lambda: int(answer["dimension"]))
        return self._dim

    def _rest(self) -> Rest:
        """The index itself. Raises ``CollectionMissing``."""
        if self._data is None:
            host = self._options.host
            if not host:
                about = self._describe()
                if about is None:
                    raise CollectionMissing(f"{self.name}: there is no such index; set it up first")
                host = self._control.understood(lambda: str(about["host"]))
                host = host if "://" in host else f"https://{host}"
            self._data = Rest(self.name, host, self._options, self._credentials)
        return self._data

    def _describe(self) -> Mapping[str, Any] | None:
        """What Pinecone says of the index; None where it is missing. Raises ``KnowledgeError`` for another metric."""
        try:
            about = self._ask_control("GET", f"/indexes/{quote(self._index, safe='')}")
        except ProviderFault as fault:
            if fault.status == 404:
                return None
            raise
        if about.get("metric") != "cosine":
            raise KnowledgeError(f"{self.name}: an index with the metric {about.get('metric')}; make one with cosine")
        self._dim = self._control.understood(lambda: int(about["dimension"]))
        return dict(about)

    def _wait_until_ready(self) -> None:
        deadline = monotonic() + READY_S
        while True:
            about = self._describe()
            if about is not None and (about.get("status") or {}).get("ready"):
                return
            if monotonic() >= deadline:
                raise ProviderFault(self.name, "timeout", f"the index was not ready after {READY_S:g} s")
            gevent.sleep(POLL_S)

    def _ask_control(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return self._control.ask(method, path, body, headers={"X-Pinecone-API-Version": VERSION})

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | bytes | None = None, search: bool = False) -> Any:
        headers = {"X-Pinecone-API-Version": VERSION}
        if isinstance(body, bytes):
            headers["Content-Type"] = "application/json"
        return self._rest().ask(method, path, body, search=search, headers=headers)


def _bodies(points: Sequence[Point], namespace: str, store: str) -> list[bytes]:
    """Upserts within the limits. Raises ``KnowledgeError`` for a payload that is too large."""
    head, bodies, records, size = encode({"namespace": namespace})[:-1] + b', "vectors": [', [], list[bytes](), 0
    for point in points:
        metadata = _metadata(point)
        if (much := len(encode(metadata))) > MOST_METADATA:
            raise KnowledgeError(f"{store}: point {point.id}: {much} bytes of payload, Pinecone takes {MOST_METADATA}: "
                                 "make shorter passages")
        record = encode({"id": safe_key(point.id), "values": numbers(point.vector), "metadata": metadata})
        if records and (len(records) == MOST_RECORDS or size + len(record) > MOST_BYTES - len(head) - 2):
            bodies.append(head + b",".join(records) + b"]}")
            records, size = [], 0
        records.append(record)
        size += len(record) + 1
    return [*bodies, head + b",".join(records) + b"]}"]


def _metadata(point: Point) -> dict[str, Any]:
    """Texts and lists of texts as they are; what Pinecone would refuse or change (numbers come back as 2.0) as JSON."""
    seen = facets(point)
    plain: dict[str, Any] = {}
    more: dict[str, Any] = {}
    for key, value in point.payload.items():
        lists = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
        if value and (isinstance(value, str) or lists) and key not in RESERVED and not key.startswith("$"):
            plain[key] = value if isinstance(value, str) else list(value)
        else:
            more[key] = value
    plain |= {"language": seen.language or NO_LANGUAGE, "from_day": seen.from_day, "until_day": seen.until_day}
    return {**plain, "more": json.dumps(more)} if more else plain


def _payload(one: Mapping[str, Any]) -> dict[str, Any]:
    metadata = dict(one.get("metadata") or {})
    more = json.loads(metadata.get("more", "{}"))
    return {**{key: value for key, value in metadata.items() if key not in RESERVED}, **more}


def _filter(scope: Scope) -> dict[str, Any]:
    every: list[dict[str, Any]] = []
    if scope.tags:
        every.append({"tags": {"$in": sorted(scope.tags)}})
    if scope.languages:
        every.append({"language": {"$in": [NO_LANGUAGE, *sorted(scope.languages)]}})
    if day := scope_day(scope):
        every += [{"from_day": {"$lte": day}}, {"until_day": {"$gte": day}}]
    return {"$and": every} if every else {}
