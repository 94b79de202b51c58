"""One request over several candidates, until one has begun: shared by models and voices.

Each candidate runs in a greenlet until its first part is there; from then on the caller reads it directly, so that a
part costs nothing more. What has begun is never begun again elsewhere: a fault after the first part is the caller's.
"""

import logging
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import gevent
from gevent.queue import Empty, SimpleQueue

from engine.config.routing import Capability
from engine.errors import ProviderFault, TrunklineError
from engine.routing.facts import Choice
from engine.routing.order import Decision, Standing
from engine.routing.router import CallRoute, Request
from engine.telemetry import logs

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_REFUSALS = 2
"""A request that so many providers refused is itself the problem."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How long to wait, in seconds: for the first part while others are left, and for any part; whether a second
    candidate is started when the first takes longer than usual; whether an answer with nothing in it is one."""

    first_s: float
    stall_s: float
    hedge: bool
    may_be_empty: bool = False


class _Try(Generic[T]):
    """One candidate on its way to its first part."""

    def __init__(self, race: "_Race[T]", standing: Standing, delay_s: float, waited: bool) -> None:
        self.standing = standing
        self.waited = waited  # for a rate limit, once
        self.due = race.route.now + delay_s + race.terms.first_s
        self.stalls = race.route.now + delay_s + race.terms.stall_s
        self.hedge_at = race.route.now + delay_s + standing.vitals.p95_ms / 1000
        # At once, so that nobody else takes a half-open provider for free meanwhile.
        self.request: Request | None = None if delay_s else race.route.begin(standing.choice)
        self.parts: Iterator[T] | None = None
        self.first: T | None = None
        self.fault: ProviderFault | None = None
        self.greenlet = logs.spawn(self._run, race, delay_s)

    @property
    def choice(self) -> Choice:
        return self.standing.choice

    def _run(self, race: "_Race[T]", delay_s: float) -> None:
        try:
            if self.request is None:
                gevent.sleep(delay_s)
                self.request = race.route.begin(self.choice)
            self.parts = race.open_parts(self.choice)
            self.first = next(self.parts, None)
        except (Exception, gevent.Timeout) as fault:  # noqa: BLE001  the next one may do better
            self.fault = as_fault(self.choice, fault)
        except BaseException:  # killed: it is late, or another one has begun
            close_parts(self.parts)
            raise
        race.done.put(self)

    def end(self) -> None:
        """Cancel its request; it was not the one."""
        if self.greenlet.ready():
            close_parts(self.parts)
        else:
            self.greenlet.kill(block=False)

    def cancel(self, outrun: bool) -> None:
        """``end`` it without a fault; ``outrun``: because another one has begun."""
        self.end()
        if self.request is not None:
            (self.request.outrun if outrun else self.request.dropped)()


class _Race(Generic[T]):
    """The candidates of one request until one of them has begun."""

    def __init__(
        self, route: CallRoute, decision: Decision, open_parts: Callable[[Choice], Iterator[T]], terms: Terms
    ) -> None:
        self.route = route
        self.decision = decision
        self.open_parts = open_parts
        self.terms = terms
        self.done: SimpleQueue = SimpleQueue()
        self.last: ProviderFault | None = None
        self.asked: list[str] = []
        self._line = list(decision.standing)
        self._running: list[_Try[T]] = []
        self._limited: list[tuple[float, Standing]] = []  # when they may be asked again
        self._refusals = 0
        self._hedged = False

    def run(self) -> _Try[T] | None:
        """The one that has begun, or whose answer is rightly empty. None: nobody; ``last`` says why."""
        winner: _Try[T] | None = None
        try:
            while winner is None and (self._running or self._next()):
                winner = self._wait()
            return winner
        finally:
            for other in self._running:
                if other is not winner:
                    other.cancel(outrun=winner is not None)

    def _next(self) -> bool:
        """Start another candidate, if there is one and the request itself is not the problem."""
        if self._refusals >= MAX_REFUSALS:
            return False
        standing = self._first_in_line()
        if standing is not None:
            self._start(standing)
            return True
        if not self._limited:
            return False
        ready_at, standing = min(self._limited, key=lambda item: item[0])
        self._limited.clear()
        delay_s = max(0.0, ready_at - self.route.now)
        if delay_s > self.route.options.rate_limit_hold_ms / 1000:
            return False
        self.route.waiting(standing.choice, round(delay_s, 3), alone=True)
        self._start(standing, delay_s, waited=True)
        return True

    def _first_in_line(self) -> Standing | None:
        """The next to ask: who is ready now, which may have changed meanwhile; then who has a breaker open, soonest
        first, because a small chance is better than none. Who rests for a rate limit is waited for, not asked."""
        now, health = self.route.now, self.route.health
        while self._line:
            ready = [one for one in self._line if health.vitals(one.choice, now).ready_in_s <= 0]
            one = (ready or self._line)[0]
            self._line.remove(one)
            rest_s = health.vitals(one.choice, now).resting_s
            if rest_s <= 0:
                return one
            self._limited.append((now + rest_s, one))
        return None

    def _start(self, standing: Standing, delay_s: float = 0.0, waited: bool = False) -> None:
        if standing.choice.name not in self.asked:
            self.asked.append(standing.choice.name)
        self._running.append(_Try(self, standing, delay_s, waited))

    def _wait(self) -> _Try[T] | None:
        """Until somebody has begun (returned), has failed, is late, or a second one should start."""
        hedge = self.terms.hedge and not self._hedged and bool(self._line)
        # The last one that there is gets all the time there is.
        limits = [one.due if self._line else one.stalls for one in self._running]
        hedge_at = [one.hedge_at for one in self._running if hedge]
        try:
            one: _Try[T] = self.done.get(timeout=max(0.0, min(limits + hedge_at) - self.route.now))
        except Empty:
            self._late(bool(hedge_at) and self.route.now >= min(hedge_at))
            return None
        if one not in self._running:
            return None  # it finished just when it was given up
        if one.fault is None and (one.first is not None or self.terms.may_be_empty):
            return one
        fault = one.fault or ProviderFault(one.choice.provider, "broken", "gave an answer with nothing in it")
        self._failed(one, fault)
        return None

    def _late(self, hedge: bool) -> None:
        now = self.route.now
        for one in list(self._running):
            if now >= (one.due if self._line else one.stalls):
                waited = self.terms.first_s if self._line else self.terms.stall_s
                one.end()
                self._failed(one, ProviderFault(one.choice.provider, "timeout", f"did not begin within {waited:g} s"))
        if hedge and self._running:
            self._hedged = True
            standing = self._first_in_line()
            if standing is not None:
                self._start(standing)

    def _failed(self, one: _Try[T], fault: ProviderFault) -> None:
        self._running.remove(one)
        self.last = fault
        if one.request is not None:
            one.request.bad(fault, begun=False)
        self._refusals += fault.kind == "refused"
        if fault.kind != "rate_limit" or one.waited:
            return
        wait_s = self.route.health.vitals(one.choice, self.route.now).resting_s
        if wait_s * 1000 <= self.route.options.rate_limit_wait_ms:
            self.route.waiting(one.choice, round(wait_s, 3), alone=False)
            self._start(one.standing, wait_s, waited=True)
        else:
            self._limited.append((self.route.now + wait_s, one.standing))


def first_to_begin(
    route: CallRoute, capability: Capability, open_parts: Callable[[Choice], Iterator[T]], terms: Terms
) -> Generator[tuple[Choice, T], None, None]:
    """The parts of one request, with the candidate that they are from, the same for all of them.

    Raises ``ProviderFault``: when nobody is left, or when the one that had begun broke off.
    """
    decision = route.order(capability)
    race = _Race(route, decision, open_parts, terms)
    winner = race.run()
    if winner is None:
        raise route.nobody(capability, race.asked, race.last)
    assert winner.request is not None and winner.parts is not None
    winner.request.first()
    route.chosen(winner.choice, decision, str(race.last or ""))
    if winner.first is None:
        winner.request.good()
        return
    part: T | None = winner.first
    try:
        while part is not None:
            yield winner.choice, part
            part = _following(winner, terms.stall_s)
    finally:
        close_parts(winner.parts)
        winner.request.good()  # unless it has failed


def _following(winner: _Try[T], stall_s: float) -> T | None:
    """The next part, or None at the end."""
    assert winner.request is not None and winner.parts is not None
    stalled = gevent.Timeout.start_new(stall_s)
    try:
        return next(winner.parts, None)
    except (Exception, gevent.Timeout) as fault:
        if fault is stalled:
            wrong = ProviderFault(winner.choice.provider, "timeout", f"went silent for {stall_s:g} s in its answer")
        elif isinstance(fault, gevent.Timeout):
            raise  # the caller's own
        else:
            wrong = as_fault(winner.choice, fault)
        winner.request.bad(wrong, begun=True)
        raise wrong from fault
    finally:
        stalled.close()


def as_fault(choice: Choice, fault: BaseException) -> ProviderFault:
    """Whatever a provider raised, as a fault of it."""
    if isinstance(fault, ProviderFault):
        return fault
    if isinstance(fault, gevent.Timeout):
        return ProviderFault(choice.provider, "timeout", f"{choice.model} ran into a deadline: {fault}")
    if isinstance(fault, TrunklineError):
        return ProviderFault(choice.provider, "unavailable", str(fault))
    log.error("a fault in the provider %s", choice.name, exc_info=fault)
    return ProviderFault(choice.provider, "broken", f"{type(fault).__name__}: {fault}")


def close_parts(parts: object) -> None:
    """Close an iterator that can be closed; what a provider does wrong there is logged."""
    close = getattr(parts, "close", None)
    if close is None:
        return
    try:
        close()
    except (Exception, gevent.Timeout):
        log.exception("a provider failed while its answer was closed")
