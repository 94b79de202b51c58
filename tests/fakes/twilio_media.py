"""Twilio's side of a Media Stream, as strict as its documents: no socket, no clock of its own.

It refuses (``Refusal``) whatever Twilio answers with an error or does not play: unknown events, another ``streamSid``,
audio that is no base64, that has a WAV header or comes before ``start``, a mark without a name.
"""

import base64
import binascii
import json

from tests.fakes.carrier_buffer import CarrierBuffer, Refusal

STREAM, CALL, ACCOUNT = "MZ18ad3ab5a668481ce02b83e7395059f0", "CA00000000000000000000000000000001", "AC" + "0" * 32


class TwilioMedia:
    """One bidirectional stream. ``opening()`` is sent first; ``take`` each message, ``step`` with the time."""

    def __init__(self, now, call_sid=CALL, stream_sid=STREAM, account_sid=ACCOUNT, **parameters):
        self.stream_sid, self.call_sid, self.account_sid = stream_sid, call_sid, account_sid
        self.parameters = parameters
        self.buffer = CarrierBuffer(8000, b"\xff", now)
        self.started = False
        self.numbered = self.chunks = 0
        self.messages = []

    def opening(self):
        self.started = True
        start = {"accountSid": self.account_sid, "streamSid": self.stream_sid, "callSid": self.call_sid,
                 "tracks": ["inbound"], "customParameters": self.parameters,
                 "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}}
        return [json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}),
                self._event("start", start=start)]

    def media(self, codes):
        self.chunks += 1
        return self._event("media", media={
            "track": "inbound", "chunk": str(self.chunks), "timestamp": str(self.chunks * 20),
            "payload": base64.b64encode(codes).decode()})

    def dtmf(self, digit):
        return self._event("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    def stop(self):
        return self._event("stop", stop={"accountSid": self.account_sid, "callSid": self.call_sid})

    def take(self, text, now):
        """A message of the engine's; what Twilio sends back at once."""
        back = self.step(now)
        message = json.loads(text)
        self.messages.append(message)
        if not self.started:
            raise Refusal(f"before start: {text[:200]}")
        if message.get("streamSid") != self.stream_sid:
            raise Refusal(f"31951 streamSid: {text[:200]}")
        event = message.get("event")
        if event == "media":
            self.buffer.add(self._payload(message))
            return back
        if event == "mark":
            name = (message.get("mark") or {}).get("name")
            if not isinstance(name, str) or not name:
                raise Refusal(f"31951 a mark without a name: {text[:200]}")
            return back + [self._marked(one) for one in self.buffer.mark(name)]
        if event == "clear":
            return back + [self._marked(one) for one in self.buffer.clear()]
        raise Refusal(f"31951 unknown event: {text[:200]}")

    def step(self, now):
        return [self._marked(name) for name in self.buffer.step(now)]

    def _payload(self, message):
        try:
            audio = base64.b64decode(message["media"]["payload"], validate=True)
        except (KeyError, TypeError, binascii.Error) as fault:
            raise Refusal(f"31951 media.payload: {fault!r}") from fault
        if not audio or audio.startswith(b"RIFF"):
            raise Refusal("31951 media.payload has no raw audio")
        return audio

    def _marked(self, name):
        return self._event("mark", mark={"name": name})

    def _event(self, event, **more):
        self.numbered += 1
        return json.dumps({"event": event, "sequenceNumber": str(self.numbered), **more, "streamSid": self.stream_sid})
