"""The Realtime server beside the telephone, with providers that take no time: added delay, idle and active sessions.

The engine runs in a process of its own; clients are plain WebSockets in this one.
"""

import base64
import json
import resource
import tempfile
import time
import urllib.request
from pathlib import Path

import gevent
import numpy as np

from benchmarks.calls import engine, spoken
from benchmarks.figure import Figure
from engine.net.errors import SocketClosed
from engine.net.websocket import Limits, WebSocket
from engine.standin.dialogue import AgentEar
from engine.standin.standin import StandIn

COMMAND = "python -m benchmarks realtime"
RATE = 24000
CHUNK_MS = 40
TURNS = 8
IDLE = 2000
ACTIVE = 100
ACTIVE_S = 20.0
LIMITS = Limits(message_bytes=4 << 20, ping_s=60.0)
CROWD = {"HTTP__MAX_CONNECTIONS_PER_IP": "4096", "REALTIME__MAX_SESSIONS": "4096", "RECORD__AUDIO": "false"}


def figures() -> list[Figure]:
    """All rows; about two minutes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    return [delay(), idle(), active()]


def delay() -> Figure:
    """From the caller's last voiced frame to the agent's first, over the same endpoint wait."""
    with tempfile.TemporaryDirectory() as home, engine(home) as under_test:
        phone = _phone_delays(under_test.address)
        socket = _socket_delays(_address(under_test.health))
    added = float(np.median(socket) - np.median(phone))
    return _figure("added delay of the WebSocket leg over the telephone's, median", added, "ms", "<= 20", added <= 20)


def _phone_delays(address: str) -> list[float]:
    """ms; the leg of a telephone writes its first frame within a tick of it."""
    delays = []
    question = spoken(8000)
    with StandIn() as standin:
        calls = [standin.place(address) for _ in range(TURNS)]
        ears = [AgentEar(call) for call in calls]
        standin.pass_time(5.0)
        began = [call.seconds for call in calls]
        for call in calls:
            call.say(question)
        standin.pass_time(len(question) / calls[0].rate + 1.5)
        for call, ear, start in zip(calls, ears, began, strict=True):
            ends = start + len(question) / call.rate
            first = ear.first_after(ends)
            assert first is not None, "no answer"
            delays.append((first - ends) * 1000)
            call.hangup()
    return delays


def _socket_delays(url: str) -> list[float]:
    """ms from sending the last voiced chunk to the first audio of the answer."""
    delays = []
    question = spoken(RATE)
    for _ in range(TURNS):
        client = WebSocket.connect(url, limits=LIMITS)
        client.receive()
        pieces, silence = _pieces(question), _pieces(np.zeros(RATE * CHUNK_MS // 1000, np.int16))[0]
        at = time.monotonic()
        for piece in pieces:
            client.send(piece)
            at += CHUNK_MS / 1000
            gevent.sleep(max(0.0, at - time.monotonic()))
        ended = at - CHUNK_MS / 1000
        reader = gevent.spawn(_first_audio, client)
        while not reader.ready() and time.monotonic() - ended < 5:
            client.send(silence)
            at += CHUNK_MS / 1000
            gevent.sleep(max(0.0, at - time.monotonic()))
        delays.append((reader.get(timeout=1) - ended) * 1000)
        client.close()
    return delays


def _first_audio(client: WebSocket) -> float:
    while True:
        event = json.loads(client.receive())
        if event["type"] == "response.output_audio.delta":
            return time.monotonic()


def idle() -> Figure:
    """Connections that have got ``session.created`` and say nothing."""
    with tempfile.TemporaryDirectory() as home, engine(home, **CROWD) as under_test:
        url = _address(under_test.health)
        first = _connected(url, 50)  # what is loaded on first use is nobody's
        before = _rss_kb(under_test.pid)
        clients = _connected(url, IDLE)
        each = (_rss_kb(under_test.pid) - before) / len(clients)
        for client in [*first, *clients]:
            client.abort()
    return _figure(f"memory of an idle session, {IDLE} of them", each, "KB", "<= 60", each <= 60)


def active() -> Figure:
    """Sessions that speak and are answered all the time."""
    with tempfile.TemporaryDirectory() as home, engine(home, **CROWD) as under_test:
        clients = _connected(_address(under_test.health), ACTIVE)
        answered = [0] * ACTIVE
        question = _pieces(spoken(RATE))
        work = [gevent.spawn(_talk, client, number, question) for number, client in enumerate(clients)]
        work += [gevent.spawn(_count, client, answered, number) for number, client in enumerate(clients)]
        gevent.sleep(ACTIVE_S)
        with urllib.request.urlopen(under_test.health) as answer:
            late = json.loads(answer.read())["frame_clock"]["late_p99_ms"]
        gevent.killall(work)
        for client in clients:
            client.abort()
    good = late < 20 and min(answered) > 0
    name = f"{ACTIVE} spoken sessions on 2 cores, clients included: frame lateness p99"
    return _figure(name, late, "ms", "< 20", good)


def _talk(client: WebSocket, number: int, question: list[str]) -> None:
    pieces = question + _pieces(np.zeros(RATE * 5, np.int16))
    at = time.monotonic() + number % 50 * 0.1
    while True:
        for piece in pieces:
            gevent.sleep(max(0.0, at - time.monotonic()))
            client.send(piece)
            at += CHUNK_MS / 1000


def _count(client: WebSocket, answered: list[int], number: int) -> None:
    try:
        while True:
            if '"response.output_audio.delta"' in client.receive()[:60]:
                answered[number] += 1
    except SocketClosed:
        return


def _pieces(pcm: np.ndarray) -> list[str]:
    step = RATE * CHUNK_MS // 1000
    return [json.dumps({"type": "input_audio_buffer.append",
                        "audio": base64.b64encode(pcm[at : at + step].tobytes()).decode()})
            for at in range(0, len(pcm), step)]


def _connected(url: str, count: int) -> list[WebSocket]:
    clients = []
    for _ in range(count):
        client = WebSocket.connect(url, limits=LIMITS)
        assert json.loads(client.receive())["type"] == "session.created"
        clients.append(client)
    return clients


def _address(health: str) -> str:
    return health.replace("http", "ws", 1).replace("/health", "/v1/realtime?model=local")


def _rss_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def _figure(name: str, value: float, unit: str, aim: str, ok: bool) -> Figure:
    return Figure(name, round(value, 1), unit, aim, bool(ok), COMMAND)


if __name__ == "__main__":
    from gevent import monkey

    monkey.patch_all()
    for row in figures():
        print(row)
