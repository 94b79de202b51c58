"""FreeSWITCH's calls over WebSockets (``media.backend: websocket``): what a call costs, and how late the clock gets.

FreeSWITCH is played by another process, which sends a frame a call every 20 ms; the engine's side is the product's: the
HTTP server, the legs, the frame clock. All agents speak all the time, which is more than they ever do.
"""

import random
import subprocess
import sys
import time

import gevent
import numpy as np

from benchmarks.figure import Figure

COMMAND = "python -m benchmarks switch_streams"
CALLS = 100
SETTLE_S, MEASURE_S = 3.0, 15.0
MOST_PERCENT = 1.0

SWITCH = """
from gevent import monkey; monkey.patch_all()
import sys, time, gevent
from contextlib import suppress
from engine.net.errors import SocketClosed
from engine.net.websocket import WebSocket

def read(socket):
    with suppress(SocketClosed):
        while True:
            socket.receive()

sockets = [WebSocket.connect(url) for url in sys.stdin.read().split()]
for each in sockets:
    gevent.spawn(read, each)
frame, due = bytes(320), time.monotonic()
with suppress(SocketClosed):
    while True:
        for first in range(10):
            for each in sockets[first::10]:
                each.send(frame)
            gevent.sleep(0.001)  # callers' packets do not come all at once
        due += 0.02
        gevent.sleep(max(0.0, due - time.monotonic()))
"""


def figures() -> list[Figure]:
    """All rows; half a minute."""
    from engine.backends.backend import nothing_lost
    from engine.backends.playing import Playing
    from engine.backends.websocket import PATH, AudioStreams
    from engine.config import Config
    from engine.media.clock import FrameClock
    from engine.net.websocket import Limits
    from engine.web.app import Web
    from engine.web.route import WebSocketRoute

    config = Config.model_validate({"http": {"port": 0, "requests_per_minute_per_ip": 0}})
    clock = FrameClock(config.media.frame_ms)
    streams = AudioStreams(config, clock, 0)
    route = WebSocketRoute(f"{PATH}/<token>", lambda socket, asked: streams.hold(asked.path["token"], socket),
                           limits=Limits(message_bytes=1 << 16, queued_bytes=1 << 20))
    web = Web(config.http, [], [route])
    clock.start()
    web.start()
    lines, urls = [], []
    for n in range(CALLS):
        line = streams.backend("127.0.0.1").open(8000, "PCMU", nothing_lost)
        playing = line._playing = Playing(_answer, f"call-{n}", line.leg.files, told=False)
        tell = line.mark
        # FreeSWITCH says at once where the file is.
        line.mark = lambda name, tell=tell, playing=playing: (tell(name), playing.play(name, "/tmp/x.r8"))  # type: ignore
        lines.append(line)
        urls.append(f"ws://127.0.0.1:{web.address[1]}{PATH}/{streams.expect(line)}")
    speakers = [gevent.spawn(_speak, line) for line in lines]
    switch = subprocess.Popen([sys.executable, "-c", SWITCH], stdin=subprocess.PIPE, text=True)
    try:
        switch.stdin.write("\n".join(urls))
        switch.stdin.close()
        gevent.sleep(SETTLE_S)
        for _ in range(2):
            clock._next_window(time.monotonic())  # without the beginning of all calls at once
        began, cpu = time.monotonic(), time.process_time()
        heard, underruns = _frames(lines), sum(line.leg.playout.underruns for line in lines)
        gevent.sleep(MEASURE_S)
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu
        heard = _frames(lines) - heard
        dry = sum(line.leg.playout.underruns for line in lines) - underruns
        late = clock.stats()["late_p99_ms"]
    finally:
        gevent.killall(speakers)
        for line in lines:
            line.close()
        web.stop()
        clock.stop()
        switch.wait(10)
    percent = cpu / seconds / CALLS * 100
    share = heard / CALLS / seconds * config.media.frame_ms / 10
    return [
        Figure(f"streamed calls: engine's CPU a call, {CALLS} calls with both sides speaking", round(percent, 2),
               "% of a core", f"<= {MOST_PERCENT:g}", percent <= MOST_PERCENT, COMMAND),
        Figure("streamed calls: lateness of the frame clock, p99", round(late, 1), "ms", "< 10", late < 10, COMMAND),
        Figure("streamed calls: callers' audio that was heard in time", round(share, 1), "%", ">= 99", share >= 99,
               COMMAND),
        Figure("streamed calls: times that an agent ran dry", dry, "times", "0", dry == 0, COMMAND),
    ]


def _answer(command: object) -> object:
    """FreeSWITCH's answer to ``playback``."""
    return None


def _frames(lines: list) -> int:
    return sum(line.leg.frames_in for line in lines)


def _speak(line: object) -> None:
    """Speech without end: four seconds are always there."""
    playout = line.leg.playout  # type: ignore[attr-defined]
    playout.open(1)
    playout.add(1, np.zeros(8000 * 4, np.int16), "words")
    playout.release(1)
    while True:
        gevent.sleep(random.uniform(0.3, 0.7))
        while playout.room() > 26:
            playout.extend(1, np.full(8000, 500, np.int16))
