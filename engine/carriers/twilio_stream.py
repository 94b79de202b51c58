"""Twilio Media Streams: messages of a bidirectional stream (``<Connect><Stream>``), both ways. Pure.

Twilio sends ``connected``, ``start``, then ``media``, ``dtmf`` and ``mark`` in any order, then ``stop``. It takes
``media``, ``mark`` and ``clear``. Audio is µ-law, 8 kHz, one channel, base64. A mark comes back when the audio before
it was played, or at once when there is none; ``clear`` empties the buffer and sends all marks back that are out.
Source: twilio.com/docs/voice/media-streams/websocket-messages.
"""

from collections.abc import Mapping
from typing import Any

from engine.carriers import stream
from engine.carriers.stream import Audio, Key, Marked, Sequence, Started, Stopped, StreamEvent, StreamFault

RATE = 8000
"""Samples per second, both directions."""


class TwilioStream:
    """One connection. ``receive`` each message; ``audio``, ``mark`` and ``clear`` are what is sent."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self.started: Started | None = None
        self.stopped = False
        self.sequence = Sequence()

    def receive(self, message: str | bytes) -> StreamEvent | None:
        """What it says; None: nothing that matters here. Raises ``StreamFault``; the stream goes on as if the message
        had not come."""
        found = stream.parse(message)
        event = stream.text(found.get("event"), "event", needed=True)
        read = _READ.get(event)
        if read is None or self.stopped:
            return None
        if event == "start":
            if self.started is not None:
                raise StreamFault("event", "start comes once")
        elif self.started is None:
            raise StreamFault("event", f"{event} before start")
        elif stream.text(found.get("streamSid"), "streamSid") not in ("", self.started.stream_sid):
            raise StreamFault("streamSid", "is another stream's")
        told = read(found)
        self.sequence.saw(stream.number(found.get("sequenceNumber"), "sequenceNumber"))
        if isinstance(told, Started):
            self.started = told
        self.stopped = isinstance(told, Stopped)
        return told

    # ------------------------------------------------------------ what is sent (after ``start``)

    def audio(self, codes: bytes) -> str:
        """µ-law of any length, without a header."""
        return self._send("media", media={"payload": stream.base64_of(codes)})

    def mark(self, name: str) -> str:
        """Comes back when the audio before it was played."""
        return self._send("mark", mark={"name": name})

    def clear(self) -> str:
        """Drop what was not played."""
        return self._send("clear")

    def _send(self, event: str, **more: object) -> str:
        assert self.started is not None, "nothing can be sent before start"
        return stream.compact({"event": event, "streamSid": self.started.stream_sid, **more})


def _start(found: Mapping[str, Any]) -> Started:
    start = stream.part(found, "start")
    if not start:
        raise StreamFault("start", "is missing")
    form = start.get("mediaFormat")
    form = form if isinstance(form, dict) else {}
    encoding = stream.text(form.get("encoding"), "start.mediaFormat.encoding")
    rate = stream.number(form.get("sampleRate"), "start.mediaFormat.sampleRate") or RATE
    channels = stream.number(form.get("channels"), "start.mediaFormat.channels") or 1
    if encoding not in ("", "audio/x-mulaw") or rate != RATE or channels != 1:
        raise StreamFault("start.mediaFormat", "is not audio/x-mulaw, 8000 Hz, one channel")
    parameters = stream.parameters(start.get("customParameters"), "start.customParameters")
    return Started(
        stream.text(start.get("streamSid") or found.get("streamSid"), "start.streamSid", needed=True),
        stream.text(start.get("callSid"), "start.callSid", needed=True),
        stream.text(start.get("accountSid"), "start.accountSid"),
        parameters.get("from", ""), parameters.get("to", ""), parameters, "mulaw", RATE,
    )


def _media(found: Mapping[str, Any]) -> Audio | None:
    media = stream.part(found, "media")
    data = stream.audio(media.get("payload"), "media.payload")
    track = stream.text(media.get("track"), "media.track")
    return Audio(data) if track in ("", "inbound", "inbound_track") else None


def _dtmf(found: Mapping[str, Any]) -> Key:
    return Key(stream.digit(stream.part(found, "dtmf").get("digit"), "dtmf.digit"))


def _mark(found: Mapping[str, Any]) -> Marked:
    return Marked(stream.text(stream.part(found, "mark").get("name"), "mark.name", needed=True))


def _stop(found: Mapping[str, Any]) -> Stopped:
    return Stopped()


_READ = {"start": _start, "media": _media, "dtmf": _dtmf, "mark": _mark, "stop": _stop}


__all__ = ["RATE", "TwilioStream"]
