"""Malformed input by the million: how fast it is got rid of, and whether any of it crashes, hangs or stays.

One row of three a protocol. To add one, write a maker (a random generator to bytes) and a taker (bytes, which must not
raise), and put them into ``PROTOCOLS``. ``python -m benchmarks.sip_fuzz 20000`` runs fewer inputs.
"""

import gc
import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.figure import Figure
from engine.sip.call import SipCall
from engine.sip.errors import SipError
from engine.sip.events import Incoming
from engine.sip.options import SipOptions
from engine.sip.transaction import Hop
from engine.sip.uas import UserAgent

COMMAND = "python -m benchmarks sip_fuzz"
INPUTS = 1_000_000
FOLDER = Path(__file__).resolve().parent.parent / "tests" / "data" / "sip"

Maker = Callable[[random.Random], bytes]
Taker = Callable[[bytes], None]

ODD = [b"\r\n", b'"', b"<", b">", b";", b",", b"\0", b"\xff\xfe", b" ", b"%00", b"9" * 30, b"\r\n ", b"=", b"@", b":"]
SDP = "v=0\r\no=a 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0 101\r\n"


def figures() -> list[Figure]:
    """All rows; about four minutes."""
    return measure(INPUTS)


def measure(inputs: int) -> list[Figure]:
    """The rows for that many inputs of each protocol."""
    rows: list[Figure] = []
    for name, begin in PROTOCOLS.items():
        make, take, left = begin()
        rows += _run(name, make, take, left, inputs)
    return rows


def _run(name: str, make: Maker, take: Taker, left: Callable[[], int], inputs: int) -> list[Figure]:
    generator = random.Random(1)
    crashes, spent, longest = 0, 0.0, 0.0
    before = 0.0
    for n in range(inputs):
        if n == inputs // 10:  # tables and caches have their size
            gc.collect()
            before = _memory_mb()
        data = make(generator)
        began = time.process_time()
        try:
            take(data)
        except Exception as fault:  # noqa: BLE001 - every one counts
            crashes += 1
            print(f"{name}: {fault!r} from {data!r}", file=sys.stderr)
        took = time.process_time() - began
        spent += took
        longest = max(longest, took)
    stays = left()
    gc.collect()
    grown = round(_memory_mb() - before, 1)
    rate = round(inputs / spent)
    return [
        Figure(f"malformed {name}: {inputs:,} inputs, crashes", crashes, "", "0", crashes == 0, COMMAND),
        Figure(f"malformed {name}: inputs a second of CPU", rate, "/s", ">= 2,000", rate >= 2000, COMMAND),
        Figure(f"malformed {name}: longest", round(longest * 1000, 1), "ms", "<= 500: no hang", longest < 0.5, COMMAND),
        Figure(f"malformed {name}: memory grown after the first tenth", grown, "MB", "<= 20", grown <= 20, COMMAND),
        Figure(f"malformed {name}: calls and transactions left", stays, "", "0", stays == 0, COMMAND),
    ]


def _memory_mb() -> float:
    """What the process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024 / 1024


# ---------------------------------------------------------------------- SIP


def sip() -> tuple[Maker, Taker, Callable[[], int]]:
    """Requests and answers in and outside of calls, damaged but for one in some; the agent answers every call that
    gets through, and ten milliseconds pass with each input."""
    corpus = [path.read_bytes() for path in sorted(FOLDER.iterdir())]
    agent = UserAgent(SipOptions(), lambda ip: ("127.0.0.1", 5090))
    hop, now, number = Hop("UDP", "127.0.0.1", 5060), 0.0, 0

    def make(generator: random.Random) -> bytes:
        nonlocal number
        number += 1
        if number % 2:
            data = bytearray(generator.choice(corpus))
        else:
            newest = next(reversed(agent.calls.values()), None) if number % 8 else None
            data = bytearray(_request(generator, newest, number))
        for _ in range(generator.randint(0 if number % 4 == 0 else 1, 6)):
            _damage(generator, data)
        return bytes(data)

    def take(data: bytes) -> None:
        nonlocal now
        now += 0.01
        agent.receive(data, hop, now)
        agent.advance(now)
        events, agent.events = agent.events, []
        for event in events:
            if isinstance(event, Incoming):
                try:
                    event.call.answer(("127.0.0.1", 40000), now)
                except SipError:
                    continue
        agent.outbox.clear()

    def left() -> int:
        nonlocal now
        for call in list(agent.calls.values()):
            if call.timer is None:  # a peer that has no session timers must hang up itself
                call.hangup(now)
        now += 100_000
        agent.advance(now)
        agent.outbox.clear()
        agent.events.clear()
        return len(agent.calls) + len(agent.table)

    return make, take, left


def _damage(generator: random.Random, data: bytearray) -> None:
    at = generator.randrange(len(data) + 1)
    kind = generator.randrange(6)
    if kind == 0:
        del data[at : at + generator.randint(1, 40)]
    elif kind == 1:
        data[at:at] = generator.choice(ODD) * generator.choice((1, 1, 1, 2, 100))
    elif kind == 2:
        data[at : at + 1] = generator.randbytes(1)
    elif kind == 3:
        data[at:at] = data[at : at + generator.randint(1, 300)]
    elif kind == 4:
        data[at:at] = generator.randbytes(generator.randint(1, 60))
    else:
        end = data.find(b"\r\n", at)
        lines = data[at:end] if end > 0 else b""
        data[at:at] = lines * generator.randint(1, 3)


METHODS = ("INVITE", "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "REFER", "PRACK")


def _request(generator: random.Random, call: SipCall | None, number: int) -> bytes:
    """A good request: of a new caller, or of one whose call is there, so that every state is reached."""
    method = generator.choice(METHODS) if call else "INVITE"
    body = SDP if method in ("INVITE", "UPDATE") and generator.random() < 0.8 else ""
    body = "Signal=5" if method == "INFO" else body
    kind = "application/dtmf-relay" if method == "INFO" else "application/sdp"
    if method == "ACK" and call:
        number = call.dialog.remote_number
    call_id, tag = (call.call_id, f";tag={call.dialog.local_tag}") if call else (f"c{number}@h", "")
    lines = [
        f"{method} sip:token@127.0.0.1:5090 SIP/2.0", f"Via: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bK{number}",
        'From: "Asha" <sip:asha@127.0.0.1>;tag=a', f"To: <sip:token@127.0.0.1>{tag}", f"Call-ID: {call_id}",
        f"CSeq: {number} {method}", "Contact: <sip:asha@127.0.0.1:5060>", "Max-Forwards: 70",
        "Supported: timer, 100rel", "Allow: UPDATE", "Session-Expires: 1800;refresher=uac",
        f"Content-Type: {kind}", f"Content-Length: {len(body)}", "", body,
    ]  # fmt: skip
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


PROTOCOLS: dict[str, Callable[[], tuple[Maker, Taker, Callable[[], int]]]] = {"SIP": sip}

if __name__ == "__main__":
    for row in measure(int(sys.argv[1]) if len(sys.argv) > 1 else INPUTS):
        print(f"{'ok  ' if row.ok else 'MISS'} {row.figure}: {row.value} {row.unit} (aim {row.aim})")
