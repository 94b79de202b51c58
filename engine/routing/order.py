"""The order in which candidates are asked, and why. Pure and deterministic: plan, health, call and time decide."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from operator import itemgetter
from typing import Any

from engine.config.routing import RoutingOptions
from engine.routing.breaker import State
from engine.routing.facts import Choice
from engine.routing.health import Health, Vitals
from engine.routing.plan import Excluded, Plan, Planned


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
    """Who is asked, in this order, one model a provider; who is not, and why; ``plan`` says which part of the file
    decided."""

    plan: Plan
    standing: tuple[Standing, ...]
    passed_over: tuple[tuple[Choice, str], ...]
    """Able, but not asked: with the model of the same provider that is better placed."""

    @property
    def excluded(self) -> tuple[Excluded, ...]:
        """Who is not asked, in words."""
        return self.plan.excluded + tuple(
            Excluded(choice.provider, choice.model, f"{better} of the same provider stands before it")
            for choice, better in self.passed_over
        )

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
                    **one.vitals._asdict(),
                }
                for one in self.standing
            ],
            "excluded": [asdict(one) for one in self.excluded],
        }


def order(
    plan: Plan, health: Health, options: RoutingOptions, now: float, *, sticky: str = "",
    avoided: Collection[str] = (),
) -> Decision:
    """``sticky``: the ``provider/model`` that this call goes on with while it is ready. ``avoided``: providers that
    failed in this call."""
    passed_over: list[tuple[Choice, str]] = []
    found: list[tuple[tuple[Any, ...], Planned]] = []
    doing: dict[str, tuple[State, float, float, float]] = {}
    for planned in plan.candidates:
        choice = planned.choice
        provider = choice.provider
        if provider not in doing:
            doing[provider] = health.provider(provider, plan.capability, now)
        _, ready_in_s, _, failed = doing[provider]
        score = sum(_points(planned, failed, health.p95_ms(choice, now), options))
        # One after the other: who may be asked, who did not fail in this call, who is speaking already, points, name.
        found.append(((ready_in_s, provider in avoided, choice.name != sticky, -score, choice.name), planned))
    found.sort(key=itemgetter(0))
    standing: dict[str, Standing] = {}
    for rank, planned in found:
        ready_in_s, shunned, other, less, _ = rank
        choice = planned.choice
        better = standing.get(choice.provider)
        if better is not None:
            passed_over.append((choice, better.choice.model))
            continue
        vitals = health.vitals(choice, now)
        points = dict(zip(POINTS, _points(planned, vitals.failed, vitals.p95_ms, options), strict=True))
        note = _note(vitals, shunned, not other)
        standing[choice.provider] = Standing(choice, planned.place, -less, points, vitals, ready_in_s <= 0, note)
    return Decision(plan, tuple(standing.values()), tuple(passed_over))


POINTS = ("accuracy", "cost", "latency", "failures", "place")
"""What a score is made of."""


def _points(planned: Planned, failed: float, p95_ms: float, options: RoutingOptions) -> tuple[float, ...]:
    """By ``POINTS``: gains are positive, losses negative."""
    price = planned.choice.price
    return (
        options.accuracy_weight * price.accuracy_score,
        0.0 - options.cost_weight * price.cost_per_minute,
        0.0 - options.latency_weight * p95_ms / 1000,
        0.0 - options.failure_weight * failed,
        0.0 - options.place_weight * planned.place,
    )


def _note(vitals: Vitals, shunned: bool, held: bool) -> str:
    notes = []
    if vitals.resting_s > 0:
        notes.append(f"asked for a pause, rests {vitals.resting_s:.1f} s")
    if vitals.state == "open":
        notes.append(f"breaker open, tried again in {vitals.ready_in_s:.1f} s")
    elif vitals.state == "half_open":
        notes.append("half-open: another request is trying it" if vitals.ready_in_s > 0 else
                     "half-open: the next request tries it")
    if shunned:
        notes.append("failed in this call, stands behind the others")
    if held:
        notes.append("in use in this call, kept")
    return "; ".join(notes)
