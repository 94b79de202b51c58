"""WebSockets for greenlets: bounded in every direction, and quick to notice that the other side is gone.

This is the client; a server makes the same of an upgraded connection (``engine/web/socket.py``).

The protocol is wsproto's: sans-I/O, so deadlines, bounds and the one writer are ours to give, and its parser h11 is
installed anyway; websocket-client has neither a largest message nor a bound for what waits to be sent.

    socket = WebSocket.connect("wss://example.org/listen", headers={"Authorization": "..."}, timeout_s=3)
    socket.send("text"); socket.send(b"bytes")       # any greenlet; returns at once
    message = socket.receive()                       # one greenlet: str or bytes, or SocketClosed
    socket.close()
"""

import contextlib
import functools
import logging
import select
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from urllib.parse import urlsplit

import gevent
from gevent import socket as sockets
from gevent import ssl
from gevent.event import Event
from gevent.monkey import get_original
from wsproto import ConnectionType, WSConnection, events
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from engine.net.errors import ConnectFailed, SocketClosed, UpgradeRefused

log = logging.getLogger(__name__)

_poll = get_original("select", "poll")
"""Asks the kernel without a turn of the hub."""

READ_BYTES = 1 << 16
WRITE_BYTES = 1 << 18
"""What is handed to the kernel at a time: a slow reader has the deadline for each, not for a whole message."""

BUSY_S = 0.002
"""After so much work on what arrived, others have their turn: a read may hold thousands of small frames."""

MAX_PARTS = 4096
"""Fragments that a message may have: empty ones would cost memory without counting as bytes."""

GOODBYE_S = 0.2
"""How long the last words may take to leave."""

GOODBYE_POLL_S = 0.02

MAX_REFUSAL_BYTES = 4096
ABNORMAL = 1006
"""The code of an end without a close frame."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may hold, and how long it may be silent."""

    message_bytes: int = 1 << 20
    """Largest message that is taken; a larger one ends the connection with 1009."""

    queued_bytes: int = 2 << 20
    """What may wait to be sent; beyond, the other side does not keep up and the connection is ended."""

    ping_s: float = 10.0
    """A ping goes out after so long without a word from the other side; after the same time again it is gone. So is
    one that takes nothing of what is sent for twice as long."""


@functools.cache
def tls_context() -> ssl.SSLContext:
    """The TLS settings of all connections: the system's authorities, names checked. Reading them takes tens of
    milliseconds, so a provider calls this when it is made, not in a call."""
    return ssl.create_default_context()


class WebSocket:
    """One open connection. ``send`` and ``close`` may be called by any greenlet, ``receive`` by one at a time."""

    def __init__(self, connection: sockets.socket, protocol: WSConnection, limits: Limits) -> None:
        """Of an upgraded connection: use ``connect``."""
        self._socket = connection
        self._protocol = protocol
        self._limits = limits
        self._arrived: deque[str | bytes] = deque()
        self._parts: list[str | bytes] = []
        self._part_bytes = 0
        self._outgoing: deque[bytes] = deque()
        self._queued = 0
        self._wake = Event()
        self._heard_at = self._working_since = monotonic()
        self._unparsed = False
        self._pinged = False
        self._ended: tuple[int, str] | None = None
        self._closing = False
        self._writer = gevent.spawn(self._write)

    @classmethod
    def connect(cls, url: str, *, headers: Mapping[str, str] | None = None, subprotocols: tuple[str, ...] = (),
                timeout_s: float = 5.0, limits: Limits | None = None,
                context: ssl.SSLContext | None = None) -> "WebSocket":
        """Connect to a ``ws://`` or ``wss://`` URL, all of it within ``timeout_s``.

        Raises ``ConnectFailed``, or ``UpgradeRefused`` with the server's HTTP answer.
        """
        limits = limits or Limits()
        where = urlsplit(url)
        if where.scheme not in ("ws", "wss") or not where.hostname:
            raise ConnectFailed(f"'{url}' is no WebSocket address; it begins with ws:// or wss://")
        connection: sockets.socket | None = None
        deadline = gevent.Timeout(timeout_s)
        try:
            with deadline:
                port = where.port or (443 if where.scheme == "wss" else 80)
                connection = sockets.create_connection((where.hostname, port))
                connection.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY, 1)
                if where.scheme == "wss":
                    connection = (context or tls_context()).wrap_socket(connection, server_hostname=where.hostname)
                protocol = WSConnection(ConnectionType.CLIENT)
                target = (where.path or "/") + (f"?{where.query}" if where.query else "")
                asked = events.Request(
                    host=where.netloc.rpartition("@")[2], target=target, subprotocols=list(subprotocols),
                    extra_headers=[(name.encode(), value.encode()) for name, value in (headers or {}).items()])
                connection.sendall(protocol.send(asked))
                early = _upgrade(connection, protocol)
        except BaseException as fault:
            if connection is not None:
                connection.close()
            if fault is deadline:
                raise ConnectFailed(f"{where.hostname}: no connection after {timeout_s:g} s") from None
            if isinstance(fault, (OSError, RemoteProtocolError, LocalProtocolError)):
                raise ConnectFailed(f"{where.hostname}: {fault}") from fault
            raise
        made = cls(connection, protocol, limits)
        for event in early:
            made._take(event)
        return made

    def begin(self, opening: bytes, early: bytes) -> None:
        """Of a server: send the answer to the upgrade request; ``early`` came behind the request."""
        self._outgoing.append(opening)
        self._queued += len(opening)
        self._wake.set()
        if early:
            self._arrive(early)

    @property
    def closed(self) -> bool:
        """Whether it has ended; ``receive`` then says why."""
        return self._ended is not None

    def send(self, message: str | bytes) -> None:
        """Queue a message. Raises ``SocketClosed`` when the connection has ended or does not keep up."""
        if self._ended is not None or self._closing:
            raise self._end()
        event: events.Event = (events.TextMessage(data=message) if isinstance(message, str)
                               else events.BytesMessage(data=message))
        self._queue(event)
        if self._ended is not None:
            raise self._end()

    def receive(self, timeout_s: float | None = None) -> str | bytes | None:
        """The next message; None when none came within ``timeout_s``. Raises ``SocketClosed`` after the last one."""
        if self._arrived:
            self._share()
            return self._arrived.popleft()
        with gevent.Timeout(timeout_s, False):  # type: ignore[arg-type]  # gevent's way to end the block silently
            while not self._arrived:
                if self._ended is not None:
                    raise self._end()
                self._read()
        return self._arrived.popleft() if self._arrived else None

    def close(self, code: int = 1000, reason: str = "", timeout_s: float = 1.0) -> None:
        """Say goodbye, give what is queued so long to leave, and end the connection. ``reason``: its first 123 bytes
        are sent. Idempotent."""
        if self._ended is None and not self._closing:
            self._last_words(events.CloseConnection(code=code, reason=_short(reason) or None), timeout_s)
        self.abort(reason or "closed by us", code)

    def finish(self, code: int = 1000, reason: str = "", timeout_s: float = 1.0) -> None:
        """As ``close``, while another greenlet receives: it goes on until the other side has said goodbye, too, at most
        so long. A connection that is closed over unread bytes is reset, and the other side would never see why."""
        if self._ended is None and not self._closing:
            self._last_words(events.CloseConnection(code=code, reason=_short(reason) or None), timeout_s)
            until = monotonic() + timeout_s
            while self._ended is None and monotonic() < until:
                gevent.sleep(GOODBYE_POLL_S)
        self.abort(reason or "closed by us", code)

    def abort(self, reason: str = "given up", code: int = ABNORMAL) -> None:
        """End the connection now; who waits in ``receive`` is told. Idempotent."""
        if self._ended is None:
            self._ended = (code, reason)
        self._outgoing.clear()
        self._queued = 0
        self._closing = True
        self._wake.set()  # the writer ends: at once where it waits, by the closed socket where it sends
        with contextlib.suppress(OSError):  # it is down already
            self._socket.shutdown(sockets.SHUT_RDWR)  # wakes a reader
        self._socket.close()

    def _end(self) -> SocketClosed:
        """What ended it, anew: one that was raised holds the frames it went through, and they hold this socket."""
        return SocketClosed(*(self._ended or (ABNORMAL, "closed by us")))

    # ------------------------------------------------------------ out

    def _queue(self, event: events.Event) -> None:
        try:
            data = self._protocol.send(event)
        except LocalProtocolError as fault:
            raise SocketClosed(ABNORMAL, str(fault)) from fault
        self._outgoing.append(data)
        self._queued += len(data)
        self._wake.set()
        if self._queued > self._limits.queued_bytes:
            self.abort("the other side does not keep up")

    def _last_words(self, event: events.CloseConnection, timeout_s: float) -> None:
        self._queue(event)
        self._closing = True
        self._wake.set()
        if self._writer is not gevent.getcurrent():
            self._writer.join(timeout_s)

    def _write(self) -> None:
        """The writer: the only one that sends, so messages never mix; and the one that notices silence."""
        try:
            while True:
                while self._outgoing:
                    data = self._outgoing.popleft()
                    self._send_all(data)
                    self._queued -= len(data)
                if self._closing:
                    return
                self._wake.clear()
                if not self._wake.wait(max(0.001, self._heard_at + self._limits.ping_s - monotonic())):
                    self._silence()
        except OSError as fault:
            self.abort(f"sending failed: {fault}")

    def _send_all(self, data: bytes) -> None:
        for start in range(0, len(data), WRITE_BYTES):
            with gevent.Timeout(2 * self._limits.ping_s, TimeoutError("the other side takes nothing")):
                self._socket.sendall(data[start:start + WRITE_BYTES])

    def _silence(self) -> None:
        """Nothing was heard for long: ask, or give up when asking was in vain."""
        silent_s = monotonic() - self._heard_at
        if silent_s < self._limits.ping_s:
            return
        if self._has_unread():
            # It is we who are late: what it sent waits to be read.
            self._heard_at, self._pinged = monotonic(), False
            return
        if self._pinged:
            self.abort(f"no sign of life for {silent_s + self._limits.ping_s:.0f} s")
            return
        self._pinged = True
        self._heard_at = monotonic()  # the answer gets as long again
        self._queue(events.Ping())

    def _has_unread(self) -> bool:
        """Whether something has arrived that nobody has looked at yet."""
        if self._unparsed or self._arrived:
            return True
        look = _poll()
        look.register(self._socket.fileno(), select.POLLIN)
        return bool(look.poll(0))

    # ------------------------------------------------------------ in

    def _read(self) -> None:
        try:
            if not self._unparsed:
                self._await_data()
                data = self._socket.recv(READ_BYTES)
                if not data:
                    self.abort("the connection broke")
                    return
                self._heard_at, self._pinged = monotonic(), False
                self._arrive(data)
            self._parse()
        except (OSError, RemoteProtocolError, LocalProtocolError) as fault:
            self.abort(str(fault))

    def _await_data(self) -> None:
        """Called before a read: a server may wait here for its turn, once there is something to read."""
        self._working_since = monotonic()

    def _arrive(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        self._unparsed = True

    def _parse(self) -> None:
        """Take what has arrived. Whoever waits in here may be interrupted by a deadline: the rest is kept."""
        for event in self._protocol.events():
            self._take(event)
            if self._ended is not None:
                return
            self._share()
        self._unparsed = False

    def _share(self) -> None:
        """Let others have their turn when this one has worked for long."""
        if monotonic() - self._working_since > BUSY_S:
            self._let_others()
            self._working_since = monotonic()

    def _let_others(self) -> None:
        """Return when the others have had their turn."""
        gevent.sleep(0)

    def _take(self, event: events.Event) -> None:
        if isinstance(event, (events.TextMessage, events.BytesMessage)):
            self._parts.append(event.data if isinstance(event, events.TextMessage) else bytes(event.data))
            self._part_bytes += len(event.data)
            if self._part_bytes > self._limits.message_bytes or len(self._parts) > MAX_PARTS:
                self._part_bytes, self._parts = 0, []
                self._refuse(1009, f"a message of more than {self._limits.message_bytes} bytes")
            elif event.message_finished:
                empty: str | bytes = "" if isinstance(event, events.TextMessage) else b""
                self._arrived.append(empty.join(self._parts))  # type: ignore[arg-type]
                self._parts, self._part_bytes = [], 0
        elif isinstance(event, events.Ping):
            self._queue(event.response())
        elif isinstance(event, events.CloseConnection):
            if not self._closing:
                self._last_words(event.response(), GOODBYE_S)
            self.abort(event.reason or "", int(event.code))

    def _refuse(self, code: int, why: str) -> None:
        """The other side breaks the rules: tell it, and end the connection."""
        if not self._closing:
            self._last_words(events.CloseConnection(code=code, reason=_short(why)), GOODBYE_S)
            self._let_read()
        self.abort(why, code)

    def _let_read(self) -> None:
        """Take what is still coming, for a moment: a connection closed over unread bytes is reset, and the other side
        would never see why."""
        with contextlib.suppress(OSError), gevent.Timeout(GOODBYE_S, TimeoutError()):
            self._socket.shutdown(sockets.SHUT_WR)
            while self._socket.recv(READ_BYTES):
                self._let_others()  # who sends without a pause would keep the hub for itself


def _upgrade(connection: sockets.socket, protocol: WSConnection) -> list[events.Event]:
    """Read the answer to the upgrade request; what came right behind it."""
    refusal: events.RejectConnection | None = None
    body = b""
    while True:
        data = connection.recv(READ_BYTES)
        protocol.receive_data(data or None)
        arrived = list(protocol.events())
        for n, event in enumerate(arrived):
            if isinstance(event, events.AcceptConnection):
                return arrived[n + 1:]
            if isinstance(event, events.RejectConnection):
                refusal = event
            elif isinstance(event, events.RejectData):
                body += event.data[:MAX_REFUSAL_BYTES - len(body)]
            if refusal is not None and (not refusal.has_body or isinstance(event, events.RejectData)
                                        and event.body_finished or len(body) >= MAX_REFUSAL_BYTES):
                raise _refused(refusal, body)
        if not data:
            if refusal is not None:
                raise _refused(refusal, body)
            raise ConnectFailed("the connection broke before the WebSocket was open")


def _short(reason: str) -> str:
    """As much of a close reason as the frame holds."""
    return reason.encode()[:123].decode(errors="ignore")


def _refused(refusal: events.RejectConnection, body: bytes) -> UpgradeRefused:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in refusal.headers}
    return UpgradeRefused(refusal.status_code, headers, body.decode("utf-8", "replace"))


__all__ = ["ABNORMAL", "Limits", "WebSocket", "tls_context"]
