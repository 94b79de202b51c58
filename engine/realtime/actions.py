"""What skills may ask of a conversation that has no telephone (``engine/dialog/actions.py``)."""

from collections.abc import Callable, Mapping
from typing import Protocol

import gevent

from engine.arrival import Arrival
from engine.config import TransferTarget
from engine.dialog.actions import CallContext, Outcome, TransferMode
from engine.speech.interfaces import Voice
from engine.telemetry import logs
from engine.telemetry.eventlog import EventLog

WORDS_S = 15.0
"""How long the agent's last words are waited for before the connection is closed."""

STILL_S = 1.0
POLL_S = 0.05


class Talking(Protocol):
    """The conversation, as far as its end needs it."""

    def still(self) -> bool:
        """Whether the agent has nothing to say at this moment."""

    def mask(self, on: bool) -> None:
        """Whether recording, recogniser and log get nothing."""


class SocketActions:
    """``CallActions`` for one session. ``close`` it with the session."""

    def __init__(self, arrival: Arrival, events: EventLog, end: Callable[[str], None]) -> None:
        """``end(reason)`` ends the session."""
        self.language: Callable[[str], Outcome] | None = None
        self.talk: Talking | None = None
        self._arrival = arrival
        self._events = events
        self._end = end
        self._ending: gevent.Greenlet | None = None
        self._masked = False

    def context(self) -> CallContext:
        """What brains may know of the call."""
        arrival = self._arrival
        return CallContext(arrival.uuid, arrival.variables.get("trunkline_agent") or "", "en", arrival.caller_number,
                           arrival.destination, self, write=self._events.write)

    def speak(self, voice: Voice, targets: Mapping[str, TransferTarget]) -> None:
        """Nobody is handed over from here."""

    def transfer(self, target: str, mode: TransferMode, *, summary: str = "", timeout_s: float = 0.0) -> Outcome:
        """There is no telephone that could be handed over."""
        return Outcome(False, "this conversation is not on the telephone: nobody can be connected. Offer to be called "
                              "back, or give the number to call")

    def collect_digits(
        self, *, min_digits: int = 1, max_digits: int = 20, terminators: str = "#", timeout_s: float = 10.0,
        digit_timeout_s: float = 3.0, secret: bool = False,
    ) -> Outcome:
        """There are no keys."""
        return Outcome(False, "this conversation is not on the telephone: there are no keys to press. Ask for the "
                              "number in words")

    def set_language(self, language: str) -> Outcome:
        """As the protocol says, where somebody has been named who can (``language``)."""
        if self.language is None:
            return Outcome(False, "this agent speaks one language only")
        return self.language(language)

    def mask(self, on: bool) -> Outcome:
        """Recording, recognition and log pause or go on."""
        if self.talk is not None and on != self._masked:
            self._masked = on
            self.talk.mask(on)
            self._events.write("masked", on=on)
        return Outcome(True)

    def end_call(self, reason: str = "goodbye") -> Outcome:
        """As the protocol says. Returns at once: what the agent still says is heard first."""
        if self._ending is None:
            self._ending = logs.spawn(self._end_when_said, reason)
        return Outcome(True, "the call ends when this was heard")

    def close(self) -> None:
        """The session is over. Idempotent."""
        if self._ending is not None and self._ending is not gevent.getcurrent():
            self._ending.kill(block=False)

    def _end_when_said(self, reason: str) -> None:
        waited = quiet = 0.0
        while quiet < STILL_S and waited < WORDS_S:
            gevent.sleep(POLL_S)
            waited += POLL_S
            quiet = quiet + POLL_S if self.talk is None or self.talk.still() else 0.0
        self._end(reason)


__all__ = ["SocketActions"]
