"""An engine with scripted providers that serves Realtime clients over real sockets, and nothing left behind."""

import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "call"))

from call_providers import providers  # noqa: E402
from call_world import QUICK, merged, read_events, wait  # noqa: E402
from leftovers import nothing_left  # noqa: E402
from session_client import Client  # noqa: E402

from engine.config import Config  # noqa: E402
from engine.service import Engine  # noqa: E402
from engine.telemetry.aftercall import AfterCall  # noqa: E402
from engine.web import realtime  # noqa: E402
from engine.web.app import Web  # noqa: E402


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    return Path(tmp_path)


@pytest.fixture
def tidy():
    """The test leaves no greenlet and no file or socket."""
    with nothing_left(2.0):
        yield


class Place:
    """One engine and its HTTP server."""

    def __init__(self, engine, web, home):
        self.engine, self.web, self.home = engine, web, home

    @property
    def ws(self):
        """Address of the WebSockets."""
        return self.web.url.replace("http", "ws", 1)

    def client(self, path="/v1/realtime?model=local", **options):
        """A client that takes every event and checks it against the SDK's types."""
        return Client(self.ws + path, **options)

    def logs(self):
        """The logs of all sessions that are over, by the order in which they began."""
        wait(lambda: not self.engine.sessions, "the engine still holds a session")
        assert self.engine._disk.flush()
        return [read_events(log) for log in sorted(self.home.glob("calls/*/*/events.jsonl"))]


@pytest.fixture
def place(home, tidy, monkeypatch):
    """``with place(given, realtime={...}) as at``: an engine with ``given`` providers and changes to ``QUICK``."""

    @contextmanager
    def open_place(given=None, **changes):
        monkeypatch.setattr(AfterCall, "submit", lambda self, folder: None)
        engine = Engine(Config.model_validate(merged(QUICK, changes)), given or providers())
        web = Web(engine.config.http, realtime.routes(engine), realtime.sockets(engine),
                  verifiers=[lambda secret: realtime.verify(engine, secret)])
        engine.start()
        try:
            web.start()
            try:
                yield Place(engine, web, home)
            finally:
                web.stop()
        finally:
            engine.stop()
        assert not engine.sessions

    return open_place
