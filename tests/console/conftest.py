"""An engine with scripted providers and its whole web side, called by the stand-in, looked at in Chromium."""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "call"))

from call_providers import ToneVoice, providers, voice  # noqa: E402
from call_world import QUICK, World, folder, merged, wait  # noqa: E402
from console_browser import CHROMIUM, Browser  # noqa: E402

from engine import embedded  # noqa: E402
from engine.config import Config  # noqa: E402
from engine.knowledge.filling.ingest import SAMPLE, ingest  # noqa: E402
from engine.service import Engine  # noqa: E402
from engine.standin.standin import StandIn  # noqa: E402
from engine.web import parts  # noqa: E402

AGENT = """
default: true
description: Answers at the desk of the tests.
dids: ["1000"]
languages: {en: {greeting: Hello there.}}
collections: [sample]
"""
BROKEN = """
dids: ["5550300"]
languages: {en: {greeting: Hello.}}
collections: [nowhere]
"""


class Brisk(ToneVoice):
    """Speaks so fast that an answer takes a second."""

    def render(self, text):
        return super().render(text[: len(text) // 4 + 1])


class Console(World):
    """An engine, a switch, and where its pages are."""

    def __init__(self, engine, switch, web, recogniser):
        super().__init__(engine, switch)
        self.url = web.url
        self.recogniser = recogniser

    def call(self, caller, *says):
        """A call of ``caller``, who will say these texts; greeted."""
        self.recogniser.scripts.append(list(says))
        call = self.place(caller=caller)
        call.greeted()
        return call

    def asked(self, caller, *says):
        """A call that is over: every text was said and answered. Its report is there."""
        call = self.call(caller, *says)
        for _ in says:
            call.say(voice(0.6, call.rate))
            call.hears()
            call.hears_silence(0.5)
        call.hangup()
        self.over(call)
        wait(lambda: (folder(call.uuid) / "report.json").exists(), "no report", 30)
        return call

    def get(self, path, **headers):
        """Status, headers and body of a GET."""
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as fault:
            return fault.code, dict(fault.headers), fault.read()

    def json(self, path):
        """The JSON of a GET that goes well."""
        status, _, body = self.get(path)
        assert status == 200, body
        return json.loads(body)

    def post(self, path, body=None):
        """Status and JSON of a POST."""
        data = json.dumps(body).encode() if body is not None else b""
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as fault:
            return fault.code, json.loads(fault.read())

    def at(self, place):
        """The address of a view."""
        return f"{self.url}/console#/{place}"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """One engine for the tests of a module: its calls are told apart by their callers."""
    home = tmp_path_factory.mktemp("home")
    (home / "agents").mkdir()
    (home / "agents" / "desk.yaml").write_text(AGENT)
    (home / "agents" / "lost.yaml").write_text(BROKEN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRUNKLINE_HOME", str(home))
        ingest([SAMPLE / "support"], "sample", None)
        given = providers(tone=Brisk())
        patch.setattr(embedded, "providers", lambda config: given)
        changes = {"agents": {"folder": str(home / "agents"), "shipped": False}, "knowledge": {"embedding": "none"}}
        engine = Engine(Config.model_validate(merged(QUICK, changes)))
        web = parts.web(engine)
        web.start()
        engine.start()
        try:
            with StandIn() as switch:
                yield Console(engine, switch, web, given.recogniser)
        finally:
            engine.stop()
            web.stop()


@pytest.fixture(scope="module")
def call(world):
    """A finished call with two answers."""
    return world.asked("15550001", "what is the late fee for paying late", "what does a red light mean")


@pytest.fixture(scope="session")
def chromium():
    """The browser of all tests."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    browser = Browser()
    yield browser
    browser.close()

