"""Transactions: what is sent again, and for how long it is remembered (RFC 3261, 17; RFC 6026), on a told clock.

They know no meaning of the messages they repeat. ``Table`` owns them all, sends what they send and forgets each of them
when its time is over.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from engine.sip.fields import Via
from engine.sip.message import Request, Response
from engine.timers import Timer, Timers

COOKIE = "z9hG4bK"
Key = tuple[str, ...]


class Hop(NamedTuple):
    """Where a message came from or goes to. Of a TCP connection it is the far end."""

    transport: str
    """``UDP`` or ``TCP``."""
    ip: str
    port: int

    @property
    def reliable(self) -> bool:
        """Whether nothing has to be sent twice."""
        return self.transport != "UDP"


@dataclass(frozen=True, slots=True)
class Clocks:
    """The timers of RFC 3261, table 4, in seconds."""

    t1: float = 0.5
    """Round trip: the first repetition."""
    t2: float = 4.0
    """The longest time between two repetitions."""
    t4: float = 5.0
    """How long a message may be on its way."""

    @property
    def limit(self) -> float:
        """64 times T1: when the other side is given up (timers B, F, H, J, L)."""
        return 64 * self.t1


def key_of(request: Request, via: Via) -> Key:
    """What tells a request's transaction: the branch, who sent it and the method, ACK and INVITE being one. A peer of
    RFC 2543 gives no such branch: there it is who calls whom in which request."""
    method = "INVITE" if request.method == "ACK" else request.method
    if via.branch.startswith(COOKIE) and len(via.branch) > len(COOKIE):
        return via.branch, via.host.lower(), str(via.port), method
    headers = request.headers
    number = headers.get("cseq").partition(" ")[0]
    return "2543", headers.get("call-id"), headers.get("from"), number, via.host.lower(), str(via.port), method


class Table:
    """All transactions of an endpoint. ``send`` puts bytes on their way."""

    def __init__(self, timers: Timers, send: Callable[[bytes, Hop], None], clocks: Clocks, limit: int) -> None:
        """``limit`` transactions at most, in each direction."""
        self.timers = timers
        self.send = send
        self.clocks = clocks
        self.limit = limit
        self.servers: dict[Key, InviteServer | Remembered] = {}
        self.clients: dict[str, Client | InviteClient] = {}

    @property
    def full(self) -> bool:
        """Whether no further request can be remembered."""
        return len(self.servers) >= self.limit

    def forget(self, key: Key) -> None:
        """A request of the peer's is too old to be asked again."""
        self.servers.pop(key, None)

    def __len__(self) -> int:
        return len(self.servers) + len(self.clients)


class Remembered:
    """A request other than INVITE and the answer it was given: the same again for whoever asks again (timer J)."""

    __slots__ = ("answer", "hop", "table")

    def __init__(self, table: Table, key: Key, answer: bytes, hop: Hop, now: float) -> None:
        """Sends the answer."""
        self.table, self.answer, self.hop = table, answer, hop
        table.send(answer, hop)
        if not hop.reliable and not table.full:
            table.servers[key] = self
            table.timers.at(now + table.clocks.limit, lambda _: table.forget(key))

    def repeat(self) -> None:
        """The request came again."""
        self.table.send(self.answer, self.hop)


class InviteServer:
    """An INVITE of the peer's, from its arrival to the end of its repetitions."""

    __slots__ = ("_again", "_interval", "_last", "_over", "hop", "key", "on_no_ack", "request", "state", "table")

    def __init__(self, table: Table, key: Key, request: Request, hop: Hop) -> None:
        """``hop`` is where answers go."""
        self.table, self.key, self.request, self.hop = table, key, request, hop
        self.state = "proceeding"
        self.on_no_ack: Callable[[float], None] | None = None
        self._last = b""
        self._again: Timer | None = None
        self._over: Timer | None = None
        self._interval = table.clocks.t1
        table.servers[key] = self

    @property
    def answered(self) -> bool:
        """Whether a final answer has been given."""
        return self.state != "proceeding"

    def respond(self, status: int, answer: bytes, now: float) -> None:
        """Send an answer; a final one is given once. A refusal is repeated until the ACK; a 2xx is repeated by whoever
        knows the call (RFC 3261, 13.3.1.4), here it is only given again to a repeated INVITE."""
        if self.answered:
            return
        self._last = answer
        self.table.send(answer, self.hop)
        if status < 200:
            return
        limit = self.table.clocks.limit
        if status < 300:
            self.state = "accepted"
        else:
            self.state = "completed"
            if not self.hop.reliable:
                self._again = self.table.timers.at(now + self._interval, self._repeat)
        self._over = self.table.timers.at(now + limit, self._end)

    def repeat(self) -> None:
        """The INVITE came again."""
        if self._last and self.state in ("proceeding", "completed"):
            self.table.send(self._last, self.hop)

    def try_(self, trying: bytes, now: float) -> None:
        """Say 100 if nothing has been said yet."""
        if not self._last:
            self.respond(100, trying, now)

    def acknowledge(self, now: float) -> None:
        """The ACK of a refusal: its repetitions are swallowed for T4 more (timer I)."""
        if self.state != "completed":
            return
        self.state = "confirmed"
        self._cancel_timers()
        if self.hop.reliable:
            self._end(now)
        else:
            self._over = self.table.timers.at(now + self.table.clocks.t4, self._end)

    def _repeat(self, now: float) -> None:
        self.table.send(self._last, self.hop)
        self._interval = min(2 * self._interval, self.table.clocks.t2)
        self._again = self.table.timers.at(now + self._interval, self._repeat)

    def _end(self, now: float) -> None:
        self._cancel_timers()
        self.state = "over"
        self.table.servers.pop(self.key, None)

    def _cancel_timers(self) -> None:
        for timer in (self._again, self._over):
            if timer:
                timer.cancel()


class Client:
    """A request of ours other than INVITE and ACK: sent again until it is answered (timers E, F, K).

    ``on_answer(response, now)`` is called once; with None when nobody answered."""

    __slots__ = ("_again", "_bytes", "_interval", "_limit", "branch", "done", "hop", "on_answer", "table")

    def __init__(
        self, table: Table, branch: str, request: bytes, hop: Hop, now: float,
        on_answer: Callable[[Response | None, float], None],
    ) -> None:  # fmt: skip
        """Sends the request. ``branch`` is that of its Via."""
        self.table, self.branch, self.hop, self.on_answer = table, branch, hop, on_answer
        self.done = False
        self._bytes = request
        self._interval = table.clocks.t1
        self._again: Timer | None = None
        table.send(request, hop)
        table.clients[branch] = self
        if not hop.reliable:
            self._again = table.timers.at(now + self._interval, self._repeat)
        self._limit = table.timers.at(now + table.clocks.limit, self._give_up)

    def receive(self, response: Response, now: float) -> None:
        """An answer. Only a final one counts; its repetitions are swallowed for T4."""
        if self.done:
            return
        if response.status < 200:
            self._interval = self.table.clocks.t2
            return
        self.done = True
        self._stop()
        if self.hop.reliable:
            self._forget(now)
        else:
            self.table.timers.at(now + self.table.clocks.t4, self._forget)
        self.on_answer(response, now)

    def _repeat(self, now: float) -> None:
        self.table.send(self._bytes, self.hop)
        self._interval = min(2 * self._interval, self.table.clocks.t2)
        self._again = self.table.timers.at(now + self._interval, self._repeat)

    def _give_up(self, now: float) -> None:
        self.done = True
        self._stop()
        self._forget(now)
        self.on_answer(None, now)

    def _stop(self) -> None:
        self._limit.cancel()
        if self._again:
            self._again.cancel()

    def _forget(self, now: float) -> None:
        self.table.clients.pop(self.branch, None)


class InviteClient:
    """An INVITE of ours: sent again until somebody answers (timers A, B, D; RFC 6026 for 2xx).

    ``on_answer(response, now)`` is called for each provisional answer, each 2xx that comes (also for repeated ones: the
    call acknowledges them), once for a refusal, which is acknowledged here, and with None where nobody answered.
    """

    __slots__ = ("_ack", "_again", "_bytes", "_interval", "_limit", "branch", "hop", "on_answer", "state", "table")

    def __init__(
        self, table: Table, branch: str, request: bytes, hop: Hop, now: float,
        ack: Callable[[Response], bytes], on_answer: Callable[[Response | None, float], None],
    ) -> None:  # fmt: skip
        """Sends the request. ``ack`` makes the ACK of a refusal."""
        self.table, self.branch, self.hop, self.on_answer, self._ack = table, branch, hop, on_answer, ack
        self.state = "calling"
        self._bytes = request
        self._interval = table.clocks.t1
        self._again: Timer | None = None
        table.send(request, hop)
        table.clients[branch] = self
        if not hop.reliable:
            self._again = table.timers.at(now + self._interval, self._repeat)
        self._limit = table.timers.at(now + table.clocks.limit, self._give_up)

    @property
    def done(self) -> bool:
        """Whether a final answer has come."""
        return self.state not in ("calling", "proceeding")

    def receive(self, response: Response, now: float) -> None:
        """An answer."""
        if response.status >= 300:
            if self.state in ("calling", "proceeding", "completed"):
                self.table.send(self._ack(response), self.hop)
            if self.done:
                return
            self._finish("completed", now)
        elif response.status >= 200:
            if not self.done:
                self._finish("accepted", now)
            elif self.state != "accepted":
                return
        else:
            if self.done:
                return
            self.state = "proceeding"
            self._stop()
        self.on_answer(response, now)

    def abandon(self, now: float) -> None:
        """Nobody waits for an answer any more."""
        self.state = "over"
        self._stop()
        self._forget(now)

    def _finish(self, state: str, now: float) -> None:
        self.state = state
        self._stop()
        if self.hop.reliable and state == "completed":
            self._forget(now)
        else:
            self.table.timers.at(now + self.table.clocks.limit, self._forget)

    def _repeat(self, now: float) -> None:
        self.table.send(self._bytes, self.hop)
        self._interval *= 2
        self._again = self.table.timers.at(now + self._interval, self._repeat)

    def _give_up(self, now: float) -> None:
        self.abandon(now)
        self.on_answer(None, now)

    def _stop(self) -> None:
        self._limit.cancel()
        if self._again:
            self._again.cancel()

    def _forget(self, now: float) -> None:
        self.table.clients.pop(self.branch, None)
