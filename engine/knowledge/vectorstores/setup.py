"""Opens the vector stores that the configuration describes, and sets them up.

    store = open_named("cloud", config, "desk")          # an entry of vector_stores:
    store = open_store(QdrantOptions(base_url=...), "desk")

Credentials are read from the environment here, once; a name that is not there is an error that says which.
"""

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.config import Config
from engine.config.vectorstores import (
    AzureSearchOptions,
    PgVectorOptions,
    PineconeOptions,
    QdrantOptions,
    RestStoreOptions,
    VectorStoreOptions,
)
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.vectorstores.azure import AzureSearchStore
from engine.knowledge.vectorstores.azure_setup import Done, set_up
from engine.knowledge.vectorstores.interface import VectorStore
from engine.knowledge.vectorstores.pinecone import PineconeStore
from engine.knowledge.vectorstores.qdrant import QdrantStore
from engine.net.credentials import Credentials, EntraToken, Key


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
                             options.table or "trunkline_" + _plain_name(collection, "_"))
    if isinstance(options, QdrantOptions):
        return _qdrant(name, options, collection, environ)
    if isinstance(options, PineconeOptions):
        index = options.index or _variable(name, "index is empty, so", "PINECONE_INDEX_NAME", environ)
        return PineconeStore(name, options, _key(name, "Api-Key", options, environ), index,
                             options.namespace or collection)
    return _azure(name, options, collection, environ)


@dataclass(frozen=True, slots=True)
class Ready:
    """A collection that can be used. ``points``: how many passages it holds; ``integrated``: what was made in Azure
    where the service embeds by itself."""

    store: str
    points: int
    integrated: Done | None = None


def prepare(
    options: VectorStoreOptions, collection: str, dim: int, *, documents: Path | None = None, name: str = "",
    environ: Mapping[str, str] = os.environ, progress: Callable[[str], None] = lambda text: None,
) -> Ready:
    """Make what the store needs for vectors of ``dim`` numbers; harmless where it is there. ``documents``: a folder to
    upload for Azure's integrated vectorisation, which takes its own dimension. ``progress`` gets a line a step. Raises
    ``KnowledgeError`` and ``ProviderFault``."""
    store = open_store(options, collection, name=name, environ=environ)
    try:
        if isinstance(store, AzureSearchStore) and store.integrated:
            wanted = store.options.integrated
            connection = _variable(name or options.kind, "integrated.storage_env", wanted.storage_env, environ)
            done = set_up(store, connection, _openai_key(name or options.kind, store.options, environ), documents,
                          progress)
            return Ready(store.name, store.count(), done)
        if documents is not None:
            raise KnowledgeError(f"{store.name}: takes no documents, only vectors: ingest here, then migrate")
        store.ensure(dim)
        ready = Ready(store.name, store.count())
        progress(f"{ready.store}: ready for vectors of {dim} numbers, holds {ready.points} passages")
        return ready
    finally:
        store.close()


def _azure(name: str, options: AzureSearchOptions, collection: str, environ: Mapping[str, str]) -> AzureSearchStore:
    if options.entra.tenant_id:
        secret = options.entra.client_secret
        if options.entra.client_secret_env:
            secret = _variable(name, "entra.client_secret_env", options.entra.client_secret_env, environ)
        signs: Credentials = EntraToken(name, options.entra, _plain(name, secret))
    else:
        signs = _key(name, "api-key", options, environ)
    return AzureSearchStore(name, options, signs, options.index or _plain_name(collection, "-"),
                            _openai_key(name, options, environ))


def _openai_key(name: str, options: AzureSearchOptions, environ: Mapping[str, str]) -> str:
    variable = options.integrated.openai_api_key_env
    return _plain(name, _variable(name, "integrated.openai_api_key_env", variable, environ)) if variable else ""


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


def _plain_name(collection: str, joint: str) -> str:
    """The collection's name in small letters, digits and ``joint``. Different names stay different: where something had
    to be replaced, a few letters of a digest tell them apart."""
    plain = re.sub(r"[^a-z0-9]+", joint, collection.lower()).strip(joint)[:40].strip(joint)
    if plain == collection:
        return plain
    return f"{plain or 'x'}{joint}{hashlib.sha256(collection.encode()).hexdigest()[:8]}"


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
