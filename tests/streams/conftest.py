"""An engine that takes carriers' streams over real sockets, with scripted providers, and nothing left behind."""

import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "call"))
sys.path.insert(0, str(Path(__file__).parent.parent / "sessions"))

import call_providers  # noqa: E402
from call_providers import providers  # noqa: E402
from call_world import QUICK, merged  # noqa: E402
from session_place import home, tidy  # noqa: E402, F401
from stream_place import Place  # noqa: E402

from engine.config import Config  # noqa: E402
from engine.service import Engine  # noqa: E402
from engine.telemetry.aftercall import AfterCall  # noqa: E402
from engine.web import carrier_streams  # noqa: E402
from engine.web.app import Web  # noqa: E402

CHAR_S = 0.015
"""How long a letter of the agent's is here."""

OPEN = {"agent": {"greeting": "Hi there."},
        "carrier_streams": {"twilio": {"unsigned": True}, "exotel": {"unsigned": True}}}


@pytest.fixture
def place(home, tidy, monkeypatch):  # noqa: F811
    """``with place(given, environ={...}, carrier_streams={...}) as at``; unsigned streams are taken unless said."""
    monkeypatch.setattr(AfterCall, "submit", lambda self, folder: None)
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
