"""``trunkline serve``: run the engine until SIGTERM or SIGINT."""

import argparse
import os
import signal
from pathlib import Path

HELP = """\
Run the engine: it listens for FreeSWITCH's outbound event socket (127.0.0.1:8084) and serves HTTP (127.0.0.1:8080;
/docs lists what is there).

In the dialplan:   <action application="socket" data="127.0.0.1:8084 async full"/>

SIGTERM or Ctrl-C drains: no new calls, calls in progress may end by themselves (drain_s), then they go on to the
dialplan's next action. A second signal ends at once."""

EPILOG = """\
examples:
  trunkline serve
  trunkline serve --config /etc/trunkline.yaml
  TRUNKLINE_EVENT_SOCKET__MAX_CALLS=100 trunkline serve"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--config FILE``."""
    parser.add_argument("--config", type=Path, metavar="FILE", help="YAML; see docs/operator/configuration.md")


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop; 0 when every call had ended by itself, 1 when some had to be let go."""
    import gevent
    from gevent.event import Event

    from engine import configfile
    from engine.service import Engine
    from engine.telemetry import logs
    from engine.web import parts

    config = configfile.load(args.config, os.environ)
    writer = logs.setup()
    engine = Engine(config)
    web = parts.web(engine)
    stop, hurry = Event(), Event()

    def on_signal() -> None:
        (hurry if stop.is_set() else stop).set()

    handlers = [gevent.signal_handler(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)]
    draining: gevent.Greenlet | None = None
    try:
        web.start()
        engine.http_port = web.address[1]
        engine.start()
        print(f"trunkline ready: event socket {engine.event_socket_address}, health {web.url}/health", flush=True)
        gevent.wait([stop, engine.told_to_drain], count=1)
        stop.set()
        draining = gevent.spawn(engine.drain)
        draining.link(lambda _: hurry.set())
        hurry.wait()
        return 0 if draining.ready() and draining.value else 1
    finally:
        engine.stop()
        if draining is not None:
            draining.kill()
        web.stop()
        for handler in handlers:
            handler.cancel()
        writer.close()
