"""The caller's voice in stretches: what every recogniser that hears only voice has in common.

A stretch is the audio from a little before the voice started (the pre-roll) to where it stopped. ``SpeechStream`` cuts
the call's audio into stretches and sees to it that each gets its final; an ``Ear`` of the provider hears them.
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import gevent
import numpy as np

from engine.errors import ProviderFault
from engine.speech.interfaces import Heard

log = logging.getLogger(__name__)

RING_MS = 2000
"""The last audio that is kept at any time, for pre-rolls and for voice that goes on after all."""

MAX_PENDING = 8
"""Stretches of a call that may wait for their final; with one more, the oldest gets what is known of it."""

SETTLED_MS = 300
"""A stretch that is finally told up to so little before its end has no more words."""

QUIET_MS = 120
QUIET_SHARE = 0.25
"""A quiet place: so long below this share of the stretch's level. Gaps within words are shorter."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a provider wants its stretches."""

    preroll_ms: int = 400
    """Audio before the voice that belongs to the stretch, so that first syllables are not lost."""

    chunk_ms: int = 60
    """Audio is handed on in pieces of so much; the rest of it goes with the end of the voice, so finals wait for
    nothing."""

    longest_ms: int = 20_000
    """A stretch is cut at the first quiet place of its last quarter, at the latest here."""

    final_timeout_s: float = 1.5
    """Longest wait for a final after the voice stopped; then the newest partial is taken for it."""

    joins: bool = False
    """Whether voice that starts again before its final came goes on with the same stretch: for recognisers that hear a
    stretch as a whole."""


@dataclass(eq=False, slots=True)
class Stretch:
    """One stretch. Positions are samples of the call's audio."""

    start: int
    """Where the voice started."""

    audio_from: int
    """Where ``audio`` begins."""

    audio: bytearray = field(default_factory=bytearray, repr=False)
    stop: int | None = None
    """Where the voice stopped; None while it goes on."""

    told_to: int = 0
    """Up to here the words are final."""

    partial: str = ""
    """Newest words beyond ``told_to``, which may still change."""

    heard: Heard | None = None
    """Its final, which waits until older stretches have theirs."""

    chunk: bytearray = field(default_factory=bytearray, repr=False)
    timer: gevent.Greenlet | None = None

    @property
    def done(self) -> bool:
        """It has got its final."""
        return self.heard is not None

    @property
    def audio_to(self) -> int:
        """Where ``audio`` ends."""
        return self.audio_from + len(self.audio) // 2


class Ear(Protocol):
    """How a provider hears the stretches of one call. It tells ``SpeechStream`` of words; nothing here may wait."""

    def begin(self, stretch: Stretch) -> None:
        """A stretch begins, with the audio that it has already; or begins anew after ``cancel``."""

    def more(self, stretch: Stretch, pcm: bytes) -> None:
        """The next audio of the stretch (it is in ``stretch.audio`` already)."""

    def end(self, stretch: Stretch) -> None:
        """The voice stopped, maybe for good: the final is wanted."""

    def cancel(self, stretch: Stretch) -> None:
        """Nobody wants the final any more."""

    def close(self) -> None:
        """The call is over."""


class Faults:
    """What goes wrong at a provider: counted, logged, and told to who chooses among providers."""

    def __init__(self, provider: str, on_fault: Callable[[ProviderFault], None] | None = None) -> None:
        """``on_fault`` is called in a greenlet of the provider."""
        self.provider = provider
        self.count = 0
        self.last: ProviderFault | None = None
        self._on_fault = on_fault

    def tell(self, fault: ProviderFault) -> None:
        """Count, log and tell one. A fault that spoils a stretch is told just before the stretch's final, in the same
        greenlet, so that who listens knows which call it concerns."""
        self.count += 1
        self.last = fault
        log.warning("%s (%s)", fault, fault.kind)
        if self._on_fault is not None:
            try:
                self._on_fault(fault)
            except Exception:
                log.exception("a fault of %s could not be told", self.provider)


class SpeechStream:
    """A ``HearStream`` of one call over an ``Ear``. Every stretch gets its final, once and in order, whatever the ear
    does."""

    def __init__(self, rate: int, deliver: Callable[[Heard], None], make_ear: "Callable[[SpeechStream], Ear]",
                 terms: Terms, faults: Faults) -> None:
        """``rate`` in Hz; ``make_ear`` gets this stream, to tell it words."""
        self.rate = rate
        self.terms = terms
        self.faults = faults
        self.position = 0
        """Samples fed."""

        self._deliver: Callable[[Heard], None] | None = deliver
        self._ring: deque[bytes] = deque()
        self._ring_bytes = 0
        self._heard_to = 0  # audio before this sample has been in a stretch
        self._talking: Stretch | None = None
        self._pending: list[Stretch] = []
        self._ear = make_ear(self)

    @property
    def pending(self) -> tuple[Stretch, ...]:
        """Stretches without their final, oldest first; the last of them may be going on."""
        return tuple(stretch for stretch in self._pending if not stretch.done)

    # ------------------------------------------------------------ HearStream

    def feed(self, frame: bytes) -> None:
        """Take the next frame of the call."""
        self.position += len(frame) // 2
        self._ring.append(frame)
        self._ring_bytes += len(frame)
        while self._ring_bytes - len(self._ring[0]) >= self._bytes(RING_MS):
            self._ring_bytes -= len(self._ring.popleft())
        stretch = self._talking
        if stretch is not None:
            stretch.audio += frame
            stretch.chunk += frame
            if len(stretch.chunk) >= self._bytes(self.terms.chunk_ms):
                self._hand_on(stretch)
            if len(stretch.audio) >= self._bytes(self.terms.longest_ms * 3 // 4) and self._cut_here(stretch):
                self._finish(stretch, self.position)
                self._begin(self.position, self.position)

    def voice_on(self, sample: int) -> None:
        """The caller's voice started."""
        if self._deliver is None or self._talking is not None:
            return
        last = self._pending[-1] if self._pending else None
        if last is not None and not last.done and self._may_go_on(last):
            self._go_on(last)
        else:
            self._begin(sample, max(self._heard_to, sample - self.rate * self.terms.preroll_ms // 1000, 0))

    def voice_off(self, sample: int) -> None:
        """The caller's voice stopped: its final is due."""
        if self._talking is not None:
            self._finish(self._talking, max(sample, self._talking.start))

    def close(self) -> None:
        """End the stream; nothing is delivered any more. Idempotent."""
        if self._deliver is None:
            return
        self._deliver = None
        self._talking = None
        for stretch in self._pending:
            self._stop_timer(stretch)
        self._pending.clear()
        self._ear.close()

    # ------------------------------------------------------------ what the ear tells

    def partial(self, stretch: Stretch, text: str, start: int | None = None, end: int | None = None,
                confidence: float = -1.0) -> None:
        """Words that may still change, of the stretch beyond ``told_to``."""
        text = text.strip()
        if stretch.done or text == stretch.partial:
            return
        stretch.partial = text
        first = max(stretch.start, stretch.told_to) if start is None else start
        last = self._end_of(stretch) if end is None else end
        self._tell(Heard(text, False, first, max(first, last), confidence))

    def part(self, stretch: Stretch, text: str, start: int, end: int, confidence: float = -1.0,
             language: str = "") -> None:
        """Final words of a part of the stretch; more of it is to come."""
        if stretch.done:
            return
        stretch.told_to = max(stretch.told_to, end)
        stretch.partial = ""
        if text.strip():
            self._tell(Heard(text.strip(), True, start, max(start, end), confidence, language))

    def final(self, stretch: Stretch, text: str, confidence: float = -1.0, language: str = "",
              start: int | None = None) -> None:
        """The rest of the stretch. Idempotent: the first one counts."""
        if stretch.done:
            return
        self._stop_timer(stretch)
        if self._talking is stretch:  # a fault in the middle of it
            self._talking = None
            self._heard_to = stretch.stop = self.position
        first = max(stretch.start, stretch.told_to) if start is None else start
        end = self._end_of(stretch)
        stretch.heard = Heard(text.strip(), True, min(first, end), end, confidence, language)
        while self._pending and self._pending[0].heard is not None:
            self._tell(self._pending.pop(0).heard)

    def give_up(self, stretch: Stretch, fault: ProviderFault | None = None) -> None:
        """The final will not come: what is known of the stretch is taken for it. ``fault`` is told, if there is one."""
        if stretch.done:
            return
        if fault is not None:
            self.faults.tell(fault)
        self._ear.cancel(stretch)
        self.final(stretch, stretch.partial)

    # ------------------------------------------------------------ inside

    def _begin(self, start: int, audio_from: int) -> None:
        held = b"".join(self._ring)
        audio_from = max(audio_from, self.position - len(held) // 2)
        stretch = Stretch(start, audio_from)
        if audio_from < self.position:
            stretch.audio += held[len(held) - 2 * (self.position - audio_from):]
        if len(self._pending) >= MAX_PENDING:
            owed = ProviderFault(self.faults.provider, "timeout", f"{MAX_PENDING} finals are owed")
            self.give_up(self._pending[0], owed)
        self._talking = stretch
        self._pending.append(stretch)
        self._ear.begin(stretch)

    def _may_go_on(self, last: Stretch) -> bool:
        ring_from = self.position - self._ring_bytes // 2
        grown = self.position - last.audio_from
        return (self.terms.joins and last.stop is not None and last.audio_to >= ring_from
                and grown < self.rate * self.terms.longest_ms * 3 // 4000)

    def _go_on(self, stretch: Stretch) -> None:
        """The voice had not stopped for good."""
        self._ear.cancel(stretch)
        self._stop_timer(stretch)
        stretch.stop = None
        missing = 2 * (self.position - stretch.audio_to)
        if missing:
            stretch.audio += b"".join(self._ring)[-missing:]
        self._talking = stretch
        self._ear.begin(stretch)

    def _finish(self, stretch: Stretch, stop: int) -> None:
        self._talking = None
        self._hand_on(stretch)
        stretch.stop = stop
        self._heard_to = stop
        stretch.timer = gevent.spawn_later(self.terms.final_timeout_s, self._overdue, stretch)
        self._ear.end(stretch)

    def _overdue(self, stretch: Stretch) -> None:
        stretch.timer = None  # it is this greenlet
        settled = max(stretch.start + 1, self._end_of(stretch) - self.rate * SETTLED_MS // 1000)
        if stretch.told_to >= settled and not stretch.partial:
            self.final(stretch, "")  # all words of it were told; there was nothing left to say
            return
        message = f"no final {self.terms.final_timeout_s:g} s after the voice stopped"
        self.give_up(stretch, ProviderFault(self.faults.provider, "timeout", message))

    def _hand_on(self, stretch: Stretch) -> None:
        if stretch.chunk:
            chunk = bytes(stretch.chunk)
            stretch.chunk.clear()
            self._ear.more(stretch, chunk)

    def _cut_here(self, stretch: Stretch) -> bool:
        if len(stretch.audio) >= self._bytes(self.terms.longest_ms):
            return True
        newest = bytes(stretch.audio[-self._bytes(QUIET_MS):])
        return _level(newest) < QUIET_SHARE * _level(stretch.audio, every=8)

    def _end_of(self, stretch: Stretch) -> int:
        return self.position if stretch.stop is None else stretch.stop

    def _stop_timer(self, stretch: Stretch) -> None:
        if stretch.timer is not None:
            stretch.timer.kill(block=False)
            stretch.timer = None

    def _tell(self, heard: Heard | None) -> None:
        if self._deliver is None or heard is None:
            return
        try:
            self._deliver(heard)
        except Exception:
            log.exception("a transcript could not be delivered; the call goes on")

    def _bytes(self, ms: int) -> int:
        return self.rate * ms // 1000 * 2


def _level(audio: bytes | bytearray, every: int = 1) -> float:
    """Root mean square of every so-manieth sample."""
    samples = np.frombuffer(audio, "<i2")[::every].astype(np.float32)
    return float(np.sqrt(np.mean(samples * samples))) if len(samples) else 0.0


__all__ = ["Ear", "Faults", "SpeechStream", "Stretch", "Terms"]
