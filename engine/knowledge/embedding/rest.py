"""When an endpoint is left alone: a caller may wait for a dead one once, and not at every question. Pure."""

from engine.errors import FaultKind

LONGEST_S = 300.0

RATE_LIMIT_S = 2.0
"""Rest after a rate limit that does not say how long."""


class Rest:
    """After a fault no request for ``rest_s``, twice as long at each further one; then one request tries, and only if
    it goes well do others follow. Times are seconds of any clock that does not go back.

    ``begin`` gives a ticket: of requests that ran side by side, only the first fault counts.
    """

    def __init__(self, rest_s: float) -> None:
        self._rest_s = rest_s
        self._faults = 0
        self._until = 0.0
        self._trying_until = 0.0
        self._epoch = 0
        self.why = ""

    def left(self, now: float) -> float:
        """Seconds of rest that are left; 0: a request may be made."""
        return max(0.0, self._until - now, self._trying_until - now)

    def begin(self, now: float, within_s: float) -> int:
        """A request is made; its ticket. After a fault it is the one that tries, for at most ``within_s``."""
        if self._faults:
            self._trying_until = now + within_s
        return self._epoch

    def good(self, ticket: int) -> None:
        """A request went well."""
        if ticket == self._epoch:
            self._faults, self._until, self._trying_until, self.why = 0, 0.0, 0.0, ""

    def dropped(self, ticket: int) -> None:
        """A request has told nothing about the endpoint: nobody waits for it any more, or its text was refused."""
        if ticket == self._epoch:
            self._trying_until = 0.0

    def bad(self, ticket: int, now: float, kind: FaultKind, retry_after_s: float | None, why: str) -> None:
        """A request failed."""
        if kind == "refused":
            self.dropped(ticket)
        if kind == "refused" or ticket != self._epoch:
            return
        self._epoch += 1
        self._trying_until, self.why = 0.0, why
        if kind == "rate_limit":
            rest_s = RATE_LIMIT_S if retry_after_s is None else retry_after_s
        else:
            rest_s = max(self._rest_s * 2.0 ** min(self._faults, 20), retry_after_s or 0.0)
            self._faults += 1
        self._until = max(self._until, now + min(rest_s, LONGEST_S))
