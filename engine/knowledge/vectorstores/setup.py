"""Opens the vector stores that the configuration describes, and sets them up.

    store = open_named("cloud", config, "desk")          # an entry of vector_stores:
    store = open_store(QdrantOptions(base_url=...), "desk")

Credentials are read from the environment here, once; a name that is not there is an error that says which.
"""

import os
import re
from collections.abc import Mapping

from engine.config import Config
from engine.config.vectorstores import (
    PgVectorOptions,
    QdrantOptions,
    RestStoreOptions,
    VectorStoreOptions,
)
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.vectorstores.interface import VectorStore
from engine.knowledge.vectorstores.qdrant import QdrantStore
from engine.net.credentials import Credentials, Key


def open_named(name: str, config: Config, collection: str, environ: Mapping[str, str] = os.environ) -> VectorStore:
    """The store called ``name`` under ``vector_stores:``. Raises ``KnowledgeError``. Opens no connection."""
    options = config.vector_stores.get(name)
    if options is None:
        known = ", ".join(config.vector_stores) or "none"
        raise KnowledgeError(f"vector_stores: there is no '{name}'; there are: {known}")
    return open_store(options, collection, name=name, environ=environ)


def open_store(
    options: VectorStoreOptions, collection: str, *, name: str = "", environ: Mapping[str, str] = os.environ,
) -> VectorStore:
    """A store for ``collection``. ``name`` is for messages. Raises ``KnowledgeError``. Opens no connection."""
    name = name or options.kind
    if isinstance(options, PgVectorOptions):
        try:
            from engine.knowledge.vectorstores.pgvector import PgVectorStore
        except ImportError as fault:
            raise KnowledgeError(f"vector_stores.{name}: kind pgvector needs psycopg: pip install 'trunkline[postgres]'"
                                 ) from fault
        return PgVectorStore(name, options, options.dsn or _variable(name, "dsn_env", options.dsn_env, environ),
                             options.table or "trunkline_" + re.sub(r"[^a-z0-9_]", "_", collection.lower()))
    if isinstance(options, QdrantOptions):
        return _qdrant(name, options, collection, environ)
    raise KnowledgeError(f"vector_stores.{name}: kind {options.kind} cannot be opened")


def _qdrant(name: str, options: QdrantOptions, collection: str, environ: Mapping[str, str]) -> VectorStore:
    if options.base_url:
        return QdrantStore(name, options, _key(name, "api-key", options, environ), options.collection or collection)
    url = _variable(name, "base_url is empty, so", "QDRANT_URL", environ).rstrip("/")
    if not re.match(r"https?://[!-~]+$", url):
        raise KnowledgeError(f"vector_stores.{name}: QDRANT_URL must begin with http:// or https://")
    given = options.api_key or options.api_key_env
    key = _key(name, "api-key", options, environ) if given else Key(
        "api-key" if environ.get("QDRANT_API_KEY") else "", _plain(name, environ.get("QDRANT_API_KEY", "")))
    place = options.collection or environ.get("QDRANT_COLLECTION", "").strip() or collection
    return QdrantStore(name, options, key, place, url)


def _key(name: str, header: str, options: RestStoreOptions, environ: Mapping[str, str]) -> Credentials:
    key = options.api_key
    if options.api_key_env:
        key = _variable(name, "api_key_env", options.api_key_env, environ)
    return Key(header, _plain(name, key)) if key else Key()


def _variable(name: str, field: str, variable: str, environ: Mapping[str, str]) -> str:
    value = environ.get(variable, "").strip()
    if not value:
        raise KnowledgeError(f"vector_stores.{name}: {field}: the environment has no {variable}; set it, or correct "
                             "the name")
    return value


def _plain(name: str, secret: str) -> str:
    secret = secret.strip()
    if any(character < " " or character > "~" for character in secret):
        raise KnowledgeError(f"vector_stores.{name}: a key has only printable ASCII characters")
    return secret
