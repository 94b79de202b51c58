"""Clients that are slow, broken, greedy or gone: each is cut, and nobody else notices."""

import contextlib
import json
import re
import shutil
import socket
import ssl
import struct
import subprocess
from collections.abc import Callable

import gevent
import pytest

from engine.net.errors import SocketClosed
from engine.net.websocket import Limits, WebSocket
from engine.web.errors import WebError
from engine.web.route import Answer, Asked, Route, WebSocketRoute
from engine.web.socket import ServerSocket

UPGRADE = (b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
HELLO = Route("GET", "/hello", lambda asked: {"hello": "there"}, "Greets.")
POST = Route("POST", "/post", lambda asked: {"bytes": len(asked.data)}, "Takes.", raw=True, max_bytes=1000)


class Raw:
    """A client that may do anything."""

    def __init__(self, server, first: bytes = b"") -> None:
        self.socket = socket.create_connection(server.address, timeout=5)
        self.received = b""
        if first:
            self.socket.sendall(first)

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *fault: object) -> None:
        self.socket.close()

    def until(self, end: bytes) -> bytes:
        """All up to and with ``end``."""
        while end not in self.received:
            data = self.socket.recv(1 << 16)
            assert data, f"closed after {self.received[-200:]!r}"
            self.received += data
        head, _, self.received = self.received.partition(end)
        return head + end

    def rest(self) -> bytes:
        """All until the server closes; a reset is an end, too."""
        with contextlib.suppress(ConnectionError):
            while data := self.socket.recv(1 << 16):
                self.received += data
        return self.received

    def exactly(self, count: int) -> bytes:
        while len(self.received) < count:
            data = self.socket.recv(1 << 16)
            assert data, "closed"
            self.received += data
        taken, self.received = self.received[:count], self.received[count:]
        return taken

    def frame(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload. Servers do not mask."""
        first, second = self.exactly(2)
        assert not second & 0x80
        length = second
        if second == 126:
            length = struct.unpack("!H", self.exactly(2))[0]
        elif second == 127:
            length = struct.unpack("!Q", self.exactly(8))[0]
        return first & 0x0F, self.exactly(length)


def echo(socket: ServerSocket, asked: Asked) -> None:
    while True:
        socket.send(socket.receive() or "")


def alive(server) -> None:
    assert server.ask("GET", "/hello")[0] == 200


def ends(held: list) -> None:
    """Every WebSocket is let go by the server."""
    until(lambda: not held)


def until(true: Callable[[], bool]) -> None:
    with gevent.Timeout(5):
        while not true():
            gevent.sleep(0.01)


# ---------------------------------------------------------------- WebSockets


def test_a_slow_reader_of_large_messages_gets_every_byte_in_order(served):
    """Short writes, pings and senders in several greenlets must not mix into a frame (a known fault of other servers):
    a reader with a tiny window takes 5 MB messages piece by piece and every frame is whole."""
    big = [bytes([65 + n]) * 5_000_000 for n in range(3)]

    def send(socket: ServerSocket, asked: Asked) -> None:
        senders = [gevent.spawn(socket.send, message) for message in big]
        senders += [gevent.spawn(socket.send, f"note {n}") for n in range(20)]
        gevent.joinall(senders, raise_error=True)
        socket.receive(5)

    limits = Limits(queued_bytes=20_000_000, ping_s=0.05)
    server = served([HELLO], [WebSocketRoute("/ws", send, limits=limits)])
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(5)
        connection.connect(server.address)
        client = Raw.__new__(Raw)
        client.socket, client.received = connection, b""
        connection.sendall(UPGRADE)
        client.until(b"\r\n\r\n")
        got, notes = [], []
        while len(got) + len(notes) < 23:
            kind, payload = client.frame()
            if kind == 9:
                connection.sendall(b"\x8a" + bytes([0x80 | len(payload)]) + b"\0\0\0\0" + payload)
            elif kind == 2:
                got.append(payload)
                gevent.sleep(0.01)
            else:
                notes.append(payload.decode())
        assert got == big
        assert notes == [f"note {n}" for n in range(20)]
    alive(server)


@pytest.mark.parametrize("ping_s", [0.05, 30.0])
def test_who_stops_reading_is_cut(served, ping_s):
    """By the bound of what may wait, or where less waits, because it takes nothing for too long."""
    held, told = [], []

    def flood(socket: ServerSocket, asked: Asked) -> None:
        held.append(socket)
        try:
            for _ in range(100):
                socket.send(b"x" * 1_000_000)
            while True:
                socket.receive()
        except SocketClosed as end:
            told.append(end.reason)
        finally:
            held.remove(socket)

    queued = 200_000_000 if ping_s < 1 else 8_000_000
    server = served([HELLO], [WebSocketRoute("/ws", flood, limits=Limits(queued_bytes=queued, ping_s=ping_s))])
    with Raw(server, UPGRADE):
        alive(server)
        ends(held)
        gevent.sleep(0)
    assert told == ["sending failed: the other side takes nothing" if ping_s < 1 else "the other side does not keep up"]


@pytest.mark.parametrize(("frame", "code"), [
    (b"\x81\x05hello", 1002),  # not masked
    (b"\x83\x80\0\0\0\0", 1002),  # an opcode that does not exist
    (b"\xc1\x80\0\0\0\0", 1002),  # a reserved bit
    (b"\x89\xfe\x01\x00\0\0\0\0" + b"x" * 256, 1002),  # a ping of 256 bytes
    (b"\x80\x80\0\0\0\0", 1002),  # goes on with nothing
    (b"\x81\x82\0\0\0\0\xff\xfe", 1007),  # no UTF-8
    (b"\x82\xff" + struct.pack("!Q", 1 << 40) + b"\0\0\0\0" + b"x" * 2000, 1009),  # a terabyte
    (b"\x88\x81\0\0\0\0x", 1002),  # a close code of one byte
])
def test_broken_frames_are_answered_with_their_close_code(served, frame, code):
    held = []

    def hold(socket: ServerSocket, asked: Asked) -> None:
        held.append(socket)
        try:
            echo(socket, asked)
        finally:
            held.remove(socket)

    server = served([HELLO], [WebSocketRoute("/ws", hold, limits=Limits(message_bytes=1000))])
    with Raw(server, UPGRADE) as client:
        client.until(b"\r\n\r\n")
        client.socket.sendall(frame)
        kind, payload = client.frame()
        assert (kind, struct.unpack("!H", payload[:2])[0]) == (8, code)
        assert client.rest() == b""
    ends(held)


def test_fragments_without_end_cost_no_memory(served):
    """Empty ones count nothing as bytes, and still have to be kept."""
    server = served([HELLO], [WebSocketRoute("/ws", echo)])
    with Raw(server, UPGRADE) as client:
        client.until(b"\r\n\r\n")
        client.socket.sendall(b"\x01\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * 5000)
        kind, payload = client.frame()
        assert (kind, struct.unpack("!H", payload[:2])[0]) == (8, 1009)


def test_who_is_gone_without_a_word_is_noticed(served):
    """A phone that lost its network never closes anything."""
    held = []

    def hold(socket: ServerSocket, asked: Asked) -> None:
        held.append(socket)
        try:
            echo(socket, asked)
        finally:
            held.remove(socket)

    server = served([HELLO], [WebSocketRoute("/ws", hold, limits=Limits(ping_s=0.05))])
    with Raw(server, UPGRADE) as client:
        client.until(b"\r\n\r\n")
        assert held
        ends(held)  # it answered no ping


def test_an_answer_to_the_upgrade_is_all_that_is_sent(served):
    """After the WebSocket nothing of HTTP follows on the connection."""
    server = served([HELLO], [WebSocketRoute("/ws", lambda socket, asked: None)])
    with Raw(server, UPGRADE) as client:
        client.until(b"\r\n\r\n")
        assert client.frame() == (8, b"\x03\xe8")
        assert client.rest() == b""


# ---------------------------------------------------------------- requests


@pytest.mark.parametrize("first", [
    b"", b"GET /hello", b"GET /hello HTTP/1.1\r\nHost: x\r\n", b"POST /post HTTP/1.1\r\nContent-Length: 10\r\n\r\n",
    b"POST /post HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
])
def test_requests_that_stop_are_given_up(served, first):
    with Raw(served([HELLO, POST], idle_s=0.1, body_s=0.2), first) as client:
        client.rest()


def test_a_head_that_drips_is_given_up(served):
    """One byte before each timeout would hold a place for ever."""
    server = served([HELLO], idle_s=5, body_s=0.3)
    with Raw(server, b"GET /hello HTTP/1.1\r\n") as client:
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                client.socket.sendall(b"a")
                gevent.sleep(0.02)
                client.socket.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    if client.socket.recv(1, socket.MSG_PEEK) == b"":
                        break
            else:
                pytest.fail("it is still there")


@pytest.mark.parametrize("head", [
    b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nA: " + b"x" * 70_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"A: %s\r\n" % (b"x" * 60_000) * 3 + b"\r\n",
    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
    b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n",
])
def test_heads_that_are_too_long_or_no_http_are_refused(served, head, capsys):
    with Raw(served([HELLO]), head) as client:
        assert client.rest()[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 414", b"HTTP/1.1 431", b"")
    assert "Traceback" not in "".join(capsys.readouterr())


HEAD = b"POST /post HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(("sent", "status", "code"), [
    (b"nonsense\r\n\r\n", 400, "bad_request"),
    (b"GET /hello\r\n\r\n", 400, "bad_request"),  # HTTP/0.9: a page's form could send one to any port
    (b"GET /hello HTTP/1\r\n\r\n", 400, "bad_request"),
    (b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\n\r\n", 414, "uri_too_long"),
    (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431, "head_too_long"),
    (HEAD + b"Content-Length: 2\r\nContent-Length: 30\r\n\r\nab", 400, "bad_request"),
    (HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "bad_request"),
    (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400, "bad_request"),
    (HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, "bad_request"),
    (HEAD + b"A: b\r\n Content-Length: 3\r\n\r\n", 400, "bad_request"),
    (HEAD + b"A: b\rContent-Length: 3\r\n\r\n", 400, "bad_request"),
    (HEAD + b"no header\r\nContent-Length: 3\r\n\r\n", 400, "bad_request"),
    (HEAD + b"Content-Length: +3\r\n\r\n", 400, "bad_request"),
    (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "bad_request"),
])
def test_what_is_no_request_is_refused_in_the_shape_of_all_errors(served, sent, status, code, capsys):
    """Two servers that read different lengths out of one head can be made to take a body for another's request. And
    programs that only know one shape of errors get it here, too."""
    with Raw(served([HELLO, POST]), sent) as client:
        head, _, body = client.rest().partition(b"\r\n\r\n")
    error = json.loads(body)["error"]
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert (error["code"], error["type"], error["param"]) == (code, "invalid_request_error", None)
    assert f"X-Request-Id: {error['request_id']}".encode() in head
    assert "Traceback" not in "".join(capsys.readouterr())


def test_nothing_follows_the_head_of_a_stream(served):
    """An answer to HEAD has no body, not even the mark of its end: the client would take that for the next answer."""
    stream = Route("GET", "/stream", lambda asked: Answer(iter([b"a", b"b"])), "Streams.")
    request = b"HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\nGET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with Raw(served([HELLO, stream]), request) as client:
        _, _, rest = client.rest().partition(b"\r\n\r\n")
    assert rest.startswith(b"HTTP/1.1 200 ") and rest.endswith(b'{"hello": "there"}')


@pytest.mark.parametrize("head", [
    b"Content-Length: 10000000000\r\n", b"Content-Length: 10000000000\r\nExpect: 100-continue\r\n",
    b"Transfer-Encoding: chunked\r\n",
])
def test_a_body_that_is_too_large_is_not_read(served, head):
    """The client hears why, and the connection ends; the rest of its ten gigabytes is nobody's business."""
    server = served([HELLO, POST])
    body = b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n"
    with Raw(server, b"POST /post HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n" + body) as client:
        answer = client.rest()
    assert b" 413 " in answer and b'"too_large"' in answer


def test_requests_on_one_connection_do_not_disturb_each_other(served):
    """Also where the handler has not read the body of the one before."""
    server = served([HELLO, POST])
    request = (b"POST /post HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"
               b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 30\r\n\r\nGET /hello HTTP/1.1\r\n\r\n       "
               b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    with Raw(server, request) as client:
        answers = client.rest()
    assert re.findall(rb"HTTP/1.1 (\d+)", answers) == [b"200", b"404", b"200"]


def test_a_proxy_that_does_not_say_so_is_not_local(served):
    """nginx with nothing but `proxy_pass`: no header of its own, and the host that it was told."""
    server = served([HELLO, Route("GET", "/calls", lambda asked: {}, "Calls.", scope="read")])
    for path, status in (("/calls", b"401"), ("/hello", b"200")):
        head = f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:8080\r\nConnection: close\r\n\r\n"
        with Raw(server, head.encode()) as client:
            assert client.rest()[9:12] == status


def test_who_does_not_take_an_answer_is_cut(served):
    ended = []

    def stream(asked: Asked) -> Answer:
        def parts():
            try:
                while True:
                    yield b"x" * 100_000
            finally:
                ended.append(True)
        return Answer(parts())

    server = served([HELLO, Route("GET", "/big", stream, "Streams.")], idle_s=0.1)
    with Raw(server, b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n"):
        until(lambda: bool(ended))
    alive(server)


def test_one_address_cannot_take_all_places(served):
    """Proxies may: all their clients come from one address."""
    server = served([HELLO], max_connections_per_ip=3, trusted_proxies=("127.0.0.2",))
    held = [Raw(server, b"G") for _ in range(3)]
    with Raw(server, b"GET /hello HTTP/1.1\r\n\r\n") as client:
        answer = client.rest()
    assert answer.startswith(b"HTTP/1.1 503 ") and b"too_many_connections" in answer
    with socket.create_connection(server.address, timeout=5, source_address=("127.0.0.2", 0)) as proxy:
        proxy.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        assert proxy.recv(100).startswith(b"HTTP/1.1 200 ")
    for client in held:
        client.socket.close()
    until(lambda: b"200" in answered(server))


def answered(server) -> bytes:
    with Raw(server, b"GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") as client:
        return client.rest()[:12]


# ---------------------------------------------------------------- TLS and ports


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "1", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                    folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    return {"certificate": str(folder / "cert.pem"), "private_key": str(folder / "key.pem")}


def test_https_and_wss(served, certificate):
    server = served([HELLO], [WebSocketRoute("/ws", echo)], **certificate)
    assert server.url.startswith("https://127.0.0.1:")
    context = gevent.ssl.create_default_context(cafile=certificate["certificate"])
    client = WebSocket.connect(server.url.replace("https", "wss") + "/ws", context=context)
    for message in ("hi", b"x" * 500_000):
        client.send(message)
        assert client.receive(5) == message
    client.close()


def test_who_speaks_no_tls_is_dropped(served, certificate):
    """And who begins and does not end the handshake."""
    server = served([HELLO], idle_s=0.2, **certificate)
    for first in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00"):
        with Raw(server, first) as client:
            client.rest()
    with socket.create_connection(server.address, timeout=5) as raw:
        context = ssl.create_default_context(cafile=certificate["certificate"])
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as client:
            client.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")


def test_a_certificate_that_cannot_be_used_stops_the_start(served, tmp_path):
    (tmp_path / "cert.pem").write_text("nonsense")
    with pytest.raises(WebError, match="http.certificate"):
        served([HELLO], certificate=str(tmp_path / "cert.pem"))
    with pytest.raises(WebError, match="missing.pem cannot be used"):
        served([HELLO], certificate=str(tmp_path / "missing.pem"))


def test_the_same_on_several_ports(served):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = served([HELLO], extra_ports=(port,))
    assert server.ports == [server.address[1], port]
    for each in server.ports:
        with socket.create_connection(("127.0.0.1", each), timeout=5) as client:
            client.sendall(b"GET /hello HTTP/1.0\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")


def test_where_one_of_several_ports_is_taken_none_stays_bound(served):
    with socket.create_server(("127.0.0.1", 0)) as other:
        with pytest.raises(WebError, match="is in use"):
            served([HELLO], extra_ports=(other.getsockname()[1],))


def test_what_is_left_when_all_are_gone(served):
    """No greenlet, no place and no socket."""
    server = served([HELLO], [WebSocketRoute("/ws", echo)])
    clients = [server.open("/ws") for _ in range(10)] + [Raw(server, b"GET /hel") for _ in range(10)]
    until(lambda: len(server._places) == 20)
    for client in clients:
        client.abort() if isinstance(client, WebSocket) else client.socket.close()
    until(lambda: not len(server._places))
    assert (len(server._places), len(server._open), server.traffic.sockets["/ws"]) == (0, 0, 0)
