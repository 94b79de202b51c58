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
    "/api/agents", "/api/talk",  # look at http.talk.open themselves
    # carriers prove themselves: signature, password, token, address
    "/webhook/twilio", "/voice/twilio", "/voice/twilio/status", "/webhook/freeswitch/cdr",
    *(path + end for path in ("/webhook/exotel", "/exotel/call", "/exotel/dtmf", "/voice/exotel", "/exotel/connect")
      for end in ("", "/<token>")),
}
PUBLIC_SOCKETS = {
    "/ws/twilio", "/ws/exotel", "/ws/exotel/<token>",  # carriers prove themselves: tests/streams/test_stream_doors.py
}
KEYS = {scope: new_key() for scope in SCOPES}
ENGINE = Engine(Config.model_validate({"store": {"enabled": False}}))
ALL = [*parts.routes(ENGINE, Traffic())]
SOCKETS = parts.sockets(ENGINE)
NAMED = [pytest.param(route, id=f"{route.method} {route.path}") for route in ALL if route.scope is not None]
SOCKETS_NAMED = [pytest.param(socket, id=socket.path) for socket in SOCKETS if socket.scope is not None]


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
    assert {socket.path for socket in SOCKETS if socket.scope is None} == PUBLIC_SOCKETS


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


@pytest.mark.parametrize("path", [
    "/api//session", "//api/session/", "/sessions//x", "/nothing", "/%2e%2e/etc/passwd", "/*"])
def test_what_is_not_there_is_404_in_the_one_shape(keyed, path):
    """No redirect and no HTML, whatever is done to the slashes."""
    status, answer, headers = keyed.ask("GET", path)
    assert (status, headers["Location"]) in ((404, None), (401, None))
    assert answer["error"]["code"] in ("not_found", "invalid_api_key")


@pytest.mark.parametrize("name", ["%00", "a%00b", "x" * 5000, "%ff", "..%2f..%2fetc", "%0d%0aA:%20b"])
@pytest.mark.parametrize("route", [route for route in ALL if "<" in route.path and route.method == "GET"],
                         ids=lambda route: route.path)
def test_no_name_in_a_path_makes_the_engine_fail(keyless, route, name):
    """Neither files nor databases have such names; 503 where this engine, which was not started, has no store."""
    status, answer, _ = keyless.ask("GET", re.sub(r"<[^>]+>", name, route.path))
    assert status in (400, 404, 503) or "event: end" in str(answer) or (status == 401 and "<token>" in route.path)
    assert status == 200 or answer["error"]["code"] != "internal_error"


SECRET = {"value", "expires_at"}
CONTRACT = [  # method, path, scope, fields of the answer that other programs count on
    ("GET", "/health", None, None), ("GET", "/health/live", None, None), ("GET", "/health/ready", None, None),
    ("GET", "/metrics", None, None),
    ("GET", "/sessions", "read", {"data", "next"}),
    ("GET", "/sessions/<session_id>", "read", {
        "session_id", "call_id", "transport", "direction", "mode", "state", "status", "from_number", "to_number", "did",
        "fs_uuid", "agent_name", "language", "dialect", "region", "outcome", "summary", "cost_amount", "recording_uri",
        "started_at", "answered_at", "ended_at", "hangup_cause", "participants", "counters"}),
    ("DELETE", "/sessions/<session_id>", "admin", None),
    ("GET", "/sessions/<session_id>/transcript", "read", {"session_id", "data"}),
    ("GET", "/sessions/<session_id>/items", "read", {"session_id", "data"}),
    ("GET", "/sessions/<session_id>/events", "read", None),
    ("GET", "/sessions/<session_id>/recording", "read", None),
    ("POST", "/ai/process", "talk", {"response", "language", "dialect", "confidence", "provider", "model", "latency_ms",
                                     "cost", "session_id", "citations", "tool_calls"}),
    ("POST", "/api/rag/search", "talk", {"context", "results", "citations"}),
    ("GET", "/api/session", "talk", {"id", "client_secret"}),
    ("POST", "/v1/realtime/client_secrets", "talk", {"value", "expires_at", "session"}),
    ("POST", "/v1/realtime/sessions", "talk", {"id", "client_secret"}),
    ("GET", "/admin/stats", "admin", {"status", "uptime_s", "calls"}), ("GET", "/admin/calls", "admin", {"calls"}),
    ("GET", "/admin/providers", "admin", {"providers"}), ("POST", "/admin/reload", "admin", None),
    ("POST", "/admin/drain", "admin", None), ("POST", "/admin/providers/<provider>/reset", "admin", {"provider"}),
    ("POST", "/api/kb/documents", "knowledge", None), ("GET", "/api/kb/documents/<path:document>", "knowledge", None),
    ("DELETE", "/api/kb/documents/<path:document>", "knowledge", None), ("POST", "/api/kb/reindex", "knowledge", None),
    ("POST", "/v1/chat/completions", "ai", {"id", "object", "created", "model", "choices", "usage"}),
    ("POST", "/v1/audio/transcriptions", "ai", None), ("POST", "/v1/audio/speech", "ai", None),
    ("POST", "/v1/embeddings", "ai", None), ("GET", "/v1/models", "ai", {"object", "data"}),
]


@pytest.mark.parametrize(("method", "path", "scope", "fields"), CONTRACT,
                         ids=[f"{one[0]} {one[1]}" for one in CONTRACT])
def test_paths_that_others_count_on_stay_where_they_are(method, path, scope, fields):
    """Programs that were written for these paths break when one moves, or loses a field of its answer."""
    (route,) = [route for route in ALL if (route.method, route.path) == (method, path)]
    assert route.scope == scope
    if fields is not None:
        assert route.answer is not None and fields <= set(route.answer.model_fields)


def test_the_session_of_a_page_is_exactly_what_such_pages_read(keyed):
    _, session, _ = keyed.ask("GET", "/api/session?target=local", headers={"X-API-Key": KEYS["talk"][0]})
    assert set(session) == {"id", "client_secret"} and set(session["client_secret"]) == SECRET
    assert session["id"].startswith("sess_") and session["client_secret"]["value"].startswith("ek_")
    assert isinstance(session["client_secret"]["expires_at"], int)


def test_websockets_are_at_every_place_where_clients_look():
    assert {socket.path for socket in SOCKETS} >= {"/ws/realtime", "/v1/realtime", "/openai/v1/realtime", "/realtime"}


def test_health_says_what_both_kinds_of_monitors_read(keyed):
    """503 while it is down, as this one is that was never started; each component with its status and latency."""
    status, health, _ = keyed.ask("GET", "/health")
    assert (status, health["status"], health["service"]) == (503, "down", "trunkline")
    assert {"timestamp", "version", "uptime_s", "components"} <= set(health)
    assert all({"status", "latency_ms"} <= set(component) for component in health["components"].values())
    assert keyed.ask("GET", "/health/live")[0] == 200 and keyed.ask("GET", "/health/ready")[0] == 503


def plain(path: str) -> str:
    """As OpenAPI writes it."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)


def test_the_documents_name_every_path(keyed):
    described = keyed.ask("GET", "/openapi.json")[1]
    named = {(method.upper(), path) for path, methods in described["paths"].items() for method in methods}
    assert {(route.method, plain(route.path)) for route in ALL} <= named
    assert {socket["path"] for socket in described["x-websockets"]} == {plain(socket.path) for socket in SOCKETS}
    for path in ("/ai/process", "/v1/chat/completions"):  # clients made from the document must know that it streams
        assert "text/event-stream" in described["paths"][path]["post"]["responses"]["200"]["content"]
    ids = [operation["operationId"] for methods in described["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))
