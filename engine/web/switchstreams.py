"""Calls that FreeSWITCH streams with mod_audio_stream (``media.backend: websocket``).

    WS /ws/freeswitch/<token>     the token is random, and good for one call
"""

from engine.backends.websocket import PATH, UNKNOWN
from engine.net.websocket import Limits
from engine.service import Engine
from engine.web.route import Asked, WebSocketRoute
from engine.web.socket import ServerSocket

LIMITS = Limits(message_bytes=1 << 16, queued_bytes=1 << 20)
"""A frame has 640 bytes. What waits for FreeSWITCH is at most a second of speech in base64, and it is not slow."""


def sockets(engine: Engine) -> list[WebSocketRoute]:
    """The WebSocket of FreeSWITCH's calls."""
    def stream(socket: ServerSocket, asked: Asked) -> None:
        streams = engine.streams
        if streams is None:
            socket.close(UNKNOWN, "media.backend is not websocket")
        else:
            streams.hold(asked.path["token"], socket)

    said = "Calls that FreeSWITCH streams (mod_audio_stream): docs/engineer/media.md."
    return [WebSocketRoute(f"{PATH}/<token>", stream, limits=LIMITS, summary=said)]


__all__ = ["sockets"]
