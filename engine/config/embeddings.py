"""Options of providers that embed: texts to vectors, for the knowledge base."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from engine.config.services import OPENAI_URL, EntraOptions, ServiceOptions, Url, check_signed_in


class EmbeddingOptions(ServiceOptions):
    """What all embedding models behind HTTP have in common: texts to vectors, for the knowledge base."""

    dimensions: int = Field(0, ge=0, le=65536)
    """Length of the vectors, for models that can be asked for it; 0: not sent, the model's own."""

    encoding: Literal["float", "base64"] = "float"
    """What is asked for; both are understood. ``base64`` is a quarter of the bytes; not every server knows it."""

    question_prefix: str = ""
    """What the model wants in front of a question, for example ``"query: "`` for e5."""

    passage_prefix: str = ""
    """What it wants in front of a passage, for example ``"passage: "``."""

    sentences: bool = False
    """Vectors of the sentences of each passage, too: surer answers, for five to ten times the texts."""

    batch_texts: int = Field(256, ge=1, le=2048)
    """Texts of one request, at most."""

    batch_chars: int = Field(100_000, ge=1000)
    """Characters of one request, at most."""

    text_chars: int = Field(8000, ge=100)
    """A longer text is cut: models refuse what is too long for them, OpenAI's 8192 tokens."""

    query: Mapping[str, str] = {}
    """Further parameters of the request's address."""

    connect_timeout_s: float = Field(3.0, gt=0)
    """Longest time to open a connection, TLS included."""

    question_timeout_s: float = Field(1.5, gt=0)
    """Longest wait for the vector of a caller's question; without it, keywords answer."""

    rest_s: float = Field(15.0, gt=0)
    """After a question that failed, the endpoint is left alone so long and keywords answer at once; twice as long each
    time it fails again, up to five minutes."""

    total_timeout_s: float = Field(60.0, gt=0)
    """Longest time of one request while ingesting."""

    attempts: int = Field(5, ge=1, le=20)
    """How often a request is tried while ingesting. It waits as long as the service says, else one second, then two,
    four and so on."""

    max_connections: int = Field(16, ge=1)
    """Connections open at once. Requests beyond wait, within their deadline."""


class OpenAiEmbeddingOptions(EmbeddingOptions):
    """A model behind ``/embeddings``: OpenAI, vLLM, Ollama, llama.cpp, LiteLLM proxy."""

    kind: Literal["openai_embeddings"] = "openai_embeddings"

    base_url: Url = OPENAI_URL
    """Up to ``/v1``: ``http://127.0.0.1:8000/v1`` for vLLM, ``:11434/v1`` for Ollama, ``:8080/v1`` for llama.cpp."""

    model: str = Field(min_length=1)
    """As the server names it."""


class AzureEmbeddingOptions(EmbeddingOptions):
    """A deployment of an embedding model in Azure OpenAI, by key or by Entra token."""

    kind: Literal["azure_embeddings"] = "azure_embeddings"

    base_url: Url
    """The resource: ``https://NAME.openai.azure.com``."""

    deployment: str = Field(min_length=1)
    """Name of the deployment, which is not always the model's."""

    api_version: str = ""
    """Of the dated API, for example ``2024-10-21``; empty: the v1 API, which has no dates."""

    entra: EntraOptions = EntraOptions()
    """Signing in with an application's identity instead of a key."""

    @model_validator(mode="after")
    def _signed_in(self) -> "AzureEmbeddingOptions":
        check_signed_in(self, self.entra)
        return self
