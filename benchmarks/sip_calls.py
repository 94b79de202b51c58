"""Calls that a program takes: how long the engine itself makes the caller and the program wait.

The engine runs in a process of its own; the program (webhook and requests) and the stand-in are in this one.
"""

import json
import os
import tempfile
import time
import urllib.request

import gevent
import numpy as np
from gevent.pywsgi import WSGIServer

from benchmarks.calls import engine
from benchmarks.figure import Figure
from engine.net.websocket import WebSocket
from engine.standin.standin import StandIn

COMMAND = "python -m benchmarks sip_calls"
CALLS = 30
SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGUgYmVuY2htYXJr"


def figures() -> list[Figure]:
    """All rows; half a minute."""
    os.environ["APP_SECRET"] = SECRET
    seen: dict[str, float] = {}

    def hook(environ, answer):
        event = json.loads(environ["wsgi.input"].read())
        seen[event["data"]["call_id"]] = time.monotonic()
        answer("200 OK", [("Content-Length", "0")])
        return [b""]

    server = WSGIServer(("127.0.0.1", 0), hook, log=None)
    server.start()
    os.environ["APP_WEBHOOK"] = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        with tempfile.TemporaryDirectory() as home, engine(home) as under_test, StandIn() as standin:
            base = under_test.health.removesuffix("/health")
            rows = [_one(standin, under_test.address, base, seen) for _ in range(CALLS)]
    finally:
        del os.environ["APP_WEBHOOK"]
        server.stop()
    asked, taken, attached = (float(np.median(column)) for column in zip(*rows, strict=True))
    return [
        _figure("call in FreeSWITCH to the event at its program, median", asked, 100),
        _figure("a program's accept to the call answered with audio, median", taken, 200),
        _figure("a client attaches to a live call: connect to session.created, median", attached, 50),
    ]


def _one(standin: StandIn, address: str, base: str, seen: dict[str, float]) -> tuple[float, float, float]:
    """One call: ms to the event, ms of accept, ms to be attached."""
    began = time.monotonic()
    call = standin.place(address)
    with gevent.Timeout(10):
        while call.uuid not in seen:
            gevent.sleep(0.001)
    asked = seen[call.uuid] - began
    began = time.monotonic()
    request = urllib.request.Request(f"{base}/v1/realtime/calls/{call.uuid}/accept", b'{"type":"realtime"}',
                                     {"Content-Type": "application/json"}, method="POST")
    urllib.request.urlopen(request, timeout=10).close()
    taken = time.monotonic() - began
    began = time.monotonic()
    client = WebSocket.connect(f"{base.replace('http', 'ws', 1)}/v1/realtime?call_id={call.uuid}")
    assert json.loads(client.receive())["type"] == "session.created"
    attached = time.monotonic() - began
    client.close()
    call.hangup()
    return asked * 1000, taken * 1000, attached * 1000


def _figure(name: str, value: float, aim: float) -> Figure:
    return Figure(name, round(value, 1), "ms", f"<= {aim:g}", value <= aim, COMMAND)
