"""Pinecone as a strict fake: control plane and index on one port. Limits and wording as its reference has them.

``stale``: so many of the next counts say what they said before, as an index does that is eventually consistent.
"""

import json
import re
from urllib.parse import parse_qsl, urlsplit

import numpy as np

from tests.providers.fake_http import FakeHttp, Refused, Request, Response, error

KEY = "pcsk_test_1234567890"


class FakePinecone(FakeHttp):
    def __init__(self):
        super().__init__()
        self.key = KEY
        self.indexes = {}
        self.spaces = {}
        self.stale = 0
        self.told = {}
        self.not_ready = 0  # so many of the next looks at the index find it not ready
        self.upserts = []  # (records, bytes) of each

    def answer(self, request: Request) -> Response:
        if request.headers.get("api-key") != self.key:
            raise Refused(Response(401, "text/plain", [b"Invalid API Key"]))
        if request.headers.get("x-pinecone-api-version") != "2025-04":
            refuse(400, 3, "API version")
        if request.body and request.headers.get("content-type") != "application/json":
            refuse(415, 3, "content type")
        if len(request.body) > 2 << 20:
            refuse(413, 11, "Request size exceeds the maximum of 2MB")
        if request.path.startswith("/indexes"):
            return self.control(request)
        handler = {
            ("POST", "/vectors/upsert"): self.upsert, ("POST", "/query"): self.query,
            ("POST", "/vectors/delete"): self.delete, ("GET", "/vectors/fetch"): self.fetch,
            ("GET", "/vectors/list"): self.listed, ("POST", "/describe_index_stats"): self.stats,
        }.get((request.method, request.path))
        if handler is None:
            refuse(404, 5, "not found")
        return ok(handler(request.json if request.method == "POST" else request))

    def control(self, request):
        name = request.path.removeprefix("/indexes").strip("/")
        if request.method == "POST" and not name:
            body = request.json
            exact(body, {"name", "dimension", "metric", "spec"})
            exact(body["spec"]["serverless"], {"cloud", "region"})
            if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,43}[a-z0-9])?", body["name"]):
                refuse(422, 3, "name")
            if body["name"] in self.indexes:
                raise Refused(error(409, {"error": {"code": "ALREADY_EXISTS", "message": "Resource already exists"}}))
            self.indexes[body["name"]] = {**body, "host": self.url, "status": {"ready": False, "state": "Initializing"}}
            return ok(self.indexes[body["name"]], 201)
        if request.method != "GET" or name not in self.indexes:
            raise Refused(error(404, {"error": {"code": "NOT_FOUND", "message": f"Resource {name} not found"}}))
        ready = self.not_ready <= 0
        self.not_ready -= 1
        return ok({**self.indexes[name], "status": {"ready": ready, "state": "Ready" if ready else "Initializing"}})

    @property
    def dimension(self):
        [index] = self.indexes.values()
        return index["dimension"]

    def upsert(self, body):
        exact(body, {"vectors", "namespace"})
        if not 1 <= len(body["vectors"]) <= 1000:
            refuse(400, 3, "number of vectors")
        for record in body["vectors"]:
            exact(record, {"id", "values", "metadata"})
            if not record["id"].isascii() or not 1 <= len(record["id"]) <= 512:
                refuse(400, 3, "Vector ID must be ASCII")
            self.check(record["values"])
            check_metadata(record["metadata"])
        space = self.spaces.setdefault(body["namespace"], {})
        space.update({record["id"]: record for record in body["vectors"]})
        self.upserts.append((len(body["vectors"]), len(json.dumps(body))))
        return {"upsertedCount": len(body["vectors"])}

    def check(self, values):
        if len(values) != self.dimension:
            refuse(400, 3, f"Vector dimension {len(values)} does not match the dimension of the index {self.dimension}")
        if not any(values):
            refuse(400, 3, "Dense vectors must contain at least one non-zero value")

    def query(self, body):
        exact(body, {"namespace", "vector", "topK", "includeMetadata", "includeValues"}, {"filter"})
        self.check(body["vector"])
        if not 1 <= body["topK"] <= 1000:
            refuse(400, 3, "topK")
        asked = np.array(body["vector"])
        within = [one for one in self.spaces.get(body["namespace"], {}).values()
                  if holds(body.get("filter", {}), one["metadata"])]
        scored = [(float(np.array(one["values"]) @ asked / np.linalg.norm(one["values"]) / np.linalg.norm(asked)), one)
                  for one in within]
        best = sorted(scored, key=lambda pair: -pair[0])[:body["topK"]]
        return {"matches": [{"id": one["id"], "score": score, "metadata": as_stored(one["metadata"])}
                            for score, one in best], "namespace": body["namespace"], "usage": {"readUnits": 1}}

    def delete(self, body):
        exact(body, {"namespace"}, {"ids", "deleteAll"})
        if ("ids" in body) == bool(body.get("deleteAll")):
            refuse(400, 3, "ids or deleteAll")
        if body["namespace"] not in self.spaces:
            refuse(404, 5, "Namespace not found")
        if body.get("deleteAll"):
            del self.spaces[body["namespace"]]
        elif not 1 <= len(body["ids"]) <= 1000:
            refuse(400, 3, "number of ids")
        else:
            for one in body["ids"]:
                self.spaces[body["namespace"]].pop(one, None)
        return {}

    def fetch(self, request):
        ids = [value for key, value in parse_qsl(urlsplit(request.target).query) if key == "ids"]
        if not ids or sum(map(len, ids)) > 7000:
            refuse(414, 3, "URI too long")
        space = self.spaces.get(request.query["namespace"], {})
        return {"vectors": {one: {**space[one], "metadata": as_stored(space[one]["metadata"])}
                            for one in ids if one in space}, "namespace": request.query["namespace"]}

    def listed(self, request):
        limit, start = int(request.query["limit"]), int(request.query.get("paginationToken", "0"))
        if not 1 <= limit <= 100:
            refuse(400, 3, "limit")
        ids = sorted(self.spaces.get(request.query["namespace"], {}))
        answer = {"vectors": [{"id": one} for one in ids[start:start + limit]]}
        return {**answer, "pagination": {"next": str(start + limit)}} if start + limit < len(ids) else answer

    def stats(self, body):
        exact(body, set(), {"filter"})
        if self.stale <= 0:
            self.told = {name: {"vectorCount": len(space)} for name, space in self.spaces.items() if space}
        self.stale -= 1
        return {"namespaces": self.told, "dimension": self.dimension, "indexFullness": 0,
                "totalVectorCount": sum(one["vectorCount"] for one in self.told.values())}


def check_metadata(metadata):
    if len(json.dumps(metadata, ensure_ascii=False).encode()) > 40 << 10:
        refuse(400, 3, "Metadata size exceeds the limit of 40960 bytes per vector")
    for key, value in metadata.items():
        fine = isinstance(value, str | bool | int | float) or (
            isinstance(value, list) and all(isinstance(one, str) for one in value))
        if not fine or key.startswith("$"):
            refuse(400, 3, f"Metadata value must be a string, number, boolean or list of strings, got {value!r}")


def as_stored(metadata):
    """Numbers are floats there."""
    return {key: float(value) if isinstance(value, int) and not isinstance(value, bool) else value
            for key, value in metadata.items()}


def holds(wanted, metadata):
    for key, condition in wanted.items():
        if key == "$and":
            if not all(holds(one, metadata) for one in condition):
                return False
            continue
        [(operator, value)] = condition.items()
        has = metadata.get(key)
        if operator == "$in":
            if not isinstance(value, list) or not value:
                refuse(400, 3, "$in needs a list")
            if not set(has if isinstance(has, list) else [has]) & set(value):
                return False
        elif operator in ("$lte", "$gte"):
            if isinstance(value, str):
                refuse(400, 3, f"the {operator} operator must be followed by a number")
            if has is None or not (has <= value if operator == "$lte" else has >= value):
                return False
        else:
            refuse(400, 3, f"{operator} is not a valid operator")
    return True


def exact(body, needed, optional=()):
    if not needed <= body.keys() <= needed | set(optional):
        refuse(400, 3, f"fields {sorted(body)}")


def ok(body, status=200):
    return Response(status, pieces=[json.dumps(body).encode()])


def refuse(status, code, message):
    raise Refused(error(status, {"code": code, "message": message, "details": []}))
