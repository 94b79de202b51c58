"""Who may talk: agents that are offered, secrets for one of them, the element on another site."""

import contextlib
import json
import socket

import pytest
from call_world import wait
from talk_world import TALK

from engine.config import HttpOptions
from engine.net.errors import SocketClosed, UpgradeRefused
from engine.net.websocket import WebSocket
from engine.web.app import Web
from engine.web.route import Answer, Route

KEY = "tl_the-key-of-the-desk-000"
KEYS = {"desk": {"key": KEY, "scopes": ["talk"]}, "looks": {"key": KEY + "1", "scopes": ["read"]}}


@pytest.fixture
def server(place):
    """``server(talk=..., **http options)``: the engine's web side with these; its address."""
    started = []

    def start(**options):
        web = place.another(**options)
        web.start()
        started.append(web)
        return web.url

    yield start
    for web in started:
        web.stop()


def opened(url, secret, agent=""):
    """The greeting of who answers a session that is opened with the secret; None where it is refused."""
    with contextlib.suppress(UpgradeRefused):
        held = WebSocket.connect(url.replace("http", "ws", 1) + f"/v1/realtime?greet=1&agent={agent}",
                                   headers={"Authorization": f"Bearer {secret}"})
        try:
            said = ""
            while not said:
                event = json.loads(held.receive(5))
                said = event.get("delta", "") if event["type"] == "response.output_audio_transcript.delta" else ""
            return said
        finally:
            with contextlib.suppress(SocketClosed):
                held.close()
    return None


def test_agents_are_listed_for_who_may_talk(place, server):
    """The default one first, with the languages that it has ears and a voice for."""
    status, answer = place.ask("GET", "/api/agents")
    assert status == 200
    assert [(one["name"], one["default"], one["ready"], one["languages"]) for one in answer["agents"]] == [
        ("desk", True, True, ["en"]), ("hours", False, True, ["en", "fr"])]
    url = server(keys=KEYS)
    assert place.ask("GET", "/api/agents", url=url)[0] == 401
    assert place.ask("GET", "/api/agents", url=url, **{"X-API-Key": KEY})[0] == 200
    assert place.ask("GET", "/api/agents", url=url, **{"X-API-Key": KEY + "1"})[0] == 403


def test_an_open_page_needs_no_key_and_offers_only_its_agents(place, server):
    """``http.talk.open``: a visitor gets a secret for an agent that is offered, and for no other."""
    url = server(keys=KEYS, talk={"open": True, "agents": ["hours"]})
    assert [one["name"] for one in place.ask("GET", "/api/agents", url=url)[1]["agents"]] == ["hours"]
    status, answer = place.ask("POST", "/api/talk", {}, url=url)
    assert (status, answer["agent"], answer["language"]) == (200, "hours", "en")
    status, refused = place.ask("POST", "/api/talk", {"agent": "desk"}, url=url)
    assert (status, refused["error"]["param"]) == (404, "agent")
    status, refused = place.ask("POST", "/api/talk", {"agent": "hours", "language": "xx"}, url=url)
    assert (status, refused["error"]["param"]) == (422, "language")


def test_a_visitors_secret_opens_a_conversation_with_one_agent_and_nothing_else(place, server):
    """Whatever the address asks for; and no questions to other collections, no further secrets."""
    url = server(keys=KEYS, talk={"open": True, "agents": ["hours"]})
    secret = place.ask("POST", "/api/talk", {}, url=url)[1]["secret"]
    assert opened(url, secret, agent="desk") == "Hello."
    assert opened(url, KEY, agent="desk").startswith("Hello there.")
    assert opened(url, "ek_made-up") is None
    for path, body in (("/v1/realtime/client_secrets", {}), ("/api/rag/search", {"query": "late fee"})):
        status, answer = place.ask("POST", path, body, url=url, Authorization=f"Bearer {secret}")
        assert (status, answer["error"]["code"]) == (403, "ephemeral_secret"), path
    wait(lambda: not place.engine.sessions, "a session is still held")


def test_a_sites_own_server_makes_secrets_for_one_agent(place, server):
    """With its key, as with OpenAI; they make no further ones."""
    url = server(keys=KEYS)
    body = {"agent": "hours", "expires_after": {"anchor": "created_at", "seconds": 30}}
    status, answer = place.ask("POST", "/v1/realtime/client_secrets", body, url=url, Authorization=f"Bearer {KEY}")
    assert status == 200 and opened(url, answer["value"], agent="desk") == "Hello."
    status, answer = place.ask("POST", "/api/talk", {}, url=url, Authorization=f"Bearer {answer['value']}")
    assert status == 403
    wait(lambda: not place.engine.sessions, "a session is still held")


def shop_of(engine_url, secret, port=0):
    """A site of somebody's own, with the element on a page and a server that makes secrets."""
    html = ("<!doctype html><html lang=en><title>Shop</title><link rel=icon href='data:,'><h1>Shop</h1>"
            f"<script type=module src='{engine_url}/static/talk/widget.js'></script>"
            "<trunkline-talk agent=hours label='Opening hours' secret-url='/voice-secret'></trunkline-talk>").encode()
    headers = {"Content-Security-Policy": "default-src * data:"}
    shop = Web(HttpOptions(port=port), [
        Route("GET", "/shop", lambda asked: Answer(html, "text/html", headers), "A page."),
        Route("POST", "/voice-secret", lambda asked: {"value": secret()}, "A secret.")])
    shop.start()
    return shop


def test_the_element_on_another_site(place, server, browser):
    """Its site is named in ``http.allowed_origins``, and its own server makes the secret: no key is in the
    page. The page's language and title stay as they are."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    origin = f"http://127.0.0.1:{port}"
    url = server(keys=KEYS, allowed_origins=[origin])

    def secret():
        body = {"agent": "hours"}
        path, key = "/v1/realtime/client_secrets", f"Bearer {KEY}"
        return place.ask("POST", path, body, url=url, Authorization=key)[1]["value"]

    shop = shop_of(url, secret, port)
    try:
        browser.page(f"{origin}/shop", language="ta-IN")
        browser.wait_for_selector("[data-offered]")
        browser.click(".orb")
        browser.until(f"{TALK}.transcript.lines.length && {TALK}.transcript.lines[0].text === 'Hello.'")
        browser.until(f"{TALK}.played.ms > 100")
        assert browser.get_attribute("html", "lang") == "en" and browser.title() == "Shop"
        assert browser.text(".who b") == "Opening hours"
        assert browser.get_attribute(".frame", "lang") == "ta"
        assert browser.faults() == []
        browser.goto("about:blank")
    finally:
        shop.stop()
    wait(lambda: not place.engine.sessions, "a session is still held")


def test_a_site_that_is_not_named_cannot_load_it(place, server, browser):
    """Browsers ask the engine whether the site may: it does not say so."""
    url = server(keys=KEYS, allowed_origins=["https://shop.example.org"])
    shop = shop_of(url, lambda: "")
    try:
        browser.page(f"{shop.url}/shop")
        browser.wait_for_timeout(300)
        assert browser.evaluate("customElements.get('trunkline-talk') === undefined")
        assert any("CORS" in fault for fault in browser.faults())
        browser.goto("about:blank")
        browser.forget_faults()
    finally:
        shop.stop()
