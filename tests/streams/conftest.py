"""An engine that takes carriers' streams over real sockets, with scripted providers, and nothing left behind."""

import sys
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import gevent
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "call"))
sys.path.insert(0, str(Path(__file__).parent.parent / "sessions"))

import call_providers  # noqa: E402
from call_providers import providers  # noqa: E402
from call_world import QUICK, merged, read_events, wait  # noqa: E402
from session_place import home, tidy  # noqa: E402, F401
from stream_phone import StreamPhone  # noqa: E402

from engine.config import Config  # noqa: E402
from engine.heap import Heap  # noqa: E402
from engine.service import Engine  # noqa: E402
from engine.telemetry.aftercall import AfterCall  # noqa: E402
from engine.web import carrier_streams  # noqa: E402
from engine.web.app import Web  # noqa: E402
from tests.fakes.exotel_media import ExotelMedia  # noqa: E402
from tests.fakes.twilio_media import TwilioMedia  # noqa: E402

CHAR_S = 0.015
"""How long a letter of the agent's is here."""

OPEN = {"agent": {"greeting": "Hi there."},
        "carrier_streams": {"twilio": {"unsigned": True}, "exotel": {"unsigned": True}}}


class Place:
    """One engine and its HTTP server."""

    def __init__(self, engine, web, folder):
        self.engine, self.web, self.home = engine, web, folder

    @property
    def ws(self):
        return self.web.url.replace("http", "ws", 1)

    def twilio(self, path="/ws/twilio", headers=None, **parameters):
        return StreamPhone(self.ws + path, TwilioMedia(monotonic(), **parameters), headers)

    def exotel(self, path="/ws/exotel", headers=None, **options):
        return StreamPhone(self.ws + path, ExotelMedia(monotonic(), **options), headers)

    def both(self, call):
        """``call(phone)`` with a phone behind each carrier, at the same time; the log of each call by its transport."""
        phones = {"twilio": self.twilio(), "exotel": self.exotel()}
        running = [gevent.spawn(call, phone) for phone in phones.values()]
        gevent.joinall(running, raise_error=True)
        logs = {log[0]["transport"]: log for log in self.logs()}
        return [(name, phone, logs[name]) for name, phone in phones.items()]

    def log(self):
        """The lines of the only call, which is over."""
        (one,) = self.logs()
        return one

    def logs(self):
        wait(lambda: not self.engine.sessions, "the engine still holds a stream")
        assert self.engine._disk.flush()
        return [read_events(log) for log in sorted(self.home.glob("calls/*/*/events.jsonl"))]


@pytest.fixture
def place(home, tidy, monkeypatch):  # noqa: F811
    """``with place(given, environ={...}, carrier_streams={...}) as at``; unsigned streams are taken unless said."""
    monkeypatch.setattr(AfterCall, "submit", lambda self, folder: None)
    monkeypatch.setattr(Heap, "look_at_everything", lambda self: None)  # half a second: all tests' modules are there
    monkeypatch.setattr(call_providers, "CHAR_S", CHAR_S)

    @contextmanager
    def opened(given=None, environ=None, targets=None, doors=OPEN, **changes):
        for name, value in (environ or {}).items():
            monkeypatch.setenv(name, value)
        engine = Engine(Config.model_validate(merged(merged(QUICK, doors), changes)), given or providers())
        if targets:
            engine.targets = lambda channel: targets
        web = Web(engine.config.http, [], carrier_streams.sockets(engine))
        engine.start()
        try:
            web.start()
            try:
                yield Place(engine, web, home)
            finally:
                web.stop()
        finally:
            engine.stop()
        assert not engine.sessions and not engine.live

    return opened
