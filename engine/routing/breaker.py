"""The circuit breaker of one provider for one capability. Pure: every method is told the time, in seconds.

Closed: requests go through. Open: none does, until ``reopen_at``. Half-open: one request at a time tries it; if that
one goes well the breaker closes, if not it opens for twice as long. A result counts for the state in which its request
began (``begin`` gives a ticket), so that what comes late neither closes nor opens anything.
"""

from dataclasses import dataclass
from typing import Literal

from engine.config.routing import RoutingOptions
from engine.errors import FaultKind

State = Literal["closed", "open", "half_open"]
Change = Literal["opened", "closed"]

PROBE_LOST_S = 60.0
"""A try that has told nothing for so long is forgotten, so that another one may be made."""

WINDOW_S = 60.0
SHARE_MIN_REQUESTS = 10.0

REST_S = 2.0
"""Rest after a rate limit that does not say how long."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A request under way: when it began and in which state."""

    epoch: int
    began: float


class Share:
    """How many requests failed of late: counts that fade with a half-life. Begins as if ``prior`` had gone well."""

    def __init__(self, half_life_s: float, prior: float = 4.0) -> None:
        self._half_life = half_life_s
        self._prior = prior
        self._at = 0.0
        self._good = 0.0
        self._bad = 0.0

    def add(self, now: float, good: bool) -> None:
        """One more result."""
        self._fade(now)
        if good:
            self._good += 1
        else:
            self._bad += 1

    def failed(self, now: float) -> float:
        """Share of failures, 0..1, with the prior; low where little is known."""
        if not self._bad:
            return 0.0
        self._fade(now)
        return self._bad / (self._good + self._bad + self._prior)

    def counts(self, now: float) -> tuple[float, float]:
        """Good and bad, faded."""
        self._fade(now)
        return self._good, self._bad

    def _fade(self, now: float) -> None:
        if now > self._at:
            keep = 0.5 ** ((now - self._at) / self._half_life)
            self._good, self._bad, self._at = self._good * keep, self._bad * keep, now


class Breaker:
    """See the module. ``opened`` counts how often it has opened since it last closed."""

    def __init__(self, options: RoutingOptions) -> None:
        self._options = options
        self._open_until: float | None = None
        self._probe_since: float | None = None
        self._rest_until = 0.0
        self._epoch = 0
        self._row = 0
        self._window = Share(WINDOW_S)
        self.opened = 0

    def state(self, now: float) -> State:
        """The state at ``now``."""
        if self._open_until is None:
            return "closed"
        return "half_open" if now >= self._open_until else "open"

    def ready_at(self, now: float) -> float:
        """When a request may go through: ``now`` or before if it may at once."""
        at = self._rest_until
        if self._open_until is not None:
            at = max(at, self._open_until)
            if self._probe_since is not None:
                at = max(at, self._probe_since + PROBE_LOST_S)
        return at

    def may_try(self, now: float) -> bool:
        """Whether a request may go through: closed, or half-open with nobody trying; and no rate limit."""
        return self.ready_at(now) <= now

    def resting(self, now: float) -> float:
        """Seconds that it asked to be left alone yet."""
        return max(0.0, self._rest_until - now)

    def begin(self, now: float) -> Ticket:
        """A request begins. In half-open it is the one that tries."""
        if self.state(now) == "half_open":
            self._probe_since = now
        return Ticket(self._epoch, now)

    def good(self, now: float, ticket: Ticket) -> Change | None:
        """The request went well."""
        self._window.add(now, True)
        if ticket.epoch != self._epoch:
            return None
        self._row = 0
        if self._open_until is None:
            return None
        self._open_until, self._probe_since, self.opened = None, None, 0
        self._epoch += 1
        self._window = Share(WINDOW_S)
        return "closed"

    def bad(self, now: float, ticket: Ticket, kind: FaultKind, retry_after_s: float | None = None) -> Change | None:
        """The request failed. A rate limit makes it rest, as does any fault that says when to try again; a refused
        request says nothing about the provider."""
        if kind == "rate_limit" or retry_after_s is not None:
            self._rest_until = max(self._rest_until, now + (REST_S if retry_after_s is None else retry_after_s))
        if kind in ("rate_limit", "refused"):
            self.dropped(ticket)
            return None
        self._window.add(now, False)
        if ticket.epoch != self._epoch or self.state(now) == "open":
            return None
        self._row += 1
        good, bad = self._window.counts(now)
        spent = good + bad >= SHARE_MIN_REQUESTS and bad / (good + bad) > self._options.breaker_share
        tried = self.state(now) == "half_open"
        if not (tried or spent or kind == "auth" or self._row >= self._options.breaker_failures):
            return None
        for_s = self._options.breaker_open_s * 2.0 ** min(self.opened, 30)
        for_s = self._options.breaker_open_max_s if kind == "auth" else min(for_s, self._options.breaker_open_max_s)
        self._open_until, self._probe_since = now + for_s, None
        self._row = 0
        self.opened += 1
        self._epoch += 1
        return "opened"

    def dropped(self, ticket: Ticket) -> None:
        """The request was cancelled before it told anything: somebody else may try."""
        if ticket.epoch == self._epoch:
            self._probe_since = None
