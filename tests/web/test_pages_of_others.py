"""What pages of other servers can do to an engine on the machine of who visits them: nothing."""

import pytest

from engine.web.route import Asked, Route, WebSocketRoute
from engine.web.socket import ServerSocket


def tell(asked: Asked) -> dict:
    return {"key": asked.key and asked.key.name}


def hello(socket: ServerSocket, asked: Asked) -> None:
    socket.send("hello")


ROUTES = [Route("GET", "/public", tell, "Anybody."), Route("GET", "/calls", tell, "Calls.", scope="read"),
          Route("POST", "/drain", tell, "Manages.", scope="admin")]
SOCKETS = [WebSocketRoute("/talk", hello, scope="talk")]


@pytest.mark.parametrize("host", [
    "evil.example", "a_b.evil.example", "\xe9vil.example", "a%41.example", "evil.example:", "evil.example:99999",
    "localhost.evil.example", "127.0.0.1.evil.example", "[::1", "a b",
])
def test_another_name_for_this_machine_is_not_local(served, host):
    """Browsers resolve names that are no valid host names, too; an attacker's DNS points one here and the page at it
    counts as one of ours."""
    server = served(ROUTES)
    assert server.ask("GET", "/calls", headers={"Host": host})[0] == 401
    assert server.ask("GET", "/public", headers={"Host": host})[0] == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "localhost:1", "[::1]:80", "desk.localhost"])
def test_names_of_this_machine_are_local(served, host):
    assert served(ROUTES).ask("GET", "/calls", headers={"Host": host})[1] == {"key": "local"}


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "//", "http:", "null", "\xff", "http://a b"])
@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/public", 200), ("GET", "/calls", 403),
                                                        ("POST", "/drain", 403)])
def test_an_origin_that_is_none_is_no_failure(served, origin, method, path, status, caplog):
    """Anybody may send anything there: it must cost neither a 500 nor a line of the log."""
    got, _, headers = served(ROUTES).ask(method, path, headers={"Origin": origin})
    assert (got, headers["Access-Control-Allow-Origin"], caplog.records) == (status, None, [])


@pytest.mark.parametrize(("headers", "status"), [
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),  # <img src=...>
    ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, 403),  # of another port of this machine
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": "https://evil.example"}, 403),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": "https://app.example.org"}, 200),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),  # a link in a mail
    ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "no-cors"}, 200),
    ({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, 200),
    ({}, 200),
])
def test_what_a_page_of_others_asks_for_without_a_key(served, headers, status):
    """It could not read the answers, but have secrets made, connections held and models asked."""
    server = served(ROUTES, allowed_origins=("https://app.example.org",))
    assert server.ask("GET", "/calls", headers=headers)[0] == status
    assert server.ask("GET", "/public", headers=headers)[0] == 200


def test_our_own_pages_under_a_name_with_an_underscore(served):
    """Containers are called so. Their pages open WebSockets to where they came from."""
    server = served(ROUTES, SOCKETS)
    own = {"Host": "voice_engine:8080", "Origin": "http://voice_engine:8080"}
    assert server.ask("GET", "/public", headers=own)[2]["Access-Control-Allow-Origin"] == own["Origin"]
