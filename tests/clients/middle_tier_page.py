"""The front end of the middle tier that seed 000 describes, by its messages: what it sends, and what it does with what
it gets. It throws where the page would throw."""

import base64
import json

import gevent
import numpy as np

from engine.net.errors import SocketClosed
from engine.net.websocket import WebSocket

RATE = 24000
PIECE = 4800  # bytes of a recorder's buffer: 0.1 s
ADDRESS = "/realtime?api-key=none&api-version=alpha"


class Page:
    """``start`` and ``stop`` are its one button, ``say`` the microphone. ``files`` are shown as cited, ``playing`` is
    the audio since the user spoke, ``history`` the answers, each with the status of its response; ``errors`` are told
    to its console."""

    def __init__(self, base):
        self.socket = WebSocket.connect(base.replace("http", "ws", 1) + ADDRESS, headers={"Origin": base})
        self.recording = False
        self.files, self.history, self.errors, self.playing, self.words = [], [], [], b"", ""
        self._reader = gevent.spawn(self._read)

    def start(self):
        self._send("session.update", session={"turn_detection": {"type": "server_vad"}})
        self.recording = True

    def stop(self):
        self._send("input_audio_buffer.clear")
        self.recording = False

    def say(self, seconds=0.6, silence=0.8):
        tone = (6000 * np.sin(2 * np.pi * 220 * np.arange(int(seconds * RATE)) / RATE)).astype(np.int16)
        pcm = tone.tobytes() + bytes(int(silence * RATE) * 2)
        for at in range(0, len(pcm), PIECE):
            self._send("input_audio_buffer.append", audio=base64.b64encode(pcm[at:at + PIECE]).decode())
            gevent.sleep(0.05)

    def wait(self, what, timeout=8):
        with gevent.Timeout(timeout, AssertionError(f"after {self.history}, {self.errors}")):
            while not what():
                assert self._reader, "the page has thrown, or the connection has ended"
                gevent.sleep(0.01)

    def close(self):
        self.socket.close()
        self._reader.join(2)
        self._reader.get(timeout=0)

    def _send(self, kind, **fields):
        self.socket.send(json.dumps({"type": kind, **fields}))

    def _read(self):
        try:
            while True:
                self._take(json.loads(self.socket.receive()))
        except SocketClosed:
            return

    def _take(self, message):
        match message["type"]:
            case "response.audio.delta":
                self.playing += base64.b64decode(message["delta"], validate=True)
            case "response.audio_transcript.delta":
                self.words += message["delta"]
            case "input_audio_buffer.speech_started":
                self.playing = b""
            case "response.done":
                response = message["response"]
                self.history += [(response["status"], part["transcript"]) for item in response["output"]
                                 for part in item.get("content") or ()]
            case "extension.middle_tier_tool_response":
                sources = json.loads(message["tool_result"])["sources"]
                self.files += [(str.lower(source["chunk_id"]), source["title"], str(source["chunk"]))
                               for source in sources]
            case "error":
                self.errors.append(message)
