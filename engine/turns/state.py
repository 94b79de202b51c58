"""All that the turn engine remembers. Deadlines are computed from it; none is armed or disarmed anywhere."""

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import Literal

from engine.turns.bargein import Phase
from engine.turns.caller import Turn, Voice
from engine.turns.events import SayRequest
from engine.turns.history import ToolUse


@dataclass(slots=True)
class Reply:
    """One generation: what the agent is about to say, or says.

    thinking → ready → released → started → done and finished, or cut, or cancelled before it started. ``decided``: it
    answers a turn that is over (a speculative reply does not), so the caller is owed it.
    """

    generation: int
    kind: Literal["think", "say"]
    text: str
    """What is answered (``think``), or what is said (``say``)."""

    decided: bool
    owed_from: float
    guarded: bool = False
    """The caller's voice neither holds nor ends it: protected speech."""

    ends_call: str = ""
    """Reason of the ``EndCall`` once it was played; empty if the call goes on."""

    attempt: int = 0
    """0, or 1 if it is the second try."""

    asked: str = ""
    """Of the ``Respond`` that asked for it."""

    early: bool = False
    """The caller was talking when it was begun and has not stopped since: it is not rendered yet."""

    ready_at: float | None = None
    released_at: float | None = None
    started_at: float | None = None
    paused_at: float | None = None
    cutting_at: float | None = None
    done: bool = False
    empty: bool = False
    failed: bool = False
    held: bool = False
    """It is paused by a hold, not by the caller's voice."""

    deaf: bool = False
    """The voice that lasts is not minded any more: it went on too long without a word."""

    staged_s: float = 0.0
    """Audio of it that is rendered so far; 0 where that is not known."""

    seconds: float = inf
    """Length of its audio."""

    paused_s: float = 0.0
    false_interruptions: int = 0
    tools: list[tuple[int, ToolUse]] = field(default_factory=list)
    """Tools run for it, each with the number of words of the reply before it."""

    tool_at: float = -inf
    """When the last tool was called or came back, or a hold was over: what is late is late from here on."""

    @property
    def waits_for_tool(self) -> bool:
        """A tool of it has not come back."""
        return any(use.result is None for _, use in self.tools)

    greets: bool = False
    """It is the first thing that the agent says."""

    @property
    def phase(self) -> Phase:
        """What the agent is about with it."""
        if self.ends_call:
            return "farewell"
        if self.started_at is None:
            return "thinking"
        return "greeting" if self.greets else "speaking"

    def dry_from(self) -> float:
        """When all that is rendered will have been played; infinite where that is not known."""
        return self.started_at + self.paused_s + self.staged_s if self.started_at is not None and self.staged_s else inf

    def rest_s(self, at: float) -> float:
        """Seconds of it left to play at ``at``; infinite where that is not known."""
        return inf if self.started_at is None else self.started_at + self.seconds + self.paused_s - at


@dataclass(slots=True)
class State:
    """Everything at one moment."""

    voice: Voice = field(default_factory=Voice)
    turn: Turn = field(default_factory=Turn)
    """The words that nobody has answered or dismissed yet."""

    answering: Turn | None = None
    """The turn that the reply in preparation answers, until it is history."""

    answered: tuple[Turn, int] | None = None
    """The turn that became history last, and its line there."""

    reply: Reply | None = None
    generation: int = 0
    unjudged: bool = False
    """The caller's voice met the reply, and what it was is not known yet."""

    nod: tuple[Turn, float] | None = None
    """The last backchannel and when the reply went on after it."""

    spoke: tuple[float, float] = (inf, -inf)
    """When the last reply that was heard began and ended."""

    queue: deque[tuple[SayRequest, float]] = field(default_factory=deque)
    idle_from: float = 0.0
    key_at: float = -inf
    reminders: int = 0
    asked_again: int = 0
    closing: tuple[float, str] | None = None
    """When the farewell was played, and the reason for the end of the call."""

    holds: dict[str, float] = field(default_factory=dict)
    """Why the agent is on hold, each reason with its beginning; empty if it is not."""

    was_held: tuple[float, float] = (inf, -inf)
    """Beginning and end of the last hold."""

    expired: bool = False
    hung_up: bool = False
    over: bool = False

    @property
    def held_from(self) -> float | None:
        """Since when the agent is on hold."""
        return min(self.holds.values()) if self.holds else None


__all__ = ["Reply", "State"]
