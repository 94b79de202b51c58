"""Handing a caller to a human: the decisions, without a switch. ``engine/telephony/handover.py`` carries them out.

    dialing ─▶ (warm) briefing ─▶ bridging ─▶ done: with the human
        └──────────────┴─────────────┴─▶ back: to the agent, or gone: the caller hung up

The human is called while the caller still hears the announcement. Until the two are bridged the caller stays with the
engine and hears the announcement, then hold music; whatever fails, the caller goes back to the agent. Every state but
the last ones has a deadline, so nobody is left on hold.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

DIAL_GRACE_S = 3.0
"""FreeSWITCH ends the ringing itself; so much later it is taken for done."""

BRIDGE_S = 5.0
"""A real FreeSWITCH bridges within 65 ms."""


class State(Enum):
    """Where the hand-over is."""

    DIALING = "dialing"
    BRIEFING = "briefing"
    BRIDGING = "bridging"
    DONE = "done"
    BACK = "back"
    GONE = "gone"


FINAL = frozenset({State.DONE, State.BACK, State.GONE})


# ---------------------------------------------------------------- what happened


@dataclass(frozen=True, slots=True)
class Answered:
    """The human has answered."""


@dataclass(frozen=True, slots=True)
class HumanGone:
    """The human's leg ended, or never came to be; ``why`` in words."""

    why: str


@dataclass(frozen=True, slots=True)
class NotBriefed:
    """The human cannot be told what it is about, by a fault of ours."""

    why: str


@dataclass(frozen=True, slots=True)
class Key:
    """The human pressed a key."""

    digit: str


@dataclass(frozen=True, slots=True)
class Bridged:
    """Caller and human hear each other."""


@dataclass(frozen=True, slots=True)
class BridgeFailed:
    """They do not. ``moved``: the caller's channel may have left the engine in the attempt."""

    why: str
    moved: bool = False


@dataclass(frozen=True, slots=True)
class CallerGone:
    """The caller hung up."""


@dataclass(frozen=True, slots=True)
class CalledOff:
    """Nobody wants the hand-over any more (the engine is draining)."""

    why: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Event = Answered | HumanGone | NotBriefed | Key | Bridged | BridgeFailed | CallerGone | CalledOff | Tick


# ---------------------------------------------------------------- what to do


@dataclass(frozen=True, slots=True)
class Hold:
    """The caller hears the announcement, then hold music, until further notice."""


@dataclass(frozen=True, slots=True)
class Dial:
    """Call the human."""


@dataclass(frozen=True, slots=True)
class Brief:
    """Tell the human what it is about, again and again, and listen for keys."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """Connect the two."""


@dataclass(frozen=True, slots=True)
class DropHuman:
    """End the human's leg."""


@dataclass(frozen=True, slots=True)
class Return:
    """The caller goes back to the agent. ``fetch``: their channel must be brought back to the engine first."""

    why: str
    fetch: bool = False


Action = Hold | Dial | Brief | Bridge | DropHuman | Return


class Handover:
    """One hand-over. ``deadline`` is when it wants a ``Tick``; None once it is over."""

    def __init__(
        self, mode: Literal["blind", "warm"], *, ring_s: float, accept_s: float, accept: str = "1", refuse: str = "2"
    ) -> None:
        """``ring_s``: how long the human may ring; ``accept_s``: how long a warm one may take over accepting."""
        self.mode = mode
        self.state = State.DIALING
        self.why = ""
        self.deadline: float | None = None
        self._ring_s = ring_s
        self._accept_s = accept_s
        self._accept = accept
        self._refuse = refuse

    def start(self, now: float) -> list[Action]:
        """What to do first."""
        self.deadline = now + self._ring_s + DIAL_GRACE_S
        return [Hold(), Dial()]

    @property
    def over(self) -> bool:
        """Whether nothing more is to be done."""
        return self.state in FINAL

    def step(self, now: float, event: Event) -> list[Action]:
        """Take what happened at ``now`` (s, never falling); what is to be done, in this order."""
        if self.over:
            return []
        if isinstance(event, CallerGone):
            return self._end(State.GONE, "the caller hung up")
        if isinstance(event, CalledOff):
            return self._back(event.why)
        if isinstance(event, Tick):
            return self._late() if self.deadline is not None and now >= self.deadline else []
        if self.state is State.DIALING:
            return self._dialing(now, event)
        if self.state is State.BRIEFING:
            return self._briefing(now, event)
        return self._bridging(event)

    def _dialing(self, now: float, event: Event) -> list[Action]:
        if isinstance(event, HumanGone):
            return self._back(event.why)
        if not isinstance(event, Answered):
            return []
        if self.mode == "blind":
            return self._bridge(now)
        self.state, self.deadline = State.BRIEFING, now + self._accept_s
        return [Brief()]

    def _briefing(self, now: float, event: Event) -> list[Action]:
        if isinstance(event, HumanGone):
            return self._back("they hung up without taking the call")
        if isinstance(event, NotBriefed):
            return self._back(event.why)
        if not isinstance(event, Key):
            return []
        if event.digit == self._accept:
            return self._bridge(now)
        return self._back("they cannot take the call now") if event.digit == self._refuse else []

    def _bridging(self, event: Event) -> list[Action]:
        if isinstance(event, Bridged):
            self.state, self.deadline = State.DONE, None
            return []
        if isinstance(event, BridgeFailed):
            return self._back(event.why, fetch=event.moved)
        # The human hung up in this very moment: FreeSWITCH refuses the bridge, or ends it and sends the caller back.
        return []

    def _bridge(self, now: float) -> list[Action]:
        self.state, self.deadline = State.BRIDGING, now + BRIDGE_S
        return [Bridge()]

    def _late(self) -> list[Action]:
        if self.state is State.DIALING:
            return self._back("nobody answered")
        if self.state is State.BRIEFING:
            return self._back("they did not take the call in time")
        return self._back("the two could not be connected", fetch=True)

    def _back(self, why: str, fetch: bool = False) -> list[Action]:
        return [*self._end(State.BACK, why), Return(why, fetch)]

    def _end(self, state: State, why: str) -> list[Action]:
        self.state, self.why, self.deadline = state, why, None
        return [DropHuman()]


# ---------------------------------------------------------------- afterwards


def told(target: str, mode: str, waited_s: float, away_s: float, served: bool) -> str:
    """What a language model must know of a caller who is back, so that it goes on and does not begin anew: where they
    were, how long, and what came of it. ``away_s``: without the agent; ``waited_s``: before somebody took the call."""
    place = f"in the queue {target}" if mode == "queue" else f"to be connected with {target}"
    if not served:
        return (f"The caller waited {place} for {_spell(waited_s)}. Nobody took the call. The caller was told so and "
                "is with you again.")
    talked_s = max(0.0, away_s - waited_s) if mode == "queue" else away_s
    with_whom = f"somebody of the queue {target}, after a wait of {_spell(waited_s)}" if mode == "queue" else target
    return (f"The caller was connected with {with_whom}, and they talked for {_spell(talked_s)}. That talk is over and "
            "the caller is with you again. What was said in it is not known to you.")


def _spell(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes"


__all__ = ["Handover", "State", "told"]
