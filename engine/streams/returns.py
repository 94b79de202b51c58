"""Calls whose stream has ended and that may come back with another one: after a human, or after a lost connection.

The agent that takes them again knows what was said, and does not greet somebody whom it has talked to.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from engine.conversation import Conversation
from engine.dialog.handover import told
from engine.talk import Past, Said, Talk
from engine.turns.events import Happened, SayRequest

HANDED_OVER_S = 4 * 3600.0
"""Who talks to a human for longer is a new caller when they come back."""

LOST_S = 120.0
"""A carrier that connects a call again does so within seconds."""

MOST = 1000
MOST_LINES = 60
"""Of a conversation are kept: the last ones."""


@dataclass(frozen=True, slots=True)
class Left:
    """How a call left: when, to which target ("" where its connection was lost), what had been said, and the last
    number of a reply."""

    at: float
    target: str
    lines: tuple[Said, ...]


class Returns:
    """Those of one engine, by the carrier's id of the call."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock``: seconds; tests bring their own."""
        self._clock = clock
        self._left: OrderedDict[str, Left] = OrderedDict()

    def left(self, call_sid: str, talk: Talk, target: str) -> None:
        """The stream of this call has ended, and the call may come back. A speech-to-speech model keeps its own account
        of what was said, which ends with its connection."""
        if isinstance(talk, Conversation):
            kept = [line for line in talk.history if line.who != "tool"][-MOST_LINES:]
            lines = tuple(Said(line.who, line.text, line.interrupted) for line in kept if line.who != "tool")
            self._left[call_sid] = Left(self._clock(), target, lines)
            if len(self._left) > MOST:
                self._left.popitem(last=False)

    def come(self, call_sid: str) -> Left | None:
        """This call has a stream again. None: it is a new one."""
        left = self._left.pop(call_sid, None)
        if left is None or self._clock() - left.at > (HANDED_OVER_S if left.target else LOST_S):
            return None
        return left

    def welcome(self, left: Left, talk: Talk, back: str) -> bool:
        """Go on with a caller who is back. ``back``: what is said to one who was with a human. False: ``talk`` cannot,
        and greets."""
        if not isinstance(talk, Conversation):
            return False
        talk.take_over(Past("the caller is back", left.lines, broken=not left.target))
        if left.target:
            away_s = self._clock() - left.at
            talk.tell(Happened(told(left.target, "blind", 0.0, away_s, True)))
            talk.tell(SayRequest(back))
        return True


__all__ = ["Left", "Returns"]
