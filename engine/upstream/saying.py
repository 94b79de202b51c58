"""One answer of the upstream on its way to the caller: audio and words as they come become a generation of the playout,
whose ledger knows what was heard."""

from dataclasses import dataclass
from math import ceil, floor

import gevent
import numpy as np
from gevent.queue import Queue

from engine.media.pcm import SAMPLE_BYTES, Pcm
from engine.media.playout import Playout
from engine.media.resample import Resampler
from engine.telemetry import logs

RATE = 24000
"""Of the upstream's audio, in Hz."""

ROOM_TIMEOUT_S = 600.0
"""Models speak faster than real time: what playout has no room for waits here, so long at most."""

LONGEST_S = 600
"""Seconds of audio of one answer; no model gives so much, and what comes beyond is dropped."""

MOST_LETTERS = LONGEST_S * 50
"""The same of words: nobody says more than a third of so many in that time."""

NOTHING = np.zeros(0, np.int16)


@dataclass(slots=True)
class Part:
    """The audio of one item. ``first``: its first sample in the generation, at the leg's rate; ``came_ms``: what has
    come of it; ``text``: its words."""

    item_id: str
    content_index: int
    first: int
    came_ms: float = 0.0
    text: str = ""


class Saying:
    """Generation ``generation`` of ``playout``. ``ends_call``: the call is over once it was heard; ``guarded``: the
    caller does not interrupt it."""

    def __init__(self, generation: int, response_id: str, playout: Playout) -> None:
        """It may be heard from its first sample on."""
        self.generation = generation
        self.response_id = response_id
        self.ends_call = ""
        self.guarded = False
        self.parts: list[Part] = []
        self.samples = 0
        """Given to playout so far, at its rate."""
        self._playout = playout
        self._resampler = Resampler(RATE, playout.rate)
        self._work: Queue = Queue()
        self._came_s = 0.0
        self._letters = 0
        self._ended = False
        playout.open(generation)
        playout.release(generation)
        self._greenlet = logs.spawn(self._pour)

    @property
    def text(self) -> str:
        """All its words so far."""
        return " ".join(part.text.strip() for part in self.parts if part.text.strip())

    def audio(self, item_id: str, content_index: int, pcm: bytes) -> None:
        """More audio of an item: int16 at 24 kHz."""
        seconds = len(pcm) / SAMPLE_BYTES / RATE
        self._came_s += seconds
        if not self._ended and self._came_s <= LONGEST_S:
            part = self._part(item_id, content_index)
            part.came_ms += seconds * 1000
            self._work.put((part, pcm))

    def words(self, item_id: str, content_index: int, text: str) -> None:
        """More words of an item; they come before their audio, or with it."""
        self._letters += len(text)
        if not self._ended and self._letters <= MOST_LETTERS:
            part = self._part(item_id, content_index)
            part.text += text
            self._work.put((part, text))

    def part_done(self) -> None:
        """An item has all its audio."""
        if not self._ended:
            self._work.put((None, None))

    def done(self) -> None:
        """Nothing more will come. Idempotent."""
        if not self._ended:
            self._ended = True
            self._work.put(None)

    def stop(self) -> None:
        """It is not wanted any more. What playout has of it is playout's to drop."""
        self._ended = True
        if self._greenlet is not gevent.getcurrent():
            self._greenlet.kill(block=False)

    def unheard(self, position: int, heard: str) -> list[tuple[Part, int, str]]:
        """The items of which something was not heard when ``position`` samples were written, with the words ``heard``:
        each with the ms of it that were, rounded down, and its words that were; 0 for one of which nothing was."""
        found = []
        for part in self.parts:
            ms = floor((position - part.first) * 1000 / self._playout.rate) if part.first < position else 0
            if ms < floor(part.came_ms):
                found.append((part, ms, heard.strip() if ms else ""))
            heard = heard.strip().removeprefix(part.text.strip())
        return found

    # ------------------------------------------------------------ into playout

    def _part(self, item_id: str, content_index: int) -> Part:
        last = self.parts[-1] if self.parts else None
        if last is None or (last.item_id, last.content_index) != (item_id, content_index):
            # Where it begins is known when the audio before it is in playout.
            last = Part(item_id, content_index, 1 << 62)
            self.parts.append(last)
        return last

    def _pour(self) -> None:
        current: Part | None = None
        for part, what in iter(self._work.get, None):
            if part is None:
                self._flush()
                continue
            if part is not current:
                current = part
                part.first = self.samples
                self._playout.add(self.generation, NOTHING, "")
            if isinstance(what, str):
                self._playout.say_more(self.generation, what)
            elif not self._add(self._resampler.process(np.frombuffer(what[:len(what) // 2 * 2], "<i2"))):
                return
        self._playout.done(self.generation)

    def _flush(self) -> None:
        """The rest of an item, which the resampler holds back."""
        self._add(self._resampler.process(np.zeros(ceil(self._resampler.delay_ms * RATE / 1000), np.int16)))
        self._resampler = Resampler(RATE, self._playout.rate)
        self._playout.clause_done(self.generation)

    def _add(self, pcm: Pcm) -> bool:
        """Whether it is still wanted."""
        if not len(pcm):
            return True
        if not self._playout.wait_room(ROOM_TIMEOUT_S) or not self._playout.extend(self.generation, pcm):
            return False
        self.samples += len(pcm)
        return True


__all__ = ["RATE", "Part", "Saying"]
