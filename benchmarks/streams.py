"""Carriers' streams: how long a stream takes to become a call, and a million messages that make no sense."""

import contextlib
import gc
import json
import random
import resource
import tempfile
import time
from pathlib import Path

import gevent
import numpy as np

from benchmarks.figure import Figure
from benchmarks.instant import InstantBrain, InstantRecogniser, InstantVoice

COMMAND = "python -m benchmarks streams"

STREAMS = 300
UP_AT_ONCE = 20
SET_UP_P95_MS = 10.0

MESSAGES = 1_000_000
GROWTH_MB = 5.0


def figures() -> list[Figure]:
    """All rows; about two minutes."""
    return [*creation(), *fuzz()]


# ------------------------------------------------------------ a stream becomes a call


def creation() -> list[Figure]:
    """Signed streams of Twilio over real sockets, some of them talking all the time. The engine is in this process, so
    that the clients' work counts as well."""
    import os

    with tempfile.TemporaryDirectory(prefix="trunkline-bench-") as home:
        os.environ |= {"TRUNKLINE_HOME": home, "TWILIO_AUTH_TOKEN": "12345"}
        set_up, first = _measure()
    p95, first_p95 = (float(np.percentile(times, 95)) for times in (set_up, first))
    usual = float(np.median(set_up))
    return [
        Figure("session creation of a stream: socket accepted to call set up, median", round(usual, 1), "ms",
               f"<= {SET_UP_P95_MS:g}", usual <= SET_UP_P95_MS, COMMAND),
        Figure("session creation of a stream: socket accepted to call set up, p95", round(p95, 1), "ms",
               f"<= {SET_UP_P95_MS:g}", p95 <= SET_UP_P95_MS, COMMAND),
        Figure("the same to the first audio of the greeting at the carrier, p95", round(first_p95, 1), "ms", "<= 50",
               first_p95 <= 50, COMMAND),
    ]


def _measure() -> tuple[list[float], list[float]]:
    from engine.carriers.signatures import TWILIO_HEADER, twilio_signature
    from engine.config import Config
    from engine.embedded import Providers
    from engine.service import Engine
    from engine.speech.vad.webrtc import WebRtcVad
    from engine.web import carrier_streams
    from engine.web.app import Web

    engine = Engine(Config.model_validate({
        "event_socket": {"port": 0}, "http": {"port": 0, "requests_per_minute_per_ip": 0}, "store": {"enabled": False},
        "record": {"page": False}}),
        Providers(WebRtcVad(), InstantRecogniser(), InstantVoice(), InstantBrain()))
    accepted: list[float] = []
    set_up: list[float] = []
    began = engine.session_began

    def noted(session: object) -> None:
        set_up.append((time.perf_counter() - accepted.pop()) * 1000)
        began(session)  # type: ignore[arg-type]

    engine.session_began = noted  # type: ignore[method-assign]
    sockets = carrier_streams.sockets(engine)
    server = carrier_streams.server_of(engine)
    hold = server.hold_twilio
    server.hold_twilio = lambda socket, check: (accepted.append(time.perf_counter()), hold(socket, check))  # type: ignore
    web = Web(engine.config.http, [], sockets)
    engine.start()
    web.start()
    url = web.url.replace("http", "ws", 1) + "/ws/twilio"
    headers = {TWILIO_HEADER: twilio_signature("12345", url)}
    first: list[float] = []
    clients = []
    try:
        for n in range(STREAMS):
            clients.append(_Client(url, headers, n))
            first.append(clients[-1].first_audio())
            if len(clients) > UP_AT_ONCE:
                clients.pop(0).close()
        return set_up[20:], first[20:]
    finally:
        for client in clients:
            client.close()
        web.stop()
        engine.stop()


class _Client:
    """A carrier that sends silence all the time."""

    def __init__(self, url: str, headers: dict[str, str], number: int) -> None:
        from engine.net.websocket import WebSocket

        self._sid = f"MZ{number}"
        self._socket = WebSocket.connect(url, headers=headers)
        self._began = time.perf_counter()
        start = {"streamSid": self._sid, "callSid": f"CA{number:032x}", "accountSid": "AC1", "customParameters": {},
                 "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}}
        self._socket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        self._socket.send(json.dumps({"event": "start", "streamSid": self._sid, "start": start}))
        self._talking = gevent.spawn(self._talk)

    def first_audio(self) -> float:
        """ms from start to the first audio."""
        while '"media"' not in str(self._socket.receive(5.0)):
            pass
        return (time.perf_counter() - self._began) * 1000

    def _talk(self) -> None:
        from engine.net.errors import SocketClosed

        media = json.dumps({"event": "media", "streamSid": self._sid, "media": {
            "track": "inbound", "payload": "/" * 216}})
        with contextlib.suppress(SocketClosed):
            while True:
                self._socket.send(media)
                gevent.sleep(0.02)

    def close(self) -> None:
        """Hang up."""
        self._talking.kill()
        self._socket.abort()


# ------------------------------------------------------------ messages that make no sense


def fuzz() -> list[Figure]:
    """Documented messages with bytes changed, cut, doubled, fields swapped, and plain noise: both carriers."""
    from engine.carriers.exotel_stream import ExotelStream
    from engine.carriers.stream import StreamFault
    from engine.carriers.twilio_stream import TwilioStream

    chance = random.Random(6)
    good = (Path(__file__).parent / "data" / "stream_messages.jsonl").read_text().splitlines()
    faults = crashes = 0
    before = 0
    began = time.perf_counter()
    for n in range(MESSAGES):
        if n % 500 == 0:
            wires = (TwilioStream(), ExotelStream())
            if chance.random() < 0.7:
                wires[0].receive(good[0])
                wires[1].receive(good[1])
        if n == MESSAGES // 10:
            gc.collect()
            before = _rss()
        try:
            wires[n & 1].receive(_changed(chance, good))
        except StreamFault:
            faults += 1
        except Exception as fault:  # noqa: BLE001 - that is what is counted
            crashes += 1
            print(f"{type(fault).__name__}: {fault}", flush=True)
    seconds = time.perf_counter() - began
    gc.collect()
    grown = (_rss() - before) / 1024
    return [
        Figure("malformed stream messages without a crash", MESSAGES - crashes, "of 1,000,000", "all", crashes == 0,
               COMMAND),
        Figure("of them refused with the name of the field", round(faults / MESSAGES * 100, 1), "%", "> 50",
               faults > MESSAGES / 2, COMMAND),
        Figure("malformed stream messages, rate with making them", round(MESSAGES / seconds), "per s", ">= 10,000",
               MESSAGES / seconds >= 10_000, COMMAND),
        Figure("memory grown by 900,000 of them", round(grown, 1), "MB", f"<= {GROWTH_MB:g}", grown <= GROWTH_MB,
               COMMAND),
    ]


def _changed(chance: random.Random, good: list[str]) -> str | bytes:
    """One message, not as it should be."""
    text = chance.choice(good)
    kind = chance.randrange(6)
    if kind == 0:
        at = chance.randrange(len(text))
        return text[:at] + chr(chance.randrange(32, 0x2FF)) + text[at + 1:]
    if kind == 1:
        return text[: chance.randrange(len(text))]
    if kind == 2:
        other = chance.choice(good)
        return text[: chance.randrange(len(text))] + other[chance.randrange(len(other)):]
    if kind == 3:
        words = text.split('"')
        a, b = chance.randrange(len(words)), chance.randrange(len(words))
        words[a], words[b] = words[b], words[a]
        return '"'.join(words)
    if kind == 4:
        value = chance.choice(("null", "[]", "{}", "-1", "1e400", "true", '"' + "x" * 600 + '"', "9" * 30))
        head, _, tail = text.partition(":")
        for _ in range(chance.randrange(6)):
            more, colon, rest = tail.partition(":")
            if not colon:
                break
            head, tail = f"{head}:{more}", rest
        return f"{head}:{value},{tail.partition(',')[2]}" if "," in tail else f"{head}:{value}}}"
    return chance.randbytes(chance.randrange(60))


def _rss() -> int:
    """kB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() // 1024
