"""The HTTP server: /health under concurrent requests, memory of idle WebSockets, and ten thousand hostile connections
beside calls. The engine is in a process of its own, as in production."""

from gevent import monkey

monkey.patch_all()

import contextlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import random  # noqa: E402
import resource  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable  # noqa: E402
from typing import Any  # noqa: E402
from urllib.parse import urlsplit  # noqa: E402

import gevent  # noqa: E402
from gevent import socket  # noqa: E402
from gevent.pool import Pool  # noqa: E402

from benchmarks.calls import engine  # noqa: E402
from benchmarks.figure import Figure  # noqa: E402
from engine.standin import process  # noqa: E402

COMMAND = "python -m benchmarks web"
LIMITS = {"HTTP__MAX_CONNECTIONS": "20000", "HTTP__MAX_CONNECTIONS_PER_IP": "20000"}

CLIENTS, REQUESTS = 20, 100
THINK_S = 0.1
HEALTH_P95_MS = 10.0

IDLE = 2000
IDLE_KB = 60.0

HOSTILE, AT_ONCE = 5_000, 400
"""Twice: alone, so that what memory they take once is taken; then beside calls."""

STAND_BACK = 10

CALLS, CALL_S = 20, 30.0
LATE_P99_MS = 20.0
ROUND_MS = 10.0
BACK_MB = 20.0

Address = tuple[str, int]

UPGRADE = (b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")


def figures() -> list[Figure]:
    """All rows; about two minutes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="trunkline-bench-") as home, engine(home, **LIMITS) as under_test:
        where = urlsplit(under_test.health)
        address = (str(where.hostname), int(where.port or 0))
        rows = [*health(address), *idle(address, under_test.pid)]
        os.nice(15)  # attackers have machines of their own: here they get what the engine leaves of two cores
        return [*rows, *hostile(address, under_test.pid, under_test.address)]


# ---------------------------------------------------------------- /health


def health(address: Address) -> list[Figure]:
    """Twenty clients on connections that are kept: each with a pause between requests, then all as fast as they can."""
    ask(address, 20, 0.0)
    paced = sorted(took for one in clients(address, THINK_S) for took in one)
    packed = sorted(took for one in clients(address, 0.0) for took in one)
    p95 = paced[int(len(paced) * 0.95)]
    return [
        Figure(f"GET /health, p95 with {CLIENTS} clients, each 10 requests/s", round(p95, 1), "ms",
               f"<= {HEALTH_P95_MS:g}", p95 <= HEALTH_P95_MS, COMMAND),
        _information("GET /health, p50 of the same", round(paced[len(paced) // 2], 2), "ms"),
        _information(f"GET /health, p95 with {CLIENTS} clients that never pause",
                     round(packed[int(len(packed) * 0.95)], 1), "ms"),
        _information("GET /health, the same", round(CLIENTS * len(packed) * 1000 / sum(packed)), "requests/s"),
    ]


def clients(address: Address, pause_s: float) -> list[list[float]]:
    """The times (ms) of each client."""
    jobs = [gevent.spawn_later(random.random() * pause_s, ask, address, REQUESTS, pause_s) for _ in range(CLIENTS)]
    gevent.joinall(jobs, raise_error=True)
    return [job.value for job in jobs]


def ask(address: Address, count: int, pause_s: float) -> list[float]:
    """Times (ms) of so many requests on one connection."""
    took = []
    with contextlib.closing(connect(address)) as connection:
        for _ in range(count):
            gevent.sleep(pause_s)
            began = time.perf_counter()
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            read_answer(connection)
            took.append((time.perf_counter() - began) * 1000)
    return took


def read_answer(connection: socket.socket) -> None:
    """One answer with a Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(1 << 16)
    head, _, body = data.partition(b"\r\n\r\n")
    left = int(head.lower().partition(b"content-length:")[2].split()[0]) - len(body)
    while left > 0:
        left -= len(connection.recv(left))


# ---------------------------------------------------------------- idle WebSockets


def idle(address: Address, pid: int) -> list[Figure]:
    """Memory that each takes once it is open, with pings answered."""
    base = process.usage(pid).rss_mb
    held = [open_socket(address, b"/bench/echo") for _ in range(IDLE)]
    gevent.sleep(2)
    kilobytes = (process.usage(pid).rss_mb - base) * 1000 / IDLE
    alive = 0
    for connection in held:
        connection.sendall(b"\x81\x82\0\0\0\0hi")
    for connection in held:
        alive += b"\x81\x02hi" in connection.recv(100)
        connection.close()
    gevent.sleep(2)
    return [Figure(f"{IDLE} idle WebSockets in one process, memory each", round(kilobytes, 1), "kB",
                   f"<= {IDLE_KB:g}, all alive", kilobytes <= IDLE_KB and alive == IDLE, COMMAND),
            _information("  of which come back when they are gone",
                         round((process.usage(pid).rss_mb - base) * 1000 / IDLE, 1), "kB each are kept")]


def open_socket(address: Address, path: bytes) -> socket.socket:
    """An open WebSocket, raw."""
    connection = connect(address)
    connection.sendall(UPGRADE % path)
    assert b" 101 " in connection.recv(1000)
    return connection


def connect(address: Address, source: str = "127.0.0.1") -> socket.socket:
    """A connection with a deadline."""
    return socket.create_connection(address, timeout=30, source_address=(source, 0))


# ---------------------------------------------------------------- hostile clients


def slow_reader(connection: socket.socket) -> None:
    """Asks for a flood and does not read it."""
    connection.sendall(UPGRADE % b"/bench/flood")
    gevent.sleep(3)


def half_open(connection: socket.socket) -> None:
    """Begins a request, and says no more."""
    connection.sendall(b"GET /health HT")
    gevent.sleep(3)


def huge_frame(connection: socket.socket) -> None:
    """Announces a terabyte and sends as much as is taken."""
    connection.sendall(UPGRADE % b"/bench/echo" + b"\x82\xff" + (1 << 40).to_bytes(8, "big") + b"\0\0\0\0")
    for _ in range(40):
        connection.sendall(b"x" * 65_536)


def invalid_frames(connection: socket.socket) -> None:
    """Noise in the place of frames."""
    connection.sendall(UPGRADE % b"/bench/echo" + random.randbytes(2000))
    connection.recv(1000)


def tiny_frames(connection: socket.socket) -> None:
    """As many small messages as fit, and nothing read."""
    connection.sendall(UPGRADE % b"/bench/echo" + b"\x81\x81\0\0\0\0x" * 5000)


def vanished(connection: socket.socket) -> None:
    """Goes without a word right after the upgrade."""
    connection.sendall(UPGRADE % b"/bench/echo")


def long_head(connection: socket.socket) -> None:
    """Headers without end."""
    for _ in range(30):
        connection.sendall(b"GET / HTTP/1.1\r\n" + b"X-%d: y\r\n" % random.randrange(10**9) * 1000)


KINDS: tuple[Callable[[socket.socket], None], ...] = (
    slow_reader, half_open, huge_frame, invalid_frames, tiny_frames, vanished, long_head)


def hostile(address: Address, pid: int, event_socket: str) -> list[Figure]:
    """Hostile connections of all kinds; calls alone; then both; then the memory. The attackers are other machines in
    earnest: here they stand back (``nice``), so that they do not take the engine's processor."""
    os.nice(STAND_BACK)
    attackers(address)
    alone = run_calls(event_socket, pid, CALL_S / 2)
    base, quiet = process.usage(pid).rss_mb, rounds(address)
    calls = gevent.spawn(run_calls, event_socket, pid, CALL_S)
    gevent.sleep(5)  # they have begun
    took = attackers(address)
    crowd = rounds(address)
    beside = calls.get()
    gevent.sleep(21)  # the longest deadline of the server's
    left = process.usage(pid).rss_mb - base
    late, good = beside["late_p99_ms"], beside["answered"] == CALLS and not beside["errors"]
    return [
        Figure(f"frames of {CALLS} calls beside {HOSTILE} hostile connections, lateness p99", round(late, 1), "ms",
               f"< {LATE_P99_MS:g}, all answered", late < LATE_P99_MS and good, COMMAND),
        _information("  the same without them", round(alone["late_p99_ms"], 1), "ms"),
        _information("  the longest gap between two frames, with and without them",
                     f"{beside['longest_gap_ms']:.0f} / {alone['longest_gap_ms']:.0f}", "ms"),
        _information("  hostile connections made in", round(took, 1), "s"),
        Figure("CPU time of the hub's rounds meanwhile, p99.9", crowd["p999_ms"], "ms", f"<= {ROUND_MS:g}",
               crowd["p999_ms"] <= ROUND_MS, COMMAND),
        _information("  the longest, with and without them", f"{crowd['longest_ms']} / {quiet['longest_ms']}", "ms"),
        Figure(f"memory that the second {HOSTILE} left behind", round(left, 1), "MB", f"<= {BACK_MB:g}",
               left <= BACK_MB, COMMAND),
    ]


def run_calls(event_socket: str, pid: int, seconds: float) -> dict[str, Any]:
    """The report of a load run, in a process of its own: the attackers are in this one."""
    command = [sys.executable, "-m", "engine", "load", "--to", event_socket, "--pid", str(pid), "--json"]
    done = subprocess.run([*command, "--calls", str(CALLS), "--seconds", str(seconds)], stdout=subprocess.PIPE,
                          text=True, timeout=120, check=False)
    return dict(json.loads(done.stdout))


def attackers(address: Address) -> float:
    """All of them; how long it took in seconds."""
    began, pool = time.perf_counter(), Pool(AT_ONCE)
    for n in range(HOSTILE):
        pool.spawn(attack, address, KINDS[n % len(KINDS)], f"127.0.{n % 40}.{1 + n % 200}")
    pool.join()
    return time.perf_counter() - began


def rounds(address: Address) -> dict[str, Any]:
    """CPU time of the engine's hub since the last time."""
    with contextlib.closing(connect(address)) as connection:
        connection.sendall(b"GET /bench/rounds HTTP/1.0\r\n\r\n")
        data = b""
        while piece := connection.recv(1 << 16):
            data += piece
    return dict(json.loads(data.partition(b"\r\n\r\n")[2]))


def attack(address: Address, kind: Callable[[socket.socket], None], source: str) -> None:
    """One hostile connection; however the server ends it is fine."""
    with contextlib.suppress(OSError), contextlib.closing(connect(address, source)) as connection:
        kind(connection)


def _information(name: str, value: float | str, unit: str) -> Figure:
    return Figure(name, value, unit, "for information", True, COMMAND)
