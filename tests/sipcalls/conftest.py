"""An engine whose calls are offered to a program, a stand-in that calls it, and the program: all over real sockets."""

import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
sys.path[:0] = [str(TESTS / "call"), str(TESTS / "sessions")]

from app_server import SECRET, AppServer  # noqa: E402
from call_providers import providers  # noqa: E402
from call_world import QUICK, World, merged, wait  # noqa: E402
from leftovers import nothing_left  # noqa: E402
from session_client import Client  # noqa: E402

from engine.agents.options import AppOptions  # noqa: E402
from engine.config import Config  # noqa: E402
from engine.service import Engine  # noqa: E402
from engine.standin.standin import StandIn  # noqa: E402
from engine.telemetry.aftercall import AfterCall  # noqa: E402
from engine.web import realtime, realtime_calls  # noqa: E402
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


class Place(World):
    """One engine, its HTTP server, one switch, and the program."""

    def __init__(self, engine, switch, web, app):
        super().__init__(engine, switch)
        self.web, self.app = web, app

    def answered(self, call):
        """Wait until the agent, or the program, has the call."""
        def there():
            live = self.engine.calls.get(call.uuid)
            return live is not None and any(line["event"] == "media_attached" for line in live.events.events())
        wait(there, "the call was not answered")

    def side_band(self, call, **options):
        """A client that is attached to the call, and checks every event against the SDK's types."""
        url = self.web.url.replace("http", "ws", 1)
        return Client(f"{url}/v1/realtime?call_id={call.uuid}", **options)


@pytest.fixture
def place(home, tidy, monkeypatch):
    """``with place(given, app={...}, turns={...}) as at``. ``app``: other fields of the agent's ``app``; None: none."""

    @contextmanager
    def open_place(given=None, app=(), http=None, **changes):
        monkeypatch.setattr(AfterCall, "submit", lambda self, folder: None)
        monkeypatch.setenv("APP_SECRET", SECRET)
        config = Config.model_validate(merged(QUICK, {"http": {"port": 0, **(http or {})}, **changes}))
        engine = Engine(config, given or providers())
        web = Web(config.http, [*realtime.routes(engine), *realtime_calls.routes(engine)], realtime.sockets(engine),
                  verifiers=[lambda secret: realtime.verify(engine, secret)])
        engine.start()
        program = AppServer()
        if app is not None:
            options = {"webhook": program.url, "secret_env": "APP_SECRET", "wait_s": 3, **dict(app)}
            engine.app = lambda channel: AppOptions.model_validate(options)
        try:
            web.start()
            program.start(web.url)
            with StandIn() as switch:
                yield Place(engine, switch, web, program)
        finally:
            program.stop()
            web.stop()
            engine.stop()
        assert not engine.calls
        assert not realtime_calls.calls_of(engine)._sessions

    return open_place
