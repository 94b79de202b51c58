"""When the caller has finished: how long to wait after the last voiced frame."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.config import TurnOptions
from engine.turns.digits import digits_in
from engine.turns.language import DEFAULT, word_lists
from engine.turns.pace import Pace
from engine.turns.words import phrases, tokens

Score = Callable[[str], float | None]
"""How likely it is that a speaker of these words has finished: 0 (surely goes on) to 1 (surely done); None: cannot say,
the words decide. Called for each decision, in the hub's thread: it must be quick."""

SURELY_DONE, SURELY_GOES_ON = 0.5, 0.1
"""Scores from which on the words count as complete, up to which the wait is the longest; in between it is in
proportion."""

NO_DOUBT = 0.9
"""From this score on a caller whose pace is known is waited for still less."""

WHOLE_WORDS = 3
"""Fewer words in mid-speech are hardly ever all of it, unless there is no doubt."""

_COMPLETE, _LIKELY_GOES_ON = 0.7, 0.3
_DICTATED_WORDS, _DICTATED_DIGITS = 3, 5


def lexical_score(options: TurnOptions, language: str = DEFAULT) -> Callable[[str], float]:
    """The score that is always there: by the last words. Nobody ends on "and" or "my", and three digits said one by
    one are likely being dictated, until there are as many as a number has."""
    lists = word_lists(language)
    unfinished = phrases(options.unfinished or lists.unfinished)
    follows = phrases(lists.number_follows)
    answers = phrases(lists.answers)
    digits = digits_in(language)

    def score(text: str) -> float:
        if not tokens(text) or text.rstrip().endswith(("?", "!")):
            return 1.0
        count, words, before = digits.at_end(text)
        dictated = words >= _DICTATED_WORDS or (words > 1 and count >= _DICTATED_DIGITS)
        if count == options.number_digits or (count == 0 and not answers.others(text)):
            return 1.0
        if dictated or (count and follows.ends(before)):
            return _LIKELY_GOES_ON if count < options.number_digits else _COMPLETE
        if (count <= 1 and unfinished.ends(text)) or text.rstrip().endswith(("...", "\u2026", ",", "-")):
            return _LIKELY_GOES_ON
        return 1.0 if text.rstrip().endswith((".", "\u0964")) else _COMPLETE

    return score


@dataclass(frozen=True, slots=True)
class Collecting:
    """A number is being asked for. ``digits``: how many it has, 0 if that is not known; ``ends``: keys that end it."""

    digits: int = 0
    ends: str = "#"


class Endpointing:
    """How long the caller is waited for."""

    def __init__(self, options: TurnOptions, score: Score | None = None, language: str = DEFAULT) -> None:
        """``score`` judges whether a text is complete; where it cannot, or there is none, the last words tell."""
        self._options = options
        self._given = score
        self._min = options.endpoint_min_ms / 1000
        self._max = max(options.endpoint_max_ms / 1000, self._min)
        self._final_wait = options.final_wait_ms / 1000
        self.pace = Pace(self._min, options.endpoint_floor_ms / 1000, self._max)
        self.collecting: Collecting | None = None
        self.speak(language)

    def speak(self, language: str) -> None:
        """The caller speaks this language from now on."""
        self._lexical = lexical_score(self._options, language)
        self._digits = digits_in(language)
        self._judged: tuple[str, float] = ("", 0.0)

    def collected(self, text: str) -> int:
        """How many digits the words end with."""
        return self._digits.at_end(text).digits

    def complete(self, text: str) -> bool:
        """Whether the words look as if the caller had finished."""
        return self._score(text) >= SURELY_DONE

    def whole(self, text: str) -> bool:
        """Whether the words could be all that the caller has to say, though they are still talking."""
        return self.complete(text) and (self._score(text) >= NO_DOUBT or len(text.split()) >= WHOLE_WORDS)

    def wait_s(self, text: str, awaited: bool) -> float:
        """Seconds of silence after which ``text`` is answered. ``awaited``: its final transcript is not there yet. No
        text: how long one is waited for."""
        if not text:
            return self._max if awaited else self._min
        wait = self._wait(text)
        return max(wait, min(self._final_wait, self._max)) if awaited else wait

    def _wait(self, text: str) -> float:
        count = self.collected(text) if self.collecting else 0
        if self.collecting and count:
            full = count == self.collecting.digits
            return self.pace.floor_s if full else self._options.collect_wait_ms / 1000
        score, pace = self._score(text), self.pace
        if score >= NO_DOUBT and pace.known:
            return (pace.floor_s + pace.complete_s) / 2
        if score >= SURELY_DONE:
            return pace.complete_s
        part = (SURELY_DONE - score) / (SURELY_DONE - SURELY_GOES_ON)
        wait = self._min + (self._max - self._min) * min(part, 1.0)
        return max(wait, pace.open_s, pace.complete_s)

    def _score(self, text: str) -> float:
        if self._judged[0] != text:
            given = self._given(text) if self._given is not None else None
            self._judged = (text, self._lexical(text) if given is None else given)
        return self._judged[1]


__all__ = ["Collecting", "Endpointing", "Score", "lexical_score"]
