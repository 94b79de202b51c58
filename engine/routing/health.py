"""How every provider has been doing of late: the only account of it in the process. Pure: told the time."""

from collections.abc import Iterator
from typing import NamedTuple

from engine.config.routing import Capability, RoutingOptions
from engine.errors import FaultKind
from engine.routing.breaker import Breaker, Change, Share, State, Ticket
from engine.routing.facts import Choice
from engine.routing.latency import Latency


class Vitals(NamedTuple):
    """One provider at one moment, as the order of candidates sees it. ``ready_in_s`` is 0 where it may be asked now."""

    state: State
    ready_in_s: float
    resting_s: float
    failed: float
    p95_ms: float
    measured: float


class Health:
    """Breakers by (provider, capability), delays by (provider, model, capability)."""

    def __init__(self, options: RoutingOptions) -> None:
        self._options = options
        self._breakers: dict[tuple[str, Capability], Breaker] = {}
        self._shares: dict[tuple[str, Capability], Share] = {}
        self._delays: dict[tuple[str, str, Capability], Latency] = {}

    def vitals(self, choice: Choice, now: float) -> Vitals:
        """How ``choice`` is doing."""
        delay = self._delays.get((choice.provider, choice.model, choice.capability))
        measured = delay.count(now) if delay else 0.0
        return Vitals(*self.provider(choice.provider, choice.capability, now), self.p95_ms(choice, now), measured)

    def provider(self, provider: str, capability: Capability, now: float) -> tuple[State, float, float, float]:
        """What of the vitals is the same for all models of a provider: state, ready in s, resting s, share failed."""
        breaker, share = self._breakers.get((provider, capability)), self._shares.get((provider, capability))
        failed = share.failed(now) if share else 0.0
        if breaker is None:
            return "closed", 0.0, 0.0, failed
        return breaker.state(now), max(0.0, breaker.ready_at(now) - now), breaker.resting(now), failed

    def p95_ms(self, choice: Choice, now: float) -> float:
        """The delay that is to be expected of ``choice``."""
        delay = self._delays.get((choice.provider, choice.model, choice.capability))
        return delay.p95(now) if delay else choice.price.expected_latency_ms

    def begin(self, choice: Choice, now: float) -> Ticket:
        """A request to ``choice`` begins; ``good``, ``bad`` or ``dropped`` ends it."""
        return self._breaker(choice).begin(now)

    def began(self, choice: Choice, now: float, ms: float) -> None:
        """The first word, audio or transcript came after ``ms``."""
        key = (choice.provider, choice.model, choice.capability)
        if key not in self._delays:
            self._delays[key] = Latency(choice.price.expected_latency_ms, self._options.latency_memory_s)
        self._delays[key].add(now, ms)

    def good(self, choice: Choice, now: float, ticket: Ticket) -> Change | None:
        """The request went well."""
        self._share(choice).add(now, True)
        return self._breaker(choice).good(now, ticket)

    def bad(
        self, choice: Choice, now: float, ticket: Ticket, kind: FaultKind, retry_after_s: float | None = None
    ) -> Change | None:
        """The request failed."""
        if kind not in ("refused", "rate_limit"):
            self._share(choice).add(now, False)
        change = self._breaker(choice).bad(now, ticket, kind, retry_after_s)
        if change == "opened":
            # From here on the breaker keeps it out; when that is over it must be asked in its old place to be tried.
            del self._shares[choice.provider, choice.capability]
        return change

    def dropped(self, choice: Choice, ticket: Ticket) -> None:
        """The request was cancelled before it told anything."""
        self._breaker(choice).dropped(ticket)

    def breakers(self, now: float) -> Iterator[tuple[str, Capability, str, float]]:
        """``(provider, capability, state, seconds until it may be asked)`` of all that were ever asked."""
        for (provider, capability), breaker in sorted(self._breakers.items()):
            yield provider, capability, breaker.state(now), max(0.0, breaker.ready_at(now) - now)

    def reset(self, provider: str) -> list[Capability]:
        """Forget what is known of ``provider``: its breakers are closed, nobody expects failures of it. For which
        capabilities there was anything."""
        known = sorted({capability for name, capability in (*self._breakers, *self._shares) if name == provider})
        for capability in known:
            self._breakers.pop((provider, capability), None)
            self._shares.pop((provider, capability), None)
        return known

    def _breaker(self, choice: Choice) -> Breaker:
        key = (choice.provider, choice.capability)
        if key not in self._breakers:
            self._breakers[key] = Breaker(self._options)
        return self._breakers[key]

    def _share(self, choice: Choice) -> Share:
        key = (choice.provider, choice.capability)
        if key not in self._shares:
            self._shares[key] = Share(self._options.latency_memory_s)
        return self._shares[key]
