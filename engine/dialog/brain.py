"""What answers: the protocol of brains. A brain streams a reply as parts; the call turns text into speech."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """What the brain is asked. ``history`` is what was really said and heard, oldest first: ``(who, text)`` with who
    ``user`` or ``agent``. ``speculative``: the caller may not have finished; nothing with a side effect may run."""

    text: str
    history: tuple[tuple[str, str], ...]
    generation: int
    speculative: bool


@dataclass(frozen=True, slots=True)
class Text:
    """The next words of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why the reply is what it is: the decision (``answer``, ``ask_back``, ``unknown`` ...), its score, its sources."""

    decision: str
    score: float
    citations: tuple[dict[str, Any], ...] = ()
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Farewell:
    """The call ends when this reply was heard."""


ReplyPart = Text | Grounds | Farewell


class Brain(Protocol):
    """Thinks. One an engine, shared by its calls."""

    def reply(self, request: Request) -> Iterator[ReplyPart]:
        """The reply, part by part, as soon as there is one. Closing the iterator cancels. Raises ``DialogError``."""
