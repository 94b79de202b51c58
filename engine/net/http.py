"""A small HTTP/1.1 client for streamed answers: pooled connections, deadlines, an end at once when it is not wanted.

It stands on ``http.client`` over gevent's sockets (the standard library is patched), which costs a tenth of a full
client per piece of audio. Leaving the ``with`` block before the end of an answer closes its connection: that is how a
provider learns that nobody listens any more. HTTPS goes by the proxy of the environment (``HTTPS_PROXY``).

    with http.stream("POST", "/v1/messages", {"model": ...}) as answer:
        for piece in answer: ...
"""

import base64
import http.client
import json
import logging
import os
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from time import monotonic
from typing import Any
from urllib.parse import SplitResult, unquote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import gevent
from gevent.lock import BoundedSemaphore
from gevent.monkey import get_original

from engine.errors import FaultKind, ProviderFault
from engine.net.deadline import Deadline
from engine.net.faults import fault_of

log = logging.getLogger(__name__)

PIECE = 1 << 16
"""Bytes of an answer read at once, at most."""

IDLE_S = 50.0
"""Idle connections are not used after that: load balancers forget them silently, many after a minute."""

DRAIN_S = 0.05
"""After the last event of a stream its end usually comes in the same packet. If not, the connection is given up."""

LONGEST_ERROR = 1 << 16
"""Bytes read of the body of an error."""

_poll = get_original("select", "poll")


class Answer:
    """A running answer: iterate for its bytes, as they come. ``begun()`` when they are of use (see ``Deadline``)."""

    def __init__(self, response: http.client.HTTPResponse, deadline: Deadline) -> None:
        """Of ``HttpClient.stream``."""
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.deadline = deadline
        self._response = response
        self._at_end = False

    @property
    def kind(self) -> str:
        """The media type, in small letters, without parameters; empty if none was told."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def reusable(self) -> bool:
        """The answer is read to its end and the connection may carry the next request."""
        return self._at_end and not self._response.will_close

    def begun(self) -> None:
        """What has come is of use: from now on only the end has a deadline."""
        self.deadline.begun()

    def __iter__(self) -> Iterator[bytes]:
        """Pieces as they come. Raises ``ProviderFault``: timeout, or broken if the answer breaks off."""
        while piece := self.read():
            yield piece

    def read(self) -> bytes:
        """The next piece; empty at the end."""
        try:
            piece = self.deadline.run(self._read)
        except (OSError, http.client.HTTPException) as fault:
            raise ProviderFault(self.deadline.provider, "broken", f"the answer broke off: {_said(fault)}") from fault
        if not piece:
            if self._response.length:  # http.client takes a lost connection for the end here
                raise ProviderFault(self.deadline.provider, "broken", "the answer broke off")
            self._at_end = True
        return piece

    def read_all(self, limit: int) -> bytes:
        """The rest, at most about ``limit`` bytes."""
        body = b""
        while len(body) < limit and (piece := self.read()):
            body += piece
        return body

    def drain(self) -> None:
        """Read what follows the last event, if it comes at once, so that the connection can be used again."""
        with gevent.Timeout(DRAIN_S, False), suppress(ProviderFault):  # type: ignore[arg-type]
            while self.read():
                pass

    def _read(self) -> bytes:
        return self._response.read1(PIECE)

    def close(self) -> None:
        """Let go of the body."""
        self._response.close()


class _Connection:
    """An open connection. ``used``: it has carried a request; ``kept``: it has been idle, so it may be closed."""

    def __init__(self, raw: http.client.HTTPConnection) -> None:
        self.raw = raw
        self.used = False
        self.kept = False
        self.idle_since = monotonic()

    def usable(self) -> bool:
        """Neither idle for too long nor closed by the other side. One that carried nothing yet may be readable for
        another reason: TLS 1.3 sends its tickets then."""
        if monotonic() - self.idle_since > IDLE_S:
            return False
        if not self.used and isinstance(self.raw.sock, ssl.SSLSocket):
            return True
        poll = _poll()
        poll.register(self.raw.sock, 1)  # POLLIN: an idle connection has nothing to say but its end
        return not poll.poll(0)

    def close(self) -> None:
        if self.raw.sock is not None:
            with suppress(OSError):  # it may be gone already
                self.raw.sock.shutdown(socket.SHUT_RDWR)
        self.raw.close()


class HttpClient:
    """Requests to one service, each in the caller's greenlet; any number of greenlets at once."""

    def __init__(
        self, provider: str, base_url: str, *, headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None, connect_timeout_s: float = 3.0, first_byte_timeout_s: float = 8.0,
        total_timeout_s: float = 60.0, max_connections: int = 100,
    ) -> None:
        """``provider`` names the service in faults; ``base_url`` is ``http[s]://host[:port][/path]``, without query;
        ``headers`` and ``query`` go with every request."""
        self.provider = provider
        parts = urlsplit(base_url)
        self._host, self._port, self._path = parts.hostname or "", parts.port, parts.path.rstrip("/")
        self._tls, self._proxy = None, ""
        if parts.scheme == "https":
            self._tls = _tls_context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))
            if not proxy_bypass(self._host):
                self._proxy = getproxies().get("https", "")
        self._headers = {"User-Agent": "trunkline", "Accept": "*/*", **(headers or {})}
        self._query = dict(query or {})
        self._connect_s, self._first_s, self._total_s = connect_timeout_s, first_byte_timeout_s, total_timeout_s
        self._places = BoundedSemaphore(max_connections)
        self._max = max_connections
        self._idle: list[_Connection] = []
        self._warming: set[gevent.Greenlet] = set()
        self._closed = False

    @contextmanager
    def stream(
        self, method: str, path: str, body: Mapping[str, Any] | bytes | None = None, *,
        query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None,
    ) -> Iterator[Answer]:
        """A successful answer that is still coming. ``body``: a mapping is sent as JSON.

        Raises ``ProviderFault``: unavailable (no connection), timeout, or what the service's error says.
        """
        deadline = Deadline(self.provider, self._first_s, self._total_s)
        data = json.dumps(body).encode() if isinstance(body, Mapping) else body
        sent = {**self._headers, **({"Content-Type": "application/json"} if isinstance(body, Mapping) else {}),
                **(headers or {})}
        asked = {**(query or {}), **self._query}
        target = (self._path + path or "/") + ("?" + urlencode(asked, errors="replace") if asked else "")
        deadline.run(self._places.acquire)
        connection: _Connection | None = None
        answer: Answer | None = None
        try:
            connection, response = self._send(deadline, method, target, data, sent)
            answer = Answer(response, deadline)
            if answer.status >= 300:
                raise fault_of(self.provider, answer.status, answer.headers, answer.read_all(LONGEST_ERROR))
            yield answer
        finally:
            if connection is not None:
                self._give_back(connection, answer)
            self._places.release()

    def warm(self) -> None:
        """Open a connection ahead, if none is idle. Never raises; returns at once."""
        if self._closed or self._warming or any(connection.usable() for connection in self._idle):
            return
        greenlet = gevent.spawn(self._warm)
        self._warming.add(greenlet)
        greenlet.link(self._warming.discard)

    def close(self) -> None:
        """Close what is idle; answers that run end by themselves and leave nothing behind."""
        self._closed = True
        gevent.killall(list(self._warming))
        while self._idle:
            self._idle.pop().close()

    def _warm(self) -> None:
        try:
            connection = self._connect(Deadline(self.provider, self._connect_s, self._connect_s))
        except ProviderFault as fault:
            log.info("no connection ahead of the first request: %s", fault)
        else:
            self._keep(connection)

    def _send(
        self, deadline: Deadline, method: str, target: str, data: bytes | None, headers: Mapping[str, str]
    ) -> tuple[_Connection, http.client.HTTPResponse]:
        """Send the request, wait for the head of the answer. A kept connection that turns out closed is replaced."""
        while True:
            connection = self._take() or self._connect(deadline)
            try:
                return connection, deadline.run(partial(_exchange, connection.raw, method, target, data, headers))
            except (OSError, http.client.HTTPException) as fault:
                connection.close()
                if connection.kept and isinstance(fault, ConnectionError):
                    continue
                kind: FaultKind = "unavailable" if isinstance(fault, OSError) else "broken"
                raise ProviderFault(self.provider, kind, f"no answer: {_said(fault)}") from fault
            except BaseException:
                connection.close()
                raise

    def _connect(self, deadline: Deadline) -> _Connection:
        raw: http.client.HTTPConnection
        where = f"{self._host}:{self._port or (443 if self._tls else 80)}"
        if self._tls is None:
            raw = http.client.HTTPConnection(self._host, self._port)
        elif self._proxy:
            proxy = urlsplit(self._proxy if "//" in self._proxy else f"//{self._proxy}")
            where += f" by the proxy {proxy.hostname}"
            raw = http.client.HTTPSConnection(proxy.hostname or "", proxy.port or 8080, context=self._tls)
            raw.set_tunnel(self._host, self._port or 443, _proxy_login(proxy))
        else:
            raw = http.client.HTTPSConnection(self._host, self._port, context=self._tls)
        late = ProviderFault(self.provider, "timeout", f"no connection to {where} within {self._connect_s:g} s")
        try:
            with gevent.Timeout(self._connect_s, late):
                deadline.run(raw.connect)
        except OSError as fault:
            raw.close()
            raise ProviderFault(self.provider, "unavailable", f"no connection to {where}: {_said(fault)}") from fault
        except BaseException:
            raw.close()
            raise
        return _Connection(raw)

    def _take(self) -> _Connection | None:
        """An idle connection, the newest first."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable():
                return connection
            connection.close()
        return None

    def _give_back(self, connection: _Connection, answer: Answer | None) -> None:
        reusable = answer is not None and answer.reusable
        if answer is not None:
            answer.close()
        if reusable:
            connection.used = True
            self._keep(connection)
        else:
            connection.close()

    def _keep(self, connection: _Connection) -> None:
        connection.idle_since, connection.kept = monotonic(), True
        if self._closed or len(self._idle) >= self._max:
            connection.close()
        else:
            self._idle.append(connection)


@lru_cache(maxsize=8)
def _tls_context(file: str | None, folder: str | None) -> ssl.SSLContext:
    """What all clients share: to read the certificates takes 20 ms. OpenSSL itself reads the two variables."""
    return ssl.create_default_context()


def _proxy_login(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(login.encode()).decode()}


def _exchange(
    raw: http.client.HTTPConnection, method: str, target: str, data: bytes | None, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    raw.request(method, target, data, dict(headers))
    return raw.getresponse()


def _said(fault: BaseException) -> str:
    """An error in words; some have none of their own."""
    return str(getattr(fault, "strerror", None) or fault) or type(fault).__name__
