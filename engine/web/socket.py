"""The server's side of every WebSocket: ``engine.net.websocket`` on the connection of a request.

    def echo(socket: ServerSocket, asked: Asked) -> None:
        while True:
            socket.send(socket.receive())     # SocketClosed ends it
"""

from __future__ import annotations

import contextlib
import io

from gevent import socket as sockets
from gevent import ssl
from wsproto import ConnectionType, WSConnection, events
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from engine.net.errors import SocketClosed
from engine.net.websocket import Limits, WebSocket
from engine.web.errors import ApiError
from engine.web.turnstile import Turnstile

GOING_AWAY = 1001
"""Close code when the server stops."""

FAILED = 1011
"""Close code when a handler failed."""


class ServerSocket(WebSocket):
    """One WebSocket of a client. ``send`` (any greenlet, returns at once), ``receive(timeout_s)`` (one greenlet),
    ``close(code, reason)``. ``send`` and ``receive`` raise ``SocketClosed`` when it is over.

    ``subprotocol``: the one that was agreed on, or an empty text.
    """

    subprotocol: str = ""
    _turnstile: Turnstile | None = None

    @classmethod
    def accept(cls, connection: sockets.socket, rfile: io.BufferedReader, headers: list[tuple[bytes, bytes]],
               subprotocols: tuple[str, ...], limits: Limits, turnstile: Turnstile | None = None) -> ServerSocket:
        """Answer an upgrade request whose head was read. Raises ``ApiError`` when it is not one of RFC 6455.

        ``rfile``: what read the head; it may hold bytes that came behind it, and is not read after this. ``turnstile``:
        where what arrives waits for its turn.
        """
        protocol = WSConnection(ConnectionType.SERVER)
        try:
            protocol.initiate_upgrade_connection(headers, "/")
            request = next(protocol.events())
            assert isinstance(request, events.Request)
            chosen = next((name for name in request.subprotocols if name in subprotocols), None)
            answer = protocol.send(events.AcceptConnection(subprotocol=chosen))
        except (RemoteProtocolError, LocalProtocolError) as fault:
            raise ApiError(400, "bad_websocket", f"this is no WebSocket request: {fault}") from fault
        early = _read_already(connection, rfile)
        made = cls(connection, protocol, limits)
        made.subprotocol = chosen or ""
        made._turnstile = turnstile
        made.begin(answer, early)
        return made

    def _await_data(self) -> None:
        if self._turnstile is not None:
            if not isinstance(self._socket, ssl.SSLSocket):
                self._socket.recv(1, sockets.MSG_PEEK)
            self._turnstile.enter()
        super()._await_data()

    def _let_others(self) -> None:
        super()._let_others()
        if self._turnstile is not None:
            self._turnstile.enter()


def _read_already(connection: sockets.socket, rfile: io.BufferedReader) -> bytes:
    """What lies in the reader's buffer, without waiting for more. The connection has no timeout afterwards: its
    deadlines are the WebSocket's."""
    connection.settimeout(0.0)
    try:
        with contextlib.suppress(ssl.SSLWantReadError):  # nothing is there
            return rfile.peek(1)
    finally:
        connection.settimeout(None)
    return b""


__all__ = ["FAILED", "GOING_AWAY", "ServerSocket", "SocketClosed"]
