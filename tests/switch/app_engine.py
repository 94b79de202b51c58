"""An engine that offers its calls to a program: for the real-call tests of the calls API.

The engine and its HTTP server are the product's; brain, recogniser and voice are scripted
(``tests/call/call_providers.py``). The agent is a tone of 220 Hz. Its folder has ``app.json``, the agent's ``app``.
"""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1] / "call")]

import gevent  # noqa: E402
from call_providers import LookUp, LoudnessVad, ScriptedRecogniser, ToneVoice  # noqa: E402
from gevent.event import Event  # noqa: E402

from engine import configfile  # noqa: E402
from engine.agents.options import AppOptions  # noqa: E402
from engine.dialog.brain import Text  # noqa: E402
from engine.embedded import Providers  # noqa: E402
from engine.service import Engine  # noqa: E402
from engine.telemetry import logs  # noqa: E402
from engine.web import parts  # noqa: E402

SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGUgdGVzdHM="


class Attentive(ScriptedRecogniser):
    """Every voice asks when it opens."""

    def open(self, rate, deliver):
        self.scripts.append(["when do you open"] * 50)
        return super().open(rate, deliver)


class Obliging(LookUp):
    """Speaks when it is asked to, too."""

    def reply(self, request):
        if request.text:
            yield from super().reply(request)
        else:
            yield Text("Good day, this is the program speaking.")


def main():
    folder = Path(sys.argv[1])
    os.environ["APP_SECRET"] = SECRET
    config = configfile.load(Path(sys.argv[2]), os.environ)
    logs.setup()
    engine = Engine(config, Providers(LoudnessVad(), Attentive(), ToneVoice(), Obliging()))
    engine.app = lambda channel: AppOptions.model_validate_json((folder / "app.json").read_text())
    web = parts.web(engine)
    web.start()
    engine.start()
    print(f"trunkline ready: event socket {engine.event_socket_address}, health {web.url}/health", flush=True)
    stop = Event()
    gevent.signal_handler(signal.SIGTERM, stop.set)
    stop.wait()
    web.stop()
    engine.stop()


if __name__ == "__main__":
    main()
