"""What telephony needs of the call that it works for; ``engine/call.py`` is one."""

from collections.abc import Callable
from typing import Protocol

from gevent.event import Event as Flag

from engine.backends.backend import Backend, SwitchLeg
from engine.esl.channel import Channel
from engine.talk import Talk
from engine.telemetry.eventlog import EventLog


class CallerSide(Protocol):
    """One call of the engine, with its caller."""

    uuid: str
    channel: Channel
    events: EventLog
    leaving: Flag
    """Set when the engine is to leave the call (draining, or its channel is gone)."""

    @property
    def conversation(self) -> Talk:
        """The agent's side of it."""

    @property
    def leg(self) -> SwitchLeg:
        """Its audio."""

    @property
    def backend(self) -> Backend:
        """What carries the audio of channels of its FreeSWITCH."""

    def depart(self, go: Callable[[], object]) -> None:
        """Have ``go`` take the channel from the engine (a bridge, a transfer), and stay its call until FreeSWITCH
        brings it back or it ends. Raises what ``go`` raises; the call is as it was then."""

    def hang_up(self, reason: str) -> None:
        """End the call."""
