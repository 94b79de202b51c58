"""A server on loopback for every test that wants one."""

import http.client
import json

import pytest

from engine.config import HttpOptions
from engine.net.websocket import WebSocket
from engine.web.app import Web


class Served(Web):
    """A server with a small client."""

    def ask(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None,
            ) -> tuple[int, dict, http.client.HTTPMessage]:
        """One request: status, JSON of the answer ({} without), headers."""
        data = body if isinstance(body, (bytes, str, type(None))) else json.dumps(body)
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        try:
            connection.request(method, path, data, headers or {})
            answer = connection.getresponse()
            read = answer.read()
            is_json = answer.headers.get_content_type() == "application/json"
            return answer.status, json.loads(read) if is_json and read else {"text": read}, answer.headers
        finally:
            connection.close()

    def open(self, path: str, **options) -> WebSocket:
        """A WebSocket to it."""
        return WebSocket.connect(self.url.replace("http", "ws", 1) + path, **options)


@pytest.fixture
def served():
    """``served(routes, sockets, **options of http)``."""
    servers = []

    def serve(routes=(), sockets=(), **options) -> Served:
        server = Served(HttpOptions(port=0, **options), routes, sockets)
        server.start()
        servers.append(server)
        return server

    yield serve
    for server in servers:
        server.stop()
