"""Collecting digits that a caller presses, or says. Pure: told keys, words and the time, says when it is done.

    collector = DigitCollector(Wanted(min_digits=4, max_digits=4), now)
    collector.key("7", now); collector.deadline; collector.tick(now); collector.result

Keys and words mix: a caller may press some digits and say the rest. Words that are no digits end it: the caller has
something else to say.
"""

import re
from dataclasses import dataclass
from typing import Literal

KEYS = frozenset("0123456789*#ABCD")

EndedBy = Literal["terminator", "full", "choice", "pause", "timeout", "invalid", "words", "gone"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. Times in seconds."""

    min_digits: int = 1
    max_digits: int = 20
    terminators: str = "#"
    """Keys that end the input and are no part of it; "" for none."""

    timeout_s: float = 10.0
    """Until the first digit."""

    digit_timeout_s: float = 3.0
    """From one digit to the next; then what is there counts, if it is enough."""

    choices: tuple[str, ...] = ()
    """A menu: only these inputs count, and each does as soon as no longer one can follow."""

    def __post_init__(self) -> None:
        """Raises ``ValueError`` for what nobody could ever press."""
        if not 0 <= self.min_digits <= self.max_digits or self.max_digits < 1:
            raise ValueError(f"digits from {self.min_digits} to {self.max_digits}: there is nothing between them")
        if self.timeout_s <= 0 or self.digit_timeout_s <= 0:
            raise ValueError("timeouts must be above 0 s")
        strange = sorted(set(self.terminators + "".join(self.choices)) - KEYS)
        if strange:
            raise ValueError(f"no phone has the key {strange[0]!r}")
        if set(self.terminators) & set("".join(self.choices)):
            raise ValueError("a terminator cannot be part of a choice")


@dataclass(frozen=True, slots=True)
class Collected:
    """What came of it. ``ok``: ``digits`` are what was asked for."""

    ok: bool
    digits: str
    ended_by: EndedBy
    words: str = ""
    """What the caller said instead."""


class DigitCollector:
    """One input. ``result`` is None until it is over; ``deadline`` is when it wants a ``tick``."""

    def __init__(self, wanted: Wanted, now: float) -> None:
        """Begins now: call it when the caller may press, which is before the question has been heard to its end."""
        self.wanted = wanted
        self.result: Collected | None = None
        self.deadline = now + wanted.timeout_s
        self._digits = ""

    def prompt_heard(self, now: float) -> None:
        """The question was heard: the time for the first digit begins."""
        if self.result is None and not self._digits:
            self.deadline = now + self.wanted.timeout_s

    def key(self, key: str, now: float) -> None:
        """A key was pressed."""
        wanted, key = self.wanted, key.upper()
        if self.result is not None or key not in KEYS:
            return
        if key in wanted.terminators:
            self._end("terminator", self._enough())
            return
        self._digits += key
        self.deadline = now + wanted.digit_timeout_s
        if wanted.choices:
            self._choose()
        elif len(self._digits) >= wanted.max_digits:
            self._end("full", True)

    def words(self, text: str, now: float) -> None:
        """The caller said this (a final transcript)."""
        if self.result is not None or not text.strip():
            return
        digits = spoken_digits(text)
        if digits is None:
            self._end("words", False, text.strip())
            return
        for digit in digits:
            self.key(digit, now)

    def tick(self, now: float) -> None:
        """Time has passed."""
        if self.result is None and now >= self.deadline:
            self._end("pause" if self._digits else "timeout", bool(self._digits) and self._enough())

    def gone(self) -> None:
        """The caller has hung up, or nobody wants the digits any more."""
        if self.result is None:
            self._end("gone", False)

    def _choose(self) -> None:
        longer = [choice for choice in self.wanted.choices if choice.startswith(self._digits)]
        if longer == [self._digits]:
            self._end("choice", True)
        elif not longer:
            self._end("invalid", False)

    def _enough(self) -> bool:
        if self.wanted.choices:
            return self._digits in self.wanted.choices
        return self.wanted.min_digits <= len(self._digits) <= self.wanted.max_digits

    def _end(self, by: EndedBy, ok: bool, words: str = "") -> None:
        self.result = Collected(ok, self._digits, by, words)


def why(result: Collected) -> str:
    """Why there are no usable digits, in words that a model can pass on; "" where there are."""
    if result.ok:
        return ""
    return {
        "timeout": "the caller pressed nothing",
        "words": f"the caller spoke instead of pressing keys: {result.words}",
        "invalid": "that key is not one of the choices",
        "gone": "the input was called off",
    }.get(result.ended_by, f"the caller pressed only {len(result.digits)} keys, which is not enough")


def spoken_digits(text: str) -> str | None:
    """``"four two, double seven"`` -> ``"4277"``; None where anything else was said. English, French, Hindi (both
    scripts), Malayalam and Tamil; which language it is does not matter, the words do not collide."""
    found, times = "", 1
    for word in re.findall(r"[^\s,.;:!?\-–—]+", text.casefold()):
        if word in _TIMES:
            times = _TIMES[word]
        elif word.isdecimal():
            found += "".join(str(int(figure)) for figure in word) * times
            times = 1
        elif word in _DIGITS:
            found += _DIGITS[word] * times
            times = 1
        elif word not in _FILLERS:
            return None
    return found or None


_TIMES = {"double": 2, "triple": 3}
_FILLERS = frozenset({"um", "uh", "and", "then", "et", "puis", "euh"})
_WORDS = (
    "zero oh o nought zéro शून्य shunya പൂജ്യം பூஜ்ஜியம் பூஜ்யம்",
    "one un une एक ek ഒന്ന് ஒன்று",
    "two deux दो do രണ്ട് இரண்டு",
    "three trois तीन teen മൂന്ന് மூன்று",
    "four quatre चार char chaar നാല് நான்கு",
    "five cinq पांच पाँच panch paanch അഞ്ച് ஐந்து",
    "six छह छः छे chhah chhe ആറ് ஆறு",
    "seven sept सात saat ഏഴ് ஏழு",
    "eight huit आठ aath എട്ട് எட்டு",
    "nine neuf नौ nau ഒമ്പത് ஒன்பது",
)
_DIGITS = {word: str(digit) for digit, words in enumerate(_WORDS) for word in words.split()}


__all__ = ["Collected", "DigitCollector", "Wanted", "spoken_digits", "why"]
