"""What a caller says that is not a question: thanks, farewells, "yes please", "say that again". Pure.

Only a whole utterance counts, courtesy words aside, so that "no, how do I pay" stays a question.
"""

import re
from typing import Literal

Courtesy = Literal["greeting", "thanks", "goodbye", "repeat", "yes", "no"]

_PHRASES: tuple[tuple[Courtesy, str], ...] = (
    ("goodbye", r"(good ?bye|bye|bye bye|that is all|that's all|that will be all|nothing else|i am done|i'm done)"),
    ("thanks", r"(thank you|thanks|thank you very much|thanks a lot|many thanks|great thanks|perfect)"),
    (
        "repeat",
        r"(repeat that|say that again|pardon|what did you say|come again|repeat|once more|could you repeat that|"
        r"can you repeat that|please repeat that|please say that again)",
    ),
    ("greeting", r"(hello|hi|hey|good morning|good afternoon|good evening|hello there)"),
    ("yes", r"(yes|yeah|yep|yes please|please|sure|ok|okay|of course|please do|go on|go ahead)"),
    ("no", r"(no|nope|no thanks|no thank you|not really)"),
)
_PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in _PHRASES)


def courtesy(utterance: str) -> Courtesy | None:
    """Which courtesy the whole of ``utterance`` is; None if it is something else. Two in a row: the last one counts
    ("no thank you, goodbye")."""
    rest = re.sub(r"[^\w' ]+", " ", utterance.lower())
    rest = re.sub(r"\s+", " ", rest).strip()
    found: Courtesy | None = None
    while rest:
        matches = [(len(m.group()), kind) for kind, pattern in _PATTERNS if (m := _whole(pattern, rest))]
        if not matches:
            return None
        length, found = max(matches)
        rest = rest[length:].strip()
    return found


def _whole(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """A match at the start of ``text`` that ends at a word's end; the longest alternative wins."""
    candidates = [m for end in _word_ends(text) if (m := pattern.fullmatch(text, 0, end))]
    return candidates[-1] if candidates else None


def _word_ends(text: str) -> list[int]:
    return [m.end() for m in re.finditer(r"\S+", text)]
