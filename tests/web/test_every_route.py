"""Every path that an engine has: who is let in, that the documents name it, and that wrong methods are told.

The tables are made from the routes themselves, so that a new path is held to the same rules.
"""

import json
import re
import time

import pytest

from engine.config import Config
from engine.config.web import KeyOptions
from engine.net.errors import UpgradeRefused
from engine.net.websocket import WebSocket
from engine.service import Engine
from engine.web import parts, realtime
from engine.web.app import Web
from engine.web.keys import new_key
from engine.web.route import SCOPES, Route
from engine.web.traffic import Traffic
from tests.web.conftest import Served

PUBLIC = {
    "/health", "/health/live", "/health/ready",  # for load balancers and supervisors
    "/metrics",  # looks at the address itself: http.metrics_from
    "/openapi.json", "/docs", "/", "/console", "/static/<path:file>", "/phone", "/api/phone",  # no data
}
KEYS = {scope: new_key() for scope in SCOPES}
ENGINE = Engine(Config.model_validate({"store": {"enabled": False}}))
ALL = [*parts.routes(ENGINE, Traffic())]
SOCKETS = parts.sockets(ENGINE)
NAMED = [pytest.param(route, id=f"{route.method} {route.path}") for route in ALL if route.scope is not None]
SOCKETS_NAMED = [pytest.param(socket, id=socket.path) for socket in SOCKETS]


def serve(**options) -> Served:
    config = Config.model_validate({"http": {"port": 0, **options}})
    server = Served(config.http, ALL, SOCKETS, verifiers=parts.verifiers(ENGINE))
    server.start()
    return server


@pytest.fixture(scope="module")
def keyed():
    """With a key for each scope."""
    keys = {scope: KeyOptions(sha256=hashed, scopes=(scope,), requests_per_minute=0)
            for scope, (_, hashed) in KEYS.items()}
    server = serve(keys=keys, requests_per_minute_per_ip=0)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def keyless():
    server = serve(requests_per_minute_per_ip=0)
    yield server
    server.stop()


def path_of(route) -> str:
    return re.sub(r"<[^>]+>", "x", route.path)


def refused(server: Web, path: str, headers: dict[str, str]) -> tuple[int, str]:
    """Status and code of a WebSocket that is not opened."""
    with pytest.raises(UpgradeRefused) as fault:
        WebSocket.connect(server.url.replace("http", "ws", 1) + path, headers=headers)
    return fault.value.status, json.loads(fault.value.body)["error"]["code"]


def test_nothing_is_public_but_what_is_known_to_be():
    """Whoever adds a public path has to add it here, and to think about what it shows."""
    assert {route.path for route in ALL if route.scope is None} <= PUBLIC
    assert all(socket.scope is not None for socket in SOCKETS)


@pytest.mark.parametrize("route", NAMED)
def test_each_path_wants_a_key_with_its_scope(keyed, keyless, route: Route):
    """No key, a wrong one, one with every other scope, an ephemeral secret; and from elsewhere without keys."""
    path = path_of(route)
    assert keyed.ask(route.method, path)[0] == 401
    assert keyed.ask(route.method, path, headers={"X-API-Key": "tk_wrong"})[0] == 401
    for scope, (key, _) in KEYS.items():
        if scope != route.scope:
            status, answer, _ = keyed.ask(route.method, path, headers={"Authorization": f"Bearer {key}"})
            assert (status, answer["error"]["code"]) == (403, "missing_scope")
    if not route.ephemeral:
        assert keyed.ask(route.method, path, headers={"Authorization": f"Bearer {secret()}"})[0] == 403
    for headers in ({"X-Forwarded-For": "203.0.113.9"}, {"Host": "evil.example"}):
        assert keyless.ask(route.method, path, headers=headers)[0] == 401
    status, answer, _ = keyless.ask(route.method, path, headers={"Origin": "https://evil.example"})
    assert (status, answer["error"]["code"]) == (403, "origin_not_allowed")


@pytest.mark.parametrize("socket", SOCKETS_NAMED)
def test_each_websocket_wants_a_key_with_its_scope(keyed, keyless, socket):
    assert refused(keyed, path_of(socket), {}) == (401, "invalid_api_key")
    for scope, (key, _) in KEYS.items():
        if scope != socket.scope:
            assert refused(keyed, path_of(socket), {"X-API-Key": key}) == (403, "missing_scope")
    assert refused(keyless, path_of(socket), {"X-Forwarded-For": "203.0.113.9"})[0] == 401
    assert refused(keyless, path_of(socket), {"Origin": "https://evil.example"})[0] == 403


def secret() -> str:
    """An ephemeral one, as pages have it."""
    return realtime.server_of(ENGINE).secrets.make({"type": "realtime"}, 600, time.time())[0]


def test_an_ephemeral_secret_makes_no_further_ones(keyed):
    """It ends in minutes and is bound to its session; it must not be turned into another one, or into answers."""
    headers = {"Authorization": f"Bearer {secret()}"}
    for method, path in (("POST", "/v1/realtime/client_secrets"), ("POST", "/v1/realtime/sessions"),
                         ("GET", "/api/session"), ("POST", "/ai/process"), ("POST", "/v1/chat/completions")):
        status, answer, _ = keyed.ask(method, path, {}, headers)
        assert (status, answer["error"]["code"]) == (403, "ephemeral_secret")


def test_visitors_of_a_page_have_limits_of_their_own():
    """One visitor who asks without end must not keep the others out."""
    server = serve(requests_per_minute=2, keys={"a": KeyOptions(sha256=KEYS["admin"][1])})
    try:
        one, other = ({"Authorization": f"Bearer {secret()}"} for _ in range(2))
        answers = [server.ask("POST", "/api/rag/search", {}, one)[0] for _ in range(3)]
        assert (answers, server.ask("POST", "/api/rag/search", {}, other)[0]) == ([422, 422, 429], 422)
    finally:
        server.stop()


def test_metrics_are_for_those_who_may(keyed):
    assert keyed.ask("GET", "/metrics")[0] == 200  # this machine
    assert keyed.ask("GET", "/metrics", headers={"X-Forwarded-For": "203.0.113.9"})[0] == 401
    for scope, (key, _) in KEYS.items():
        headers = {"X-Forwarded-For": "203.0.113.9", "X-API-Key": key}
        assert keyed.ask("GET", "/metrics", headers=headers)[0] == (200 if scope == "read" else 401)


@pytest.mark.parametrize("path", sorted({path_of(route) for route in ALL}))
def test_methods_that_a_path_has_not_are_told(keyed, path):
    """405 with what it takes, not 404; and the same without a key, because it tells nothing."""
    status, answer, headers = keyed.ask("PATCH", path)
    assert (status, answer["error"]["code"]) == (405, "method_not_allowed")
    takes = {route.method for route in ALL if path_of(route) == path}
    assert takes <= set(headers["Allow"].split(", "))


def test_the_documents_name_every_path(keyed):
    described = keyed.ask("GET", "/openapi.json")[1]
    named = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    plain = {(route.method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path)) for route in ALL}
    assert plain <= named
    assert {socket["path"] for socket in described["x-websockets"]} == {socket.path for socket in SOCKETS}
    ids = [operation["operationId"] for methods in described["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))
