"""``python -m benchmarks.under_test``: an engine with instant providers, started like ``trunkline serve``."""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402
import signal  # noqa: E402

from gevent import signal_handler  # noqa: E402
from gevent.event import Event  # noqa: E402

from benchmarks.instant import InstantBrain, InstantRecogniser, InstantVoice  # noqa: E402
from benchmarks.web_parts import ROUNDS, ROUTES, SOCKETS  # noqa: E402
from engine import configfile  # noqa: E402
from engine.agents.options import AppOptions  # noqa: E402
from engine.embedded import Providers  # noqa: E402
from engine.service import Engine  # noqa: E402
from engine.speech.vad import make_vad  # noqa: E402
from engine.web import parts  # noqa: E402
from engine.web.app import Web  # noqa: E402
from engine.web.traffic import Traffic  # noqa: E402


def main() -> None:
    """Serve until SIGTERM."""
    config = configfile.load(None, os.environ)
    engine = Engine(
        config, Providers(make_vad(config.vad), InstantRecogniser(), InstantVoice(), InstantBrain())
    )
    if os.environ.get("APP_WEBHOOK"):  # a program is asked about each call
        app = AppOptions(webhook=os.environ["APP_WEBHOOK"], secret_env="APP_SECRET")
        engine.app = lambda channel: app
    traffic = Traffic()
    web = Web(config.http, [*parts.routes(engine, traffic), *ROUTES],
              [*parts.sockets(engine), *SOCKETS], traffic=traffic)
    stop = Event()
    handler = signal_handler(signal.SIGTERM, stop.set)
    try:
        ROUNDS.start()
        web.start()
        engine.start()
        print(f"trunkline ready: event socket {engine.event_socket_address}, health {web.url}/health", flush=True)
        stop.wait()
    finally:
        engine.stop()
        web.stop()
        handler.cancel()


if __name__ == "__main__":
    main()
