"""Options of vector stores on other machines: ``vector_stores:`` is a mapping from a free name to a description.

Each kind is a class here, added to ``VectorStoreOptions`` at the end; ``engine/knowledge/vectorstores/setup.py`` opens
them.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from engine.config.base import Options
from engine.config.services import EntraOptions, Headers, Url, web_address

OptionalUrl = Annotated[str, AfterValidator(lambda text: text and web_address(text))]
"""An address, or empty."""

PINECONE_URL = "https://api.pinecone.io"


class StoreOptions(Options):
    """What all vector stores have in common."""

    connect_timeout_s: float = Field(3.0, gt=0)
    """Longest time to open a connection, TLS included."""

    query_timeout_s: float = Field(2.0, gt=0)
    """Longest wait for an answer to a search: the caller hears the pause. After it, keywords answer alone."""

    write_timeout_s: float = Field(30.0, gt=0)
    """Longest wait for anything else: writing a batch, making a collection, reading a page."""

    max_connections: int = Field(16, ge=1)
    """Connections open at once, one a running request. Requests beyond wait, within their deadline."""


class RestStoreOptions(StoreOptions):
    """What those behind HTTP have in common."""

    api_key: str = ""
    """The key itself. Better is ``api_key_env``, which keeps it out of the file."""

    api_key_env: str = ""
    """Name of the environment variable that holds the key."""

    headers: Headers = {}
    """Further request headers, for gateways that want some."""

    @model_validator(mode="after")
    def _one_key(self) -> "RestStoreOptions":
        if self.api_key and self.api_key_env:
            raise ValueError("give api_key or api_key_env, not both")
        return self


class PgVectorOptions(StoreOptions):
    """PostgreSQL 13 or later with the extension pgvector 0.5 or later. Needs the extra ``postgres``."""

    kind: Literal["pgvector"] = "pgvector"

    dsn: str = ""
    """Connection string, ``postgresql://user@host/database``. With a password it is better kept in ``dsn_env``."""

    dsn_env: str = "DATABASE_URL"
    """Name of the environment variable that holds the connection string, where ``dsn`` is empty."""

    table: str = Field("", pattern=r"^([a-z][a-z0-9_]{0,40})?$")
    """The table; empty: ``trunkline_`` and the collection's name."""

    index: Literal["auto", "hnsw", "ivfflat", "none"] = "auto"
    """``auto``: hnsw where pgvector has it (0.5), else ivfflat. ``none``: every search reads the whole table and is
    exact; good to some 50,000 passages."""

    ef_search: int = Field(100, ge=10, le=1000)
    """How thoroughly hnsw looks: higher finds more and takes longer. ivfflat takes a tenth of it as its probes."""


class QdrantOptions(RestStoreOptions):
    """Qdrant 1.10 or later, by REST."""

    kind: Literal["qdrant"] = "qdrant"

    base_url: OptionalUrl = ""
    """``http://127.0.0.1:6333`` for example. Empty: what the environment has as ``QDRANT_URL``, with the key in
    ``QDRANT_API_KEY``."""

    collection: str = Field("", pattern=r"^[A-Za-z0-9_.-]*$", max_length=255)
    """The name there; empty: the environment's ``QDRANT_COLLECTION`` where ``base_url`` is empty too, else the
    collection's own name."""


class PineconeOptions(RestStoreOptions):
    """A dense index of Pinecone with cosine as its metric. Collections are namespaces in it."""

    kind: Literal["pinecone"] = "pinecone"

    api_key_env: str = "PINECONE_API_KEY"
    """Name of the environment variable that holds the key."""

    index: str = Field("", pattern=r"^([a-z0-9]([a-z0-9-]{0,43}[a-z0-9])?)?$")
    """Name of the index; empty: what the environment has as ``PINECONE_INDEX_NAME``. It is made, serverless, if it is
    missing."""

    base_url: Url = PINECONE_URL
    """Where indexes are made and looked up."""

    host: OptionalUrl = ""
    """Where the index itself answers (the console shows it); empty: it is asked for, once."""

    namespace: str = Field("", pattern=r"^[A-Za-z0-9_.-]*$", max_length=100)
    """Empty: the collection's own name."""

    cloud: Literal["aws", "gcp", "azure"] = "aws"
    """Where a missing index is made."""

    region: str = "us-east-1"
    """Where a missing index is made."""

    @model_validator(mode="after")
    def _one_key(self) -> "PineconeOptions":
        if bool(self.api_key) == bool(self.api_key_env):
            raise ValueError('give api_key or api_key_env, one of the two (api_key needs api_key_env: "")')
        return self


class IntegratedOptions(Options):
    """Integrated vectorisation of Azure AI Search: the service reads documents from blobs, splits and embeds them."""

    openai_url: str = ""
    """The Azure OpenAI resource that embeds, ``https://NAME.openai.azure.com``; empty: no integrated vectorisation,
    vectors are ours."""

    openai_deployment: str = ""
    """Name of the deployment of the embedding model."""

    openai_model: str = "text-embedding-3-large"
    """The model's own name."""

    openai_api_key_env: str = ""
    """Variable that holds the resource's key; empty: the search service's managed identity is used."""

    dims: int = Field(3072, ge=2, le=4096)
    """Numbers of a vector."""

    storage_env: str = "AZURE_STORAGE_CONNECTION_STRING"
    """Variable that holds the connection string of the storage account with the documents."""

    container: str = "documents"
    """Of the documents, in the storage account."""

    page_chars: int = Field(2000, ge=300, le=50000)
    """Longest passage, in characters."""

    overlap_chars: int = Field(500, ge=0)
    """So much of a passage's end is repeated in the next one."""

    @model_validator(mode="after")
    def _whole(self) -> "IntegratedOptions":
        if self.openai_url and not self.openai_deployment:
            raise ValueError("openai_url needs openai_deployment as well")
        if self.overlap_chars >= self.page_chars:
            raise ValueError("overlap_chars must be less than page_chars")
        return self


class SearchEntraOptions(EntraOptions):
    """As for Azure OpenAI, with a token for Azure AI Search."""

    scope: str = "https://search.azure.com/.default"
    """What the token is for."""


class AzureSearchOptions(RestStoreOptions):
    """Azure AI Search, by key or by Entra token."""

    kind: Literal["azure_ai_search"] = "azure_ai_search"

    base_url: Url
    """The service: ``https://NAME.search.windows.net``."""

    index: str = Field("", pattern=r"^([a-z0-9]+([-_][a-z0-9]+)*)?$", max_length=100)
    """Name of the index; empty: the collection's own name."""

    api_version: str = "2024-07-01"
    """Of the REST API."""

    semantic: bool = False
    """Have the semantic ranker order the first 50 again; it costs extra and is not in all regions and tiers."""

    candidates: int = Field(50, ge=1, le=1000)
    """Nearest vectors that go into the fusion with the words."""

    entra: SearchEntraOptions = SearchEntraOptions()
    """Signing in with an application's identity instead of a key."""

    integrated: IntegratedOptions = IntegratedOptions()
    """The service splits and embeds; ``kb setup`` makes index, skillset, data source and indexer."""

    @model_validator(mode="after")
    def _signed_in(self) -> "AzureSearchOptions":
        if bool(self.api_key or self.api_key_env) == bool(self.entra.tenant_id):
            raise ValueError("give either a key (api_key_env) or entra, one of the two")
        return self


VectorStoreOptions = Annotated[
    PgVectorOptions | QdrantOptions | PineconeOptions | AzureSearchOptions, Field(discriminator="kind"),
]  # fmt: skip
"""One of the kinds, told apart by ``kind``."""
