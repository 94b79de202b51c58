"""Where the contract is tried: each place opens stores on one server, real or fake."""

import hashlib
from functools import cache

import numpy as np
import pytest

from engine.config.vectorstores import AzureSearchOptions, PgVectorOptions, PineconeOptions, QdrantOptions
from engine.knowledge.vectorstores.interface import Point
from engine.knowledge.vectorstores.memory import MemoryStore
from engine.knowledge.vectorstores.setup import open_store
from tests.knowledge.vectorstores import fake_azure, fake_pinecone, fake_qdrant
from tests.knowledge.vectorstores.postgres_server import NoServer, PostgresServer

DIM = 16


def direction(seed, dim=DIM):
    """A unit vector that is always the same for ``seed``."""
    start = int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:8], "little")
    vector = np.random.default_rng(start).standard_normal(dim).astype(np.float32)
    return vector / np.linalg.norm(vector)


def point(one, text="", vector=None, **payload):
    """A point with a whole payload, as ingest would write it."""
    whole = {"document": "fees", "title": "Handbook", "heading": ["Part", "Chapter"], "page": 2, "language": "en",
             "tags": ["billing"], "text": text or f"Passage {one}.", "say": "", "questions": [], "valid_from": "",
             "valid_until": "", "uri": "file:fees.md", **payload}
    return Point(one, direction(one) if vector is None else vector, whole)


class Memory:
    server = None

    def __init__(self):
        self.stores = {}

    def open(self, collection="desk", **options):
        return self.stores.setdefault(collection, MemoryStore(collection))

    def close(self):
        pass


class Qdrant:
    def __init__(self):
        self.server = fake_qdrant.FakeQdrant()

    def open(self, collection="desk", key=fake_qdrant.KEY, **options):
        return open_store(QdrantOptions(base_url=self.server.url, api_key=key, **options), collection)

    def close(self):
        self.server.close()


class Postgres:
    """A real server. Without one its tests are skipped, with the reason."""

    server = None

    def __init__(self):
        self.postgres = postgres()

    def open(self, collection="desk", **options):
        return open_store(PgVectorOptions(dsn=self.postgres.dsn(), **options), collection)

    def close(self):
        pass


@cache
def _started():
    try:
        return PostgresServer()
    except NoServer as fault:
        return fault


def postgres():
    """The one server of all tests, started by the first that asks for it."""
    if isinstance(found := _started(), NoServer):
        pytest.skip(str(found))
    return found


def stop_postgres():
    if _started.cache_info().currsize and not isinstance(_started(), NoServer):
        _started().close()


class Pinecone:
    def __init__(self):
        self.server = fake_pinecone.FakePinecone()

    def open(self, collection="desk", key=fake_pinecone.KEY, **options):
        return open_store(PineconeOptions(base_url=self.server.url, api_key=key, api_key_env="", index="trunkline",
                                          **options), collection)

    def reset(self):
        self.server.indexes.clear()

    def close(self):
        self.server.close()


class Azure:
    def __init__(self):
        self.server = fake_azure.FakeAzure()

    def open(self, collection="desk", key=fake_azure.KEY, **options):
        return open_store(AzureSearchOptions(base_url=self.server.url, api_key=key, **options), collection)

    def close(self):
        self.server.close()


PLACES = {"memory": Memory, "pgvector": Postgres, "qdrant": Qdrant, "pinecone": Pinecone, "azure": Azure}
