"""Who may ask what: keys, scopes, this machine, pages of other servers, and how often."""

import pytest

from engine.config.web import KeyOptions
from engine.net.errors import UpgradeRefused
from engine.web.errors import WebError
from engine.web.keys import Keys, digest, new_key
from engine.web.route import Asked, Key, Route, WebSocketRoute
from engine.web.socket import ServerSocket

KEY, HASH = new_key()


def tell(asked: Asked) -> dict:
    left = asked.allowance()
    return {"key": asked.key and asked.key.name, "remote": asked.remote, "left": [left.limit, left.remaining]}


def hello(socket: ServerSocket, asked: Asked) -> None:
    socket.send(asked.key.name if asked.key else "nobody")


ROUTES = [
    Route("GET", "/public", tell, "Anybody."),
    Route("GET", "/calls", tell, "Calls.", scope="read"),
    Route("POST", "/drain", tell, "Manages.", scope="admin"),
]
SOCKETS = [WebSocketRoute("/talk", hello, ("realtime",), scope="talk")]
DESK = {"desk": KeyOptions(sha256=HASH, scopes=("read", "talk"))}


@pytest.mark.parametrize("headers", [
    {"Authorization": f"Bearer {KEY}"}, {"Authorization": f"bearer {KEY}"}, {"X-API-Key": KEY}, {"api-key": KEY},
])
def test_a_key_in_each_place_where_clients_put_it(served, headers):
    status, answer, _ = served(ROUTES, keys=DESK).ask("GET", "/calls", headers=headers)
    assert (status, answer["key"]) == (200, "desk")


@pytest.mark.parametrize(("headers", "method", "path", "status", "code"), [
    ({}, "GET", "/calls", 401, "invalid_api_key"),
    ({"X-API-Key": KEY + "x"}, "GET", "/calls", 401, "invalid_api_key"),
    ({"X-API-Key": HASH}, "GET", "/calls", 401, "invalid_api_key"),
    ({"X-API-Key": KEY}, "POST", "/drain", 403, "missing_scope"),
    ({"X-API-Key": "wrong"}, "GET", "/public", 200, None),
])
def test_without_the_right_key_nothing_is_done(served, headers, method, path, status, code):
    """Also on this machine, once there are keys."""
    got, answer, _ = served(ROUTES, keys=DESK).ask(method, path, headers=headers)
    assert (got, answer.get("error", {}).get("code")) == (status, code)


def test_websockets_take_keys_where_browsers_can_put_them(served):
    """A browser sets no headers: OpenAI's SDKs send the key as a sub-protocol, Azure's in the query."""
    server = served(ROUTES, SOCKETS, keys=DESK)
    for path, options in (
        ("/talk", {"subprotocols": ("realtime", f"openai-insecure-api-key.{KEY}")}),
        (f"/talk?api-key={KEY}", {}),
        ("/talk", {"headers": {"Authorization": f"Bearer {KEY}"}}),
    ):
        client = server.open(path, **options)
        assert client.receive(5) == "desk"
        client.close()
    with pytest.raises(UpgradeRefused) as refused:
        server.open("/talk")
    assert (refused.value.status, "invalid_api_key" in refused.value.body) == (401, True)


def test_a_key_in_the_address_of_a_request_is_not_taken(served):
    """Addresses are written to logs of proxies."""
    assert served(ROUTES, keys=DESK).ask("GET", f"/calls?api-key={KEY}")[0] == 401


def test_who_manages_is_named_in_the_log(served, caplog):
    """Calls were cut, a document is gone: the log says by whose key, from where. Looking at things is no news."""
    boss, hashed = new_key()
    server = served(ROUTES, keys=DESK | {"boss": KeyOptions(sha256=hashed, scopes=("admin",))})
    with caplog.at_level("INFO", "engine.web"):
        server.ask("GET", "/calls", headers={"X-API-Key": KEY})
        server.ask("POST", "/drain", headers={"X-API-Key": KEY})
        server.ask("POST", "/drain", headers={"X-API-Key": boss, "X-Forwarded-For": "203.0.113.9"})
    told = [record.getMessage() for record in caplog.records if record.name == "engine.web.app"]
    assert told == ["POST /drain by boss from 203.0.113.9"]
    assert boss not in caplog.text


def test_without_keys_this_machine_may_do_everything(served):
    server = served(ROUTES, SOCKETS)
    assert server.ask("POST", "/drain", headers={"Authorization": "Bearer sk-whatever"})[1]["key"] == "local"
    client = server.open("/talk")
    assert client.receive(5) == "local"
    client.close()


@pytest.mark.parametrize("headers", [
    {"X-Forwarded-For": "203.0.113.9"}, {"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"},
    {"Via": "1.1 proxy"}, {"Host": "evil.example:8080"},
])
def test_without_keys_others_are_told_what_to_do(served, headers):
    """What came through a proxy on this machine, or under a name that an attacker's DNS points here, is not local."""
    status, answer, _ = served(ROUTES).ask("POST", "/drain", headers=headers)
    assert (status, "trunkline key new" in answer["error"]["message"]) == (401, True)
    assert served(ROUTES).ask("GET", "/public", headers=headers)[0] == 200


@pytest.mark.parametrize(("chain", "remote"), [
    ("203.0.113.9", "203.0.113.9"), ("1.2.3.4, 203.0.113.9", "203.0.113.9"),
    ("203.0.113.9, 127.0.0.1", "203.0.113.9"), ("nonsense", "127.0.0.1"), ("2001:db8::1", "2001:db8::1"),
])
def test_the_client_behind_a_trusted_proxy(served, chain, remote):
    """The last address that is no proxy of ours: what stands before it was written by the client."""
    assert served(ROUTES).ask("GET", "/public", headers={"X-Forwarded-For": chain})[1]["remote"] == remote


def test_a_proxy_that_is_not_trusted_is_not_believed(served):
    server = served(ROUTES, trusted_proxies=("192.0.2.0/24",))
    assert server.ask("GET", "/public", headers={"X-Forwarded-For": "203.0.113.9"})[1]["remote"] == "127.0.0.1"


def test_pages_of_other_servers(served):
    """Any page may open a WebSocket to this machine or post a form to it; without keys that would be a way in."""
    server = served(ROUTES, SOCKETS, allowed_origins=("https://app.example.org",))
    own, other, friend = server.url, "https://evil.example", "https://app.example.org"
    assert server.ask("POST", "/drain", headers={"Origin": other})[0] == 403
    assert server.ask("POST", "/drain", headers={"Origin": own})[0] == 200
    status, _, headers = server.ask("POST", "/drain", headers={"Origin": friend})
    assert (status, headers["Access-Control-Allow-Origin"]) == (200, friend)
    for origin in (own, friend):
        server.open("/talk", headers={"Origin": origin}).close()
    with pytest.raises(UpgradeRefused) as refused:
        server.open("/talk", headers={"Origin": other})
    assert (refused.value.status, "allowed_origins" in refused.value.body) == (403, True)


def test_browsers_may_ask_first_what_they_may(served):
    server = served(ROUTES, keys=DESK, allowed_origins=("https://app.example.org",))
    asks = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization"}
    status, _, headers = server.ask("OPTIONS", "/calls", headers=asks)
    assert (status, headers["Access-Control-Allow-Headers"]) == (200, "authorization")
    assert "GET" in headers["Access-Control-Allow-Methods"]
    _, _, headers = server.ask("OPTIONS", "/calls", headers=asks | {"Origin": "https://evil.example"})
    assert headers["Access-Control-Allow-Origin"] is None


def test_more_than_the_limit_of_a_key_waits(served):
    desk = KeyOptions(sha256=HASH, requests_per_minute=3)
    server = served(ROUTES, keys={"desk": desk})
    lefts = [server.ask("GET", "/calls", headers={"X-API-Key": KEY})[1]["left"] for _ in range(3)]
    assert lefts == [[3, 2], [3, 1], [3, 0]]
    status, answer, headers = server.ask("GET", "/calls", headers={"X-API-Key": KEY})
    assert (status, answer["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 0 < int(headers["Retry-After"]) <= 20


def test_more_than_the_limit_of_an_address_waits_whatever_keys_it_has(served):
    server = served(ROUTES, keys=DESK, requests_per_minute_per_ip=4)
    for n in range(4):
        assert server.ask("GET", "/public", headers={"X-API-Key": f"guess {n}"})[0] == 200
    assert server.ask("GET", "/calls", headers={"X-API-Key": KEY})[0] == 429
    assert server.ask("GET", "/calls", headers={"X-API-Key": KEY, "X-Forwarded-For": "203.0.113.9"})[0] == 200


def test_a_verifier_knows_other_secrets(served):
    """Ephemeral secrets carry what they were made for."""
    from engine.config import HttpOptions
    from engine.web.app import Web
    from tests.web.conftest import Served

    def verify(secret: str) -> Key | None:
        return Key("ek", frozenset({"talk"}), {"session": "s1"}) if secret == "ek_1" else None

    def about(socket: ServerSocket, asked: Asked) -> None:
        assert asked.key is not None
        socket.send(str(asked.key.about))

    assert issubclass(Served, Web)
    server = Served(HttpOptions(port=0, keys=DESK), ROUTES, [WebSocketRoute("/talk", about, scope="talk")],
                    verifiers=[verify])
    server.start()
    try:
        client = server.open("/talk", headers={"Authorization": "Bearer ek_1"})
        assert client.receive(5) == "{'session': 's1'}"
        client.close()
        assert server.ask("GET", "/calls", headers={"X-API-Key": "ek_1"})[0] == 403
    finally:
        server.stop()


def test_a_key_of_the_environment():
    options = {"desk": KeyOptions(key_env="DESK_KEY")}
    found = Keys(options, environ={"DESK_KEY": KEY}).find(KEY)
    assert found is not None and found.name == "desk"
    with pytest.raises(WebError, match="http.keys.desk.key_env: there is no variable DESK_KEY"):
        Keys(options, environ={})


def test_new_keys_differ_and_fit_their_digests():
    other, other_hash = new_key()
    assert other != KEY and other_hash != HASH
    assert digest(KEY) == HASH


def test_pages_get_headers_that_keep_them_to_themselves(served):
    headers = served().ask("GET", "/docs")[2]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
