"""Carriers' webhooks: from the request's first byte to the answer's last, the session that one makes, and a million
bodies that are none.

    python -m benchmarks webhooks            # FUZZ=20000 for a shorter look
"""

import base64
import gc
import hashlib
import hmac
import http.client
import json
import os
import random
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from time import perf_counter, thread_time
from urllib.parse import urlencode

import gevent

from benchmarks.figure import Figure
from engine.carriers import exotel, switchrecord, twilio
from engine.carriers.errors import CarrierError
from engine.carriers.message import read

COMMAND = "python -m benchmarks webhooks"
TOKEN, BASE = "12345", "https://voice.example.org"
ROUNDS = 400
PACE_S = 0.03
"""Between two requests: some 30 new calls a second, above what one engine holds."""
AIM_MS, SESSION_AIM_MS = 20.0, 10.0
INPUTS = int(os.environ.get("FUZZ", "1000000"))
GROWTH_MB = 5.0


def figures() -> list[Figure]:
    """The rows."""
    return [*_served(), *_fuzzed()]


def _served() -> list[Figure]:
    with tempfile.TemporaryDirectory() as home:
        os.environ["TRUNKLINE_HOME"] = home
        from engine.config import Config, HttpOptions
        from engine.service import Engine
        from engine.web import webhooks
        from engine.web.app import Web
        from tests.call.call_providers import providers

        config = Config.model_validate({
            "event_socket": {"port": 0}, "carriers": {"webhook_base_url": BASE, "webhooks_per_minute_per_call": 0},
            "http": {"requests_per_minute_per_ip": 0}})
        engine = Engine(config, providers())
        engine.start()
        routes = webhooks.routes(engine, {"TWILIO_AUTH_TOKEN": TOKEN, "EXOTEL_API_KEY": "k", "EXOTEL_API_TOKEN": "t"})
        calls = routes[0].handle.__self__.calls
        web = Web(HttpOptions(port=0, requests_per_minute_per_ip=0), routes)
        web.start()
        try:
            whole = [_paced_ms(lambda number=number: _voice(web.address, number)) for number in range(ROUNDS)]
            told = [_paced_ms(lambda number=number: _status(web.address, number)) for number in range(ROUNDS)]
            cpu = [_cpu_ms(lambda number=number: calls.deliver(_event(-number - 1))) for number in range(ROUNDS)]
            made = [_ms(lambda number=number: calls.deliver(_event(number))) for number in range(ROUNDS)]
        finally:
            web.stop()
            engine.stop()
    return [
        _row("webhook of a new call (HTTP, signature, normalising, session, TwiML), p95", whole, AIM_MS),
        _row("webhook of a status (HTTP, signature, normalising), p95", told, AIM_MS),
        _row("session creation from a webhook, p95", made, SESSION_AIM_MS),
        _row("the same in time of the processor, p95", cpu, SESSION_AIM_MS),
    ]


def _row(name: str, values: list[float], aim: float) -> Figure:
    p95 = round(sorted(values)[int(len(values) * 0.95)], 2)
    return Figure(name, p95, "ms", f"<= {aim:g}", p95 <= aim, COMMAND)


def _ms(work) -> float:
    began = perf_counter()
    work()
    return (perf_counter() - began) * 1000


def _paced_ms(work) -> float:
    gevent.sleep(PACE_S)
    return _ms(work)


def _cpu_ms(work) -> float:
    """Others on the machine do not count."""
    began = thread_time()
    work()
    return (thread_time() - began) * 1000


def _voice(address, number: int) -> None:
    _post(address, "/voice/twilio", CallSid=f"CA{number:032}", CallStatus="ringing", Direction="inbound",
          From="+12349013030", To="+18005551212")


def _status(address, number: int) -> None:
    _post(address, "/voice/twilio/status", CallSid=f"CA{number:032}", CallStatus="in-progress", Direction="inbound",
          CallbackSource="call-progress-events", From="+12349013030", To="+18005551212")


def _post(address, path: str, **params: str) -> None:
    text = BASE + path + "".join(f"{name}{params[name]}" for name in sorted(params))
    signature = base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()
    connection = http.client.HTTPConnection(*address, timeout=10)
    try:
        connection.request("POST", path, urlencode(params), {
            "Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": signature})
        answer = connection.getresponse()
        assert answer.status in (200, 204), answer.read()
        answer.read()
    finally:
        connection.close()


def _event(number: int):
    from engine.carriers.normal import CarrierEvent

    return CarrierEvent("exotel", f"bench{number}", "call", "ringing", "ringing", "+919876543210", "+918047361234")


# ---------------------------------------------------------------- a million bodies that are none

SEEDS = [
    b"CallSid=CA1&CallStatus=ringing&From=%2B12349013030&To=%2B18005551212&Direction=inbound",
    b"CallSid=a1&digits=%2255%22&CallFrom=09876543210&CallTo=0804736&CurrentTime=2026-11-21+10%3A00%3A00",
    json.dumps({"CallSid": "a1", "EventType": "terminal", "Status": "busy", "Legs": [{"Status": "busy"}]}).encode(),
    json.dumps({"variables": {"uuid": "u", "hangup_cause": "USER_BUSY", "billsec": "9", "start_uepoch": "1"},
                "callflow": [{"caller_profile": {"caller_id_number": "1"}}]}).encode(),
    json.dumps({"Call": {"Sid": "a1", "Status": "in-progress", "StartTime": "2017-03-03 12:30:24"}}).encode(),
]
KINDS = ["application/x-www-form-urlencoded", "application/json", "", "text/plain"]


def _fuzzed() -> list[Figure]:
    chance, slowest, taken = random.Random(6), 0.0, 0
    for _ in range(10_000):  # what is imported and cached at the first use
        _try(_damaged(chance), chance.choice(KINDS))
    gc.collect()
    grew_from = _resident_mb()
    began = time.monotonic()
    for _ in range(INPUTS):
        body, kind = _damaged(chance), chance.choice(KINDS)
        at = perf_counter()
        taken += _try(body, kind)
        slowest = max(slowest, perf_counter() - at)
    seconds = time.monotonic() - began
    gc.collect()
    grew = round(_resident_mb() - grew_from, 1)
    return [
        Figure(f"malformed webhook bodies ({INPUTS:,}, {taken:,} of them could be read)", round(INPUTS / seconds),
               "bodies/s", "no crash, no hang", True, COMMAND),
        Figure("slowest of them", round(slowest * 1000, 1), "ms", "<= 250", slowest < 0.25, COMMAND),
        Figure("memory that they left", grew, "MB", f"<= {GROWTH_MB:g}", grew <= GROWTH_MB, COMMAND),
    ]


def _try(body: bytes, kind: str) -> bool:
    """Read it as everything that it could be; whether a carrier's event came of it."""
    with suppress(CarrierError):
        switchrecord.read(body)
    with suppress(CarrierError):
        message = read(kind, "", body)
        twilio.event(message)
        exotel.event(message)
        return True
    return False


def _damaged(chance: random.Random) -> bytes:
    body = bytearray(chance.choice(SEEDS))
    for _ in range(chance.randrange(1, 6)):
        what, at = chance.randrange(4), chance.randrange(len(body) + 1)
        if what == 0:
            body[at:at + chance.randrange(8)] = b""
        elif what == 1:
            body[at:at] = chance.randbytes(chance.randrange(1, 8))
        elif what == 2 and body:
            body[min(at, len(body) - 1)] = chance.randrange(256)
        else:
            body[at:at] = chance.choice([b"&", b"=", b"%", b"[", b"{", b'"', b"\\u0000", b"1e999", b"-0", b"null"]) * 3
    return bytes(body)


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
