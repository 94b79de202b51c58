"""An engine with scripted providers, a stand-in that calls it over real sockets, and nothing left behind."""

import gc
from contextlib import contextmanager
from pathlib import Path

import gevent
import pytest
from call_providers import providers
from call_world import QUICK, World, living, merged, open_files

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
    gevent.sleep(0)
    gc.collect()
    greenlets, files = living(), open_files()
    yield
    left = set()
    for _ in range(100):
        gc.collect()
        left = living() - greenlets
        if not left and open_files() <= files:
            return
        gevent.sleep(0.02)
    assert not left
    assert open_files() <= files


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
