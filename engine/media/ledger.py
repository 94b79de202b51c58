"""What the caller has heard of a reply: text against samples, in whole words.

One ledger a reply. A voice may say other words than are written ("five dollars" for "$5"); the account is kept in the
words that are spoken and given in those that are written. Positions count the reply's own samples from 0, whatever was
paused or repeated in between. A word is what stands between spaces, with its punctuation; it is heard when its last
sample was written. Pure: no clock, no socket, no hub.

Where the voice gives word times, they are used. Where it does not, the words of a clause share its voiced samples in
proportion to what there is to say in each. While a clause may still grow its length is unknown; then the slowest
plausible speech is assumed, so that nothing is credited too early.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol
from unicodedata import category

import numpy as np

from engine.media.pcm import Pcm

BLOCK_MS = 10
"""Resolution at which voiced audio and pauses are told apart."""

SLOWEST_MS = 120
"""Milliseconds of the slowest plausible speech for one letter (usual: 60 to 70)."""

# A digit or a sign ("7", "%", "€") is spoken as a word of about four letters.
_LETTERS_OF_A_SIGN = 4
_SPOKEN_PUNCTUATION = "%&@#"

# A block is voiced when its peak is above this part of the clause's highest peak and above the floor of quiet noise.
_PAUSE_PART, _PAUSE_FLOOR = 1 / 40, 24


class TimedWord(Protocol):
    """A word of a clause as a voice reports it: its characters in the clause's text, its samples in its audio."""

    @property
    def start_char(self) -> int: ...  # noqa: D102
    @property
    def end_char(self) -> int: ...  # noqa: D102
    @property
    def start_sample(self) -> int: ...  # noqa: D102
    @property
    def end_sample(self) -> int: ...  # noqa: D102


class SpokenForm(Protocol):
    """What a voice was given to say for a clause: other words than the written ones, as "five dollars" for "$5"."""

    @property
    def text(self) -> str: ...  # noqa: D102
    def written_end(self, chars: int) -> int:
        """Characters of the written clause, in whole words, that were heard once so many of ``text`` were spoken."""


class Word(NamedTuple):
    """A ``TimedWord``: half-open spans of characters and samples, both from the start of the clause."""

    start_char: int
    end_char: int
    start_sample: int
    end_sample: int


def words_at_rate(words: Iterable[TimedWord], rate_from: int, rate_to: int) -> tuple[Word, ...]:
    """The same words for audio that was resampled. Ends are rounded up, so that none is heard early."""
    return tuple(
        Word(w.start_char, w.end_char, w.start_sample * rate_to // rate_from, -(-w.end_sample * rate_to // rate_from))
        for w in words
    )


class _Clause:
    """One clause: where its text and its audio begin, what is known of its words, and their spans in samples.

    ``text`` is what the voice says; ``written_end`` tells how much of the reply's text it stands for.
    """

    def __init__(self, text: str, first_char: int, first_sample: int, spoken: SpokenForm | None) -> None:
        self.text = spoken.text if spoken else text
        self.spoken = spoken
        self.first_char = first_char
        self.first_sample = first_sample
        self.samples = 0
        self.growing = True
        self.times: list[TimedWord] = []
        self.peaks: list[np.ndarray] = []
        self.lengths: list[np.ndarray] = []
        self.chars: list[tuple[int, int]] = list(_spans(self.text))
        self._layout: tuple[list[int], list[int]] | None = None

    def written_end(self, count: int) -> int:
        """Where the written words end that were heard with the first ``count`` spoken ones, in the clause."""
        end = self.chars[count - 1][1] if count else 0
        return self.spoken.written_end(end) if self.spoken else end

    def grow(self, pcm: Pcm, words: Sequence[TimedWord], block: int) -> None:
        self.samples += len(pcm)
        self.times.extend(words)
        if len(pcm) and not self.times:
            starts = np.arange(0, len(pcm), block)
            self.peaks.append(np.maximum(np.maximum.reduceat(pcm, starts), ~np.minimum.reduceat(pcm, starts)))
            self.lengths.append(np.diff(starts, append=len(pcm)))
        self._layout = None

    def say_more(self, text: str) -> None:
        self.text += text
        self.chars = list(_spans(self.text))
        self._layout = None

    def close(self) -> None:
        self.growing = False
        self._layout = None

    def layout(self, slowest: int) -> tuple[list[int], list[int]]:
        """First and end sample of each word, from the start of the clause; ends never fall."""
        if self._layout is None:
            starts, ends = self._timed() if self.times else self._shared(slowest)
            if self.growing and not self.times and ends:
                ends[-1] = max(ends[-1], self.samples + 1)  # there may be more of the last word
            bound = 0
            for index, end in enumerate(ends):
                bound = max(bound, end if self.growing else min(end, self.samples))
                ends[index] = bound
            self._layout = starts, ends
        return self._layout

    def _timed(self) -> tuple[list[int], list[int]]:
        """From word times. A word without one ends where the next timed one starts, or with the clause."""
        starts: list[int] = []
        ends: list[int] = []
        after = self.samples + 1 if self.growing else self.samples
        for first, end in reversed(self.chars):
            times = [w for w in self.times if w.start_char < end and w.end_char > first]
            if times:
                starts.append(min(after, *(w.start_sample for w in times)))
                ends.append(max(w.end_sample for w in times))
            else:
                starts.append(after)
                ends.append(after)
            after = starts[-1]
        starts.reverse()
        ends.reverse()
        return starts, ends

    def _shared(self, slowest: int) -> tuple[list[int], list[int]]:
        """From letters: the n-th letter stands at the n-th part of the voiced samples."""
        letters = [_letters(self.text[first:end]) for first, end in self.chars]
        total = sum(letters)
        if total == 0:
            return [0] * len(letters), [self.samples] * len(letters)
        lengths = np.concatenate(self.lengths) if self.lengths else np.zeros(0, np.int64)
        peaks = np.concatenate(self.peaks) if self.peaks else np.zeros(0, np.int16)
        voiced = peaks > max(_PAUSE_FLOOR, peaks.max(initial=0) * _PAUSE_PART)
        if not voiced.any():
            voiced[:] = True
        sounded = np.concatenate(([0], np.cumsum(np.where(voiced, lengths, 0))))  # voiced samples before each block
        at = np.concatenate(([0], np.cumsum(lengths)))
        known = int(sounded[-1])
        length = max(known, total * slowest) if self.growing else known
        done = np.concatenate(([0], np.cumsum(letters))) * length / total
        beyond = np.maximum(done - known, 0)
        inside = np.minimum(done, known)
        # A start skips the pause before it, an end does not include the pause after it.
        after = np.minimum(np.searchsorted(sounded, inside, side="right") - 1, len(at) - 1)
        before = np.searchsorted(sounded, inside, side="left")
        starts = np.where(inside < known, at[after] + inside - sounded[after], at[-1]) + beyond
        ends = at[before] - (sounded[before] - inside) + beyond
        return np.ceil(starts[:-1]).astype(int).tolist(), np.ceil(ends[1:]).astype(int).tolist()


class Ledger:
    """The account of one reply. ``samples`` is the audio it knows so far."""

    def __init__(self, rate: int) -> None:
        """``rate`` of all audio of the reply, in Hz."""
        self.samples = 0
        self._text = ""
        self._block = rate * BLOCK_MS // 1000
        self._slowest = rate * SLOWEST_MS // 1000
        self._clauses: list[_Clause] = []
        self._firsts: list[int] = []

    @property
    def text(self) -> str:
        """All clauses that have, or may still get, audio; one space between two."""
        return self._text

    def add(
        self, text: str, pcm: Pcm, words: Sequence[TimedWord] = (), spoken: SpokenForm | None = None
    ) -> None:
        """A clause begins with this audio (int16, may be empty); the one before it is complete.

        ``spoken`` where the voice says it in other words than ``text``: then ``words`` are those of ``spoken.text``,
        and what was heard is still given in words of ``text``.
        """
        self.clause_done()
        text = text.strip()
        if text and self._text:
            self._text += " "
        self._clauses.append(_Clause(text, len(self._text), self.samples, spoken))
        self._firsts.append(self.samples)
        self._text += text
        self.extend(pcm, words)

    def extend(self, pcm: Pcm, words: Sequence[TimedWord] = ()) -> None:
        """More audio of the clause that was added last, and more of its words (samples from the clause's start)."""
        self._clauses[-1].grow(pcm, words, self._block)
        self.samples += len(pcm)

    def say_more(self, text: str) -> None:
        """More words of the clause that was added last: a voice that tells its words while it speaks."""
        clause = self._clauses[-1]
        if not clause.text:
            text = text.lstrip()
            if text and self._text:
                self._text += " "
                clause.first_char = len(self._text)
        clause.say_more(text)
        self._text += text

    def clause_done(self) -> None:
        """The clause added last has all its audio. Words that a voice gave no sound at all can never be heard: the
        text of a clause without audio is taken out."""
        if not self._clauses or not self._clauses[-1].growing:
            return
        clause = self._clauses[-1]
        clause.close()
        if clause.samples == 0:
            self._text = self._text[: clause.first_char].rstrip()
            self._clauses.pop()
            self._firsts.pop()

    def heard(self, position: int) -> str:
        """The words whose last sample lies before ``position`` (samples written): a prefix of ``text``."""
        for clause in reversed(self._clauses[: self._index(position) + 1]):
            _, ends = clause.layout(self._slowest)
            end = clause.written_end(bisect_right(ends, position - clause.first_sample))
            if end:
                return self._text[: clause.first_char + end]
        return ""

    def word_start(self, position: int) -> int:
        """First sample of the word that ``position`` stands in, where speech that stopped there should go on; between
        two words ``position`` itself."""
        index = self._index(position)
        if index < 0:
            return position
        clause = self._clauses[index]
        starts, ends = clause.layout(self._slowest)
        inside = position - clause.first_sample
        word = bisect_right(starts, inside) - 1
        if word < 0 or inside >= ends[word]:
            return position
        return clause.first_sample + starts[word]

    def clause_start(self, position: int) -> int:
        """First sample of the clause that ``position`` stands in."""
        index = self._index(position)
        return self._firsts[index] if index >= 0 else 0

    def _index(self, position: int) -> int:
        return bisect_right(self._firsts, position) - 1


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where each word begins and ends. Punctuation that stands alone goes with the word before it, or the first one."""
    first = end = at = 0
    spoken = False
    for run in text.split():
        start = text.index(run, at)
        at = start + len(run)
        if spoken and _letters(run):
            yield first, end
            first = start
        spoken = spoken or _letters(run) > 0
        end = at
    if end:
        yield first, end


def _letters(word: str) -> int:
    """How much there is to say in a word, in letters; 0 for punctuation alone."""
    total = 0
    for char in word:
        kind = category(char)[0]
        if kind in "LM":
            total += 1
        elif kind in "NS" or char in _SPOKEN_PUNCTUATION:
            total += _LETTERS_OF_A_SIGN
    return total


__all__ = ["Ledger", "SpokenForm", "TimedWord", "Word", "words_at_rate"]
