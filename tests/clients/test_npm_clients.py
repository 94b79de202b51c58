"""Clients from npm, which nobody here wrote: each holds a spoken turn, a tool call, an interruption, and comes back,
without one error of the protocol. All of them at the same time, with one engine that asks for a key."""

import wave

import gevent
import httpx2
import pytest
from call_providers import ANSWER, LookUp, providers, voice
from console_browser import CHROMIUM, Browser
from leftovers import nothing_left
from npm_packages import HERE, PACKAGES, needs_packages, run
from session_place import AfterCall, open_place

from engine.dialog.brain import ClientCall, Text
from engine.web.route import Answer, Route

BUNDLE = PACKAGES / "node_modules/@openai/agents-realtime/dist/bundle/openai-realtime-agents.umd.js"
KEY = "tk_key-of-the-tests-0123456789"
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
LONG = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen."
SCRIPT = ["when do you open", "weather please", "long please", "what about Monday"]
FILES = {"page.html": "text/html", "browser.mjs": "text/javascript", "agents_talk.mjs": "text/javascript",
         "speaking.mjs": "text/javascript", "microphone.mjs": "text/javascript"}
MICROPHONE_RATE = 48000

pytestmark = needs_packages


class Weather(LookUp):
    """Knows the weather from the client only."""

    def reply(self, request):
        results = [call.result for call in request.terms.calls if call.result is not None]
        if request.text.startswith("weather"):
            request.wait_decided(5)
            yield ClientCall(f"call_{len(self.requests)}", "weather", '{"city":"Kochi"}')
        elif not request.text and results:
            yield Text("It is " + results[-1].strip('"') + ". ")
        else:
            yield from super().reply(request)

    def cuts(self):
        """What was heard of the long answer, by the histories of what was asked next."""
        return [heard for request in self.requests if request.text.startswith("what about")
                for role, heard in request.history if role == "agent" and heard.startswith("One")]


def node(script, at):
    """A client in Node: its account of what it saw."""
    return run(script, at.ws, str(PACKAGES), KEY)


def chromium(at):
    """The client of a page, whose backend makes it a secret: its account, and what the browser's console said."""
    if CHROMIUM is None:
        return None
    tone = voice(0.7, MICROPHONE_RATE)
    with wave.open(str(at.home / "microphone.wav"), "wb") as sound:
        sound.setparams((1, 2, MICROPHONE_RATE, 0, "NONE", ""))
        sound.writeframes(tone.tobytes() + bytes(2 * MICROPHONE_RATE * 9 // 10))
    made = httpx2.post(f"{at.web.url}/v1/realtime/client_secrets", headers=AUTHORIZED, json={})
    browser = Browser("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
                      f"--use-file-for-fake-audio-capture={at.home / 'microphone.wav'}")
    try:
        browser.page(f"{at.web.url}/clients/page.html?secret={made.json()['value']}")
        return browser.evaluate("() => globalThis.talked"), browser.faults()
    finally:
        browser.close()


def served():
    """The page and what it needs."""
    files = [(name, HERE / name, kind) for name, kind in FILES.items()] + [("sdk.js", BUNDLE, "text/javascript")]
    return [Route("GET", f"/clients/{name}", lambda asked, path=path, kind=kind: Answer(path.read_bytes(), kind), name)
            for name, path, kind in files]


@pytest.fixture(scope="module")
def accounts(tmp_path_factory):
    """What each client saw, and ``cuts``: what they had heard of the answer that they interrupted."""
    home = tmp_path_factory.mktemp("home")
    brain = Weather(long=LONG, what="At ten.")
    with pytest.MonkeyPatch.context() as patch, nothing_left():
        patch.setenv("TRUNKLINE_HOME", str(home))
        patch.setattr(AfterCall, "submit", lambda self, folder: None)
        keys = {"tests": {"key": KEY, "scopes": ["talk"]}}
        with open_place(home, providers(*[SCRIPT] * 7, brain=brain), served(), http={"keys": keys}) as at:
            running = {"node": gevent.spawn(node, "agents_node.mjs", at),
                       "beta": gevent.spawn(node, "beta_node.mjs", at), "chromium": gevent.spawn(chromium, at)}
            gevent.joinall(running.values(), timeout=90)
            seen = {name: one.get(timeout=0) for name, one in running.items()}
    return {**seen, "cuts": brain.cuts()}


def check_agents(seen, cuts):
    """A conversation with the agents' SDK went as it should."""
    assert seen["errors"] == []
    assert seen["ran"] == ["Kochi"]
    assert seen["heard"] == SCRIPT
    first, weather, cut, last = seen["said"]
    assert (first, weather, last) == (ANSWER, "It is sunny.", "At ten.")
    assert cut in cuts and "conversation.item.truncate" in seen["sent"]
    assert seen["again"] == [ANSWER]


def test_the_agents_sdk_in_node(accounts):
    """``@openai/agents-realtime`` checks events with zod, keeps its own history, truncates what it did not play."""
    check_agents(accounts["node"], accounts["cuts"])


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_the_agents_sdk_in_a_browser(accounts):
    """The same in Chromium: the secret comes as a sub-protocol, the audio from a microphone, under our policy."""
    seen, faults = accounts["chromium"]
    check_agents(seen, accounts["cuts"])
    assert all("unsafe-eval" in fault or "script-src" in fault for fault in faults), faults  # zod tries whether it may


def test_the_client_of_the_beta(accounts):
    """``openai-realtime-api`` speaks the dialect before GA; with the server's turns, and with turns by hand."""
    seen = accounts["beta"]
    assert seen["errors"] == []
    assert seen["ran"] == ["Kochi", "Kochi"]
    expected = [ANSWER, "It is sunny.", "", "At ten."]  # it forgets all words of what was truncated
    assert seen["hands_free"] == seen["by_hand"] == expected
    assert seen["again"] == [ANSWER]


def test_only_what_was_heard_counts(accounts):
    """After each interruption the model's history has the words that were heard, and no more."""
    cuts = accounts["cuts"]
    assert len(cuts) == (3 if accounts["chromium"] is None else 4)
    assert all(LONG.startswith(cut) and cut != LONG for cut in cuts)
