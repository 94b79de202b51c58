"""What the SIP leg's audio costs at many talking calls: RTP in, jitter buffer, codec, ear, playout, codec, RTP out.

    python -m benchmarks.rtp [--calls 200] [--seconds 8] [--codec L16] [--ports 1] [--json]

No VAD, no turns, no models; the same load as ``benchmarks.media`` puts on unicast, so that the two compare. The other
side, a process of its own, sends every call a packet every 20 ms from the call's own address and takes what comes back.
Both sides talk all the time, which no real call does. ``--ports`` as many as calls: a pair of sockets for each.
``control_late_p99_ms`` is how late a bare 5 ms loop (the other side's) was at the same time: lateness below it is not
the engine's.
"""

import argparse
import json
import struct
import subprocess
import sys
import time
from typing import Any

from benchmarks.figure import Figure

SWITCH_PORT = 9300
COMMAND = "python -m benchmarks.rtp"
PAYLOADS = {"PCMU": (0, 8000, 160), "PCMA": (8, 8000, 160), "L16": (97, 16000, 640)}
"""Payload type, clock and bytes of 20 ms."""


def figures() -> list[Figure]:
    """The leg's rows of the bench, each in a fresh process, with unicast's beside them; then the fuzz."""
    rows = []
    for calls, codec in ((150, "PCMU"), (150, "L16"), (300, "PCMU")):
        found = _run("benchmarks.rtp", "--calls", str(calls), "--codec", codec)
        command = f"{COMMAND} --calls {calls} --codec {codec}"
        cpu, late = found["cpu_ms_per_call_second"], found["late_p99_ms"]
        of = f"{calls} talking calls, {codec}"
        rows += [
            Figure(f"RTP leg: frame lateness p99, {of}", late, "ms", "< 10", late < 10, command),
            Figure(f"RTP leg: CPU per call-second, {of}", cpu, "ms", "≤ 2", cpu <= 2, command),
        ]
    unicast = _run("benchmarks.media", "--calls", "150")["cpu_ms_per_call_second"]
    rows.append(Figure("unicast beside it: CPU per call-second, 150 talking calls", unicast, "ms", "≤ 0.9",
                       unicast <= 0.9, "python -m benchmarks.media --calls 150"))
    return rows


def _run(module: str, *arguments: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-m", module, *arguments, "--json"], check=True, capture_output=True,
                          text=True, timeout=120)
    return json.loads(done.stdout)


def switch(targets: list[tuple[str, int]], codec: str, seconds: float) -> None:
    """The other side: one wildcard socket, the source address given with every datagram."""
    import socket

    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    wire.bind(("0.0.0.0", SWITCH_PORT))
    wire.setblocking(False)
    kind, clock, size = PAYLOADS[codec]
    payload = (bytes(range(1, 161)) * 4)[:size]
    calls = [([(socket.IPPROTO_IP, 8, struct.pack("=I4s4s", 0, socket.inet_aton(ip), b""))], ("127.0.0.1", port), index)
             for index, (ip, port) in enumerate(targets)]
    late, number, got, due = [], 0, 0, time.monotonic()
    end = due + seconds
    while due < end:
        round_number = number // 4
        head = (kind, round_number & 0xFFFF, round_number * clock // 50 & 0xFFFFFFFF)
        for source, engine, ssrc in calls[number % 4 :: 4]:
            wire.sendmsg([struct.pack("!BBHII", 0x80, *head, ssrc), payload], source, 0, engine)
        number += 1
        try:
            while True:
                wire.recv(1024)
                got += 1
        except BlockingIOError:
            pass
        due += 0.005
        time.sleep(max(0.0, due - time.monotonic()))
        late.append(time.monotonic() - due)
    late.sort()
    print(json.dumps({"got": got, "late_p99_ms": round(late[len(late) * 99 // 100] * 1000, 2)}), flush=True)


def engine(calls: int, seconds: float, codec: str, ports: int) -> dict[str, float]:
    """The measured side."""
    from gevent import monkey

    monkey.patch_all()
    import gc

    import gevent

    from benchmarks.media import _frames, _talk_for_ever, memory_mb
    from engine.config import MediaOptions, RtpOptions
    from engine.media.clock import FrameClock
    from engine.media.rtplegs import RtpLegs
    from engine.sip.agreed import Agreed

    kind, rate, _ = PAYLOADS[codec]
    clock = FrameClock()
    edge = RtpLegs(MediaOptions(), RtpOptions(ports=ports), clock)
    clock.hear = lambda batch: None
    before = memory_mb()
    legs, targets = [], []
    for index in range(calls):
        leg, ip = edge.open(rate), f"127.66.{index // 250}.{index % 250 + 1}"
        leg.change(Agreed(codec, rate, kind, 20, (ip, SWITCH_PORT), (ip, SWITCH_PORT + 1)))
        legs.append(leg)
        targets.append((ip, leg.local[1]))
    _talk_for_ever(legs)
    other = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.rtp", "--switch", "--codec", codec, "--seconds", str(seconds + 8)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    assert other.stdin is not None and other.stdout is not None
    json.dump(targets, other.stdin)
    other.stdin.close()
    gc.collect()
    gc.freeze()
    clock.start()
    gevent.sleep(6.5)  # all talk now
    clock.reset_stats()
    cpu, began, frames = time.process_time(), time.monotonic(), _frames(legs)
    gevent.sleep(seconds)
    cpu, wall = time.process_time() - cpu, time.monotonic() - began
    came, went = (after - first for after, first in zip(_frames(legs), frames, strict=True))
    stats, used = clock.stats(), memory_mb() - before
    late = sum(int(str(leg.figures()["late"])) for leg in legs)
    clock.stop()
    edge.close()
    control = json.loads(other.stdout.read())
    other.wait()
    return {
        "calls": calls,
        "cpu_ms_per_call_second": round(cpu * 1000 / wall / calls, 3),
        "us_per_frame_both_ways": round(cpu * 1e6 / max(came + went, 1), 2),
        "late_p50_ms": stats["late_p50_ms"],
        "late_p99_ms": round(stats["late_p99_ms"], 2),
        "late_max_ms": round(stats["late_max_ms"], 1),
        "control_late_p99_ms": control["late_p99_ms"],
        "skipped_slots": stats["skipped_slots"],
        "frames_in_per_call_second": round(came / wall / calls, 2),
        "frames_out_per_call_second": round(went / wall / calls, 2),
        "packets_too_late": late,
        "memory_mb_per_call": round(used / calls, 3),
    }


def main() -> None:
    """Print the figures of one run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--codec", choices=PAYLOADS, default="PCMU")
    parser.add_argument("--ports", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--switch", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.switch:
        switch([(ip, port) for ip, port in json.load(sys.stdin)], args.codec, args.seconds)
        return
    found = engine(args.calls, args.seconds, args.codec, args.ports)
    print(json.dumps(found) if args.json else "\n".join(f"{name:30} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
