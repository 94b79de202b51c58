"""How an engine hears, thinks, speaks and keeps time: what a conversation is given."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from engine.config import Config
from engine.dialog.brain import Brain
from engine.media.leg import Leg
from engine.speech.ears import Ears, Listener, Row
from engine.speech.interfaces import Heard, Recogniser, Voice
from engine.timers import Timers
from engine.turns.endpointing import Score


class Hearing:
    """Which row of the ears hears which leg: takes the frame clock's batches to the ears."""

    def __init__(self, ears: Ears) -> None:
        """No leg is heard yet."""
        self._ears = ears
        self._rows: dict[Leg, Row] = {}

    def add(self, leg: Leg, listener: Listener) -> None:
        """Tell ``listener`` when voice starts and stops on ``leg``."""
        self._rows[leg] = self._ears.open(leg.rate, listener)

    def adjust(self, leg: Leg, threshold: float) -> None:
        """See ``Ears.adjust``."""
        row = self._rows.get(leg)
        if row is not None:
            self._ears.adjust(row, threshold)

    def remove(self, leg: Leg) -> None:
        """Hear it no more. Idempotent."""
        row = self._rows.pop(leg, None)
        if row is not None:
            self._ears.close(row)

    def hear(self, batch: list[tuple[Leg, bytes, bool]]) -> None:
        """Frames of one pass of the frame clock."""
        rows, heard = self._rows, []
        for leg, frame, silent in batch:
            row = rows.get(leg)
            if row is not None:
                row.ours = leg.playout.written
                heard.append((row, frame, silent))
        self._ears.hear(heard)


@dataclass(frozen=True)
class Senses:
    """How one conversation hears, thinks, speaks and keeps time; ``config`` is what holds for it."""

    config: Config
    hearing: Hearing
    recogniser: Recogniser
    voice: Voice
    brain: Brain
    timers: Timers
    score: Score | None = None
    """How complete a caller's words are, from a model; None: the words alone tell."""


class ShiftedStream:
    """A stream that began in the middle of the call, ``first`` samples into it."""

    def __init__(self, recogniser: Recogniser, rate: int, first: int, deliver: Callable[[Heard], None]) -> None:
        self._first = first
        self._stream = recogniser.open(
            rate, lambda heard: deliver(replace(heard, start=heard.start + first, end=heard.end + first))
        )

    def feed(self, frame: bytes) -> None:
        """See ``HearStream``."""
        self._stream.feed(frame)

    def voice_on(self, sample: int) -> None:
        """See ``HearStream``."""
        self._stream.voice_on(max(0, sample - self._first))

    def voice_off(self, sample: int) -> None:
        """See ``HearStream``."""
        self._stream.voice_off(max(0, sample - self._first))

    def close(self) -> None:
        """See ``HearStream``."""
        self._stream.close()
