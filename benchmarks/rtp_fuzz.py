"""A million malformed RTP, RTCP and key packets to one call: none may end it, hang it, or stay in memory.

    python -m benchmarks.rtp_fuzz [--inputs 1000000]

Inputs are packets of a real call with bytes changed, cut off, doubled or put in, and random bytes. They go the way of
datagrams from the agreed peer: worse than a stranger's, which are refused by their address. Between them time
passes, and at the end the call must still hear.
"""

import argparse
import random
import resource
import time

from benchmarks.figure import Figure
from engine.config import MediaOptions, RtpOptions
from engine.media.clock import FrameClock
from engine.media.rtplegs import RtpLegs
from engine.rtp import packet as wire
from engine.rtp import rtcp
from engine.sip.agreed import Agreed

COMMAND = "python -m benchmarks.rtp_fuzz"
PEER, PEER_RTCP = ("127.0.0.2", 20000), ("127.0.0.2", 20001)


def figures() -> list[Figure]:
    """Rows of the bench: a million inputs."""
    found = run(1_000_000)
    return [
        Figure("malformed RTP and RTCP: inputs", found["inputs"], "", "1,000,000", found["inputs"] == 1_000_000,
               COMMAND),
        Figure("malformed RTP and RTCP: crashes", found["faults"], "", "0", found["faults"] == 0, COMMAND),
        Figure("malformed RTP and RTCP: rate on one core", found["per_second"], "1/s", "≥ 20,000",
               found["per_second"] >= 20_000, COMMAND),
        Figure("malformed RTP and RTCP: slowest input", found["slowest_ms"], "ms", "≤ 20", found["slowest_ms"] <= 20,
               COMMAND),
        Figure("malformed RTP and RTCP: memory", found["growth_mb"], "MB", "≤ 2", found["growth_mb"] <= 2, COMMAND),
        Figure("malformed RTP and RTCP: the call still hears", found["hears"], "", "1", found["hears"] == 1, COMMAND),
    ]


class _Wire:
    """No network."""

    def recvfrom(self, size: int, /) -> tuple[bytes, tuple[str, int]]:
        raise BlockingIOError

    def sendto(self, data: bytes, address: tuple[str, int], /) -> int:
        return len(data)

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", 40000

    def close(self) -> None:
        pass


class _Corpus:
    """Packets of a real call, and what can happen to them."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.sequence = 0
        report = rtcp.Report(7, rtcp.SenderInfo(1 << 40, 5, 6, 7), (rtcp.Block(9, 1, 2, 3, 4, 5, 6),) * 3)
        sdes = rtcp.Sdes(((7, ((rtcp.CNAME, b"somebody"), (2, b"name"))),))
        self.reports = [rtcp.serialise([report, sdes]), rtcp.serialise([report, sdes, rtcp.Bye((7,), b"bye")]),
                        rtcp.serialise([rtcp.Report(7), rtcp.App(7, b"name", b"datadata")])]

    def next(self) -> bytes:
        dice = self.dice
        kind = dice.random()
        self.sequence += dice.choice((1, 1, 1, 1, 2, -3, 0))
        head = {"sequence": self.sequence & 0xFFFF, "timestamp": self.sequence * 160 & 0xFFFFFFFF, "ssrc": 7}
        if kind < 0.45:
            data = wire.serialise(wire.Packet(dice.choice((0, 0, 0, 13)), payload=bytes(160), **head))
        elif kind < 0.6:
            payload = bytes((dice.randrange(20), dice.randrange(256), dice.randrange(256), dice.randrange(256)))
            data = wire.serialise(wire.Packet(101, payload=payload, **head))
        elif kind < 0.7:
            data = wire.serialise(wire.Packet(0, payload=bytes(80), csrcs=(1, 2), extension=(1, bytes(8)), **head), 12)
        elif kind < 0.95:
            data = dice.choice(self.reports)
        else:
            return dice.randbytes(dice.randrange(400))
        return self.spoil(bytearray(data))

    def spoil(self, data: bytearray) -> bytes:
        dice = self.dice
        for _ in range(dice.choice((1, 1, 2, 5))):
            how = dice.randrange(5)
            at = dice.randrange(min(len(data), 40)) if data else 0
            if how == 0 and data:
                data[at] = dice.randrange(256)
            elif how == 1 and data:
                data[at] ^= 1 << dice.randrange(8)
            elif how == 2:
                del data[dice.randrange(len(data) + 1) :]
            elif how == 3:
                data[at:at] = dice.randbytes(dice.randrange(8))
            elif len(data) < 2000:
                data += bytes(data)
        return bytes(data)


def run(inputs: int, seed: int = 1) -> dict[str, float]:
    """Throw so many at one call."""
    now = [0.0]
    clock = FrameClock(now=lambda: now[0])
    edge = RtpLegs(MediaOptions(), RtpOptions(), clock, bind=lambda ip, port: _Wire(), now=lambda: now[0])
    leg = edge.open(8000)
    leg.change(Agreed("PCMU", 8000, 0, 20, PEER, PEER_RTCP, telephone_event_pt=101, comfort_noise_pt=13))
    corpus = _Corpus(random.Random(seed))
    port = edge.ports[0]
    waiting: list[tuple[bytes, tuple[str, int]]] = []

    def receive(size: int) -> tuple[bytes, tuple[str, int]]:
        if not waiting:
            raise BlockingIOError
        return waiting.pop()

    port.rtp.recvfrom = receive  # type: ignore[method-assign]
    port.rtcp.recvfrom = receive  # type: ignore[method-assign]
    slowest = spent = 0.0
    before = 0.0
    for number in range(inputs):
        data = corpus.next()
        now[0] += 0.005 if number % 2 else 0.0
        waiting.append((data, PEER_RTCP if number % 7 == 0 else PEER))
        began = time.thread_time()
        (port.drain_reports(now[0]) if number % 7 == 0 else edge.drain(now[0], _ignore))
        took = time.thread_time() - began
        spent += took
        if number > 1000:  # tables are made at the first use
            slowest = max(slowest, took)
        waiting.clear()
        if number == inputs // 10:
            before = _memory_mb()
    growth = _memory_mb() - before
    heard: list[bool] = []
    leg.attach(lambda frame, silent: heard.append(silent))
    for number in range(100):
        now[0] += 0.02
        waiting.append((wire.serialise(wire.Packet(0, 1000 + number, number * 160, 4711, b"\xd5" * 160)), PEER))
        edge.drain(now[0], _ignore)
    faults = edge.ear_faults
    edge.close()
    return {"inputs": inputs, "faults": faults, "per_second": round(inputs / spent), "growth_mb": round(growth, 2),
            "slowest_ms": round(slowest * 1000, 2), "hears": int(heard[-20:] == [False] * 20)}


def _ignore(batch: object) -> None:
    """Nobody listens."""


def _memory_mb() -> float:
    with open("/proc/self/statm") as statm:  # noqa: PTH123
        return int(statm.read().split()[1]) * resource.getpagesize() / 2**20


def main() -> None:
    """Print the figures of one run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=1_000_000)
    args = parser.parse_args()
    for name, value in run(args.inputs).items():
        print(f"{name:12} {value}")


if __name__ == "__main__":
    main()
