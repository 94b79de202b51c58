"""What media alone costs at many talking calls: drain, ear, playout, send. No VAD, no turns, no models.

    python -m benchmarks.media [--calls 200] [--seconds 8] [--json]

The other side, a process of its own, sends every call a frame every 20 ms from the call's own loopback address and
takes what comes back. Both sides talk all the time, which no real call does. ``control_late_p99_ms`` is how late a bare
5 ms loop (the other side's) was on the same machine at the same time: lateness below it is not the engine's.
"""

import argparse
import json
import struct
import subprocess
import sys
import time

from benchmarks.figure import Figure

SWITCH_PORT = 9100
FRAME_BYTES = 320
COMMAND = "python -m benchmarks.media"


def figures() -> list[Figure]:
    """Media's rows of the bench: each in a fresh process."""
    rows = []
    for calls in (200, 400):
        found = json.loads(
            subprocess.run(
                [sys.executable, "-m", "benchmarks.media", "--calls", str(calls), "--json"],
                check=True,
                capture_output=True,
                text=True,
                timeout=90,
            ).stdout
        )
        command = f"{COMMAND} --calls {calls}"
        cpu, late, memory = found["cpu_ms_per_call_second"], found["late_p99_ms"], found["memory_mb_per_call"]
        rows += [
            Figure(f"media: CPU per call-second, {calls} talking calls", cpu, "ms", "≤ 0.9", cpu <= 0.9, command),
            Figure(f"media: frame lateness p99, {calls} talking calls", late, "ms", "< 10", late < 10, command),
            Figure(f"media: memory per call, {calls} calls", memory, "MB", "≤ 0.5", memory <= 0.5, command),
        ]
    return rows


def switch(port: int, addresses: list[str], seconds: float) -> None:
    """The other side: one wildcard socket, the source address given with every datagram."""
    import socket

    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    wire.bind(("0.0.0.0", SWITCH_PORT))
    wire.setblocking(False)
    frame = bytes(range(1, 161)) * 2
    sources = [[(socket.IPPROTO_IP, 8, struct.pack("=I4s4s", 0, socket.inet_aton(ip), b""))] for ip in addresses]
    engine = ("127.0.0.1", port)
    got = 0
    due = time.monotonic()
    end = due + seconds
    phase = 0
    late = []
    while due < end:
        for source in sources[phase::4]:
            wire.sendmsg([frame], source, 0, engine)
        phase = (phase + 1) % 4
        try:
            while True:
                wire.recv(512)
                got += 1
        except BlockingIOError:
            pass
        due += 0.005
        time.sleep(max(0.0, due - time.monotonic()))
        late.append(time.monotonic() - due)
    late.sort()
    print(json.dumps({"got": got, "late_p99_ms": round(late[len(late) * 99 // 100] * 1000, 2)}), flush=True)


def engine(calls: int, seconds: float) -> dict[str, float]:
    """The measured side."""
    from gevent import monkey

    monkey.patch_all()
    import gc

    import gevent

    from engine.config import MediaOptions
    from engine.media.clock import FrameClock
    from engine.media.unicast import UnicastSocket

    clock = FrameClock()
    edge = UnicastSocket(MediaOptions(switch_port=SWITCH_PORT), clock)
    clock.hear = lambda batch: None
    before = memory_mb()
    legs = [edge.open(8000) for _ in range(calls)]
    _talk_for_ever(legs)
    other = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.media", "--switch", str(edge.port), "--seconds", str(seconds + 8)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    json.dump([leg.local_ip for leg in legs], other.stdin)
    other.stdin.close()
    gc.collect()
    gc.freeze()
    clock.start()
    gevent.sleep(6.5)  # all talk now
    clock.reset_stats()
    cpu, began, frames = time.process_time(), time.monotonic(), _frames(legs)
    gevent.sleep(seconds / 2)
    cpu, wall = time.process_time() - cpu, time.monotonic() - began
    came, went = (after - before for after, before in zip(_frames(legs), frames, strict=True))
    stats = clock.stats()
    used = memory_mb() - before
    costs = _cost_of_a_frame(clock, edge, legs, seconds / 2)
    clock.stop()
    filled = sum(leg.filled for leg in legs)
    edge.close()
    control = json.loads(other.stdout.read())
    other.wait()
    return {
        "calls": calls,
        "cpu_ms_per_call_second": round(cpu * 1000 / wall / calls, 3),
        "late_p50_ms": stats["late_p50_ms"],
        "late_p99_ms": round(stats["late_p99_ms"], 2),
        "late_max_ms": round(stats["late_max_ms"], 1),
        "control_late_p99_ms": control["late_p99_ms"],
        "skipped_slots": stats["skipped_slots"],
        "frames_in_per_call_second": round(came / wall / calls, 2),
        "frames_out_per_call_second": round(went / wall / calls, 2),
        "frames_filled": filled,
        **costs,
        "memory_mb_per_call": round(used / calls, 3),
    }


def memory_mb() -> float:
    """Resident memory of this process."""
    import resource

    with open("/proc/self/statm") as statm:  # noqa: PTH123
        return int(statm.read().split()[1]) * resource.getpagesize() / 2**20


def _talk_for_ever(legs: list) -> None:
    """Every leg says five seconds again and again; they begin one after the other within five seconds."""
    import gevent
    import numpy as np

    speech = (np.random.default_rng(1).standard_normal(8000 * 5) * 3000).astype(np.int16)

    def say(leg, gen, heard=None):
        leg.playout.open(gen + 1)
        leg.playout.add(gen + 1, speech, "five seconds of speech " * 4)
        leg.playout.done(gen + 1)
        leg.playout.release(gen + 1)

    for index, leg in enumerate(legs):
        leg.attach(lambda frame, silent: None)
        leg.playout.on_finished = lambda gen, heard, leg=leg: gevent.spawn(say, leg, gen, heard)
        gevent.spawn_later(0.5 + index % 100 / 20, say, leg, 0)


def _frames(legs: list) -> tuple[int, int]:
    """In and out so far."""
    return sum(leg.frames_in for leg in legs), sum(leg.frames_out for leg in legs)


def _cost_of_a_frame(clock, edge, legs: list, seconds: float) -> dict[str, float]:
    """A stretch with a timer around both halves of the frame clock."""
    import gevent

    def timed(work):
        def run(*args):
            began = time.thread_time()
            work(*args)
            spent[work.__name__] += time.thread_time() - began

        return run

    spent = {"drain": 0.0, "_tick": 0.0}
    before = _frames(legs)
    edge.drain, clock._tick = timed(edge.drain), timed(clock._tick)
    gevent.sleep(seconds)
    came, went = (after - first for after, first in zip(_frames(legs), before, strict=True))
    return {
        "us_per_frame_in": round(spent["drain"] / max(came, 1) * 1e6, 2),
        "us_per_frame_out": round(spent["_tick"] / max(went, 1) * 1e6, 2),
    }


def main() -> None:
    """Print the figures of one run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--switch", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.switch:
        switch(args.switch, json.load(sys.stdin), args.seconds)
        return
    found = engine(args.calls, args.seconds)
    print(json.dumps(found) if args.json else "\n".join(f"{name:30} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
