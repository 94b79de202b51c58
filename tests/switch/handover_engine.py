"""An engine whose agent does with the call what the test wants: for the real-call tests of hand-over.

The engine is the product's; only its brain, recogniser and voice are scripted (``tests/call/call_providers.py``). Any
voice of the caller is an order to do what stands in ``orders.json``. The agent is a tone of 220 Hz.
"""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1] / "call")]

import gevent  # noqa: E402
from call_providers import LoudnessVad, ScriptedRecogniser, ToneVoice  # noqa: E402
from gevent.event import Event  # noqa: E402

from engine import configfile  # noqa: E402
from engine.config import TransferTarget  # noqa: E402
from engine.dialog.brain import Text  # noqa: E402
from engine.embedded import Providers  # noqa: E402
from engine.service import Engine  # noqa: E402
from engine.telemetry import logs  # noqa: E402
from engine.web import parts  # noqa: E402


class Obedient:
    """Does what ``orders.json`` of its folder says: ``{"do": "transfer", ...}``; and says what came of it."""

    def __init__(self, folder):
        self.folder = folder

    def reply(self, request):
        order = json.loads((self.folder / "orders.json").read_text())
        do = order.pop("do")
        yield Text("Very well. ")
        if not request.wait_decided(5.0):
            return
        outcome = getattr(request.context.actions, do)(**order)
        (self.folder / "outcome.json").write_text(json.dumps([outcome.ok, outcome.why, outcome.data]))
        yield Text("It is done. " if outcome.ok else "That did not work. ")


class Attentive(ScriptedRecogniser):
    """Every voice is an order."""

    def open(self, rate, deliver):
        self.scripts.append(["please do it"] * 50)
        return super().open(rate, deliver)


def main():
    folder = Path(sys.argv[1])
    config = configfile.load(Path(sys.argv[2]), os.environ)
    logs.setup()
    providers = Providers(LoudnessVad(), Attentive(), ToneVoice(), Obedient(folder))
    engine = Engine(config, providers)
    engine.targets = lambda channel: {
        name: TransferTarget(**target) for name, target in json.loads((folder / "targets.json").read_text()).items()
    }
    web = parts.web(engine)
    web.start()
    engine.http_port = web.address[1]
    engine.start()
    print(f"trunkline ready: event socket {engine.event_socket_address}, health none", flush=True)
    stop = Event()
    gevent.signal_handler(signal.SIGTERM, stop.set)
    stop.wait()
    engine.stop()
    web.stop()


if __name__ == "__main__":
    main()
