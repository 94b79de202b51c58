"""The caller's voice over the agent's speech: first the agent pauses, then it is decided what the voice was.

Pausing costs little and is undone, so it comes at once. The decision is made on words: what says nothing but "I am
listening" lets the agent go on, a stop word or any other words end its speech, and no words at all were noise.
"""

from typing import Literal

from engine.config import TurnOptions
from engine.turns.language import DEFAULT, word_lists
from engine.turns.words import Phrases, phrases

Verdict = Literal["interrupt", "backchannel", "unsure"]

Phase = Literal["greeting", "thinking", "speaking", "farewell"]
"""What the agent is about: its first words, a reply that nobody has heard yet, one that is heard, its goodbye."""

RAISE_S, RAISES = 0.15, 3
"""Each false interruption within a reply makes it so much harder to pause, so often: with the default of 60 ms the bars
are 60, 210, 360 and 510 ms. Bursts of noise must not make the agent stutter."""

FINISH_S = 0.32
"""A reply with no more left than this (0.3 s and a frame) when the voice begins is let finish: it is silent within the
time of a barge-in anyway, and its last word is heard."""

_SURE_WORDS = 2


class BargeIn:
    """Judges voice and words over the agent's speech."""

    def __init__(self, options: TurnOptions, language: str = DEFAULT) -> None:
        """Takes pauses and word lists from ``options``, lists that are not there from those of ``language``."""
        self._options = options
        self._pause = options.barge_in_pause_ms / 1000
        self._greeting_pause = options.barge_in_greeting_ms / 1000
        self._decide = options.barge_in_decide_ms / 1000
        self._resume = options.resume_ms / 1000
        self._final_wait = max(self._resume, options.final_wait_ms / 1000)
        self._min_words = options.barge_in_min_words
        self.speak(language)

    def speak(self, language: str) -> None:
        """The caller speaks this language from now on."""
        options, lists = self._options, word_lists(language)
        backchannels = options.backchannels or lists.backchannels
        hails = backchannels + (options.hails or lists.hails)
        self._stop = phrases(options.stop_words or lists.stop_words)
        self._backchannels = phrases(backchannels)
        self._harmless: dict[Phase, Phrases] = {
            "greeting": phrases(hails),
            "thinking": phrases(hails),
            "speaking": self._backchannels,
            "farewell": phrases(backchannels + (options.farewells or lists.farewells)),
        }

    def bar_s(self, false_interruptions: int, phase: Phase = "speaking") -> float:
        """How long voice must last to pause a reply that was interrupted falsely so often."""
        pause = max(self._pause, self._greeting_pause) if phase == "greeting" else self._pause
        return pause + RAISE_S * min(false_interruptions, RAISES)

    def nods(self, text: str) -> bool:
        """Whether these words, as far as they go, are nothing but a backchannel: no reason to pause."""
        return not self._backchannels.others(text, partial=True)

    def verdict(self, text: str, final: bool, voiced_s: float, phase: Phase = "speaking") -> tuple[Verdict, str]:
        """What these words over the agent's speech are, and why. ``voiced_s``: how long the voice has lasted.
        ``unsure``: a partial transcript that may become anything."""
        others = self._harmless[phase].others(text, partial=not final)
        if phase == "farewell" and not others:
            return ("backchannel", "a farewell, too") if final else ("unsure", "a farewell so far")
        if self._stop.within(text):
            return "interrupt", "stop word"
        others = others if phase != "farewell" else self._backchannels.others(text, partial=not final)
        if others >= self._min_words:
            if final:
                return "interrupt", "words"
            if others >= max(_SURE_WORDS, self._min_words):
                return "interrupt", "words of a partial transcript"
            if voiced_s >= self._decide:
                return "interrupt", f"a word, after {voiced_s * 1000:.0f} ms of voice"
            return "unsure", "one word of a partial transcript"
        if not final:
            return "unsure", "a backchannel so far"
        return "backchannel", "nothing but a backchannel" if not others else f"fewer than {self._min_words} words"

    def go_on_s(self, voiced_s: float, awaited: bool) -> float:
        """Silence after the voice until the agent goes on. Voice that was long enough to be words is waited for when
        its transcript is not there."""
        return self._final_wait if awaited and voiced_s >= self._decide else self._resume


__all__ = ["FINISH_S", "BargeIn", "Phase", "Verdict"]
