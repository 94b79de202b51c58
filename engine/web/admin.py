"""Management over HTTP: figures, calls in progress, providers; drain, reload, reset of a provider."""

from typing import Any

from pydantic import BaseModel

from engine.errors import TrunklineError
from engine.service import Engine
from engine.telemetry.figures import Histogram
from engine.web.errors import ApiError
from engine.web.route import Asked, Route
from engine.web.traffic import Traffic


class CallStats(BaseModel):
    """``active`` now, ``max`` at once, ``total`` since the start, ``ended`` by who ended them."""

    active: int
    max: int
    total: int
    ended: dict[str, int]


class Delays(BaseModel):
    """How many, and upper bounds of percentiles in ms; None where nothing was measured, or beyond the last bound."""

    count: int
    p50_ms: float | None
    p95_ms: float | None


class Stats(BaseModel):
    """Figures since the start. ``turns``: from the caller's last voiced frame to the agent's first. ``parts``: stt,
    llm, tts, kb. ``requests``: HTTP answers by status; ``websockets``: open, by path."""

    status: str
    uptime_s: float
    calls: CallStats
    turns: Delays
    parts: dict[str, Delays]
    errors: dict[str, int]
    cost: dict[str, float]
    handovers: dict[str, int]
    knowledge: dict[str, int]
    requests: dict[str, int]
    websockets: dict[str, int]
    connections: int
    frame_clock: dict[str, Any]
    hub: dict[str, Any]


class LiveCall(BaseModel):
    """A call in progress; ``id`` is FreeSWITCH's uuid of the channel."""

    id: str
    caller: str
    called: str
    seconds: float


class LiveCalls(BaseModel):
    """All calls in progress, the oldest first."""

    calls: list[LiveCall]


class ProviderState(BaseModel):
    """What is known of a provider for one capability. ``state``: closed (it is asked), open, half_open (one request
    tries it). ``ready_in_s``: until it may be asked."""

    capability: str
    state: str
    ready_in_s: float
    faults: dict[str, int]


class ProviderStates(BaseModel):
    """Providers that were asked since the start; ``routed``: whether a routing file chooses among them."""

    routed: bool
    providers: dict[str, list[ProviderState]]


class Reloaded(BaseModel):
    """The agents whose files changed: calls that begin from now on get the new ones."""

    agents: list[str]


class Draining(BaseModel):
    """``calls`` may end by themselves for ``drain_s``; the engine ends after that."""

    calls: int
    drain_s: float


class Reset(BaseModel):
    """The capabilities for which the provider is asked again as if nothing had failed."""

    provider: str
    capabilities: list[str]


def routes(engine: Engine, traffic: Traffic) -> list[Route]:
    """All need the scope ``admin``."""
    admin = _Admin(engine, traffic)
    return [
        Route("GET", "/admin/stats", admin.stats, "Figures since the start.", answer=Stats, scope="admin"),
        Route("GET", "/admin/calls", admin.calls, "Calls in progress.", answer=LiveCalls, scope="admin"),
        Route("GET", "/admin/providers", admin.providers, "Providers and their breakers.", answer=ProviderStates,
              scope="admin"),
        Route("POST", "/admin/providers/<provider>/reset", admin.reset, "Ask a provider again now.\n\nIts breakers are "
              "closed, whatever failed before.", answer=Reset, scope="admin"),
        Route("POST", "/admin/reload", admin.reload, "Read agents and routing anew.\n\nCalls that begin from now on "
              "get what is in the files; with a problem in one of them nothing changes. Collections need no reload.",
              answer=Reloaded, scope="admin"),
        Route("POST", "/admin/drain", admin.drain, "Take no more calls, and end.\n\nLike SIGTERM: calls in progress "
              "may end by themselves for `drain_s`.", answer=Draining, scope="admin", status=202),
    ]


class _Admin:
    def __init__(self, engine: Engine, traffic: Traffic) -> None:
        self._engine = engine
        self._traffic = traffic

    def stats(self, asked: Asked) -> Stats:
        now, figures, traffic = self._engine.snapshot(), self._engine.figures, self._traffic
        by_status: dict[str, int] = {}
        for (_, _, status), count in traffic.requests.items():
            by_status[str(status)] = by_status.get(str(status), 0) + count
        return Stats(
            status=now.status, uptime_s=round(figures.uptime_s, 1),
            calls=CallStats(active=now.calls_active, max=now.calls_max, total=figures.calls, ended=dict(figures.ended)),
            turns=_delays(figures.turns), parts={name: _delays(part.delays) for name, part in figures.parts.items()},
            errors=dict(figures.errors), cost={name: round(spent, 6) for name, spent in figures.cost.items()},
            handovers=dict(figures.handovers), knowledge=dict(figures.grounds), requests=by_status,
            websockets={path: count for path, count in traffic.sockets.items() if count},
            connections=traffic.connections, frame_clock=now.frame_clock, hub=now.hub)

    def calls(self, asked: Asked) -> LiveCalls:
        calls = sorted(self._engine.live.values(), key=lambda call: -call.seconds)
        return LiveCalls(calls=[
            LiveCall(id=call.uuid, caller=call.channel.caller_number, called=call.channel.destination,
                     seconds=round(call.seconds, 1)) for call in calls])

    def providers(self, asked: Asked) -> ProviderStates:
        faults = self._engine.figures.faults
        router = self._engine.casting.router if self._engine.casting is not None else None
        breakers: dict[tuple[str, str], tuple[str, float]] = {}
        if router is not None:
            breakers = {(provider, capability): (state, ready_in_s) for provider, capability, state, ready_in_s
                        in router.health.breakers(router.clock())}
        known = {*breakers, *((provider, capability) for capability, provider, _ in faults)}
        told: dict[str, list[ProviderState]] = {}
        for provider, capability in sorted(known):
            state, ready_in_s = breakers.get((provider, capability), ("closed", 0.0))
            told.setdefault(provider, []).append(ProviderState(
                capability=capability, state=state, ready_in_s=round(ready_in_s, 1),
                faults={kind: count for (what, who, kind), count in faults.items()
                        if (who, what) == (provider, capability)}))
        return ProviderStates(routed=router is not None, providers=told)

    def reset(self, asked: Asked) -> Reset:
        provider = asked.path["provider"]
        router = self._engine.casting.router if self._engine.casting is not None else None
        known = {name for name, *_ in router.health.breakers(router.clock())} if router is not None else set()
        if router is None or provider not in known:
            there = ", ".join(sorted(known)) or "none"
            raise ApiError(404, "no_such_provider", f"no breaker is kept for '{provider}'; there are {there}",
                           param="provider")
        return Reset(provider=provider, capabilities=list(router.health.reset(provider)))

    def reload(self, asked: Asked) -> Reloaded:
        casting = self._engine.casting
        if casting is None:
            raise ApiError(409, "nothing_to_reload", "this engine was given its providers; it has no agents' files")
        try:
            return Reloaded(agents=casting.reload())
        except TrunklineError as fault:
            raise ApiError(409, "not_reloaded", f"nothing has changed: {fault}") from fault

    def drain(self, asked: Asked) -> Draining:
        self._engine.told_to_drain.set()
        return Draining(calls=len(self._engine.live), drain_s=self._engine.config.drain_s)


def _delays(histogram: Histogram) -> Delays:
    def bound(part: float) -> float | None:
        edge = histogram.percentile(part)
        return None if edge is None or edge == float("inf") else round(edge * 1000, 1)

    return Delays(count=sum(histogram.counts), p50_ms=bound(0.5), p95_ms=bound(0.95))
