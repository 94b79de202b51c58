"""Who answered a call that we placed: a human or a machine. Pure: told voice, words and beeps, with their times.

Never makes a human wait: whoever stops talking after a short greeting is a human at once, and so is, after
``decide_s``, who says nothing. What comes later can still turn it round (a beep, "leave a message"), until ``watch_s``.
"""

import re
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["human", "machine"]

GAP_S = 0.8
"""A pause longer than this ends a greeting. People say "hello?" and wait; announcements pause for 0.3 to 0.6 s."""

LONG_GREETING_S = 2.2
"""Talk without such a pause longer than this is an announcement."""

SHORT_GREETING = 3
"""Words after which somebody who has fallen silent waits for an answer: "hello?", "yes, please", "John Miller"."""

PHRASES: dict[str, tuple[str, ...]] = {
    "en": ("leave a message", "leave your message", "leave me a message", "after the tone", "after the beep",
           "at the tone", "not available", "unable to take your call", "cannot take your call", "can't take your call",
           "come to the phone", "voice mail", "voicemail", "mailbox", "answering machine", "record your message",
           "get back to you", "call you back as soon as", "you have reached", "the number you have dialed"),
    "fr": ("laissez un message", "laissez moi un message", "laisser un message", "apres le bip", "apres le signal",
           "bip sonore", "messagerie", "repondeur", "boite vocale", "n est pas disponible", "pas disponible",
           "je ne suis pas la", "vous etes bien"),
    "hi": ("संदेश छोड़", "बीप के बाद", "उपलब्ध नहीं", "वॉइसमेल", "sandesh chhod", "beep ke baad", "uplabdh nahi"),
    "ml": ("സന്ദേശം", "ബീപ്പിന് ശേഷം", "ലഭ്യമല്ല"),
    "ta": ("செய்தியை", "பீப் ஒலிக்கு", "தொடர்பு கொள்ள இயலாது"),
}  # fmt: skip
"""What machines say. Networks' own announcements ("the person you are calling …") are in the caller's language or in
English, so all languages are looked at."""


@dataclass(frozen=True, slots=True)
class Decision:
    """``at`` in seconds since the answer."""

    verdict: Verdict
    why: str
    at: float


class AnsweringDetector:
    """One call. ``decision`` is None while it is open; it may change from human to machine, never back."""

    def __init__(self, decide_s: float = 2.5, watch_s: float = 30.0) -> None:
        """Whoever has said nothing after ``decide_s`` is a human; nothing is heeded after ``watch_s``."""
        self.decision: Decision | None = None
        self.beep_at: float | None = None
        self.quiet_from: float | None = None
        """Since when the other side has been silent; None while it talks or before it has."""

        self._decide_s = decide_s
        self._watch_s = watch_s
        self._began: float | None = None
        self._talking = False
        self._greeted = False

    @property
    def deadline(self) -> float | None:
        """When it wants a ``tick``; None: never again."""
        if self.decision is not None:
            return None
        due = self._decide_s
        if self._talking and self._began is not None:
            due = self._began + LONG_GREETING_S
        elif self.quiet_from is not None:
            due = self.quiet_from + GAP_S
        return due

    def voice_on(self, at: float) -> None:
        """The other side began to talk."""
        if self._began is None or (self.quiet_from is not None and at - self.quiet_from > GAP_S):
            self._began = at
        self._talking, self.quiet_from = True, None

    def voice_off(self, at: float) -> None:
        """It stopped, at the last voiced frame ``at``."""
        if self._talking:
            self._talking, self.quiet_from = False, at

    def words(self, text: str, at: float, final: bool = False) -> None:
        """It said this; partial transcripts too."""
        plain = _plain(text)
        phrase = next((phrase for phrases in PHRASES.values() for phrase in phrases if _plain(phrase) in plain), None)
        if phrase is not None and plain:
            self._machine(f'said "{phrase}"', at)
        elif final and plain and len(plain.split()) <= SHORT_GREETING and self.decision is None and not self._talking:
            self._human(f'said "{text.strip()}" and waits', at)

    def beep(self, at: float) -> None:
        """A beep ended. Somebody who has greeted like a human keeps the benefit of the doubt: there is more that beeps
        in a room."""
        machine = self.decision is not None and self.decision.verdict == "machine"
        if machine or (at <= self._watch_s and not self._greeted):
            self.beep_at = at
            self._machine("a beep", at)

    def tick(self, now: float) -> None:
        """Time has passed."""
        if self.decision is not None:
            return
        if self._talking and self._began is not None:
            if now - self._began >= LONG_GREETING_S:
                self._machine(f"talked for {LONG_GREETING_S:g} s without a pause", now)
        elif self.quiet_from is not None:
            if now - self.quiet_from >= GAP_S:
                self._human("a short greeting, then silence", now)
        elif now >= self._decide_s:
            self.decision = Decision("human", "no sign of a machine", now)

    def _human(self, why: str, at: float) -> None:
        self._greeted = True
        self.decision = Decision("human", why, at)

    def _machine(self, why: str, at: float) -> None:
        if at <= self._watch_s and (self.decision is None or self.decision.verdict == "human"):
            self.decision = Decision("machine", why, at)


_ACCENTS = str.maketrans("àâäçéèêëîïôöùûü", "aaaceeeeiioouuu")


def _plain(text: str) -> str:
    """Lower case without accents and punctuation, one space between words."""
    return " ".join(re.sub(r"[^\w\s\u0900-\u0dff]", " ", text.casefold().translate(_ACCENTS)).split())


__all__ = ["AnsweringDetector", "Decision"]
