"""All that the engine offers over HTTP: one line a feature."""

from engine.service import Engine
from engine.streams.transfers import number_for
from engine.web import (
    admin,
    ai,
    carrier_streams,
    console,
    documents,
    health,
    knowledge,
    metrics,
    openai_audio,
    openai_chat,
    openai_models,
    phone,
    realtime,
    realtime_calls,
    sessions,
    switchrecords,
    talk,
    webhooks,
)
from engine.web.app import Web
from engine.web.keys import Verifier
from engine.web.route import Route, WebSocketRoute
from engine.web.traffic import Traffic


def web(engine: Engine) -> Web:
    """The server of ``engine``; not started. Raises ``WebError``."""
    traffic = Traffic()
    return Web(engine.config.http, routes(engine, traffic), sockets(engine), verifiers=verifiers(engine),
               traffic=traffic)


def routes(engine: Engine, traffic: Traffic) -> list[Route]:
    """The routes of every feature."""
    return [
        *health.routes(engine.snapshot),
        *metrics.routes(engine, traffic),
        *admin.routes(engine, traffic),
        *sessions.routes(engine),
        *console.routes(engine),
        *phone.routes(engine.config.http.phone),
        *talk.routes(engine, engine.config.http.talk),
        *openai_chat.routes(engine),
        *openai_audio.routes(engine),
        *openai_models.routes(engine),
        *ai.routes(engine),
        *knowledge.routes(engine),
        *documents.routes(engine),
        *realtime.routes(engine),
        *realtime_calls.routes(engine),
        *webhooks.routes(engine, number_for=number_for(engine)),
        *switchrecords.routes(engine),
    ]


def sockets(engine: Engine) -> list[WebSocketRoute]:
    """The WebSockets of every feature."""
    return [
        *realtime.sockets(engine),
        *carrier_streams.sockets(engine),
    ]


def verifiers(engine: Engine) -> list[Verifier]:
    """Whose secrets are known besides the keys of the configuration."""
    return [
        lambda secret: realtime.verify(engine, secret),
    ]
