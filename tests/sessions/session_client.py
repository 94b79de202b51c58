"""A Realtime client that trusts nothing: every event is checked against the SDK's types, in the order of the rules."""

import base64
import json
import re

import gevent
import numpy as np
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from engine.net.errors import SocketClosed
from engine.net.websocket import Limits, WebSocket

EVENT = TypeAdapter(RealtimeServerEvent)
RATE = 24000
OTHER_RATES = re.compile(r'"rate":(8000|16000)')
"""Which the SDK does not know and we speak."""


class Client:
    """``send``, ``say``; ``wait_for`` an event. ``events`` are all so far, ``audio`` is what came by item."""

    def __init__(self, url, strict=True, **options):
        self._strict = strict
        self.events = []
        self.audio = {}
        self.closed = None
        self.format = "audio/pcm"
        self._socket = WebSocket.connect(url, limits=Limits(message_bytes=16 << 20), **options)
        self._read = 0
        self._reader = gevent.spawn(self._take)

    def __enter__(self):
        self.wait_for("session.created")
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self._socket.close()
        self._reader.join(2)
        self._reader.kill()

    def send(self, kind, **fields):
        self._socket.send(json.dumps({"type": kind, **fields}))

    def update(self, **session):
        self.send("session.update", session={"type": "realtime", **session})
        return self.wait_for("session.updated")["session"]

    def append(self, data):
        self.send("input_audio_buffer.append", audio=base64.b64encode(data).decode())

    def say(self, seconds=0.6, silence=0.6, rate=RATE, chunk_ms=40, encode=None):
        """A tone that the test's detector takes for a voice, in real time, then silence."""
        t = np.arange(int(seconds * rate)) / rate
        tone = (6000 * np.sin(2 * np.pi * 220 * t)).astype(np.int16)
        pcm = np.concatenate([tone, np.zeros(int(silence * rate), np.int16)])
        step = rate * chunk_ms // 1000
        for at in range(0, len(pcm), step):
            piece = pcm[at : at + step]
            self.append(encode(piece).tobytes() if encode else piece.tobytes())
            gevent.sleep(chunk_ms / 1000)

    def wait_for(self, kind, timeout=6, **fields):
        """The next event of this kind with these fields, after the one that was waited for last."""
        def found():
            for number in range(self._read, len(self.events)):
                event = self.events[number]
                if event["type"] == kind and all(event.get(name) == value for name, value in fields.items()):
                    self._read = number + 1
                    return event
            return None
        with gevent.Timeout(timeout, AssertionError(f"no {kind} {fields} in {self.kinds()}")):
            while (event := found()) is None:
                assert self._reader or kind == "closed", f"closed ({self.closed}) before {kind}: {self.kinds()}"
                gevent.sleep(0.01)
        return event

    def wait_closed(self, timeout=6):
        self._reader.join(timeout)
        assert self.closed is not None, "still open"
        return self.closed

    def kinds(self):
        """The types of all events so far, runs of deltas as one."""
        kinds = []
        for event in self.events:
            if not (kinds and kinds[-1] == event["type"] and event["type"].endswith("delta")):
                kinds.append(event["type"])
        return kinds

    def of(self, kind):
        return [event for event in self.events if event["type"] == kind]

    @property
    def faults(self):
        return self.of("error")

    def heard_s(self, item_id, rate=RATE, width=2):
        """Seconds of audio that came for an item."""
        return len(self.audio.get(item_id, b"")) / width / rate

    def _take(self):
        try:
            while True:
                event = json.loads(self._socket.receive())
                if self._strict:
                    plain = json.dumps(event, separators=(",", ":"))
                    EVENT.validate_python(json.loads(OTHER_RATES.sub('"rate":24000', plain)))
                self.events.append(event)
                if event["type"] == "response.output_audio.delta":
                    before = self.audio.get(event["item_id"], b"")
                    self.audio[event["item_id"]] = before + base64.b64decode(event["delta"])
        except SocketClosed as end:
            self.closed = (end.code, end.reason)
