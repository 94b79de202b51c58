"""The protocols of hearing and speaking. A provider implements one of them in one file and knows nothing of calls.

Audio is 16-bit signed little-endian mono PCM; ``rate`` is in Hz. Nothing here may block the hub: CPU work runs in a
worker process or in the hub's thread pool, network waits are cooperative.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]
Rows = npt.NDArray[np.intp]
Verdicts = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Heard:
    """A transcript. ``start`` and ``end`` are samples of the call's audio, counted as ``HearStream.feed`` got them.
    ``confidence`` is 0..1, or -1 where the recogniser gives none. A final with empty text: no words in that stretch.
    ``alternatives`` are other texts that it may have been, likely ones first; ``language`` is what the recogniser found
    to be spoken, as it names it, empty where it does not tell."""

    text: str
    final: bool
    start: int
    end: int
    confidence: float = -1.0
    language: str = ""
    alternatives: tuple[str, ...] = ()


class HearStream(Protocol):
    """One caller's audio on its way to words."""

    def feed(self, frame: bytes) -> None:
        """Take the next frame, of every frame of the call, in order. Returns at once."""

    def voice_on(self, sample: int) -> None:
        """The caller's voice started at this sample. Recognisers that run only on speech begin here, with the
        pre-roll that they kept."""

    def voice_off(self, sample: int) -> None:
        """The voice stopped at this sample: deliver a final as soon as possible. It always comes, if need be empty."""

    def close(self) -> None:
        """End the stream and free what it holds. No transcript is delivered after this."""


class Recogniser(Protocol):
    """Makes streams. One an engine."""

    def open(self, rate: int, deliver: Callable[[Heard], None]) -> HearStream:
        """A stream for one call; ``deliver`` is called in the hub's thread, from a greenlet of the recogniser."""

    def close(self) -> None:
        """End worker processes and connections."""


@dataclass(frozen=True, slots=True)
class WordTime:
    """A word of a chunk: its text span in the clause (characters) and its samples, from the start of the clause."""

    start_char: int
    end_char: int
    start_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rendered audio of a clause. ``words`` where the engine knows them; a clause may come in several chunks."""

    pcm: Pcm
    rate: int
    words: tuple[WordTime, ...] = ()


class Voice(Protocol):
    """Turns clauses into audio. One an engine."""

    name: str

    def render(self, text: str) -> Iterator[Chunk]:
        """Audio of one clause, as soon as there is some. Closing the iterator cancels. Raises ``SpeechError``, or
        ``ProviderFault`` where the voice is a service."""

    def close(self) -> None:
        """Free what it holds."""


class Vad(Protocol):
    """Voice activity of many calls at once: one row a call, so that a tick costs one pass.

    Frames are 10, 20 or 30 ms long, all of one call the same; calls of different rates go into one pass.
    """

    name: str

    reach_frames: int
    """How many frames one verdict speaks of, counted back from the newest: 1, or more for detectors that look at
    windows longer than a frame."""

    def tail_ms(self, rate: int) -> int:
        """How long verdicts of voice surely go on after the voice itself: ends are dated back by so much."""

    def open(self, rate: int) -> int:
        """A row for a new call at this rate; its state is fresh. Raises ``SpeechError`` for rates it cannot hear."""

    def close(self, row: int) -> None:
        """Free the row."""

    def process(self, rows: Rows, frames: list[bytes]) -> Verdicts:
        """Whether each row's newest frame is voice. ``rows`` has no row twice."""


@runtime_checkable
class Adjustable(Protocol):
    """A ``Vad`` whose rows may be harder or easier of hearing."""

    def adjust(self, row: int, threshold: float) -> None:
        """From how sure on a frame of this row counts as voice, 0 to 1; 0.5 is as the configuration has it."""
