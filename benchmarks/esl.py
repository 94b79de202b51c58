"""Event socket: events parsed beside stock greenswitch, and how fast a new call is answered.

FreeSWITCH's side is this module run as a program in a process of its own (``python -m benchmarks.esl feed|call …``),
so that its work is not counted. The events are those of a recorded call (``tests/data/esl``).
"""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import re  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from pathlib import Path  # noqa: E402
from urllib.parse import quote  # noqa: E402

import gevent  # noqa: E402
import greenswitch.esl  # noqa: E402
from gevent import socket  # noqa: E402

from benchmarks.figure import Figure  # noqa: E402
from engine.esl.control import CallControl  # noqa: E402
from engine.esl.server import OutboundESLServer  # noqa: E402
from engine.esl.session import OutboundSession  # noqa: E402

DATA = Path(__file__).parent.parent / "tests" / "data" / "esl"
COMMAND = "python -m benchmarks.esl"

STOCK_EVENTS, OUR_EVENTS = 2_000, 20_000
ROUNDS = 3
TIMES_STOCK = 10.0

CALLS, CALLS_PER_S = 300, 50
ANSWER_P99_MS = 20.0


def figures() -> list[Figure]:
    """All figures of this module; about 15 s."""
    stock = max(event_rate("stock", STOCK_EVENTS) for _ in range(ROUNDS))
    ours = max(event_rate("ours", OUR_EVENTS) for _ in range(ROUNDS))
    decoded = event_rate("decoded", OUR_EVENTS // 2)
    delays = answer_delays()
    p99 = delays[int(len(delays) * 0.99)]
    return [
        Figure("JSON events parsed, times stock greenswitch", round(ours / stock, 1), "×", f"≥ {TIMES_STOCK:g}",
               ours >= TIMES_STOCK * stock, COMMAND),
        _information("JSON events parsed, three headers looked at", round(ours), "events per CPU second"),
        _information("JSON events parsed, all headers decoded", round(decoded), "events per CPU second"),
        _information("stock greenswitch, the same events in its own form", round(stock), "events per CPU second"),
        Figure(f"event-socket accept to answer sent, p99 at {CALLS_PER_S} calls/s", round(p99, 1), "ms",
               f"≤ {ANSWER_P99_MS:g}", p99 <= ANSWER_P99_MS and len(delays) == CALLS, COMMAND),
        _information("event-socket accept to answer sent, p50", round(delays[len(delays) // 2], 1), "ms"),
    ]


def _information(name: str, value: float, unit: str) -> Figure:
    return Figure(name, value, unit, "for information", True, COMMAND)


# ---------------------------------------------------------------- events


def event_rate(which: str, count: int) -> float:
    """Events per second of CPU, from the socket to a handler that looks at three headers (``decoded``: decodes all).

    CPU of this process, not the clock on the wall: the feeder and other work on the machine do not count."""
    seen, done = 0, gevent.event.Event()

    def handler(event):
        nonlocal seen
        seen += 1
        if which == "ours":
            look = event.get("Unique-ID"), event.get("Event-Name"), event.get("Hangup-Cause")
        else:
            look = tuple(event.headers[name] for name in ("Unique-ID", "Event-Name", "Hangup-Cause"))
        if seen == count:
            assert look[1:] == ("CHANNEL_HANGUP_COMPLETE", "NORMAL_CLEARING")
            done.set()

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        form = "plain" if which == "stock" else "json"
        feeder = _run("feed", str(listener.getsockname()[1]), form, str(count))
        sock, address = listener.accept()
    begun = time.process_time()
    session = (greenswitch.esl.OutboundSession if which == "stock" else OutboundSession)(address, sock)
    session.register_handle("CHANNEL_HANGUP_COMPLETE", handler)
    try:
        if not done.wait(60):
            raise RuntimeError(f"{seen} of {count} events after 60 s")
        return count / (time.process_time() - begun)
    finally:
        if which == "stock":
            # Its own stop() waits for greenlets that wait for each other's timers.
            gevent.killall([session._receive_events_greenlet, session._process_events_greenlet])
            sock.shutdown(socket.SHUT_RDWR)
            session.sock_file.close()
            sock.close()
        else:
            session.close()
        feeder.wait(10)


def feed(port: int, form: str, count: int) -> None:
    """Send ``count`` events to ``port``, then wait until the other side has closed."""
    body = re.search(rb'\{"Event-Name":"CHANNEL_HANGUP_COMPLETE".*?\}', (DATA / "10-json-events.txt").read_bytes())[0]
    if form == "plain":
        body = ("".join(f"{name}: {quote(value)}\n" for name, value in json.loads(body).items()) + "\n").encode()
    event = b"Content-Length: %d\nContent-Type: text/event-%s\n\n" % (len(body), form.encode()) + body
    with socket.create_connection(("127.0.0.1", port)) as sock:
        for _ in range(count // 100):
            sock.sendall(event * 100)
        sock.recv(1)  # stock drops what it has not handled when the stream ends


# ---------------------------------------------------------------- calls


class Answering:
    """What the engine does at the start of each call, up to the answer."""

    def __init__(self, session: CallControl) -> None:
        self.session = session

    def run(self):
        self.session.begin(cancel_watchdog=True)
        self.session.execute_nowait("answer")
        self.session.ended.wait(5)


def answer_delays() -> list[float]:
    """For each call, sorted: ms from its TCP connection to the ``answer`` command at FreeSWITCH's side."""
    server = OutboundESLServer("127.0.0.1", 0, Answering, max_connections=CALLS)
    server.start()
    try:
        caller = _run("call", str(server.bound_port))
        out, _ = caller.communicate(timeout=60)
        return sorted(json.loads(out))
    finally:
        server.drain(2)


def call_many(port: int) -> None:
    """Place the calls at an even pace and print the delays as JSON."""
    connect_reply = re.search(rb"Event-Name: CHANNEL_DATA.*?\n\n", (DATA / "01-answer-dtmf-hangup.txt").read_bytes(),
                              re.DOTALL)[0]
    begun = time.perf_counter() + 0.2
    calls = [gevent.spawn_later(max(0.0, 0.2 + n / CALLS_PER_S), _one_call, port, connect_reply) for n in range(CALLS)]
    gevent.joinall(calls, timeout=30)
    assert time.perf_counter() - begun > (CALLS - 1) / CALLS_PER_S
    print(json.dumps([call.value for call in calls if call.value is not None]))


def _one_call(port: int, connect_reply: bytes) -> float | None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        begun = time.perf_counter()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as FreeSWITCH does
        buffer = b""
        while data := sock.recv(65536):
            buffer += data
            while b"\n\n" in buffer:
                text, buffer = buffer.split(b"\n\n", 1)
                if b"execute-app-name: answer" in text:
                    delay = (time.perf_counter() - begun) * 1000
                    sock.sendall(b"Content-Type: command/reply\nReply-Text: +OK\n\n")
                    gevent.sleep(0.5)
                    return delay
                if text == b"connect":
                    sock.sendall(connect_reply)
                elif text.startswith(b"api"):
                    sock.sendall(b"Content-Type: api/response\nContent-Length: 4\n\n+OK\n")
                else:
                    sock.sendall(b"Content-Type: command/reply\nReply-Text: +OK\n\n")
    return None


def _run(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-m", "benchmarks.esl", *arguments], stdout=subprocess.PIPE,
                            cwd=Path(__file__).parent.parent)


if __name__ == "__main__":
    if sys.argv[1:2] == ["feed"]:
        feed(int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
    elif sys.argv[1:2] == ["call"]:
        call_many(int(sys.argv[2]))
    else:
        for figure in figures():
            print(figure)
