"""Server-sent events from the outside."""

import socket
from collections.abc import Iterator

import gevent
from gevent.event import Event

from engine.web.route import Asked, Route
from engine.web.sse import encode, events


def read_until(client: socket.socket, end: bytes) -> bytes:
    received = b""
    while end not in received:
        data = client.recv(4096)
        assert data, received
        received += data
    return received


def test_events_in_the_format_of_the_standard():
    assert encode(("7", "words", {"text": "a\nb"})) == b'id: 7\nevent: words\ndata: {"text": "a\\nb"}\n\n'
    assert encode(("", "", "a\r\nb\rc")) == b"data: a\ndata: b\ndata: c\n\n"
    assert encode(("1\n2", "x\ndata: y", "")) == b"id: 1 2\nevent: x data: y\ndata: \n\n"


def test_a_stream_ends_with_its_source_even_when_that_fails(served, caplog):
    def source() -> Iterator[tuple[str, str, object]]:
        yield "1", "a", "x"
        raise RuntimeError("boom")

    status, answer, headers = served([Route("GET", "/s", lambda asked: events(source()), "Streams.")]).ask("GET", "/s")
    assert (status, headers.get_content_type()) == (200, "text/event-stream")
    assert answer["text"] == b": connected\n\nid: 1\nevent: a\ndata: x\n\n"
    assert "boom" in caplog.text


def test_silence_is_filled_and_a_client_that_left_is_noticed(served):
    """The source is told at the next heartbeat, wherever it waits."""
    left = Event()

    def source() -> Iterator[tuple[str, str, object]]:
        try:
            yield "1", "a", "x"
            gevent.sleep(60)
        finally:
            left.set()

    def stream(asked: Asked) -> object:
        return events(source(), heartbeat_s=0.05)

    server = served([Route("GET", "/s", stream, "Streams.")])
    with socket.create_connection(server.address) as client:
        client.settimeout(5)
        client.sendall(b"GET /s HTTP/1.1\r\nHost: x\r\n\r\n")
        read_until(client, b"still here")
    assert left.wait(5)
