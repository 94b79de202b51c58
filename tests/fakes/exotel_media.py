"""Exotel's side of a Voicebot applet's stream, as strict as its documents: no socket, no clock of its own.

It refuses (``Refusal``) pieces of audio below 3,200 or above 100,000 bytes or of no multiple of 320, another
``stream_sid``, a mark without a name, events that it does not know, and audio that comes much faster than real time:
Exotel's own programs note that it ends such calls.
"""

import base64
import binascii
import json

from tests.fakes.carrier_buffer import CarrierBuffer, Refusal

STREAM, CALL, ACCOUNT = "7d3f1c0a9b5e4f62", "c5f0e1d2c3b4a5968778695a4b3c2d1e", "trunkline1"
DUMPED_S = 2.0
"""So much audio that waits is a whole greeting sent at once."""


class ExotelMedia:
    """One stream. ``camel``: it spells keys as ``streamSid``; ``numbers``: numbers are numbers, not texts."""

    def __init__(self, now, rate=8000, call_sid=CALL, caller="09876543210", called="08047491899", camel=False,
                 numbers=False, **parameters):
        self.rate, self.call_sid, self.caller, self.called = rate, call_sid, caller, called
        self.camel, self.numbers, self.parameters = camel, numbers, parameters
        self.buffer = CarrierBuffer(rate * 2, b"\0\0", now)
        self.started = False
        self.numbered = self.chunks = 0
        self.messages = []

    def opening(self):
        self.started = True
        start = {self._key("stream_sid"): STREAM, self._key("call_sid"): self.call_sid,
                 self._key("account_sid"): ACCOUNT, "from": self.caller, "to": self.called,
                 self._key("custom_parameters"): self.parameters,
                 self._key("media_format"): {"encoding": "audio/x-raw", self._key("sample_rate"): self._n(self.rate),
                                             self._key("bit_rate"): self._n(16)}}
        return [json.dumps({"event": "connected"}), self._event("start", start=start)]

    def media(self, pcm):
        self.chunks += 1
        return self._event("media", media={"chunk": self._n(self.chunks), "timestamp": self._n(self.chunks * 100),
                                           "payload": base64.b64encode(pcm).decode()})

    def dtmf(self, digit):
        return self._event("dtmf", dtmf={"digit": digit, "duration": self._n(100)})

    def stop(self, reason="callended"):
        return self._event("stop", stop={"call_sid": self.call_sid, "account_sid": ACCOUNT, "reason": reason})

    def take(self, text, now):
        back = self.step(now)
        message = json.loads(text)
        self.messages.append(message)
        if not self.started or message.get("stream_sid") != STREAM or message.get("streamSid", STREAM) != STREAM:
            raise Refusal(f"before start, or of another stream: {text[:200]}")
        event = message.get("event")
        if event == "media":
            self.buffer.add(self._payload(message))
            if self.buffer.waiting > DUMPED_S * self.buffer.rate:
                raise Refusal("a greeting sent at once: Exotel hangs up")
            return back
        if event == "mark":
            name = (message.get("mark") or {}).get("name")
            if not isinstance(name, str) or not name:
                raise Refusal(f"a mark without a name: {text[:200]}")
            return back + [self._marked(one) for one in self.buffer.mark(name)]
        if event == "clear":
            return back + [self._marked(one) for one in self.buffer.clear()]
        raise Refusal(f"unknown event: {text[:200]}")

    def step(self, now):
        return [self._marked(name) for name in self.buffer.step(now)]

    def _payload(self, message):
        try:
            audio = base64.b64decode(message["media"]["payload"], validate=True)
        except (KeyError, TypeError, binascii.Error) as fault:
            raise Refusal(f"media.payload: {fault!r}") from fault
        if not 3200 <= len(audio) <= 100_000 or len(audio) % 320:
            raise Refusal(f"a piece of {len(audio)} bytes")
        return audio

    def _marked(self, name):
        return self._event("mark", mark={"name": name})

    def _event(self, event, **more):
        self.numbered += 1
        return json.dumps({"event": event, self._key("sequence_number"): self._n(self.numbered),
                           self._key("stream_sid"): STREAM, **more})

    def _key(self, name):
        if not self.camel:
            return name
        first, *rest = name.split("_")
        return first + "".join(word.capitalize() for word in rest)

    def _n(self, number):
        return number if self.numbers else str(number)
