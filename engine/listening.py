"""What is heard of the caller of one conversation: frames and edges of the voice on their way to recogniser, recording
and turn engine, and what the recogniser makes of them."""

from collections.abc import Callable
from typing import Protocol

from engine.media.leg import Leg
from engine.media.pcm import SAMPLE_BYTES
from engine.senses import Senses, ShiftedStream
from engine.speech.interfaces import Heard, HearStream, Recogniser
from engine.telemetry.eventlog import EventLog
from engine.turns import events as turn


class Side(Protocol):
    """The conversation, as far as listening needs it."""

    began: float
    """Call time 0, on the monotonic clock."""

    @property
    def now(self) -> float:
        """Seconds of call time."""

    def tell(self, event: turn.Event) -> None:
        """Tell the turn engine."""

    def fail(self, where: str, fault: Exception) -> None:
        """A fault ends the conversation."""


class Tape(Protocol):
    """Where the caller's side is recorded."""

    masked: bool

    def caller(self, frame: bytes) -> None:
        """The caller's next frame."""


class Listening:
    """The caller's side. ``ear`` is the leg's ear, ``voice_on`` and ``voice_off`` make it the ears' listener."""

    def __init__(self, side: Side, senses: Senses, leg: Leg, events: EventLog, recording: Tape | None) -> None:
        """Listens from now on."""
        self._side = side
        self._leg = leg
        self._events = events
        self._recording = recording
        self._frame_s = senses.config.media.frame_ms / 1000
        self._began: float | None = None
        self._fed = 0  # samples of the caller so far
        self._masked = self._suspended = self._deaf = False
        self._counts = False
        self._claimed = 0
        self.by_hand = False
        """The caller's side itself says when they speak (``open``, ``shut``); edges of the ears are not heeded, and
        the words are no turn of theirs."""

        self.transcripts: Callable[[Heard], None] | None = None
        """Is told every final transcript with words, before the turn engine: its language may be another."""
        self.words: Callable[[str], None] | None = None
        """Is told what the caller said (final transcripts), beside the turn engine."""
        self.heard: Callable[[Heard], None] | None = None
        """Is told every transcript, partial or final, empty or not, after the turn engine."""

        self.edge = 0
        """The sample of the newest edge of the voice."""
        self.voice_from: float | None = None
        self.voice_to: float | None = None
        self._off_told: float | None = None
        self._recogniser = senses.recogniser
        self._stream = self._open(senses.recogniser)

    @property
    def audio_began(self) -> float:
        """Call time of the caller's first sample."""
        return self._began or 0.0

    @property
    def fed(self) -> int:
        """Samples of the caller so far."""
        return self._fed

    def time(self, sample: int) -> float:
        """Call time of a sample of the caller's audio."""
        line = self._leg.timeline
        if line:
            return round(line.at(sample) - self._side.began, 3)
        return round((self._began or 0.0) + sample / self._leg.rate, 3)

    # ------------------------------------------------------------ told by the leg and the ears

    def ear(self, frame: bytes, silent: bool) -> None:
        """The caller's next frame."""
        if self._began is None:
            self._began = self._side.now - self._frame_s
        if self._recording is not None:
            self._recording.caller(frame)
        self._fed += len(frame) // SAMPLE_BYTES
        if self._deaf:
            return
        try:
            # Silence, not nothing: positions of words count these samples.
            self._stream.feed(bytes(len(frame)) if self._masked or self._suspended else frame)
        except Exception as fault:  # noqa: BLE001  a provider's bug ends one conversation, and says so once
            self._side.fail("recogniser", fault)

    def voice_on(self, sample: int) -> None:
        """The caller's voice started."""
        if self.by_hand:
            return
        at, self.edge = self.time(sample), sample
        self.voice_from, self.voice_to = at, None
        self._events.write("voice_on", at=at)
        self._counts = not (self._masked or self._suspended)
        if self._counts:
            self._hint(self._stream.voice_on, sample)
            self._side.tell(turn.VoiceOn(at))

    def voice_off(self, sample: int) -> None:
        """The caller's voice stopped."""
        if self.by_hand or self.voice_to is not None:
            return  # it was taken for over before
        at, self.edge = self.time(sample), sample
        self.voice_to, self._off_told = at, self._side.now
        self._events.write("voice_off", at=at)
        if self._counts:
            self._counts = False
            # In this order: a recogniser may deliver its final at once.
            self._side.tell(turn.VoiceOff(at))
            self._hint(self._stream.voice_off, sample)

    # ------------------------------------------------------------ by hand

    @property
    def is_open(self) -> bool:
        """Whether voice is there now, by hand or by the ears."""
        return self._counts

    def open(self) -> None:
        """By hand: what comes from now on is speech."""
        if not self._counts:
            self._counts = True
            self.voice_from, self.voice_to = self.time(self._fed), None
            self._events.write("voice_on", at=self.voice_from)
            self._hint(self._stream.voice_on, self._fed)

    def shut(self) -> None:
        """By hand: that was it; its final transcript comes as soon as possible."""
        if self._counts:
            self._counts = False
            self.voice_to, self._off_told = self.time(self._fed), self._side.now
            self._events.write("voice_off", at=self.voice_to)
            self._hint(self._stream.voice_off, self._fed)

    # ------------------------------------------------------------ changes

    def change(self, recogniser: Recogniser) -> None:
        """Hear with another recogniser from the next frame on."""
        if recogniser is self._recogniser:
            return
        self._recogniser = recogniser
        old, self._stream = self._stream, self._open(recogniser)
        old.close()
        if self._counts:
            self._hint(self._stream.voice_on, self._fed)

    def mask(self, on: bool) -> None:
        """Whether recording and recogniser get nothing of what is said."""
        if on and not self._masked:
            self.end_voice()
        self._masked = on
        if self._recording is not None:
            self._recording.masked = on

    def suspend(self, on: bool) -> None:
        """Whether somebody else has the caller: the recogniser gets silence, and no voice counts."""
        if on:
            self.end_voice()
        self._suspended = on

    def end_voice(self, claim: bool = False) -> None:
        """The voice that is there now counts no further. ``claim``: its final transcript is ``heard``'s alone."""
        if self._counts and not self.by_hand:
            self._claimed += claim
            self.voice_off(self._fed)

    def stop(self) -> None:
        """A fault: nothing more reaches the recogniser."""
        self._deaf = True

    def close(self) -> None:
        """End the recogniser's stream."""
        self._stream.close()

    # ------------------------------------------------------------ inside

    def _open(self, recogniser: Recogniser) -> HearStream:
        """A stream that begins now; what it tells is dated in samples of the call."""
        first = self._fed
        return ShiftedStream(recogniser, self._leg.rate, first, self._heard) if first else recogniser.open(
            self._leg.rate, self._heard
        )

    def _hint(self, tell: Callable[[int], None], sample: int) -> None:
        """Tell the recogniser of an edge of the voice."""
        if not self._deaf:
            try:
                tell(sample)
            except Exception as fault:  # noqa: BLE001  as with a frame
                self._side.fail("recogniser", fault)

    def _heard(self, heard: Heard) -> None:
        start, end = self.time(heard.start), self.time(heard.end)
        if heard.final:
            after = None if self._off_told is None else round((self._side.now - self._off_told) * 1000)
            told = {"language": heard.language} if heard.language else {}
            self._events.write(
                "final", text=heard.text, start=start, end=end, ms=after, confidence=round(heard.confidence, 3), **told
            )
        else:
            self._events.write("partial", text=heard.text, at=end)
        if heard.final and heard.text and self.transcripts is not None:
            self.transcripts(heard)
        claimed = heard.final and self._claimed > 0
        self._claimed -= claimed
        if not (self.by_hand or claimed):
            self._side.tell(turn.Transcript(heard.text, heard.final, start, end, heard.confidence, heard.alternatives))
        if heard.final and heard.text and self.words is not None:
            self.words(heard.text)
        if self.heard is not None:
            self.heard(heard)
