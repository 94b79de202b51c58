"""The WebSocket client over real sockets: what it bounds, and what it notices."""

import shutil
import subprocess

import gevent
import pytest
from gevent import socket as sockets
from gevent import ssl
from gevent.server import StreamServer
from wsproto import events

from engine.net.errors import ConnectFailed, SocketClosed, UpgradeRefused
from engine.net.websocket import Limits, WebSocket
from tests.fakes.socket_server import SocketServer

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture
def serve():
    """``serve(function)`` gives the server whose connections that function serves."""
    servers = []

    def start(function):
        servers.append(SocketServer(function))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def echo(peer):
    while True:
        peer.send(peer.receive())


def hold(peer):
    while True:
        peer.receive()


def open_at(server, **options):
    limits = Limits(**{key: options.pop(key) for key in list(options) if hasattr(Limits(), key)})
    return WebSocket.connect(server.url + options.pop("path", "/"), limits=limits, **options)


def test_messages_go_both_ways_whole_and_in_order(serve):
    """Text and bytes, from nothing to several reads long, keep kind, content and order."""
    server = serve(echo)
    socket = open_at(server)
    said = ["", "naïve ക", b"", b"\x00\xff" * 100_000, "x" * 70_000]
    for message in said:
        socket.send(message)
    assert [socket.receive(2) for _ in said] == said
    socket.close()


def test_who_has_spoken_is_there_though_nobody_has_read_it(serve):
    """A busy process reads late: what waits in the kernel is a sign of life, and no ping ends its connection."""
    def speak(peer):
        peer.send("late")
        gevent.sleep(5)  # reads nothing, answers no ping

    socket = open_at(serve(speak), ping_s=0.05)
    gevent.sleep(0.4)
    assert not socket.closed
    assert socket.receive(1) == "late"
    with pytest.raises(SocketClosed, match="no sign of life"):
        socket.receive(5)


def test_the_request_carries_path_query_headers_and_subprotocols(serve):
    """Vendors take keys from headers and settings from the query."""
    server = serve(hold)
    socket = open_at(server, path="/v1/listen?model=a%20b", headers={"Authorization": "Token k"},
                     subprotocols=("realtime",))
    request = server.peers[0].request
    assert request.target == "/v1/listen?model=a%20b"
    assert (b"authorization", b"Token k") in [(name.lower(), value) for name, value in request.extra_headers]
    assert request.subprotocols == ["realtime"]
    socket.close()


def test_many_greenlets_may_send(serve):
    """Messages of different greenlets never mix, however large they are."""
    server = serve(echo)
    socket = open_at(server, queued_bytes=1 << 24)
    said = [bytes([n]) * 50_000 for n in range(20)]
    gevent.joinall([gevent.spawn(socket.send, message) for message in said])
    assert sorted(socket.receive(2) for _ in said) == said
    socket.close()


def test_a_refusal_says_why(serve):
    """Status, headers and body reach the provider: 401 is another fault than 429."""
    server = serve(hold)
    server.check = lambda request: (429, {"Retry-After": "7"}, '{"err": "slow down"}')
    with pytest.raises(UpgradeRefused) as refused:
        open_at(server)
    assert (refused.value.status, refused.value.headers["retry-after"]) == (429, "7")
    assert "slow down" in refused.value.body


def test_an_address_that_is_none():
    with pytest.raises(ConnectFailed, match="ws:// or wss://"):
        WebSocket.connect("https://example.org/")


def test_nobody_listens():
    with sockets.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(ConnectFailed, match=r"127\.0\.0\.1"):
        WebSocket.connect(f"ws://127.0.0.1:{port}/")


def test_the_deadline_of_connecting_covers_the_handshake():
    """A server that takes the connection and says nothing costs the deadline, no more."""
    silent = StreamServer(("127.0.0.1", 0), lambda connection, address: connection.recv(1 << 20) and gevent.sleep(5))
    silent.start()
    try:
        with pytest.raises(ConnectFailed, match=r"no connection after 0\.1 s"):
            WebSocket.connect(f"ws://127.0.0.1:{silent.server_port}/", timeout_s=0.1)
    finally:
        silent.stop(timeout=0.1)


def test_what_is_no_websocket_is_a_connection_that_failed():
    """Garbage in place of HTTP must not raise the parser's own error."""
    def babble(connection, address):
        connection.recv(1 << 16)
        connection.sendall(b"220 mail.example ESMTP\r\n\r\n")
        gevent.sleep(1)

    server = StreamServer(("127.0.0.1", 0), babble)
    server.start()
    try:
        with pytest.raises(ConnectFailed):
            WebSocket.connect(f"ws://127.0.0.1:{server.server_port}/", timeout_s=1)
    finally:
        server.stop(timeout=0.1)


def test_the_other_side_closes(serve):
    """Code and reason are what it said; what came before is still delivered."""
    def talk(peer):
        peer.send("last words")
        peer.close(1011, "NET-0001")

    socket = open_at(serve(talk))
    assert socket.receive(1) == "last words"
    with pytest.raises(SocketClosed) as closed:
        socket.receive(1)
    assert (closed.value.code, closed.value.reason) == (1011, "NET-0001")
    with pytest.raises(SocketClosed):
        socket.send("too late")


def test_a_connection_that_breaks_wakes_the_reader(serve):
    """Without a close frame it is 1006, at once."""
    server = serve(hold)
    socket = open_at(server)
    gevent.spawn_later(0.02, server.drop_all)
    with pytest.raises(SocketClosed) as closed:
        socket.receive(2)
    assert closed.value.code == 1006


def test_a_message_that_is_too_large_ends_the_connection(serve):
    """Also one that comes in many fragments: nobody fills our memory."""
    def flood(peer):
        for _ in range(100):
            peer.send_event(events.BytesMessage(data=b"x" * 1000, message_finished=False))
        gevent.sleep(1)

    socket = open_at(serve(flood), message_bytes=10_000)
    with pytest.raises(SocketClosed, match="more than 10000 bytes"):
        socket.receive(2)


def test_a_reader_that_does_not_read_is_given_up(serve):
    """What waits to be sent is bounded: audio for a dead vendor must not fill memory."""
    def deaf(peer):
        gevent.sleep(5)

    socket = open_at(serve(deaf), queued_bytes=100_000)
    with pytest.raises(SocketClosed, match="does not keep up"):
        for _ in range(10_000):
            socket.send(b"x" * 10_000)
            gevent.sleep(0)
    assert socket.closed


def test_silence_is_asked_about_and_then_ends_the_connection(serve):
    """A peer behind a dead router sends no reset; pings find out."""
    server = serve(hold)
    socket = open_at(server, ping_s=0.05)
    assert socket.receive(0.2) is None
    assert server.peers[0].pings >= 2
    assert not socket.closed
    server.peers[0].deaf = True
    with pytest.raises(SocketClosed, match="no sign of life"):
        socket.receive(2)


def test_pings_of_the_other_side_are_answered(serve):
    """Without being noticed by who receives."""
    answered = []

    def ask(peer):
        peer.send_event(events.Ping(payload=b"are you there"))
        peer.send("after")
        answered.append(peer.protocol)
        hold(peer)

    socket = open_at(serve(ask))
    assert socket.receive(1) == "after"
    socket.close()


def test_close_lets_the_last_messages_go(serve):
    """What was sent before close arrives, and the code too."""
    got = []

    def keep(peer):
        while True:
            got.append(peer.receive())

    server = serve(keep)
    socket = open_at(server)
    socket.send("bye")
    socket.close(1000)
    gevent.sleep(0.05)
    assert got == ["bye"]
    assert server.ended == [1000]
    socket.close()  # again: nothing happens


def test_receive_gives_up_after_its_time_and_goes_on_later(serve):
    server = serve(echo)
    socket = open_at(server)
    assert socket.receive(0.01) is None
    socket.send("x")
    assert socket.receive(1) == "x"
    socket.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Of 127.0.0.1, signed by itself: (certificate, key)."""
    folder = tmp_path_factory.mktemp("tls")
    files = folder / "cert.pem", folder / "key.pem"
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                           "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                           "-out", files[0], "-keyout", files[1]], capture_output=True, check=False)
    assert made.returncode == 0, made.stderr
    return files


@needs_openssl
def test_messages_over_tls_both_ways_at_once(certificate):
    """One greenlet reads while another writes: large messages cross on an encrypted connection."""
    server = SocketServer(echo, tls=certificate)
    context = ssl.create_default_context(cafile=str(certificate[0]))
    socket = WebSocket.connect(server.url, context=context, limits=Limits(queued_bytes=1 << 24))
    said = [bytes([n]) * 200_000 for n in range(10)]
    sender = gevent.spawn(lambda: [socket.send(message) for message in said])
    assert [socket.receive(5) for _ in said] == said
    sender.join()
    socket.close()
    server.close()


@needs_openssl
def test_a_certificate_that_nobody_vouches_for_is_refused(certificate):
    """Keys and callers' voices go only to who can prove their name."""
    server = SocketServer(echo, tls=certificate)
    with pytest.raises(ConnectFailed, match="certificate verify failed"):
        WebSocket.connect(server.url, timeout_s=2)
    server.close()
