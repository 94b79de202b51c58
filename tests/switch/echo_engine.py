"""An engine whose agent says back what it hears, at once: for measuring how long audio is under way.

The engine is the product's, with its media back-ends; only the conversation is taken out of the way.
"""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402
import signal  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1] / "call")]

import gevent  # noqa: E402
import numpy as np  # noqa: E402
from call_providers import LookUp, LoudnessVad, ScriptedRecogniser, ToneVoice  # noqa: E402
from gevent.event import Event  # noqa: E402

from engine import configfile  # noqa: E402
from engine.embedded import Providers  # noqa: E402
from engine.service import Engine  # noqa: E402
from engine.telemetry import logs  # noqa: E402

LOUD = 1000


def echo(call):
    """From now on the caller hears themselves."""
    leg, playout = call.leg, call.leg.playout
    call.conversation.suspend("an echo speaks")
    playout.open(1)
    playout.add(1, np.zeros(leg.rate // 50, np.int16), "")
    playout.release(1)

    def ear(frame, silent):
        pcm = np.frombuffer(frame, np.int16)
        if abs(pcm).max() > LOUD:  # not the silence between: what a stall has let pile up must have time to play
            playout.extend(1, pcm)

    leg.attach(ear)


def began(call):
    def told(line):
        if line["event"] == "recording":
            gevent.spawn_later(0.1, echo, call)

    call.events.listen(told)


def main():
    config = configfile.load(Path(sys.argv[1]), os.environ)
    logs.setup()
    engine = Engine(config, Providers(LoudnessVad(), ScriptedRecogniser(), ToneVoice(), LookUp()))
    engine.began.append(began)
    engine.start()
    print(f"trunkline ready: event socket {engine.event_socket_address}, health none", flush=True)
    stop = Event()
    gevent.signal_handler(signal.SIGTERM, stop.set)
    stop.wait()
    engine.stop()


if __name__ == "__main__":
    main()
