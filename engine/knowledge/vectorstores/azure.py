"""Azure AI Search by REST, paths and bodies as in its reference, version 2024-07-01.

Two ways. *Ours*: we embed and write; the index has the fields that RTMT's set-up names (``chunk_id``, ``parent_id``,
``title``, ``chunk``, ``text_vector``) and those that filters need. *Integrated*: the service reads blobs, splits and
embeds them, and embeds questions too (``azure_setup.py``); the index has the five fields only. In both, words and
vectors are fused by the service.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from engine.config.vectorstores import AzureSearchOptions
from engine.errors import ProviderFault
from engine.knowledge.embedding.interface import Floats
from engine.knowledge.errors import CollectionMissing, KnowledgeError
from engine.knowledge.scope import ANY, Scope
from engine.knowledge.vectorstores.azure_schema import FIELDS, INTEGRATED_FIELDS, index_json
from engine.knowledge.vectorstores.interface import Found, Point
from engine.knowledge.vectorstores.payload import (
    NO_VECTOR,
    asked_terms,
    batches,
    check_points,
    check_vector,
    facets,
    numbers,
    original_id,
    other_dimension,
    safe_key,
    scope_day,
    words,
)
from engine.knowledge.vectorstores.rest import Rest
from engine.net.credentials import Credentials
from engine.net.faults import fault_of
from engine.offhub import off_hub

BATCH = 100
"""Documents a request: 100 of 3072 numbers are 4 MB, the limit is 16 MB."""

PAGE = 100
"""Documents read at once."""

LONGEST_QUESTION = 2000
"""Characters that the service is given to embed."""

PLAIN = {"document": "parent_id", "title": "title", "text": "chunk", "say": "say", "uri": "uri",
         "valid_from": "valid_from", "valid_until": "valid_until", "heading": "heading", "questions": "questions",
         "tags": "tags", "language": "language", "page": "page"}
"""Fields of a payload that are fields of the index, too; the others travel as JSON in ``more``."""

_SYNTAX = re.compile(r'[+|"()*\\~<>:/\[\]{}^&!?-]+')
"""Signs that mean something in a query."""


class AzureSearchStore:
    """A ``VectorStore``."""

    finds_words = True

    def __init__(self, name: str, options: AzureSearchOptions, credentials: Credentials, index: str,
                 openai_key: str = "") -> None:
        """``openai_key``: of the resource that embeds, for integrated vectorisation. Opens no connection."""
        self.name = f"{name}/{index}"
        self.index = index
        self.options = options
        self.integrated = bool(options.integrated.openai_url)
        self.rest = Rest(self.name, options.base_url, options, credentials, {"api-version": options.api_version})
        self._path = f"/indexes/{index}"
        self._openai_key = openai_key
        self._dim = 0

    def ensure(self, dim: int = 0) -> None:
        """Make the index. With integrated vectorisation the dimension is that of ``integrated.dims``."""
        self.make_index(dim)

    def make_index(self, dim: int = 0) -> bool:
        """As ``ensure``; True where it was made, False where it was there."""
        dim = self.options.integrated.dims if self.integrated else dim
        has = self._read_dim()
        made = False
        if not has:
            made = self.create("indexes", self.index, index_json(self.index, dim, self.options, self._openai_key))
            has = self._read_dim() or dim
        if has != dim:
            raise other_dimension(self.name, has, dim)
        self._dim = dim
        return made

    def create(self, kind: str, name: str, body: Mapping[str, Any]) -> bool:
        """Make an ``indexes``, ``skillsets``, ``datasources`` or ``indexers`` if it is missing. False: it was there."""
        try:
            self.rest.ask("PUT", f"/{kind}/{name}", body,
                          headers={"If-None-Match": "*", "Prefer": "return=representation"})
        except ProviderFault as fault:
            if fault.status not in (409, 412):
                raise
            return False
        return True

    def upsert(self, points: Sequence[Point]) -> None:
        """By ``upload``, which replaces whole documents."""
        if self.integrated:
            raise KnowledgeError(f"{self.name}: the service fills this index itself: upload documents (kb setup), or "
                                 "use another index without 'integrated'")
        off_hub(check_points, points, self._known_dim(), self.name)
        last = {point.id: point for point in points}
        for batch in batches(last.values(), BATCH):
            self._write(off_hub(_uploads, batch))

    def delete(self, ids: Sequence[str]) -> None:
        """By key."""
        for batch in batches(ids, 1000):
            self._write([{"@search.action": "delete", "chunk_id": safe_key(one)} for one in batch])

    def query(self, vector: Floats | None, text: str, k: int, scope: Scope = ANY) -> list[Found]:
        """Fused by the service. With integrated vectorisation the text alone counts, and documents have no tags,
        languages or dates: a scope that asks for a tag finds nothing."""
        body: dict[str, Any] = {"top": k}
        if self.integrated:
            scope_day(scope)
            if scope.tags or not text.strip():
                return []
            near: dict[str, Any] | None = {"kind": "text", "text": text[:LONGEST_QUESTION]}
            body["search"], body["searchFields"] = _plain_words(text) or "*", "title,chunk"
        else:
            near = None if vector is None else {"kind": "vector", "vector": self._checked(vector)}
            terms = asked_terms(text)
            if self.options.semantic and _plain_words(text):
                body["search"], body["searchFields"] = _plain_words(text), "title,chunk,heading,questions"
            elif terms:
                body["search"], body["searchFields"] = " ".join(terms), "words"
            if within := _filter(scope):
                body |= {"filter": within, "vectorFilterMode": "preFilter"}
        if near is not None:
            near |= {"fields": "text_vector", "k": max(k, self.options.candidates)}
            body["vectorQueries"] = [near]
        if "search" not in body and near is None:
            return []
        if self.options.semantic and "search" in body:
            body |= {"queryType": "semantic", "semanticConfiguration": "default"}
        cosines = "search" not in body
        found = self._search(body, search=True)
        return self.rest.understood(lambda: [_found(one, cosines) for one in found])

    def get(self, ids: Sequence[str], *, vectors: bool = True) -> list[Point]:
        """By a filter on keys, 100 at once."""
        found: dict[str, Point] = {}
        for batch in batches(ids, PAGE):
            keys = ",".join(safe_key(one) for one in batch)
            body = {"search": "*", "filter": f"search.in(chunk_id, '{keys}', ',')", "top": PAGE}
            found |= {point.id: point for point in self._points(body, vectors)}
        return [found[one] for one in ids if one in found]

    def count(self) -> int:
        """As the index says, some seconds late."""
        self._known_dim()
        answer = self._post("/docs/search", {"search": "*", "count": True, "top": 0, "select": "chunk_id"})
        return self.rest.understood(lambda: int(answer["@odata.count"]))

    def scan(self) -> Iterator[Point]:
        """In the order of keys: skipping ends at 100,000."""
        body: dict[str, Any] = {"search": "*", "orderby": "chunk_id asc", "top": PAGE}
        while True:
            points = self._points(body, True)
            yield from points
            if len(points) < PAGE:
                return
            body["filter"] = f"chunk_id gt '{safe_key(points[-1].id)}'"

    def drop(self) -> None:
        """The index alone; what fills it stays."""
        try:
            self.rest.ask("DELETE", self._path)
        except ProviderFault as fault:
            if fault.status != 404:
                raise
        self._dim = 0

    def close(self) -> None:
        """Close idle connections."""
        self.rest.close()

    def _points(self, body: Mapping[str, Any], vectors: bool) -> list[Point]:
        found = self._search(body, vectors=vectors)
        return self.rest.understood(lambda: [
            Point(original_id(one["chunk_id"]),
                  np.asarray(one["text_vector"], np.float32) if vectors else NO_VECTOR, _payload(one))
            for one in found])

    def _search(self, body: Mapping[str, Any], *, search: bool = False, vectors: bool = False) -> list[Any]:
        fields = [field["name"] for field in (INTEGRATED_FIELDS if self.integrated else FIELDS)
                  if field["name"] != "words" and (vectors or field["name"] != "text_vector")]
        answer = self._post("/docs/search", {**body, "select": ",".join(fields)}, search=search)
        return self.rest.understood(lambda: list(answer["value"]))

    def _write(self, actions: Sequence[Mapping[str, Any]]) -> None:
        """Raises ``ProviderFault`` for the first document that was not taken: the others may have been."""
        answer = self._post("/docs/index", {"value": actions})
        results = self.rest.understood(lambda: [(one["status"], one.get("statusCode", 0), one.get("errorMessage") or "")
                                                for one in answer["value"]])
        for fine, status, message in results:
            if not fine:
                raise fault_of(self.name, int(status) if int(status) >= 400 else 503, {}, message)

    def _post(self, path: str, body: Mapping[str, Any], *, search: bool = False) -> Any:
        try:
            return self.rest.ask("POST", self._path + path, body, search=search)
        except ProviderFault as fault:
            if fault.status == 404:
                self._dim = 0
                raise CollectionMissing(f"{self.name}: there is no such index; set it up first") from fault
            raise

    def _checked(self, vector: Floats) -> list[float]:
        check_vector(vector, self._known_dim(), self.name)
        return numbers(vector)

    def _known_dim(self) -> int:
        self._dim = self._dim or self._read_dim()
        if not self._dim:
            raise CollectionMissing(f"{self.name}: there is no such index; set it up first")
        return self._dim

    def _read_dim(self) -> int:
        """0 where there is no index."""
        try:
            about = self.rest.ask("GET", self._path)
        except ProviderFault as fault:
            if fault.status == 404:
                return 0
            raise
        fields = self.rest.understood(lambda: {field["name"]: field for field in about["fields"]})
        needed = {field["name"] for field in (INTEGRATED_FIELDS if self.integrated else FIELDS)}
        if lacking := sorted(needed - fields.keys()):
            raise KnowledgeError(f"{self.name}: an index that was not made by Trunkline: it has no {lacking[0]}; use "
                                 "another name")
        return self.rest.understood(lambda: int(fields["text_vector"]["dimensions"]))


def _uploads(batch: Sequence[Point]) -> list[dict[str, Any]]:
    return [{"@search.action": "upload", **_document(point)} for point in batch]


def _document(point: Point) -> dict[str, Any]:
    seen, payload = facets(point), point.payload
    document = {field: payload[key] for key, field in PLAIN.items() if payload.get(key)}
    more = {key: value for key, value in payload.items() if key not in PLAIN or not value}
    return {**document, "chunk_id": safe_key(point.id), "text_vector": numbers(point.vector),
            "words": " ".join(words(payload)), "more": json.dumps(more), "tags": list(seen.tags),
            "language": seen.language, "from_day": seen.from_day, "until_day": seen.until_day}


def _payload(one: Mapping[str, Any]) -> dict[str, Any]:
    plain = {key: one[field] for key, field in PLAIN.items() if one.get(field)}
    return {**plain, **json.loads(one.get("more") or "{}")}


def _found(one: Mapping[str, Any], cosines: bool) -> Found:
    """The service's score of a vector alone is 1 / (2 - cosine) (its page "Relevance scoring in vector search")."""
    score = float(one.get("@search.rerankerScore") or one["@search.score"])
    return Found(original_id(one["chunk_id"]), 2 - 1 / score if cosines else score, _payload(one))


def _plain_words(text: str) -> str:
    """The text without signs of the query language, at most 256 words of it."""
    return " ".join(_SYNTAX.sub(" ", text[:10_000]).split()[:256])


def _filter(scope: Scope) -> str:
    every = []
    if scope.tags:
        every.append(f"tags/any(t: {' or '.join(f't eq {_quoted(tag)}' for tag in sorted(scope.tags))})")
    if scope.languages:
        wanted = ("", *sorted(scope.languages))
        every.append(f"({' or '.join(f'language eq {_quoted(one)}' for one in wanted)})")
    if day := scope_day(scope):
        every.append(f"from_day le {day} and until_day ge {day}")
    return " and ".join(every)


def _quoted(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
