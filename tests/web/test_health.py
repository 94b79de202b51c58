"""Health over HTTP: what a load balancer, a supervisor and a person get."""

import json
import socket
import urllib.error
import urllib.request

import gevent
import pytest

from engine.config import HttpOptions
from engine.telemetry.state import Component, Snapshot
from engine.web import health
from engine.web.app import Web
from engine.web.errors import WebError


@pytest.fixture
def serve():
    servers = []

    def serve(snapshot, **options) -> Web:
        server = Web(HttpOptions(port=0, **options), health.routes(snapshot))
        server.start()
        servers.append(server)
        return server

    yield serve
    for server in servers:
        server.stop()


def get(server: Web, path: str, method: str = "GET") -> tuple[int, dict]:
    request = urllib.request.Request("http://{}:{}{}".format(*server.address, path), method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as fault:
        return fault.code, json.loads(fault.read())


def test_health_tells_everything(serve):
    server = serve(lambda: Snapshot("ok", 3, 400, {"voice": Component("ok", 12.5)}, {"p99_ms": 1.2}, {"blocks": 0}))
    status, body = get(server, "/health")
    assert status == 200
    assert body["timestamp"].endswith("Z")
    assert (body["status"], body["service"], body["calls"]) == ("ok", "trunkline", {"active": 3, "max": 400})
    assert body["components"] == {"voice": {"status": "ok", "latency_ms": 12.5, "detail": ""}}
    assert (body["frame_clock"], body["hub"], body["uptime_s"] >= 0) == ({"p99_ms": 1.2}, {"blocks": 0}, True)
    assert body["version"]


@pytest.mark.parametrize(
    ("state", "statuses"),
    [("ok", (200, 200, 200)), ("degraded", (200, 200, 200)), ("draining", (200, 200, 503)), ("down", (503, 200, 503))],
)
def test_who_gets_which_status(serve, state, statuses):
    """Draining: alive and well (do not restart it), but no place for new calls."""
    server = serve(lambda: Snapshot(state))
    assert tuple(get(server, path)[0] for path in ("/health", "/health/live", "/health/ready")) == statuses


def test_a_state_that_cannot_be_told_is_down(serve, caplog):
    def broken() -> Snapshot:
        raise RuntimeError("no clock")

    status, body = get(serve(broken), "/health")
    assert (status, body["status"]) == (503, "down")
    assert body["components"]["health"]["detail"] == "RuntimeError: no clock"


def test_other_paths_and_methods(serve):
    server = serve(lambda: Snapshot("ok"))
    assert get(server, "/")[0] == 404
    assert get(server, "/health", "POST")[0] == 405
    assert get(server, "/health/", "HEAD") == (200, {})


def test_a_port_in_use_says_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(WebError, match=rf"127.0.0.1:{port} is in use by another program.*TRUNKLINE_HTTP__PORT"):
            Web(HttpOptions(port=port), []).start()


def test_an_address_of_another_machine_says_what_to_do():
    with pytest.raises(WebError, match="no address of this machine; set http.host"):
        Web(HttpOptions(host="192.0.2.1"), []).start()


def test_connections_that_say_nothing_are_dropped(serve):
    """They would otherwise take all places, and the load balancer would hear nothing."""
    server = serve(lambda: Snapshot("ok"), idle_s=0.1, max_connections=2)
    silent = [socket.create_connection(server.address) for _ in range(4)]
    try:
        with gevent.Timeout(10):
            assert get(server, "/health/live")[0] == 200
    finally:
        for connection in silent:
            connection.close()


def test_stop_frees_the_port():
    server = Web(HttpOptions(port=0), [])
    server.start()
    address = server.address
    server.stop()
    with pytest.raises(OSError):
        socket.create_connection(address, timeout=1)
