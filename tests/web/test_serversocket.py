"""WebSockets from the outside: the same gate as for requests, limits, and how they end."""

import http.client
import socket

import gevent
import pytest
from pydantic import BaseModel

from engine.net.errors import SocketClosed, UpgradeRefused
from engine.net.websocket import Limits
from engine.web.route import Asked, WebSocketRoute
from engine.web.socket import ServerSocket


class Wish(BaseModel):
    model: str


def echo(socket: ServerSocket, asked: Asked) -> None:
    while True:
        message = socket.receive()
        assert message is not None
        socket.send(message)


ECHO = WebSocketRoute("/echo", echo)


def ended(client) -> SocketClosed:
    with pytest.raises(SocketClosed) as end:
        while True:
            assert client.receive(5) is not None, "it does not end"
    return end.value


def test_messages_both_ways(served):
    client = served(sockets=[ECHO]).open("/echo")
    for message in ("കഖഗ", b"\0\1", "", b"", "x" * 300_000):
        client.send(message)
        assert client.receive(5) == message
    client.close()


def test_path_query_and_headers_are_as_in_requests(served):
    def tell(socket: ServerSocket, asked: Asked) -> None:
        socket.send(f"{asked.path['call']} {asked.query.model} {asked.headers['X-Request-Id']} {asked.request_id}")

    server = served(sockets=[WebSocketRoute("/ws/<call>", tell, query=Wish)])
    client = server.open("/ws/7?model=m", headers={"X-Request-Id": "r1"})
    assert client.receive(5) == "7 m r1 r1"
    assert ended(client).code == 1000
    with pytest.raises(UpgradeRefused) as refused:
        server.open("/ws/7")
    assert (refused.value.status, '"param": "model"' in refused.value.body) == (422, True)


def test_paths_and_versions_that_are_not_spoken(served):
    server = served(sockets=[ECHO])
    with pytest.raises(UpgradeRefused) as refused:
        server.open("/other")
    assert refused.value.status == 404
    assert server.ask("GET", "/echo")[0] == 426
    connection = http.client.HTTPConnection(*server.address, timeout=5)
    connection.request("GET", "/echo", headers={"Upgrade": "websocket", "Connection": "Upgrade",
                                                "Sec-WebSocket-Version": "8", "Sec-WebSocket-Key": "x"})
    assert connection.getresponse().status == 400
    connection.close()


@pytest.mark.parametrize(("offered", "chosen"), [
    (("realtime", "openai-insecure-api-key.ek_1"), "realtime"), (("other", "realtime"), "realtime"), ((), ""),
])
def test_the_first_subprotocol_that_is_known_is_accepted(served, offered, chosen):
    def tell(socket: ServerSocket, asked: Asked) -> None:
        socket.send(f"[{socket.subprotocol}]")

    client = served(sockets=[WebSocketRoute("/x", tell, ("realtime",))]).open("/x", subprotocols=offered)
    assert client.receive(5) == f"[{chosen}]"
    client.close()


def test_a_handler_that_fails_closes_with_1011(served, caplog):
    def fail(socket: ServerSocket, asked: Asked) -> None:
        raise RuntimeError("boom")

    end = ended(served(sockets=[WebSocketRoute("/x", fail)]).open("/x"))
    assert (end.code, "its log tells more" in end.reason) == (1011, True)
    assert "boom" in caplog.text


def test_a_handler_closes_with_code_and_reason(served):
    def close(socket: ServerSocket, asked: Asked) -> None:
        socket.close(4001, "no such call " + "ഏ" * 100)

    end = ended(served(sockets=[WebSocketRoute("/x", close)]).open("/x"))
    assert (end.code, end.reason.startswith("no such call ഏ")) == (4001, True)


def test_stop_says_goodbye(served):
    server = served(sockets=[ECHO])
    clients = [server.open("/echo") for _ in range(5)]
    stopping = gevent.spawn(server.stop)
    assert {ended(client).code for client in clients} == {1001}
    stopping.get(timeout=5)


def test_a_message_that_is_too_large_ends_with_1009(served):
    client = served(sockets=[WebSocketRoute("/x", echo, limits=Limits(message_bytes=1000))]).open("/x")
    client.send("x" * 1001)
    assert ended(client).code == 1009


def test_frames_right_behind_the_request_are_not_lost(served):
    """Some clients do not wait for the answer."""
    server = served(sockets=[ECHO])
    with socket.create_connection(server.address) as client:
        client.settimeout(5)
        head = (b"GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        client.sendall(head + b"\x81\x82\0\0\0\0hi")
        received = b""
        while not received.endswith(b"\x81\x02hi"):
            data = client.recv(1000)
            assert data, received
            received += data
        assert received.startswith(b"HTTP/1.1 101 ")
        assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in received


@pytest.mark.parametrize(("code", "counted"), [(1000, 1000), (1001, 1001), (3333, 3000), (4999, 3000)])
def test_codes_that_clients_make_up_are_one_figure(served, code, counted):
    """Each code is a series in /metrics; a client could make two thousand of them."""
    server = served(sockets=[ECHO])
    client = server.open("/echo")
    client.close(code)
    with gevent.Timeout(5):
        while not server.traffic.sockets_ended:
            gevent.sleep(0.01)
    assert dict(server.traffic.sockets_ended) == {("/echo", counted): 1}
