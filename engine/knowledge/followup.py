"""What a short reply refers to: our offer of more, or our question which of two things was meant. Pure, English."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.knowledge.answer import ASK_BACK_BEGINS, OFFER
from engine.knowledge.text import terms, words

Kind = Literal["more", "no_more", "first", "second", "neither", "which"]

_YES = {"yes", "yeah", "yep", "sure", "please", "okay", "ok", "more", "on", "course", "right"}
_NO = {"no", "nope", "thanks", "enough", "nothing", "neither", "none"}
_FIRST = {"first", "former"}
_SECOND = {"second", "latter", "last", "other"}
_FILLER = {"yes", "please", "the", "one", "i", "mean", "meant", "want", "of", "thank", "you", "thanks", "well", "go",
           "tell", "me", "it", "that", "is", "would", "like", "to", "hear"}
MAX_WORDS = 6


@dataclass(frozen=True, slots=True)
class FollowUp:
    """``question`` is the caller's earlier question, which the reply goes back to."""

    kind: Kind
    question: str


def follow_up(reply: str, context: Sequence[tuple[str, str]]) -> FollowUp | None:
    """What ``reply`` refers to in what was said and heard before it (``(who, text)``, oldest first), or ``None`` for a
    question of its own. ``which``: it names one of the two by its words."""
    past = list(context)
    if past and past[-1] == ("user", reply):
        past.pop()
    said = next((text for who, text in reversed(past) if who == "agent"), "") if past else ""
    asked = next((text for who, text in reversed(past) if who == "user"), "")
    heard = words(reply)
    if not asked or not heard:
        return None
    rest = {word for word in heard if word not in _FILLER}
    if said.endswith(OFFER) and len(heard) <= MAX_WORDS:
        if (rest <= _NO and rest & _NO) or (set(heard) & {"no", "nope"} and rest <= _NO | _YES):
            return FollowUp("no_more", asked)
        if rest <= _YES and set(heard) & _YES:
            return FollowUp("more", asked)
    if said.startswith(ASK_BACK_BEGINS):
        if len(heard) <= MAX_WORDS:
            for kind, wanted in (("first", _FIRST), ("second", _SECOND), ("neither", _NO)):
                if rest and rest <= wanted:
                    return FollowUp(kind, asked)  # type: ignore[arg-type]
        return FollowUp("which", asked)
    return None


def named(reply: str, titles: Sequence[str]) -> int | None:
    """Which of two titles the reply names: it has a word of the one that the other lacks, and none the other way."""
    heard = set(terms(reply))
    first, second = (set(terms(title)) for title in titles)
    to_first, to_second = heard & (first - second), heard & (second - first)
    if bool(to_first) == bool(to_second):
        return None
    return 0 if to_first else 1
