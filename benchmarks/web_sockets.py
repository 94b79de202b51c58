"""WebSockets of the engine under test that only benchmarks talk to."""

from engine.net.websocket import Limits
from engine.web.route import Asked, WebSocketRoute
from engine.web.socket import ServerSocket

LIMITS = Limits(message_bytes=1 << 20, queued_bytes=2 << 20, ping_s=10.0)


def echo(socket: ServerSocket, asked: Asked) -> None:
    """Everything back."""
    while True:
        message = socket.receive()
        if message is not None:
            socket.send(message)


def flood(socket: ServerSocket, asked: Asked) -> None:
    """As much as is taken, 100 kB at a time."""
    while True:
        socket.send(b"x" * 100_000)
        socket.receive(0.05)


SOCKETS = [WebSocketRoute("/bench/echo", echo, limits=LIMITS), WebSocketRoute("/bench/flood", flood, limits=LIMITS)]
