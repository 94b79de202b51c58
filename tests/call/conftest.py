"""An engine with scripted providers, a stand-in that calls it over real sockets, and nothing left behind."""

from contextlib import contextmanager
from pathlib import Path

import pytest
from call_providers import providers
from call_world import QUICK, World, merged
from leftovers import nothing_left

from engine.config import Config
from engine.service import Engine
from engine.standin.standin import StandIn
from engine.telemetry.aftercall import AfterCall


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    return Path(tmp_path)


@pytest.fixture
def tidy():
    """The test leaves no greenlet and no file or socket."""
    with nothing_left(2.0):
        yield


@pytest.fixture
def world(home, tidy, monkeypatch):
    """``with world(given, turns={...}) as world``: an engine with ``given`` providers and changes to ``QUICK``.
    ``reports``: whether ended calls get theirs, which takes a process and a second."""

    @contextmanager
    def open_world(given=None, reports=False, speech=None, **changes):
        if not reports:
            monkeypatch.setattr(AfterCall, "submit", lambda self, folder: None)
        engine = Engine(Config.model_validate(merged(QUICK, changes)), given or providers())
        engine.speech = speech
        engine.start()
        try:
            with StandIn() as switch:
                yield World(engine, switch)
        finally:
            engine.stop()
        assert not engine.calls

    return open_world
