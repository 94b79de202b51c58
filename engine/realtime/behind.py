"""The call behind a Realtime session, as far as the session's parts need it: a ``SocketCall``, or a telephone call."""

from typing import Protocol

from engine.cast import Cast
from engine.conversation import Conversation
from engine.realtime.telling import Telling
from engine.telemetry.eventlog import EventLog


class Behind(Protocol):
    """The call."""

    @property
    def cast(self) -> Cast:
        """Who takes part in it."""

    @property
    def conversation(self) -> Conversation:
        """The agent's side of it."""

    @property
    def events(self) -> EventLog:
        """Its log."""

    @property
    def telling(self) -> Telling:
        """Which reply clients know under which number."""


__all__ = ["Behind"]
