"""What a recogniser that takes over must hear again, so that no word is lost and none is heard twice. Pure.

Positions are samples of the call's audio. A stretch is the audio between ``voice_on`` and ``voice_off``; it is owed a
final until one has come.
"""

from collections import deque
from dataclasses import dataclass
from typing import Literal

from engine.speech.interfaces import Heard

PREROLL_MS = 500
"""Audio before the voice that goes with it, so that the first syllable is not lost."""

LONGEST_MS = 20_000
"""Audio of a stretch without any partial transcript is kept so long at most."""


@dataclass(eq=False, slots=True)
class Stretch:
    """A stretch of voice that is owed a final; ``stop`` is None while it goes on."""

    start: int
    stop: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """What a stream was given when ``at`` samples had been fed: a frame, or an edge of the voice at ``sample``."""

    at: int
    kind: Literal["frame", "on", "off"]
    frame: bytes = b""
    sample: int = 0
    stretch: Stretch | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """What the next stream is given: its sample 0 is the call's sample ``offset``. ``settled`` is a transcript to be
    taken for final first: its audio is no longer there."""

    offset: int
    items: tuple[Item, ...]
    settled: Heard | None


class Replay:
    """Keeps the last ``keep_ms`` of a call's audio, and more while a stretch is owed its final and nothing of it is
    known."""

    def __init__(self, rate: int, keep_ms: int, whole: bool = False) -> None:
        """``rate`` in Hz. ``whole``: keep the audio of a stretch until its final, whatever is known of it."""
        self.position = 0
        """Samples fed so far."""

        self._rate = rate
        self._keep = rate * keep_ms // 1000
        self._whole = whole
        self._items: deque[Item] = deque()
        self._owed: list[Stretch] = []
        self._partial: Heard | None = None
        self._final_to = 0  # words before this sample are final

    @property
    def owed(self) -> tuple[Stretch, ...]:
        """Stretches without their final, oldest first."""
        return tuple(self._owed)

    @property
    def overdue(self) -> bool:
        """Whether a stretch has ended and is owed its final."""
        return any(stretch.stop is not None for stretch in self._owed)

    def feed(self, frame: bytes) -> None:
        """The next frame of the call."""
        self._items.append(Item(self.position, "frame", frame))
        self.position += len(frame) // 2
        first_wanted = self._first_wanted(self._whole)
        while self._items[0].at + len(self._items[0].frame) // 2 <= first_wanted and len(self._items) > 1:
            self._items.popleft()

    def voice_on(self, sample: int) -> None:
        """The voice started."""
        stretch = Stretch(sample)
        self._owed.append(stretch)
        self._items.append(Item(self.position, "on", sample=sample, stretch=stretch))

    def voice_off(self, sample: int) -> None:
        """The voice stopped."""
        if self._owed and self._owed[-1].stop is None:
            self._owed[-1].stop = sample
            self._items.append(Item(self.position, "off", sample=sample, stretch=self._owed[-1]))

    def heard(self, heard: Heard) -> None:
        """A transcript, in positions of the call. A final settles the ended stretches that it reaches into; one with
        odd positions settles the oldest."""
        if not heard.final:
            self._partial = heard
            return
        self._partial = None
        self._final_to = max(self._final_to, min(heard.end, self.position))
        settled = [one for one in self._owed if one.stop is not None and one.start < heard.end]
        settled = settled or [one for one in self._owed if one.stop is not None][:1]
        self._owed = [one for one in self._owed if one not in settled]

    def give_up(self) -> list[Heard]:
        """Nobody can hear: a final for each ended stretch, of what is known of it."""
        finals = []
        for stretch in [one for one in self._owed if one.stop is not None]:
            text = self._partial.text if self._partial and self._partial.start < (stretch.stop or 0) else ""
            finals.append(Heard(text, True, stretch.start, stretch.stop or stretch.start))
            self.heard(finals[-1])
        return finals

    def again(self, whole: bool = False) -> Again:
        """For a stream that begins now. ``whole``: from the beginning of the stretch, if it is kept."""
        begin = max(self._items[0].at, self._first_wanted(whole)) if self._items else self.position
        settled: Heard | None = None
        if not self._owed:
            first = max(self.position - self._keep, self._final_to)
        else:
            first = max(self._owed[0].start - self._preroll, self._final_to)
            partial = self._partial
            if first < begin and partial is not None and partial.text:
                # Its beginning is gone: the words so far stand, and the rest is heard anew.
                settled = Heard(partial.text, True, partial.start, partial.end, partial.confidence)
                first = partial.end
        frames = [one for one in self._items if one.kind == "frame" and one.at + len(one.frame) // 2 > first]
        offset = frames[0].at if frames else self.position
        items = [one for one in self._items if one.at >= offset and (one.kind == "frame" or one.stretch in self._owed)]
        going_on = [one for one in self._owed if not any(item.kind == "on" and item.stretch is one for item in items)]
        early = [Item(offset, "on", sample=max(offset, one.start), stretch=one) for one in going_on[-1:]]
        return Again(offset, (*early, *items), settled)

    def settle(self, heard: Heard) -> None:
        """``Again.settled`` was delivered."""
        self._partial = None
        self._final_to = max(self._final_to, min(heard.end, self.position))

    @property
    def _preroll(self) -> int:
        return self._rate * PREROLL_MS // 1000

    def _first_wanted(self, whole: bool) -> int:
        """Audio before this sample is not needed any more."""
        recent = self.position - self._keep
        if not self._owed:
            return recent
        if self._partial is not None and self._partial.text and not whole:
            unknown = self._partial.end
        else:
            unknown = max(self._owed[0].start - self._preroll, self._final_to)
        return max(min(recent, unknown), self.position - self._rate * LONGEST_MS // 1000)
