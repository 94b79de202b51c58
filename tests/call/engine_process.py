"""An engine with scripted providers in a process of its own, for ``EngineProcess``."""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

import gevent  # noqa: E402
from call_providers import providers  # noqa: E402

from engine import configfile  # noqa: E402
from engine.service import Engine  # noqa: E402

engine = Engine(configfile.load(None, os.environ), providers())
engine.start()
print(f"trunkline ready: event socket {engine.event_socket_address}, health none", flush=True)
gevent.sleep(60)
