"""The streaming HTTP client: pool, deadlines, what a cancelled request leaves behind, TLS."""

import base64
import contextlib
import shutil
import ssl
import subprocess

import gevent
import pytest
from gevent import socket
from gevent.server import StreamServer

from engine.errors import ProviderFault
from engine.net.http import HttpClient
from engine.net.sse import SseReader
from tests.providers.fake_http import FakeHttp, Request, Response, settle


class Echo(FakeHttp):
    """Answers with what it was sent, ``copies`` times."""

    copies = 1

    def answer(self, request: Request) -> Response:
        return Response(200, "application/octet-stream", (request.body or b"-" for _ in range(self.copies)))


@pytest.fixture
def server(started):
    return started(Echo())


@pytest.fixture
def client(server, started):
    return lambda **options: started(HttpClient("echo", options.pop("url", server.url), **options))


def ask(client: HttpClient, body: bytes = b"hello") -> bytes:
    with client.stream("POST", "/path", body) as answer:
        return b"".join(answer)


def fault_of(client: HttpClient) -> ProviderFault:
    with pytest.raises(ProviderFault) as caught:
        ask(client)
    return caught.value


def test_requests_below_a_path_of_the_base(server, client):
    with client(url=server.url + "/deep/").stream("GET", "/a", query={"q": "ä&b"}, headers={"X-A": "1"}) as answer:
        assert (answer.status, answer.kind) == (200, "application/octet-stream")
        answer.read_all(100)
    request = server.requests[0]
    assert (request.method, request.path, request.query) == ("GET", "/deep/a", {"q": "ä&b"})
    assert request.headers["x-a"] == "1" and request.headers["accept-encoding"] == "identity"


def test_a_read_answer_gives_its_connection_back_and_an_unread_one_not(server, client):
    """Half an answer left in a connection would be taken for the beginning of the next."""
    one = client()
    ask(one)
    ask(one)
    assert server.connections == 1
    server.copies = 3
    with one.stream("POST", "/", b"x" * 1000) as answer:
        answer.read()
    assert ask(one, b"ok") == b"okokok"
    assert server.connections == 2


def test_a_connection_that_closes_while_the_request_is_sent_is_replaced(server, client):
    """Servers close idle connections at any moment, also at that one."""
    one = client()
    ask(one)
    kept = one._idle[0]
    kept.usable = lambda: True  # it was, a moment ago
    server.close_idle.set()
    kept.raw.sock.shutdown(socket.SHUT_RDWR)
    assert ask(one) == b"hello"


def test_a_fresh_connection_that_closes_is_a_fault_not_a_loop(client, started):
    def slam(sock, address):
        sock.close()

    listener = StreamServer(("127.0.0.1", 0), slam)
    listener.start()
    try:
        fault = fault_of(client(url=f"http://127.0.0.1:{listener.server_port}"))
        assert fault.kind == "unavailable"
    finally:
        listener.stop()


def test_what_is_not_http_is_broken(client):
    def talk(sock, address):
        sock.recv(1000)
        sock.sendall(b"220 mail.example ESMTP\r\n")
        sock.close()

    listener = StreamServer(("127.0.0.1", 0), talk)
    listener.start()
    try:
        assert fault_of(client(url=f"http://127.0.0.1:{listener.server_port}")).kind in ("broken", "unavailable")
    finally:
        listener.stop()


def test_a_head_that_trickles_has_a_deadline(server, client):
    """Each byte in time, the answer never: a deadline for each read would wait for ever."""
    server.packet = 1
    server._send = lambda sock, data: [(sock.sendall(data[n:n + 1]), gevent.sleep(0.02)) for n in range(len(data))]
    fault = fault_of(client(first_byte_timeout_s=0.1))
    assert fault.kind == "timeout"


def test_more_requests_than_connections_wait_within_their_deadline(server, client):
    server.latency_s = 0.05
    one = client(max_connections=1)
    jobs = [gevent.spawn(ask, one) for _ in range(3)]
    gevent.joinall(jobs, timeout=5)
    assert [job.value for job in jobs] == [b"hello"] * 3 and server.connections == 1
    server.latency_s = 60
    stuck = gevent.spawn(ask, one)
    gevent.sleep(0.01)
    short = client(max_connections=1, first_byte_timeout_s=0.05)
    short._places = one._places
    assert fault_of(short).kind == "timeout"
    stuck.kill()
    server.latency_s = 0
    assert ask(one) == b"hello", "the killed request gave its place back"


def test_killing_a_request_that_connects_leaves_nothing(client):
    """A host that takes no connection must not hold its place in the pool."""
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen(0)
    one = client(url=f"https://127.0.0.1:{silent.getsockname()[1]}", connect_timeout_s=5, max_connections=1)
    job = gevent.spawn(ask, one)
    gevent.sleep(0.02)
    job.kill()
    assert one._places.counter == 1 and not one._idle
    silent.close()


def test_a_handshake_that_never_ends_has_a_deadline(client):
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen(5)
    fault = fault_of(client(url=f"https://127.0.0.1:{silent.getsockname()[1]}", connect_timeout_s=0.1))
    assert fault.kind == "timeout" and "no connection" in str(fault)
    silent.close()


def test_a_closed_client_keeps_no_connection(server, client):
    one = client()
    ask(one)
    one.close()
    one.warm()
    settle()
    assert not one._idle and server.connections == 1


# ---------------------------------------------------------------- TLS


@pytest.fixture
def tls(tmp_path, monkeypatch):
    """A TLS server with a certificate that the client trusts; counts its connections."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "1", "-keyout", key, "-out", certificate, "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = Echo()
    plain, server.connections = server._handle, 0
    listener = StreamServer(("127.0.0.1", 0), plain, ssl_context=context)
    listener.start()
    server.port = listener.server_port
    yield server
    listener.stop(timeout=1)
    server.close()


def test_tls_with_connections_opened_ahead_and_kept(tls, client):
    """TLS 1.3 sends tickets right after the handshake: a connection opened ahead must not be taken for a closed one."""
    one = client(url=f"https://localhost:{tls.port}")
    one.warm()
    with gevent.Timeout(5):
        while not one._idle:
            gevent.sleep(0.005)
    settle()
    assert tls.connections == 1
    assert ask(one) == b"hello" and ask(one) == b"hello"
    assert tls.connections == 1


def test_a_certificate_for_another_name_is_refused(tls, client):
    fault = fault_of(client(url=f"https://127.0.0.1:{tls.port}"))
    assert fault.kind == "unavailable" and "certificate" in str(fault)


def test_https_goes_by_the_proxy_of_the_environment(tls, client, monkeypatch):
    """Many switches stand where nothing gets out but by a proxy."""
    asked = []

    def proxy(sock, address):
        head = b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(1000)
        asked.append(head.decode())
        far = socket.create_connection(("127.0.0.1", tls.port))
        sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")

        def pump(one, other):
            with contextlib.suppress(OSError):
                while data := one.recv(4096):
                    other.sendall(data)
                other.shutdown(socket.SHUT_WR)

        gevent.joinall([gevent.spawn(pump, sock, far), gevent.spawn(pump, far, sock)])

    server = StreamServer(("127.0.0.1", 0), proxy)
    server.start()
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@127.0.0.1:{server.server_port}")
    try:
        one = client(url=f"https://localhost:{tls.port}")
        assert ask(one) == b"hello" and ask(one) == b"hello"
        one.close()
    finally:
        server.stop(timeout=1)
    (head,) = asked
    assert head.startswith(f"CONNECT localhost:{tls.port} HTTP/1.")
    assert "Basic " + base64.b64encode(b"me:p@ss").decode() in head
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert ask(client(url=f"https://localhost:{tls.port}")) == b"hello" and len(asked) == 1


def test_a_proxy_that_refuses_is_named(tls, client, monkeypatch):
    def proxy(sock, address):
        sock.recv(1000)
        sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
        sock.close()

    server = StreamServer(("127.0.0.1", 0), proxy)
    server.start()
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_port}")
    try:
        fault = fault_of(client(url=f"https://localhost:{tls.port}"))
    finally:
        server.stop()
    assert fault.kind == "unavailable" and "by the proxy 127.0.0.1" in str(fault) and "407" in str(fault)


# ---------------------------------------------------------------- event streams


def test_events_end_with_an_empty_line():
    stream = b": hello\n\ndata: one\n\nevent: x\r\ndata: two\r\ndata:three\r\n\r\nid: 7\ndata\n\ndata:  four\n\nrest"
    assert list(SseReader().feed(stream)) == ["one", "two\nthree", " four"]
    reader = SseReader()
    found = [event for n in range(len(stream)) for event in reader.feed(stream[n:n + 1])]
    assert found == ["one", "two\nthree", " four"]
