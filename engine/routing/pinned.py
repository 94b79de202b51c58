"""A route that keeps to one provider, or to one model of it: for requests that name whom they want."""

from dataclasses import replace

from engine.config.routing import Capability
from engine.routing.facts import Choice, Facts
from engine.routing.plan import Plan
from engine.routing.router import CallRoute, Log, Router


class PinnedRoute(CallRoute):
    """``CallRoute`` whose candidates are those of ``provider``, of ``model`` only if that is not empty. Its requests
    count for the provider's health as all others do; there is no fail-over to another one."""

    def __init__(self, router: Router, facts: Facts, log: Log, provider: str, model: str = "") -> None:
        """For one request or one conversation."""
        super().__init__(router, facts, log)
        self._provider, self._model = provider, model

    def plan(self, capability: Capability) -> Plan:
        """As ``CallRoute.plan``, of the pinned ones alone."""
        plan = super().plan(capability)
        return replace(plan, candidates=tuple(one for one in plan.candidates if self._pins(one.choice)))

    def _pins(self, choice: Choice) -> bool:
        return choice.provider == self._provider and self._model in ("", choice.model)
