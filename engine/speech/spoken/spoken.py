"""The spoken form of a written text, and which written words have been heard when so much of it was spoken. Pure."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

from engine.speech.spoken.layout import bare, clean, outside_fences
from engine.speech.spoken.rules import reader
from engine.speech.spoken.script import reading
from engine.speech.spoken.traced import Traced

_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Spoken:
    """``text`` is for the voice, empty where nothing is to be said; ``written`` is what it says, blanks trimmed.

    ``marks`` are pairs (characters of ``text``, characters of ``written``), both rising: when so much was spoken, so
    much of the written text was heard. Only whole words on both sides; the last pair is both texts whole.
    """

    written: str
    text: str
    marks: tuple[tuple[int, int], ...]

    def written_end(self, chars: int) -> int:
        """Characters of ``written`` that were heard once the first ``chars`` of ``text`` were spoken."""
        index = bisect_right(self.marks, (chars, len(self.written)))
        return self.marks[index - 1][1] if index else 0


class Speaker:
    """Puts the clauses of one reply into their spoken form, in order; code between fences is left out across clauses.

    ``language``: a code such as ``en``, ``en-IN``, ``ml``. Numbers of other languages than en, fr, hi, ml and ta are
    left as they are written.
    """

    def __init__(self, language: str = "en") -> None:
        """The language of the conversation; a clause in another script is read in the language of that script."""
        self._language, _, region = language.partition("-")
        self._in_lakhs = region.upper() == "IN"
        self._in_code = False

    def say(self, clause: str) -> Spoken:
        """The spoken form of the next clause."""
        spoken, self._in_code = _spoken(clause.strip(), self._language, self._in_lakhs, self._in_code)
        return spoken


@lru_cache(maxsize=512)
def _spoken(written: str, language: str, in_lakhs: bool, in_code: bool) -> tuple[Spoken, bool]:
    """The spoken form, and whether code goes on after it. Kept: much of what agents say they say in every call."""
    text, in_code = outside_fences(Traced(written), in_code)
    text = bare(text)
    read = reader(reading(text.text, language), in_lakhs)
    text = clean(read.read(text) if read else text)
    return Spoken(written, text.text, _marks(written, text)), in_code


def speakable(text: str, language: str = "en") -> Spoken:
    """The spoken form of a whole text. See ``Speaker``."""
    return Speaker(language).say(text)


def _marks(written: str, spoken: Traced) -> tuple[tuple[int, int], ...]:
    """A written word is heard when the last spoken word that says some of it is; a silent one with the word before it,
    or, at the start, with the next one."""
    if not spoken.text:
        return ()
    words = [match.span() for match in _WORD.finditer(written)]
    word_of = [0] * (len(written) + 1)
    for index, (start, end) in enumerate(words):
        word_of[start:end] = [index] * (end - start)
        word_of[end] = index
    until = [0] * len(words)  # how much must be spoken for this written word
    for match in _WORD.finditer(spoken.text):
        for start, end in set(spoken.spans[match.start() : match.end()]):
            for index in range(word_of[start], word_of[end - 1] + 1):
                until[index] = max(until[index], match.end())
    marks: dict[int, int] = {}
    needed = 0
    for (_, end), last in zip(words, until, strict=True):
        needed = max(needed, last)
        marks[needed] = end
    marks.pop(0, None)
    marks[len(spoken.text)] = len(written)
    return tuple(marks.items())
