"""When the caller has finished: how long to wait after the last voiced frame."""

from collections.abc import Callable

from engine.config import TurnOptions
from engine.turns.words import tokens

Score = Callable[[str], float]
"""How likely it is that a speaker of these words has finished: 0 (surely goes on) to 1 (surely done). Called for each
decision, in the hub's thread: it must be quick."""

SURELY_DONE, SURELY_GOES_ON = 0.5, 0.1
"""Scores from which on the wait is the shortest, up to which it is the longest; in between it is in proportion."""

_LIKELY_GOES_ON = 0.3
_NUMBERS = frozenset(("zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "double",
                      "triple"))
_DICTATED = 3


def lexical_score(unfinished: tuple[str, ...]) -> Score:
    """The score that is always there: by the last words. Nobody ends on "and" or "my", and three numbers in a row are
    likely being dictated."""
    open_words = frozenset(word for phrase in unfinished for word in tokens(phrase)[-1:])

    def score(text: str) -> float:
        words = tokens(text)
        if text.rstrip().endswith(("?", "!")) or not words:
            return 1.0
        if words[-1] in open_words:
            return _LIKELY_GOES_ON
        tail = words[-_DICTATED:]
        if len(tail) == _DICTATED and all(word in _NUMBERS or word.isdigit() for word in tail):
            return _LIKELY_GOES_ON
        return 1.0

    return score


class Endpointing:
    """How long the caller is waited for."""

    def __init__(self, options: TurnOptions, score: Score | None = None) -> None:
        """``score`` judges whether a text is complete; without one its last words tell."""
        self._score = score or lexical_score(options.unfinished)
        self._min = options.endpoint_min_ms / 1000
        self._max = max(options.endpoint_max_ms / 1000, self._min)
        self._final_wait = options.final_wait_ms / 1000
        self._judged: tuple[str, float] = ("", 0.0)

    def wait_s(self, text: str, awaited: bool) -> float:
        """Seconds of silence after which ``text`` is answered. ``awaited``: its final transcript is not there yet. No
        text: how long one is waited for."""
        if not text:
            return self._max if awaited else self._min
        if self._judged[0] != text:
            self._judged = (text, self._patience(self._score(text)))
        patience = self._judged[1]
        return min(max(patience, self._final_wait), self._max) if awaited else patience

    def _patience(self, score: float) -> float:
        part = (SURELY_DONE - score) / (SURELY_DONE - SURELY_GOES_ON)
        return self._min + (self._max - self._min) * min(max(part, 0.0), 1.0)


__all__ = ["Endpointing", "Score", "lexical_score"]
