"""Vectors for other programs, of the models that the knowledge base searches with."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from gevent.lock import BoundedSemaphore
from pydantic import BaseModel, ConfigDict, Field

from engine.casting import Casting
from engine.compatible.errors import CompatibleError
from engine.compatible.names import AUTO
from engine.config.providers import EmbeddingOptions
from engine.knowledge.embedding import choose
from engine.knowledge.embedding.interface import Embedder, Floats, is_remote
from engine.language.tokens import tokens
from engine.offhub import off_hub

MAX_TEXTS = 2048
MAX_CHARS = 32_000

SLICE = 16
"""Texts that hold a pool thread at a time, so that calls get theirs in between."""


class EmbeddingBody(BaseModel):
    """A request for vectors."""

    model_config = ConfigDict(extra="forbid")

    input: str | list[str] | list[int] | list[list[int]]
    model: str = Field(AUTO, max_length=200, description="auto: that of knowledge.embedding.")
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(None, ge=1, description="Refused unless it is what the model gives.")
    user: str | None = None


class Embeddings:
    """One an engine. Models and connections are made once, and shared with nobody."""

    def __init__(self) -> None:
        """Nothing is loaded."""
        self._embedders: dict[str, Embedder] = {}
        self._turn = BoundedSemaphore(1)  # more at once would only take cores from calls

    def make(self, casting: Casting, body: EmbeddingBody) -> dict[str, Any]:
        """The answer. Raises ``CompatibleError``, ``TrunklineError``."""
        texts = _texts(body.input)
        embedder = self._embedder(casting, body.model)
        if body.dimensions is not None and body.dimensions != embedder.dim:
            raise CompatibleError("unsupported", f"dimensions: {embedder.name} gives vectors of {embedder.dim}; leave "
                                  "it out", "dimensions")
        data: list[dict[str, Any]] = []
        with self._turn:
            for start in range(0, len(texts), SLICE):
                part = texts[start:start + SLICE]
                vectors = embedder.encode_now(part) if is_remote(embedder) else off_hub(embedder.encode, part)
                for vector in vectors:
                    data.append({"object": "embedding", "index": len(data), "embedding": _told(vector, body)})
        used = sum(map(tokens, texts))
        return {"object": "list", "data": data, "model": embedder.name,
                "usage": {"prompt_tokens": used, "total_tokens": used}}

    def _embedder(self, casting: Casting, model: str) -> Embedder:
        """The model of this name: ``auto``, or what ``knowledge.embedding`` may name."""
        config = casting.config
        name = config.compatible.models.get(model, model)
        if name in (AUTO, config.knowledge.embedding):
            name = config.knowledge.embedding
        elif name not in (there := _named(config.providers)):
            raise CompatibleError("not_found", f"there is no embedding model '{model}'; there are auto, "
                                  f"{', '.join(there)}", "model")
        if name not in self._embedders:
            options = config.knowledge.model_copy(update={"embedding": name})
            found = off_hub(choose.embedder, options, config.providers)
            if found is None:
                raise CompatibleError("not_found", "no embedding model is installed or configured: trunkline models "
                                      "install minilm, or knowledge.embedding", "model")
            self._embedders[name] = found
        return self._embedders[name]


def _told(vector: Floats, body: EmbeddingBody) -> str | list[float]:
    """Numbers, or little-endian float32 in base64."""
    plain = vector.astype("<f4")
    return base64.b64encode(plain.tobytes()).decode() if body.encoding_format == "base64" else plain.tolist()


def _texts(given: str | Sequence[Any]) -> list[str]:
    texts = [given] if isinstance(given, str) else list(given)
    if not texts or len(texts) > MAX_TEXTS:
        raise CompatibleError("invalid", f"input: 1 to {MAX_TEXTS} texts", "input")
    for number, text in enumerate(texts):
        if not isinstance(text, str):
            raise CompatibleError("unsupported", "input: tokens are not understood here, because models count them "
                                  "differently; send text (langchain: check_embedding_ctx_length=False)", "input")
        if not text.strip() or len(text) > MAX_CHARS:
            raise CompatibleError("invalid", f"input[{number}]: 1 to {MAX_CHARS} characters", f"input[{number}]")
    return texts


def _named(providers: Mapping[str, object]) -> list[str]:
    return ["minilm", *(name for name, options in providers.items() if isinstance(options, EmbeddingOptions))]
