"""An engine with scripted providers and its whole web side; Chromium with a microphone that hears what a file says."""

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS / "call"), str(TESTS / "console")]

from call_providers import ToneVoice, providers  # noqa: E402
from call_world import QUICK, merged  # noqa: E402
from console_browser import CHROMIUM, Browser  # noqa: E402
from talk_world import GREETING, microphone, silence  # noqa: E402

from engine import embedded  # noqa: E402
from engine.config import Config, HttpOptions  # noqa: E402
from engine.knowledge.filling.ingest import SAMPLE, ingest  # noqa: E402
from engine.service import Engine  # noqa: E402
from engine.web import parts  # noqa: E402
from engine.web.app import Web  # noqa: E402
from engine.web.traffic import Traffic  # noqa: E402

AGENT = """
default: true
description: Answers at the desk of the tests.
languages: {en: {greeting: Hello.}}
collections: [sample]
"""
OTHER = """
description: Tells the hours.
languages: {en: {greeting: Hello.}, fr: {greeting: Bonjour., voice: "espeak-ng:fr", recogniser: whisper}}
collections: [sample]
"""


class Brisk(ToneVoice):
    """Speaks long texts so fast that they take a second; greetings at 40 ms a letter."""

    def render(self, text):
        return super().render(text if len(text) <= len(GREETING) else text[: len(text) // 4 + 1])


class Place:
    """An engine and where its page is."""

    def __init__(self, engine, web, recogniser):
        self.engine, self.web, self.recogniser = engine, web, recogniser
        self.url = web.url

    def ask(self, method, path, body=None, url="", **headers):
        """Status and JSON of a request."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request((url or self.url) + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as fault:
            return fault.code, json.loads(fault.read())

    def another(self, talk=None, **options):
        """Another server of the same engine, not started."""
        http = HttpOptions.model_validate({"port": 0, "talk": talk or {}, **options})
        engine, before = self.engine, self.engine.config
        engine.config = before.model_copy(update={"http": http})
        try:
            return Web(http, parts.routes(engine, Traffic()), parts.sockets(engine), verifiers=parts.verifiers(engine))
        finally:
            engine.config = before


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """One engine for the tests of a module: it changes the environment of all that run meanwhile."""
    home = tmp_path_factory.mktemp("home")
    (home / "agents").mkdir()
    (home / "agents" / "desk.yaml").write_text(AGENT)
    (home / "agents" / "hours.yaml").write_text(OTHER)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRUNKLINE_HOME", str(home))
        ingest([SAMPLE], "sample", None)
        given = providers(tone=Brisk())
        patch.setattr(embedded, "providers", lambda config: given)
        changes = {"agents": {"folder": str(home / "agents"), "shipped": False}, "knowledge": {"embedding": "none"},
                   "agent": {"greeting": GREETING}, "providers": {"whisper": {"kind": "openai_batch",
                                                                              "base_url": "http://127.0.0.1:9"}}}
        engine = Engine(Config.model_validate(merged(QUICK, changes)))
        web = parts.web(engine)
        web.start()
        engine.start()
        try:
            yield Place(engine, web, given.recogniser)
        finally:
            engine.stop()
            web.stop()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Chromium whose microphone hears nothing."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    browser = Browser(*microphone(tmp_path_factory.mktemp("microphone") / "silence.wav", silence(1)))
    yield browser
    browser.close()


@pytest.fixture
def page(place, browser):
    """``page(path="/", url="", **options of Browser.page)``: the page, with somebody to talk to."""

    def opened(path="/", url="", **options):
        browser.page((url or place.url) + path, **options)
        browser.wait_for_selector("[data-offered]")
        return browser

    yield opened
    browser.goto("about:blank")  # whoever talks hangs up
    assert browser.faults() == []
