"""``GET /v1/models``, ``GET /v1/models/<id>`` and ``POST /v1/embeddings``."""

import time
from typing import Any, Literal

from pydantic import BaseModel

from engine.compatible.embeddings import EmbeddingBody, Embeddings
from engine.compatible.errors import CompatibleError
from engine.compatible.names import Names
from engine.service import Engine
from engine.web.faults import casting_of, telling
from engine.web.route import Asked, Route

MAX_BYTES = 16 << 20


class ModelCard(BaseModel):
    """A name that a request may give as its model. ``capabilities``: llm, stt, tts, embeddings; empty for a further
    name of another one."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    capabilities: list[str] = []


class ModelList(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


def routes(engine: Engine) -> list[Route]:
    """What there is, and vectors."""
    created = int(time.time())
    embeddings = Embeddings()

    def cards() -> list[ModelCard]:
        return [ModelCard(id=name, created=created, owned_by=owner, capabilities=list(able))
                for name, owner, able in Names(casting_of(engine)).listed()]

    def listed(asked: Asked) -> ModelList:
        return ModelList(data=cards())

    def one(asked: Asked) -> ModelCard:
        wanted = asked.path["name"]
        found = next((card for card in cards() if card.id == wanted), None)
        if found is None:
            raise CompatibleError("not_found", f"there is no model '{wanted}'; GET /v1/models lists them", "model")
        return found

    def embed(asked: Asked) -> dict[str, Any]:
        return embeddings.make(casting_of(engine), asked.body)

    return [
        Route("GET", "/v1/models", telling(listed), "The names that requests may give as their model.", scope="ai",
              answer=ModelList),
        Route("GET", "/v1/models/<path:name>", telling(one), "One of them.", scope="ai", answer=ModelCard),
        Route("POST", "/v1/embeddings", telling(embed), "Vectors of texts.", scope="ai", body=EmbeddingBody,
              max_bytes=MAX_BYTES),
    ]
