"""What the relay to a speech-to-speech model costs: the delay that it adds to an event, and processor time a session.

    python -m benchmarks.relay

Clients, relay and a bare upstream share this process and talk over loopback. Sessions send 20 ms of audio at a time and
get 100 ms at a time, as in a conversation in which both sides speak. The delay is from the one side's ``send`` to the
other side's ``receive``: both sockets, both WebSockets and the relay in between. On a machine that others use it says
more of them than of the relay; the relay's own work is processor time, from a message that was read to the message that
is queued.
"""

from gevent import monkey

if __name__ == "__main__":
    monkey.patch_all()

import base64  # noqa: E402
import json  # noqa: E402
import time  # noqa: E402

import gevent  # noqa: E402

from benchmarks.figure import Figure  # noqa: E402
from engine.config import Config  # noqa: E402
from engine.config.skills import SkillOptions  # noqa: E402
from engine.dialog.persona import Persona  # noqa: E402
from engine.dialog.skills.executor import Executor  # noqa: E402
from engine.dialog.skills.services import Services  # noqa: E402
from engine.net.errors import SocketClosed  # noqa: E402
from engine.net.websocket import WebSocket  # noqa: E402
from engine.realtime.relay import Relay  # noqa: E402
from engine.upstream.service import open_upstream  # noqa: E402
from engine.upstream.terms import Terms  # noqa: E402
from engine.web.app import Web  # noqa: E402
from engine.web.route import WebSocketRoute  # noqa: E402
from tests.fakes.socket_server import Gone, SocketServer  # noqa: E402

COMMAND = "make bench ARGS=relay"
SESSIONS = 10
SECONDS = 5.0
UP_S, DOWN_S = 0.02, 0.1
UP = base64.b64encode(bytes(round(UP_S * 48000))).decode()
DOWN = base64.b64encode(bytes(round(DOWN_S * 48000))).decode()


class Timed(Relay):
    """Notes the processor time of each event."""

    took: list[float] = []

    def _read(self, message):
        self._began = time.thread_time()
        return super()._read(message)

    def event(self, event, text):
        self._began = time.thread_time()
        super().event(event, text)

    def _apply(self, step):
        super()._apply(step)
        if hasattr(self, "_began"):
            self.took.append(time.thread_time() - self._began)


class Upstream(SocketServer):
    """Speaks without end; notes how long each append was on its way."""

    def __init__(self) -> None:
        super().__init__()
        self.delays: list[float] = []

    def serve(self, peer) -> None:
        session = {"type": "realtime", "audio": {}}
        peer.send(json.dumps({"type": "session.created", "event_id": "e", "session": session}))
        speaker = gevent.spawn(self._speak, peer)
        try:
            while True:
                event = json.loads(peer.receive())
                if event["type"] == "input_audio_buffer.append":
                    self.delays.append(time.perf_counter() - float(event["event_id"]))
        finally:
            speaker.kill()

    def _speak(self, peer) -> None:
        try:
            while True:
                peer.send(json.dumps({
                    "type": "response.output_audio.delta", "event_id": repr(time.perf_counter()), "response_id": "r",
                    "item_id": "i", "output_index": 0, "content_index": 0, "delta": DOWN}))
                gevent.sleep(DOWN_S)
        except Gone:
            return


def figures() -> list[Figure]:
    """Delay both ways, and processor time."""
    server = Upstream()
    config = Config.model_validate({
        "http": {"port": 0}, "upstream": {"provider": "up"}, "providers": {"up": {
            "kind": "openai_speech_to_speech", "base_url": server.url.replace("ws", "http"), "api_key": "k"}}})
    upstream = open_upstream(config, {})
    assert upstream is not None
    executor = Executor(lambda: {}, SkillOptions(), Services(SkillOptions()))

    def hold(socket, asked) -> None:
        Timed(socket, upstream, Terms("Be kind.", "marin"), executor.open(None, Persona("desk", "x"))).run()

    web = Web(config.http, [], [WebSocketRoute("/realtime", hold)])
    web.start()
    down: list[float] = []
    sockets = [WebSocket.connect(web.url.replace("http", "ws") + "/realtime") for _ in range(SESSIONS)]
    greenlets = [gevent.spawn(work, socket) for socket in sockets for work in (_send, lambda s: _receive(s, down))]
    gevent.sleep(1.0)
    down.clear()
    server.delays.clear()
    Timed.took.clear()
    used = time.process_time()
    gevent.sleep(SECONDS)
    used = time.process_time() - used
    rows = [_p99("own work for an event, processor time, p99", Timed.took),
            _p99("delay of an event on its way up, both sockets included, p99", server.delays),
            _p99("delay of an event on its way down, both sockets included, p99", down)]
    events = len(down) + len(server.delays)
    each_us = round(used / events * 1e6)
    rows.append(Figure("relay: CPU an event, client and upstream in the same process", each_us, "us", "<= 1000",
                       each_us <= 1000, COMMAND))
    gevent.killall(greenlets)
    for socket in sockets:
        socket.close()
    web.stop()
    server.close()
    upstream.close()
    return rows


def _p99(what: str, seconds: list[float]) -> Figure:
    value = round(sorted(seconds)[int(len(seconds) * 0.99)] * 1000, 2)
    return Figure(f"relay: {what}", value, "ms", "<= 5", value <= 5, COMMAND)


def _send(socket: WebSocket) -> None:
    try:
        while True:
            socket.send(f'{{"type":"input_audio_buffer.append","event_id":"{time.perf_counter()!r}","audio":"{UP}"}}')
            gevent.sleep(UP_S)
    except SocketClosed:
        return


def _receive(socket: WebSocket, delays: list[float]) -> None:
    try:
        while True:
            event = json.loads(socket.receive() or "{}")
            if event.get("type") == "response.output_audio.delta":
                delays.append(time.perf_counter() - float(event["event_id"]))
    except SocketClosed:
        return


if __name__ == "__main__":
    for row in figures():
        print(row.figure, row.value, row.unit, f"(aim {row.aim})")
