"""The router: one an engine, and what it keeps for one call.

    router = Router(routesfile.load(path), config.routing, connectors)
    route = router.for_call(Facts(language="ml", region="kerala"), events)
    route.order("llm").standing[0].choice
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any, Protocol

from gevent import getcurrent

from engine.config.routing import Capability, RoutingOptions
from engine.dialog.model import Model
from engine.errors import ProviderFault
from engine.routing.account import Account
from engine.routing.breaker import Change, Ticket
from engine.routing.facts import Choice, Facts
from engine.routing.health import Health
from engine.routing.order import Decision, order
from engine.routing.plan import Plan, plan
from engine.routing.routesfile import Routes
from engine.speech.interfaces import Heard, Recogniser, Voice

log = logging.getLogger(__name__)


JUST_NOW_S = 0.01
"""A fault and the final that it spoiled come together; what is older belongs to no final."""


class Connectors(Protocol):
    """The providers themselves, made elsewhere; each choice is made once and shared by all calls."""

    def able(self, choice: Choice) -> bool:
        """Whether there is a connection for ``choice``; asked once a call."""

    def model(self, choice: Choice) -> Model:
        """The language model of ``choice``. Raises ``TrunklineError`` where it cannot be had."""

    def voice(self, choice: Choice) -> Voice:
        """The voice, in ``choice.language``."""

    def recogniser(self, choice: Choice) -> "tuple[Recogniser, FaultSlot]":
        """The recogniser, in ``choice.language``, and where it tells its faults."""


class FaultSlot:
    """Takes the faults of one recogniser, whose calls share it (its ``on_fault``). A fault that spoils a stretch is
    told just before the stretch's final, in the same greenlet: that is how the call is found that it concerns. Others
    (a connection that cannot be made again) concern the provider only."""

    def __init__(self) -> None:
        """No fault yet; ``count`` is told of each."""
        self.count: Callable[[ProviderFault], None] = _nobody_counts
        self._told: tuple[object, float, ProviderFault] | None = None

    def __call__(self, fault: ProviderFault) -> None:
        """Something went wrong."""
        self._told = (getcurrent(), monotonic(), fault)
        self.count(fault)

    def take(self) -> ProviderFault | None:
        """The fault that this greenlet has just told, once."""
        if self._told is None or self._told[0] is not getcurrent():
            return None
        (_, at, fault), self._told = self._told, None
        return fault if monotonic() - at < JUST_NOW_S else None


class Log(Protocol):
    """Where lines of the call's event log go."""

    def write(self, event: str, /, **fields: Any) -> None:
        """One line."""


class NoLog:
    """Takes the lines of what is no call."""

    def write(self, event: str, /, **fields: Any) -> None:
        """They are not kept."""


class Router:
    """Routes, health and connections of an engine; all methods belong to the hub's thread."""

    def __init__(
        self, routes: Routes, options: RoutingOptions, connectors: Connectors, clock: Callable[[], float] = monotonic
    ) -> None:
        """``clock`` gives seconds; tests bring their own."""
        self.routes = routes
        self.options = options
        self.connectors = connectors
        self.clock = clock
        self.health = Health(options)

    def decide(self, capability: Capability, facts: Facts) -> Decision:
        """The order for a call with these facts that has not begun."""
        return order(self.plan(capability, facts), self.health, self.options, self.clock())

    def plan(self, capability: Capability, facts: Facts) -> Plan:
        """What the routing file says, of those that there is a connection to."""
        return plan(self.routes, capability, facts, self.connectors.able)

    def told(self, choice: Choice, fault: ProviderFault) -> None:
        """A provider that all calls share told of a fault, whichever call it was in."""
        now = self.clock()
        if self.health.bad(choice, now, self.health.begin(choice, now), fault.kind, fault.retry_after_s) == "opened":
            self.warn(choice)

    def warn(self, choice: Choice) -> float:
        """A breaker has opened: one line in the process's log. Gives the seconds until it is tried again."""
        seconds = self.health.vitals(choice, self.clock()).ready_in_s
        log.warning("no more requests for %s to %s for %.0f s", choice.capability, choice.provider, seconds)
        return seconds

    def for_call(self, facts: Facts, log: Log) -> "CallRoute":
        """What routing keeps for one call."""
        return CallRoute(self, facts, log)


class Request:
    """One request to one provider: what comes of it is told once, to the router and to the call's log."""

    def __init__(self, route: "CallRoute", choice: Choice, ticket: Ticket) -> None:
        """Made by ``CallRoute.begin``."""
        self.choice = choice
        self._route = route
        self._ticket = ticket
        self._over = False

    def first(self) -> None:
        """The first word, audio or transcript is here."""
        now = self._route.now
        self._route.health.began(self.choice, now, (now - self._ticket.began) * 1000)

    def good(self) -> None:
        """It went well, or was cancelled after it had begun well."""
        if not self._over:
            self._over = True
            self._route.changed(self.choice, self._route.health.good(self.choice, self._route.now, self._ticket))

    def bad(self, fault: ProviderFault, begun: bool) -> None:
        """It failed; ``begun``: the caller had something of it."""
        if self._over:
            return
        self._over = True
        route, now = self._route, self._route.now
        if fault.kind == "timeout" and not begun:
            self.first()  # at least so long
        route.failed(self.choice, fault, (now - self._ticket.began) * 1000, begun)
        route.changed(self.choice, route.health.bad(self.choice, now, self._ticket, fault.kind, fault.retry_after_s))

    def spoiled(self, fault: ProviderFault) -> None:
        """It failed by a fault that the provider has told the router itself."""
        if not self._over:
            self._route.failed(self.choice, fault, (self._route.now - self._ticket.began) * 1000, True)
            self.dropped()

    def outrun(self) -> None:
        """Another one began first: that says at least how long this one takes."""
        if not self._over:
            self.first()
            self.dropped()

    def dropped(self) -> None:
        """It was cancelled before it told anything."""
        if not self._over:
            self._over = True
            self._route.health.dropped(self.choice, self._ticket)


class CallRoute:
    """One call's routing: its facts, what it uses, whom it avoids, what it spent.

    ``on_wait(seconds)`` is called when a rate limit holds a request up and nobody else is left: for a spoken notice.
    """

    def __init__(self, router: Router, facts: Facts, log: Log) -> None:
        """Made by ``Router.for_call``."""
        self.router = router
        self.options = router.options
        self.health = router.health
        self.facts = facts
        self.account = Account(router.options.currency)
        self.on_wait: Callable[[float], None] = _nobody_is_told
        self._log = log
        self._plans: dict[Capability, Plan] = {}
        self._used: dict[tuple[Capability, str], Choice] = {}
        self._avoided: dict[tuple[Capability, str], float] = {}
        self._told: dict[Capability, str] = {}

    @property
    def now(self) -> float:
        """The router's clock, in seconds."""
        return self.router.clock()

    def set_facts(self, **changed: Any) -> None:
        """The call's language, dialect or region has turned out to be another: ``set_facts(language="ta")``."""
        self.facts = replace(self.facts, **changed)
        self._plans.clear()

    def order(self, capability: Capability) -> Decision:
        """Who is asked next, in which order."""
        planned = self._plans.get(capability)
        if planned is None:
            planned = self._plans[capability] = self.plan(capability)
        now = self.now
        avoided = [provider for (what, provider), until in self._avoided.items() if what == capability and now < until]
        used = self._used.get((capability, self.facts.language))
        # A model has no voice that the caller would miss; voices and recognisers stay.
        sticky = used.name if used and capability != "llm" else ""
        return order(planned, self.health, self.options, now, sticky=sticky, avoided=avoided)

    def plan(self, capability: Capability) -> Plan:
        """Whom the routing file has for the call as it is now."""
        return self.router.plan(capability, self.facts)

    def used(self, capability: Capability) -> Choice | None:
        """Who served the call last, in its language."""
        return self._used.get((capability, self.facts.language))

    def begin(self, choice: Choice) -> Request:
        """A request to ``choice`` begins now."""
        return Request(self, choice, self.health.begin(choice, self.now))

    def chosen(self, choice: Choice, decision: Decision, why: str = "") -> None:
        """``choice`` serves the call now; one line in the log when it did not before. ``why`` it changed, if known."""
        capability, before = choice.capability, self._told.get(choice.capability)
        self._used[capability, self.facts.language] = choice
        if before == choice.name:
            return
        self._told[capability] = choice.name
        one = next((one for one in decision.standing if one.choice.name == choice.name), None)
        fields: dict[str, Any] = {"capability": capability, "provider": choice.provider, "model": choice.model}
        if before is None:
            self._log.write("provider_chosen", **fields, language=choice.language, by=decision.plan.by,
                            place=one.place if one else None, score=round(one.score, 3) if one else None)
        else:
            self._log.write("provider_switched", **fields, language=choice.language, before=before,
                            why=why or "better placed")

    def failed(self, choice: Choice, fault: ProviderFault, ms: float, begun: bool) -> None:
        """``choice`` failed: this call asks the others first for a while."""
        if fault.kind != "rate_limit":
            self._avoided[choice.capability, choice.provider] = self.now + self.options.avoid_s
        self._log.write("provider_failed", capability=choice.capability, provider=choice.provider, model=choice.model,
                        kind=fault.kind, message=str(fault), ms=round(ms), begun=begun)

    def avoid(self, choice: Choice, seconds: float) -> None:
        """Ask the others first for so long, though nothing failed."""
        self._avoided[choice.capability, choice.provider] = self.now + seconds

    def waiting(self, choice: Choice, seconds: float, alone: bool) -> None:
        """A rate limit holds a request up for ``seconds``; ``alone``: because nobody else is left."""
        self._log.write("provider_wait", capability=choice.capability, provider=choice.provider, seconds=seconds,
                        alone=alone)
        if alone:
            self.on_wait(seconds)

    def note_opinion(self, choice: Choice, doubted: Heard, better: Heard | None, ms: float) -> None:
        """``choice`` was asked for a second opinion; ``better`` is what is taken of it."""
        self._log.write("second_opinion", provider=choice.provider, model=choice.model, before=doubted.confidence,
                        after=better.confidence if better else None, taken=better is not None, ms=round(ms))

    def changed(self, choice: Choice, change: Change | None) -> None:
        """A breaker has opened or closed, by a request of this call."""
        if change is None:
            return
        fields = {"capability": choice.capability, "provider": choice.provider}
        if change == "opened":
            self._log.write("breaker_opened", **fields, seconds=round(self.router.warn(choice), 3))
        else:
            log.info("%s answers requests for %s again", choice.provider, choice.capability)
            self._log.write("breaker_closed", **fields)

    def nobody(self, capability: Capability, asked: Sequence[str], last: ProviderFault | None) -> ProviderFault:
        """The fault for a request that nobody is left for: the provider's own where only one was asked."""
        if last is not None and len(asked) == 1:
            return last
        if last is None:
            return ProviderFault("routing", "unavailable", f"no provider is left for {capability}; trunkline route "
                                 f"explain --capability {capability} says why")
        text = f"no provider is left for {capability} (asked: {', '.join(asked)}; the last said: {last})"
        return ProviderFault("routing", last.kind, text, last.retry_after_s)

    def close(self) -> None:
        """The call is over: its costs go to the log. Close streams first, they bring their seconds."""
        if self.account.by_provider:
            self._log.write("cost", **self.account.as_fields())


def _nobody_is_told(seconds: float) -> None:
    """The default of ``on_wait``."""


def _nobody_counts(fault: ProviderFault) -> None:
    """The default of ``FaultSlot.count``."""
