"""All that the engine offers over HTTP: one line a feature."""

from engine.service import Engine
from engine.web import health, realtime
from engine.web.route import Route, WebSocketRoute


def routes(engine: Engine) -> list[Route]:
    """The routes of every feature."""
    return [
        *health.routes(engine.snapshot),
        *realtime.routes(engine),
    ]


def sockets(engine: Engine) -> list[WebSocketRoute]:
    """The WebSockets of every feature."""
    return [
        *realtime.sockets(engine),
    ]
