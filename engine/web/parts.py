"""All that the engine offers over HTTP: one line a feature."""

from engine.service import Engine
from engine.web import ai, documents, health, knowledge, openai_audio, openai_chat, openai_models
from engine.web.route import Route, WebSocketRoute


def routes(engine: Engine) -> list[Route]:
    """The routes of every feature."""
    return [
        *health.routes(engine.snapshot),
        *openai_chat.routes(engine),
        *openai_audio.routes(engine),
        *openai_models.routes(engine),
        *ai.routes(engine),
        *knowledge.routes(engine),
        *documents.routes(engine),
    ]


def sockets(engine: Engine) -> list[WebSocketRoute]:
    """The WebSockets of every feature."""
    return [
    ]
