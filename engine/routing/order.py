"""The order in which candidates are asked, and why. Pure and deterministic: plan, health, call and time decide."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.config.routing import RoutingOptions
from engine.routing.facts import Choice
from engine.routing.health import Health, Vitals
from engine.routing.plan import Excluded, Plan


@dataclass(frozen=True, slots=True)
class Standing:
    """A candidate in its place. ``points`` says what made up ``score``; ``note`` what else moved it. ``ready``: it may
    be asked now; the others are asked only when nobody ready is left, those that are ready soonest first."""

    choice: Choice
    place: int
    score: float
    points: Mapping[str, float]
    vitals: Vitals
    ready: bool
    note: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Who is asked, in this order, one model a provider; who is not, and why; and which part of the file decided."""

    plan: Plan
    standing: tuple[Standing, ...]
    excluded: tuple[Excluded, ...]

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return {
            "capability": self.plan.capability,
            "facts": asdict(self.plan.facts),
            "by": self.plan.by,
            "min_confidence": self.plan.min_confidence,
            "candidates": [
                {
                    "provider": one.choice.provider,
                    "model": one.choice.model,
                    "place": one.place,
                    "score": round(one.score, 4),
                    "points": {name: round(value, 4) for name, value in one.points.items()},
                    "ready": one.ready,
                    "note": one.note,
                    **asdict(one.vitals),
                }
                for one in self.standing
            ],
            "excluded": [asdict(one) for one in self.excluded],
        }


def order(
    plan: Plan, health: Health, options: RoutingOptions, now: float, *, sticky: str = "",
    avoided: Collection[str] = (), connected: Collection[str] | None = None,
) -> Decision:
    """``sticky``: the ``provider/model`` that this call goes on with while it is ready. ``avoided``: providers that
    failed in this call. ``connected``: providers that there is a connection to (None: all of them)."""
    excluded = list(plan.excluded)
    found: list[tuple[tuple[Any, ...], Standing]] = []
    for planned in plan.candidates:
        choice = planned.choice
        if connected is not None and choice.provider not in connected:
            excluded.append(Excluded(choice.provider, choice.model, f"no connection for {choice.capability} is set up"))
            continue
        state = health.vitals(choice, now)
        points = _points(choice, planned.place, state, options)
        ready = state.ready_in_s <= 0
        shunned, held = choice.provider in avoided, choice.name == sticky
        score = sum(points.values())
        # One after the other: who may be asked, who did not fail in this call, who is speaking already, points, name.
        rank = (not ready, 0.0 if ready else state.ready_in_s, shunned, not held, -score, choice.provider, choice.model)
        note = _note(state, shunned, held)
        found.append((rank, Standing(choice, planned.place, score, points, state, ready, note)))
    found.sort(key=lambda item: item[0])
    standing: dict[str, Standing] = {}
    for _, one in found:
        better = standing.setdefault(one.choice.provider, one)
        if better is not one:
            excluded.append(Excluded(one.choice.provider, one.choice.model,
                                     f"{better.choice.model} of the same provider stands before it"))
    return Decision(plan, tuple(standing.values()), tuple(excluded))


def _points(choice: Choice, place: int, state: Vitals, options: RoutingOptions) -> dict[str, float]:
    """What makes up the score: gains are positive, losses negative."""
    return {
        "accuracy": options.accuracy_weight * choice.price.accuracy_score,
        "cost": 0.0 - options.cost_weight * choice.price.cost_per_minute,
        "latency": 0.0 - options.latency_weight * state.p95_ms / 1000,
        "failures": 0.0 - options.failure_weight * state.failed,
        "place": 0.0 - options.place_weight * place,
    }


def _note(state: Vitals, shunned: bool, held: bool) -> str:
    notes = []
    if state.resting_s > 0:
        notes.append(f"rate limit, rests {state.resting_s:.1f} s")
    if state.state == "open":
        notes.append(f"breaker open, tried again in {state.ready_in_s:.1f} s")
    elif state.state == "half_open":
        notes.append("half-open: another request is trying it" if state.ready_in_s > 0 else
                     "half-open: the next request tries it")
    if shunned:
        notes.append("failed in this call, stands behind the others")
    if held:
        notes.append("in use in this call, kept")
    return "; ".join(notes)
