"""Qdrant's REST server as a strict fake: the client's own models check every body, its local mode answers.

So filters, sparse vectors, idf and fusion are those of Qdrant's makers, not a second opinion of ours.
"""

import json
import re
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from qdrant_client import QdrantClient
from qdrant_client.http import models

from tests.providers.fake_http import FakeHttp, Refused, Request, Response, error

KEY = "qdrant-key-1234567"
COLLECTION = re.compile(r"/collections/([\w.%-]+)")


class FakeQdrant(FakeHttp):
    def __init__(self):
        super().__init__()
        self.key = KEY
        self.client = QdrantClient(":memory:")
        self.indexed = {}

    def close(self):
        super().close()
        self.client.close()

    def answer(self, request: Request) -> Response:
        if request.headers.get("api-key") != self.key:
            raise Refused(Response(401, "text/plain", [b"Must provide an API key or an Authorization bearer token"]))
        if request.body and request.headers.get("content-type") != "application/json":
            refuse(415, "content type")
        path = COLLECTION.match(request.path)
        if path is None:
            refuse(404, "no such path")
        action = request.method, request.path[path.end():]
        handler = self.handlers().get(action)
        if handler is None:
            refuse(404, f"no such path: {action}")
        if len(request.body) > 32 << 20:
            refuse(413, "payload too large")
        name = path[1]
        if action != ("PUT", "") and not self.client.collection_exists(name) and action != ("DELETE", ""):
            refuse(404, f"Not found: Collection `{name}` doesn't exist!")
        if action[0] == "PUT" and action[1] or action[1].endswith("/delete"):
            assert request.query == {"wait": "true"}, "writes are waited for"
        try:
            result = handler(name, request.json if request.body else None)
        except (ValidationError, ValueError) as fault:
            refuse(400, f"Format error in JSON body: {fault}")
        body = json.dumps({"result": result, "status": "ok", "time": 0.001}).encode()
        return Response(pieces=[body])

    def handlers(self):
        return {
            ("GET", ""): self.info, ("PUT", ""): self.create, ("DELETE", ""): lambda name, _: self.drop(name),
            ("PUT", "/index"): self.index, ("PUT", "/points"): self.upsert, ("POST", "/points"): self.retrieve,
            ("POST", "/points/delete"): self.delete, ("POST", "/points/query"): self.query,
            ("POST", "/points/count"): self.count, ("POST", "/points/scroll"): self.scroll,
        }  # fmt: skip

    def info(self, name, _):
        params = self.client.get_collection(name).config.params
        return {"config": {"params": params.model_dump(mode="json", exclude_none=True)}}

    def create(self, name, body):
        wanted = models.CreateCollection.model_validate(body)
        if self.client.collection_exists(name):
            refuse(409, f"Wrong input: Collection `{name}` already exists!")
        return self.client.create_collection(name, vectors_config=wanted.vectors,
                                             sparse_vectors_config=wanted.sparse_vectors)

    def drop(self, name):
        self.indexed.pop(name, None)
        return self.client.delete_collection(name)

    def index(self, name, body):
        wanted = models.CreateFieldIndex.model_validate(body)
        self.indexed.setdefault(name, {})[wanted.field_name] = wanted.field_schema
        return done()

    def upsert(self, name, body):
        points = models.PointsList.model_validate(body).points
        sizes = {key: each.size for key, each in self.client.get_collection(name).config.params.vectors.items()}
        for point in points:
            check_id(point.id)
            for key, size in sizes.items():
                if len(point.vector[key]) != size:
                    refuse(400, f"Wrong input: Vector dimension error: expected dim: {size}")
        self.client.upsert(name, points)
        return done()

    def delete(self, name, body):
        selector = models.PointIdsList.model_validate(body)
        for each in selector.points:
            check_id(each)
        self.client.delete(name, selector)
        return done()

    def query(self, name, body):
        wanted = models.QueryRequest.model_validate(body)
        self.check_filter(name, wanted.filter, wanted.prefetch)
        found = self.client.query_points(
            name, query=wanted.query, using=wanted.using, prefetch=wanted.prefetch, query_filter=wanted.filter,
            limit=wanted.limit, with_payload=wanted.with_payload)
        return {"points": dump(found.points)}

    def check_filter(self, name, outer, prefetch):
        """Qdrant Cloud in its strict mode refuses filters on fields without an index."""
        for one in (outer, *(each.filter for each in prefetch or ())):
            for condition in one.must if one else ():
                if condition.key not in self.indexed.get(name, {}):
                    refuse(400, f"Bad request: Index required but not found for \"{condition.key}\"")

    def retrieve(self, name, body):
        wanted = models.PointRequest.model_validate(body)
        return dump(self.client.retrieve(name, wanted.ids, with_payload=wanted.with_payload,
                                         with_vectors=wanted.with_vector))

    def count(self, name, body):
        wanted = models.CountRequest.model_validate(body)
        return {"count": self.client.count(name, exact=wanted.exact).count}

    def scroll(self, name, body):
        wanted = models.ScrollRequest.model_validate(body)
        points, offset = self.client.scroll(name, limit=wanted.limit, offset=wanted.offset,
                                            with_payload=wanted.with_payload, with_vectors=wanted.with_vector)
        return {"points": dump(points), "next_page_offset": offset}


def check_id(value):
    """Unsigned numbers and UUIDs only."""
    if isinstance(value, str):
        try:
            UUID(value)
        except ValueError:
            refuse(400, f"Format error in JSON body: value {value} is not a valid point ID")


def dump(points):
    return TypeAdapter(list).dump_python([point.model_dump(mode="json", exclude_none=True) for point in points])


def done():
    return {"operation_id": 1, "status": "completed"}


def refuse(status, message):
    raise Refused(error(status, {"status": {"error": message}, "time": 0.0}))
