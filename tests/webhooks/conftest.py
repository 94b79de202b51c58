"""An engine with its HTTP side on loopback, as carriers reach it."""

import http.client
import json
import sys
from pathlib import Path
from time import monotonic

import gevent
import pytest

sys.path[:0] = [str(Path(__file__).parents[1] / "call")]

from call_providers import providers  # noqa: E402
from call_world import QUICK, merged  # noqa: E402

from engine.casting import Casting  # noqa: E402
from engine.config import Config, HttpOptions  # noqa: E402
from engine.senses import Hearing  # noqa: E402
from engine.service import Engine  # noqa: E402
from engine.speech.ears import Ears  # noqa: E402
from engine.timers import Timers  # noqa: E402
from engine.web import health, metrics, sessions, switchrecords, webhooks  # noqa: E402
from engine.web.app import Web  # noqa: E402
from engine.web.traffic import Traffic  # noqa: E402
from tests.fakes.carrier_webhooks import ExotelSender, TwilioSender  # noqa: E402

BASE = "https://voice.example.org"
ENVIRON = {"TWILIO_AUTH_TOKEN": "12345", "TWILIO_ACCOUNT_SID": "AC" + "0" * 32, "EXOTEL_API_KEY": "key",
           "EXOTEL_API_TOKEN": "token", "EXOTEL_WEBHOOK_TOKEN": "a-token-of-sixteen", "WEBHOOK_SECRET": "a secret",
           "TRUNKLINE_CDR_PASSWORD": "records"}
AGENT = """
default: true
languages:
  en: {greeting: Hello from the desk.}
model: {provider: gpt, name: gpt-test}
"""


class Site:
    """The engine, its server, and who sends to it."""

    def __init__(self, home, environ, changes):
        config = Config.model_validate(merged(merged(QUICK, {
            "store": {"write_every_ms": 20}, "carriers": {"webhook_base_url": BASE},
            "agents": {"shipped": False}}), changes))
        self.engine = Engine(config, providers())
        self.engine.start()
        self.asked = []
        built = webhooks.routes(self.engine, environ, lambda call: self.numbers.pop(call, ""))
        self.hooks = built[0].handle.__self__
        self.numbers = {}
        self.web = Web(HttpOptions(port=0), [
            *built, *switchrecords.routes(self.engine, environ), *sessions.routes(self.engine),
            *health.routes(self.engine.snapshot), *metrics.routes(self.engine, Traffic())])
        self.web.start()
        self.twilio = TwilioSender(self.web.address, BASE, "12345")
        self.exotel = ExotelSender(self.web.address, BASE, user="key", password="token")

    def with_agents(self):
        """Agents of files, and a model that the test brings as ``providers``."""
        config, given = self.engine.config, providers()
        self.engine._casting = Casting(config, given, Hearing(Ears(given.vad, config.vad)), Timers())
        return self

    def get(self, path, status=200):
        connection = http.client.HTTPConnection(*self.web.address, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == status, body
            return json.loads(body) if answer.headers.get_content_type() == "application/json" else body.decode()
        finally:
            connection.close()

    def session(self, call, wanted=lambda found: True):
        """The session as the API tells it, once it is as it is wanted."""
        until = monotonic() + 10
        while True:
            try:
                found = self.get(f"/sessions/{call}")
            except AssertionError:
                found = None
            if found is not None and wanted(found):
                return found
            assert monotonic() < until, found
            gevent.sleep(0.02)

    def listed(self, query, count):
        """The list of sessions, once there are so many: it is written some milliseconds after the webhook."""
        until = monotonic() + 10
        while len(found := self.get(f"/sessions?{query}")["data"]) != count:
            assert monotonic() < until, found
            gevent.sleep(0.02)
        return found

    def close(self):
        self.web.stop()
        self.engine.stop()


@pytest.fixture
def site(tmp_path, monkeypatch):
    """``site(environ={...}, **options of the configuration)``."""
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "desk.yaml").write_text(AGENT)
    opened = []

    def make(environ=None, **changes):
        opened.append(Site(tmp_path, ENVIRON if environ is None else environ, changes))
        return opened[-1]

    yield make
    for one in opened:
        one.close()
