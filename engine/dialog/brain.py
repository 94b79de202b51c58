"""What answers: the protocol of brains. A brain streams a reply as parts; the call turns text into speech."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.dialog.actions import CallContext


def _decided(timeout_s: float) -> bool:
    """A turn that is decided from the start."""
    return True


def _wanted(call_id: str, name: str, arguments: str) -> bool:
    """A reply that nobody takes back."""
    return True


def _untold(call_id: str, result: str, error: bool) -> None:
    """A result that nobody keeps."""


@dataclass(frozen=True, slots=True)
class PastTool:
    """A tool that was run in this conversation. ``after``: how many lines of ``Request.history`` stand before it;
    ``result`` is None while it runs; ``error``: the result says what went wrong."""

    after: int
    call_id: str
    name: str
    arguments: str
    result: str | None
    error: bool


@dataclass(frozen=True, slots=True)
class Request:
    """What the brain is asked. ``history`` is what was really said and heard, oldest first: ``(who, text)`` with who
    ``user`` or ``agent``, or ``note`` for what happened and was not said to the agent. ``speculative``: the caller may
    not have finished; nothing with a side effect may run before ``wait_decided`` has said that the turn is decided.
    ``confidence``: the recogniser's of ``text``, 0..1, or -1."""

    text: str
    history: tuple[tuple[str, str], ...]
    generation: int
    speculative: bool
    confidence: float = -1.0
    context: CallContext | None = None
    wait_decided: Callable[[float], bool] = _decided
    """``wait_decided(timeout_s)``: wait, cooperatively, until the turn is decided; False: not within that time."""

    tool_called: Callable[[str, str, str], bool] = _wanted
    """``tool_called(call_id, name, arguments)``: to be called when a tool is about to run. What was said before it is
    spoken at once, and the caller's turn stands. False: the reply is not wanted any more, and the tool must not run."""

    tool_returned: Callable[[str, str, bool], None] = _untold
    """``tool_returned(call_id, result, error)``: to be called when it is done, even if the reply was closed meanwhile:
    the result is kept for the next request."""

    tools: tuple[PastTool, ...] = ()
    """Tools that were run so far, oldest first."""

    alternatives: tuple[str, ...] = ()
    """Other texts that ``text`` may have been, likely ones first."""


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
