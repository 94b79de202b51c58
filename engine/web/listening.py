"""The listening sockets: gevent.pywsgi with bounds for whoever connects.

pywsgi alone waits for ever for the end of a head, takes heads of megabytes, reads a refused body to its end, and lets
one address take all places.
"""

import errno
import io
import json
import logging
import re
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from http.client import HTTPException
from typing import Any
from uuid import uuid4

import gevent
import gevent.pool
from gevent import pywsgi
from gevent.ssl import SSLContext

from engine.config import HttpOptions
from engine.web.clients import Networks, bucket_of
from engine.web.errors import ApiError, WebError
from engine.web.turnstile import Turnstile

log = logging.getLogger(__name__)

CONNECTION = "trunkline.connection"
"""Where the connection of a request lies in its WSGI environment: its socket and its reader."""

HEAD_BYTES = 1 << 16
"""Longest head of a request."""

DISCARD_BYTES = 1 << 16
"""How much of a body that nobody wants is read to keep the connection; beyond, it is closed."""

BACKLOG = 1024
"""Connections that may wait in the kernel."""

ACCEPT_AT_ONCE = 8
"""Connections that are accepted before the hub looks around."""

STOP_S = 1.0
"""How long answers in progress have when the server stops."""

FULL = ApiError(503, "too_many_connections", "too many connections from this address (http.max_connections_per_ip)",
                type="rate_limit_error", headers={"Retry-After": "1"})
TOO_LONG_LINE = ApiError(414, "uri_too_long", "the first line of the request is longer than 8192 bytes")

_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*)?\r?\n")
"""A header, or the empty line after the last; none is folded into a second line."""


class Places:
    """How many connections there are, in all and by address, over all ports; and whose turn it is."""

    def __init__(self, options: HttpOptions) -> None:
        """With these bounds."""
        self.pool = gevent.pool.Pool(options.max_connections)
        self.turnstile = Turnstile()
        self.refused = 0
        self._limit = options.max_connections_per_ip
        self._proxies = Networks(options.trusted_proxies)
        self._held: Counter[str] = Counter()

    def __len__(self) -> int:
        """Connections held now."""
        return len(self.pool)

    def take(self, address: str) -> bool:
        """A connection comes; False: its address has too many."""
        name = bucket_of(address)
        if self._held[name] >= self._limit and address not in self._proxies:
            self.refused += 1
            return False
        self._held[name] += 1
        return True

    def leave(self, address: str) -> None:
        """It is gone."""
        name = bucket_of(address)
        self._held[name] -= 1
        if self._held[name] <= 0:
            del self._held[name]


class Listener(pywsgi.WSGIServer):
    """One port."""

    def __init__(self, options: HttpOptions, port: int, application: Callable[..., Any], places: Places,
                 context: SSLContext | None) -> None:
        """Not bound yet."""
        secure: dict[str, Any] = {"ssl_context": context} if context is not None else {}
        super().__init__((options.host, port), application, backlog=BACKLOG, spawn=places.pool, log=None,
                         error_log=_LowLog(), handler_class=Handler, **secure)
        self.options = options
        self._port = port
        self.places = places
        self.max_accept = ACCEPT_AT_ONCE

    def open(self) -> None:
        """Bind and serve. Raises ``WebError`` when the address cannot be had."""
        try:
            self.start()
        except OSError as fault:
            raise WebError(bind_problem("http", self.options.host, self._port, fault)) from fault

    def handle(self, connection: Any, address: Any) -> None:
        """One connection, in its own greenlet."""
        peer = str(address[0])
        if not self.places.take(peer):
            _say_full(connection)
            return
        try:
            connection.settimeout(self.options.idle_s)
            # Head and body are two writes; without this the second waits 40 ms for the client's acknowledgement.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            super().handle(connection, address)
        except gevent.Timeout as late:
            log.debug("%s: the request did not arrive in time (%s)", peer, late)
        except OSError as fault:
            log.debug("%s: gone before its answer: %s", peer, fault)
        finally:
            self.places.leave(peer)

    def wrap_socket_and_handle(self, client_socket: Any, address: Any) -> None:
        """With TLS, whose handshake has a deadline, too."""
        client_socket.settimeout(self.options.idle_s)
        try:
            super().wrap_socket_and_handle(client_socket, address)
        except (ssl.SSLError, OSError) as fault:
            log.debug("%s: no TLS: %s", address[0], fault)
        finally:
            client_socket.close()


class Handler(pywsgi.WSGIHandler):
    """One connection. A head that does not end, or is too long, ends it."""

    server: Listener
    _late: gevent.Timeout | None = None

    def handle(self) -> None:
        """All requests of the connection. What is left of them has no cycles, so that no collection has to find it."""
        try:
            super().handle()
        finally:
            if self.environ is not None:
                self.environ.clear()
                self.environ = None

    def read_requestline(self) -> str:
        """The first line, once its first byte is there; from then on the head has a deadline."""
        if not self.rfile.peek(1):
            return ""
        self.server.places.turnstile.enter()
        self._late = gevent.Timeout.start_new(self.server.options.body_s)
        return str(super().read_requestline())

    def handle_one_request(self) -> Any:
        """One request and its answer."""
        try:
            done = super().handle_one_request()
        finally:
            self._head_is_here()
        return ("414", refusal(TOO_LONG_LINE)) if isinstance(done, tuple) and done[0] == "414" else done

    def finalize_headers(self) -> None:
        """An answer to HEAD has no body, so that nothing marks its end."""
        super().finalize_headers()
        self.response_use_chunked = self.response_use_chunked and self.command != "HEAD"

    def _handle_client_error(self, ex: Exception) -> tuple[str, bytes]:
        """A head that is no request, or a body that is not as its head says."""
        log.debug("%s: no request: %s", self.client_address, ex)
        fault = ApiError(431, "head_too_long", str(ex)) if isinstance(ex, _TooLong) else ApiError(
            400, "bad_request", f"this is no request of HTTP/1.1: {ex}")
        return str(fault.status), refusal(fault)

    def _send_error_response_if_possible(self, error_code: int) -> None:
        self.close_connection = True
        if self.headers_sent or self.socket is None:
            return
        fault = ApiError(400, "bad_request", "the body is not as its head says") if error_code == 400 else ApiError(
            500, "internal_error", "the engine failed; its log tells more", type="server_error")
        self._sendall(refusal(fault))

    def MessageClass(self, reader: Any, *args: Any) -> Any:  # noqa: N802  pywsgi's name
        """The headers. Raises ``ValueError`` where they are too long or too many, or where another server could read
        other headers, or another length of the body, out of them."""
        try:
            headers = super().MessageClass(_Head(reader), *args)  # type: ignore[arg-type]
        except HTTPException as fault:
            raise _TooLong(str(fault)) from fault
        _check_headers(headers)
        return headers

    def read_request(self, raw_requestline: str) -> Any:
        """The head. Raises ``ValueError``."""
        if not re.fullmatch(r"[!-~]+ [!-\xff]+ HTTP/\d\.\d\r?\n", raw_requestline):
            raise ValueError(f"the first line is no METHOD PATH HTTP/1.1: {raw_requestline[:80]!r}")
        return super().read_request(raw_requestline)

    def get_environ(self) -> dict[str, Any]:
        """The head is here: what WSGI says of it, and where the connection is."""
        self._head_is_here()
        environ: dict[str, Any] = super().get_environ()
        given: Any = self.wsgi_input
        body = _Body(given.rfile, given.content_length, given.socket, given.chunked_input)
        body.handler = self
        if environ["wsgi.input"] is given:
            environ["wsgi.input"] = body
        self.wsgi_input = body
        environ[CONNECTION] = (self.socket, self.rfile)
        return environ

    def _sendall(self, data: bytes) -> None:
        """A piece of an answer; who takes it as fast as it is sent leaves time for others."""
        super()._sendall(data)  # type: ignore[misc]  # not in the stubs
        self.server.places.turnstile.enter()

    def _head_is_here(self) -> None:
        if self._late is not None:
            self._late.close()
            self._late = None


class _Head:
    """Lines of a head, up to ``HEAD_BYTES``."""

    def __init__(self, reader: io.BufferedReader) -> None:
        self._reader = reader
        self._left = HEAD_BYTES

    def readline(self, size: int = -1) -> bytes:
        line = self._reader.readline(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(line)
        if self._left < 0:
            raise _TooLong(f"the head of the request is longer than {HEAD_BYTES} bytes")
        if not _HEADER.fullmatch(line):
            raise ValueError(f"a line of the head is no header: {line[:80]!r}")
        return line


class _TooLong(ValueError):
    """A head beyond the bounds."""


def _check_headers(headers: Any) -> None:
    """Raise ``ValueError`` for what proxies and servers read differently: whoever sends such a head wants to have the
    rest of its body taken for a request of somebody else."""
    lengths, codings = headers.get_all("content-length", []), headers.get_all("transfer-encoding", [])
    if len(lengths) > 1 or any(not re.fullmatch(r"[0-9]{1,18}", length) for length in lengths):
        raise ValueError("Content-Length is no number, or there are several")
    if codings and (lengths or [coding.lower() for coding in codings] != ["chunked"]):
        raise ValueError("Transfer-Encoding is not chunked alone, or Content-Length is there, too")


def refusal(fault: ApiError) -> bytes:
    """The answer to what did not become a request, in the shape of all errors."""
    request_id = f"req_{uuid4().hex}"
    body = json.dumps(fault.body(request_id)).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close",
               "X-Request-Id": request_id, **fault.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {fault.status} {HTTPStatus(fault.status).phrase}\r\n{lines}\r\n".encode() + body


class _Body(pywsgi.Input):
    """A body that is not read to its end for nothing."""

    __slots__ = ("handler",)
    handler: Handler

    def read(self, length: int | None = None) -> bytes:
        """The next bytes; a body that comes without a pause leaves time for others."""
        data: bytes = super().read(length)
        self.handler.server.places.turnstile.enter()
        return data

    def _discard(self) -> None:
        unread = (self.content_length or 0) - self.position
        if self.chunked_input or unread > DISCARD_BYTES or (unread > 0 and self.socket is not None):
            self.handler.close_connection = True
            return
        try:
            with gevent.Timeout(1.0):
                super()._discard()  # type: ignore[misc]  # not in the stubs
        except gevent.Timeout:
            self.handler.close_connection = True


class _LowLog(io.StringIO):
    """What pywsgi says about connections and bad requests: of interest to who looks for a fault."""

    def write(self, text: str) -> int:
        """To the log."""
        log.debug("%s", text.rstrip())
        return len(text)


def tls(options: HttpOptions) -> SSLContext | None:
    """The TLS settings of the server; None: no TLS. Raises ``WebError`` where certificate or key cannot be used."""
    if not options.certificate:
        return None
    context = SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(options.certificate, options.private_key or None)
    except OSError as fault:  # ssl.SSLError, too
        raise WebError(f"http.certificate, http.private_key: {options.certificate} cannot be used: "
                       f"{fault.strerror or fault}") from fault
    return context


def bind_problem(group: str, host: str, port: int, fault: OSError) -> str:
    """Why an address of the option group ``group`` cannot be bound, and what to do."""
    variable = f"{group}.port (TRUNKLINE_{group.upper()}__PORT)"
    if fault.errno == errno.EADDRINUSE:
        return (f"{host}:{port} is in use by another program; `ss -ltnp 'sport = :{port}'` shows which. "
                f"End it, or set {variable} to another port")
    if fault.errno == errno.EACCES:
        return f"{host}:{port} needs rights that this user has not; set {variable} to a port from 1024 on"
    if fault.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine; set {group}.host (TRUNKLINE_{group.upper()}__HOST)"
    return f"{host}:{port} cannot be bound: {fault.strerror or fault}; see {variable}"


def _say_full(connection: Any) -> None:
    """Without waiting: whoever floods does not read."""
    connection.settimeout(0.0)
    try:
        connection.send(refusal(FULL))
        connection.shutdown(socket.SHUT_RDWR)
    except OSError as fault:
        log.debug("a connection too many is gone already: %s", fault)
