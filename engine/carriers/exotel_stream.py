"""Exotel AgentStream: messages of the Voicebot applet's stream, both ways. Pure.

Exotel sends ``connected``, ``start``, then ``media``, ``dtmf`` and ``mark``, then ``stop``; it takes ``media``,
``mark`` and ``clear``. Audio is 16-bit little-endian PCM, one channel, base64, at 8, 16 or 24 kHz, in pieces of 3,200
to 100,000 bytes that are a multiple of 320. Sources: developer.exotel.com/docs/agentstream, and Exotel's own bridges
at github.com/exotel/Agent-Stream.

These disagree on how keys are spelled (``stream_sid``, ``streamSid``, ``Event``), on what is a number and what a text,
on names of encodings and on what stands in which object. All of it is read, and both spellings are sent.
"""

from collections.abc import Mapping
from typing import Any, Literal

from engine.carriers import stream
from engine.carriers.stream import Audio, Key, Marked, Sequence, Started, Stopped, StreamEvent, StreamFault

UNIT_BYTES = 320
"""What pieces of audio are made of."""

LEAST_BYTES, MOST_BYTES = 3_200, 100_000
"""Of one piece."""

RATES = (8000, 16000, 24000)
"""Samples per second; ``?sample-rate=`` of the URL says which one Exotel is to use."""

_PCM = frozenset({"", "audio/x-raw", "raw", "audio/x-l16", "audio/l16", "l16", "pcm", "linear16", "slin", "audio/pcm"})
_MULAW = frozenset({"audio/x-mulaw", "mulaw", "ulaw", "pcmu", "audio/pcmu"})


class ExotelStream:
    """One connection. ``receive`` each message; ``audio``, ``mark`` and ``clear`` are what is sent."""

    def __init__(self, rate: int = 0, *, both_spellings: bool = True) -> None:
        """``rate``: what the URL asked for, in Hz; 0: nothing. ``both_spellings``: of keys that are sent, with the
        numbers that some of Exotel's own programs send; off: ``stream_sid`` alone, as the reference page has it."""
        self.started: Started | None = None
        self.stopped = False
        self.sequence = Sequence()
        self._rate = rate
        self._both = both_spellings
        self._numbered = 0
        self._chunks = 0
        self._sent_ms = 0.0
        self._early: dict[str, str] = {}

    def receive(self, message: str | bytes) -> StreamEvent | None:
        """What it says; None: nothing that matters here. Raises ``StreamFault``; the stream goes on as if the message
        had not come."""
        found = _plain(stream.parse(message))
        event = stream.text(found.get("event"), "event", needed=True).lower()
        if self.stopped:
            return None
        if event == "connected":
            self._early = _custom(found)
            return None
        read = _READ.get(event)
        if read is None:
            return None
        if event == "start":
            if self.started is not None:
                raise StreamFault("event", "start comes once")
            self.started = self._start(found)
            told: StreamEvent | None = self.started
        else:
            if self.started is None:
                raise StreamFault("event", f"{event} before start")
            if stream.text(found.get("streamsid"), "stream_sid") not in ("", self.started.stream_sid):
                raise StreamFault("stream_sid", "is another stream's")
            told = read(found, self.started)
        self.sequence.saw(stream.number(found.get("sequencenumber"), "sequence_number"))
        self.stopped = isinstance(told, Stopped)
        return told

    def _start(self, found: Mapping[str, Any]) -> Started:
        start = _plain(stream.part(found, "start"))

        def either(name: str, spelled: str, needed: bool = False) -> str:
            return stream.text(start.get(name) or found.get(name), f"start.{spelled}", needed=needed)

        form = start.get("mediaformat") or found.get("mediaformat")
        form = _plain(form) if isinstance(form, dict) else {}
        rate = stream.number(form.get("samplerate"), "start.media_format.sample_rate", "hz") or self._rate or 8000
        if rate not in RATES:
            raise StreamFault("start.media_format.sample_rate", f"is {rate}; there are 8000, 16000 and 24000")
        encoding = _encoding(stream.text(form.get("encoding"), "start.media_format.encoding").lower())
        if encoding == "mulaw" and rate != 8000:
            raise StreamFault("start.media_format.encoding", "is µ-law at another rate than 8000")
        return Started(
            either("streamsid", "stream_sid", needed=True), either("callsid", "call_sid", needed=True),
            either("accountsid", "account_sid"), either("from", "from"), either("to", "to"),
            self._early | _custom(found) | _custom(start), encoding, rate,
        )

    # ------------------------------------------------------------ what is sent (after ``start``)

    def audio(self, data: bytes) -> str:
        """A piece of the line's audio: ``LEAST_BYTES`` to ``MOST_BYTES``, whole ``UNIT_BYTES``. ``ValueError`` for
        another length: Exotel plays gaps, or ends the call."""
        if len(data) % UNIT_BYTES or not UNIT_BYTES <= len(data) <= MOST_BYTES:
            raise ValueError(f"Exotel takes pieces of {UNIT_BYTES} bytes times a whole number, not {len(data)}")
        self._chunks += 1
        media: dict[str, object] = {"payload": stream.base64_of(data)}
        if self._both:
            media |= {"chunk": str(self._chunks), "timestamp": str(int(self._sent_ms))}
        message = self._send("media", media=media)
        started = self.started
        assert started is not None
        self._sent_ms += len(data) * 1000 / (started.rate * (1 if started.encoding == "mulaw" else 2))
        return message

    def mark(self, name: str) -> str:
        """Comes back when the audio before it was played."""
        return self._send("mark", mark={"name": name})

    def clear(self) -> str:
        """Drop what was not played."""
        return self._send("clear")

    def _send(self, event: str, **more: object) -> str:
        assert self.started is not None, "nothing can be sent before start"
        sid = self.started.stream_sid
        head: dict[str, object] = {"event": event, "stream_sid": sid}
        if self._both:
            self._numbered += 1
            head |= {"streamSid": sid, "sequence_number": str(self._numbered), "sequenceNumber": str(self._numbered)}
        return stream.compact(head | more)


def _plain(found: Mapping[str, Any]) -> dict[str, Any]:
    """Keys in one spelling: ``streamSid``, ``stream_sid`` and ``StreamSid`` are ``streamsid``. The first one counts."""
    plain: dict[str, Any] = {}
    for key, value in found.items():
        plain.setdefault(key.lower().replace("_", "").replace("-", ""), value)
    return plain


def _custom(found: Mapping[str, Any]) -> dict[str, str]:
    return stream.parameters(found.get("customparameters"), "custom_parameters")


def _encoding(told: str) -> Literal["mulaw", "pcm"]:
    name = told.partition(";")[0].strip()
    if name in _PCM:
        return "pcm"
    if name in _MULAW:
        return "mulaw"
    raise StreamFault("start.media_format.encoding", "is neither 16-bit PCM nor µ-law")


def _inner(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The object of this name; where there is none its fields stand in the message itself."""
    return _plain(stream.part(found, name)) or found


def _media(found: Mapping[str, Any], started: Started) -> Audio | None:
    media = _inner(found, "media")
    data = stream.audio(media.get("payload"), "media.payload", 1 if started.encoding == "mulaw" else 2)
    return Audio(data) if stream.text(media.get("track"), "media.track").lower() in _CALLERS else None


def _dtmf(found: Mapping[str, Any], started: Started) -> Key:
    key = _inner(found, "dtmf")
    return Key(stream.digit(key.get("digit"), "dtmf.digit"),
               stream.number(key.get("duration"), "dtmf.duration", "ms"))


def _mark(found: Mapping[str, Any], started: Started) -> Marked:
    return Marked(stream.text(_inner(found, "mark").get("name"), "mark.name", needed=True))


def _stop(found: Mapping[str, Any], started: Started) -> Stopped:
    return Stopped(stream.text(_inner(found, "stop").get("reason"), "stop.reason"))


def _none(found: Mapping[str, Any], started: Started) -> None:
    return None


_CALLERS = frozenset({"", "inbound", "inbound_track", "in", "caller"})
_READ = {"start": _none, "media": _media, "dtmf": _dtmf, "mark": _mark, "stop": _stop, "closed": _stop}


__all__ = ["LEAST_BYTES", "MOST_BYTES", "RATES", "UNIT_BYTES", "ExotelStream"]
