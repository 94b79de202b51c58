"""An engine with scripted providers that serves Realtime clients over real sockets, and nothing left behind: fixtures
for the conftest of whoever needs them. (``tests/call`` has to be on the path.)"""

from contextlib import contextmanager
from pathlib import Path

import pytest
from call_providers import providers
from call_world import QUICK, merged, read_events, wait
from leftovers import nothing_left
from session_client import Client

from engine.config import Config
from engine.service import Engine
from engine.telemetry.aftercall import AfterCall
from engine.web import realtime
from engine.web.app import Web


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


@contextmanager
def open_place(home, given=None, routes=(), **changes):
    """An engine with ``given`` providers and changes to ``QUICK``, at work; ``routes`` are served besides."""
    engine = Engine(Config.model_validate(merged(QUICK, changes)), given or providers())
    web = Web(engine.config.http, [*realtime.routes(engine), *routes], realtime.sockets(engine),
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


@pytest.fixture
def place(home, tidy, monkeypatch):
    """``with place(given, realtime={...}) as at``: see ``open_place``."""
    monkeypatch.setattr(AfterCall, "submit", lambda self, folder: None)
    return lambda given=None, **changes: open_place(home, given, **changes)
