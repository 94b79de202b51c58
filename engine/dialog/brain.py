"""What answers: the protocol of brains. A brain streams a reply as parts; the call turns text into speech."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.dialog.actions import CallContext
from engine.dialog.model import Tool


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
class Terms:
    """What a client of the conversation wants of a reply, over what the agent's file says. Brains without a language
    model heed none of it.

    ``instructions`` take the place of the agent's own; empty: they stand. ``tools`` are the client's: the model may
    call them, the client runs them, and the call ends the reply (``ClientCall``). ``choice``: ``auto``, ``none``,
    ``required``, or the name of the tool that must be called. ``calls``: tools of the client that were called so far.
    ``max_tokens``, ``temperature``: None: the agent's.
    """

    instructions: str = ""
    tools: tuple[Tool, ...] = ()
    choice: str = "auto"
    calls: tuple[PastTool, ...] = ()
    max_tokens: int | None = None
    temperature: float | None = None


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

    terms: Terms | None = None
    """Of the client that this reply is for, where there is one."""


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


@dataclass(frozen=True, slots=True)
class ClientCall:
    """The model calls a tool that only the client can run. ``arguments`` is JSON as the model wrote it. The reply ends
    after its calls; the turn is decided."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Used:
    """Tokens that the reply took so far, where the model tells them. ``incomplete``: why it is not all there, as the
    model says (``max_output_tokens``, ``content_filter``); empty: it is."""

    input_tokens: int
    output_tokens: int
    incomplete: str = ""


ReplyPart = Text | Grounds | ClientCall | Used | Farewell


class Brain(Protocol):
    """Thinks. One an engine, shared by its calls."""

    def reply(self, request: Request) -> Iterator[ReplyPart]:
        """The reply, part by part, as soon as there is one. Closing the iterator cancels. Raises ``DialogError``."""
