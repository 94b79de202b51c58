"""One-time tickets for carriers' streams: whoever answers a carrier's webhook makes one, the stream that follows brings
it back as its parameter ``token``, and so proves that it belongs to a call that the carrier has announced.

    token = tickets_of(engine).make("CA123", agent="support")      # goes into TwiML: <Parameter name="token" value=...>
    ticket = tickets_of(engine).redeem(token)                      # None: nobody made it, it was used, it is too old

They are kept in this process: webhook and stream of a call must come to the same one.
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from engine.service import Engine

TICKET_S = 300.0
"""How long a ticket is good: TwiML may say and ask things before it connects the stream."""

MOST = 10_000
"""Tickets that may be waiting; beyond, the oldest is not good any more."""

BYTES = 24


@dataclass(frozen=True, slots=True)
class Ticket:
    """What its maker knew: the carrier's id of the call (empty: any), and who is to answer (empty: as the number)."""

    call_sid: str
    agent: str


class StreamTickets:
    """Those of one engine."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock``: seconds; tests bring their own."""
        self._clock = clock
        self._waiting: OrderedDict[str, tuple[float, Ticket]] = OrderedDict()

    def make(self, call_sid: str, agent: str = "") -> str:
        """A new ticket: 32 characters that stand in a URL or in XML as they are."""
        self._forget()
        while len(self._waiting) >= MOST:
            self._waiting.popitem(last=False)
        token = secrets.token_urlsafe(BYTES)
        self._waiting[token] = self._clock() + TICKET_S, Ticket(call_sid, agent)
        return token

    def redeem(self, token: str) -> Ticket | None:
        """The ticket, once. They are found by a hash table: its time tells nothing of 192 random bits."""
        self._forget()
        until, ticket = self._waiting.pop(token, (0.0, None))
        return ticket if until > self._clock() else None

    def _forget(self) -> None:
        """Those that are too old."""
        now = self._clock()
        while self._waiting and next(iter(self._waiting.values()))[0] <= now:
            self._waiting.popitem(last=False)


_TICKETS: "WeakKeyDictionary[Engine, StreamTickets]" = WeakKeyDictionary()


def tickets_of(engine: Engine) -> StreamTickets:
    """The tickets of an engine: the same, whoever asks."""
    found = _TICKETS.get(engine)
    if found is None:
        found = _TICKETS[engine] = StreamTickets()
    return found


__all__ = ["StreamTickets", "Ticket", "tickets_of"]
