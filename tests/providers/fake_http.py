"""An HTTP server on loopback that behaves as badly as a provider can: late, slow, stalling, breaking off, full.

Vendors are subclasses that answer one ``Request`` and refuse what the real one refuses.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http.client import parse_headers
from urllib.parse import parse_qsl, urlsplit

import gevent
from gevent import socket
from gevent.event import Event
from gevent.server import StreamServer


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    target: str = ""  # path and query as they were sent

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Response:
    status: int = 200
    kind: str = "application/json"
    pieces: Iterable[bytes] = ()
    headers: dict[str, str] = field(default_factory=dict)
    chunked: bool = True


class Refused(Exception):
    """What the vendor answers to a request that it does not take."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class _Gone(Exception):
    """The client has closed its connection."""


class FakeHttp:
    """Knobs are attributes; they hold for every request from when they are set."""

    def __init__(self) -> None:
        self.latency_s = 0.0  # before the head
        self.first_s = 0.0  # after the head, before the first piece
        self.each_s = 0.0  # before every piece
        self.stall_after = -1  # pieces, then nothing, for ever
        self.break_after = -1  # pieces, then the connection is cut
        self.packet = 0  # bytes of a packet; 0: a piece
        self.keep_alive = True
        self.fail_with: Response | None = None  # instead of an answer
        self.close_idle = Event()  # set: connections are closed when their answer is complete
        self.requests: list[Request] = []
        self.connections = 0
        self.running = 0
        self.gone = Event()  # a client left in the middle of an answer
        self._sockets: set[socket.socket] = set()
        self._server = StreamServer(("127.0.0.1", 0), self._handle)
        self._server.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.stop(timeout=1)
        for each in list(self._sockets):
            each.close()

    def answer(self, request: Request) -> Response:
        raise NotImplementedError

    # ------------------------------------------------------------ the wire

    def _handle(self, sock, address) -> None:
        self.connections += 1
        self._sockets.add(sock)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = sock.makefile("rb")
        try:
            while (request := self._read(reader)) is not None:
                self.requests.append(request)
                self.running += 1
                try:
                    self._respond(sock, request)
                finally:
                    self.running -= 1
                if not self.keep_alive or self.close_idle.is_set():
                    break
        except (_Gone, ConnectionError, BrokenPipeError):
            self.gone.set()
        finally:
            self._sockets.discard(sock)
            reader.close()
            sock.close()

    @staticmethod
    def _read(reader) -> Request | None:
        try:
            line = reader.readline()
        except OSError:
            return None
        if not line:
            return None
        method, target, _ = line.decode().split()
        headers = {name.lower(): value for name, value in parse_headers(reader).items()}
        parts = urlsplit(target)
        body = reader.read(int(headers.get("content-length", 0)))
        return Request(method, parts.path, dict(parse_qsl(parts.query)), headers, body, target)

    def _respond(self, sock, request: Request) -> None:
        self._pause(sock, self.latency_s)
        try:
            response = self.fail_with or self.answer(request)
        except Refused as refused:
            response = refused.response
        except (KeyError, TypeError, ValueError) as fault:
            response = error(400, {"error": {"message": f"malformed: {fault!r}", "type": "invalid_request_error"}})
        headers = {"Content-Type": response.kind, **response.headers}
        pieces = list(response.pieces) if not response.chunked or response.status >= 300 else response.pieces
        chunked = not isinstance(pieces, list)
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif "Content-Length" not in headers:
            headers["Content-Length"] = str(sum(map(len, pieces)))
        if not self.keep_alive:
            headers["Connection"] = "close"
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._send(sock, f"HTTP/1.1 {response.status} X\r\n{head}\r\n".encode())
        if request.method == "HEAD":
            return
        self._pause(sock, self.first_s)
        for number, piece in enumerate(pieces):
            self._pause(sock, self.each_s)
            if number == self.stall_after:
                self._pause(sock, 60)
            if number == self.break_after:
                raise ConnectionError
            self._send(sock, b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            self._send(sock, b"0\r\n\r\n")

    def _send(self, sock, data: bytes) -> None:
        if not self.packet:
            sock.sendall(data)
            return
        for at in range(0, len(data), self.packet):
            sock.sendall(data[at:at + self.packet])
            gevent.sleep(0)

    @staticmethod
    def _pause(sock, seconds: float) -> None:
        """Sleep, but notice at once when the client leaves."""
        if seconds <= 0:
            return
        try:
            socket.wait_read(sock.fileno(), timeout=seconds, timeout_exc=TimeoutError())
        except TimeoutError:
            return
        if not sock.recv(1, socket.MSG_PEEK):
            raise _Gone


def settle() -> None:
    """Let everything that is on its way arrive, also on a busy machine: several rounds of the hub."""
    for _ in range(6):
        gevent.sleep(0.005)


def error(status: int, body: dict, **headers: str) -> Response:
    data = json.dumps(body).encode()
    return Response(status, "application/json", [data], {k.replace("_", "-"): v for k, v in headers.items()})


def events(*datas: object, named: bool = False) -> Iterator[bytes]:
    """Server-sent events; ``named``: with an event line, from the data's ``type``."""
    for data in datas:
        text = data if isinstance(data, str) else json.dumps(data)
        name = f"event: {data['type']}\n" if named else ""
        yield f"{name}data: {text}\n\n".encode()
