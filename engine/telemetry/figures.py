"""Figures of all calls since the start, made from their event logs: what ``/metrics``, ``/health`` and ``/admin`` tell.

    figures = Figures(); figures.follow(call.events)
"""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.telemetry.eventlog import Event, EventLog
from engine.telemetry.state import Component

EDGES_S = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0)
"""Upper bounds of the delays that callers notice."""

FAULT_S = 60.0
"""A part whose last news is a fault is degraded for so long."""

PARTS = ("stt", "llm", "tts", "kb")
"""Recogniser, language model, voice, knowledge base."""


class Histogram:
    """Counts by upper bounds, in seconds; one more count for what lies beyond the last."""

    def __init__(self, edges_s: tuple[float, ...] = EDGES_S) -> None:
        """Nothing yet."""
        self.edges_s = edges_s
        self.counts = [0] * (len(edges_s) + 1)
        self.total_s = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect_left(self.edges_s, seconds)] += 1
        self.total_s += seconds

    def percentile(self, part: float) -> float | None:
        """Upper bound of the count in which ``part`` of all is reached; None: nothing was counted."""
        wanted, seen = part * sum(self.counts), 0
        for count, edge in zip(self.counts, (*self.edges_s, float("inf")), strict=True):
            seen += count
            if count and seen >= wanted:
                return edge
        return None


@dataclass
class Part:
    """What providers of one kind did last: ``latency_ms`` of the last answer, and the last fault."""

    delays: Histogram = field(default_factory=Histogram)
    latency_ms: float | None = None
    fault: str = ""
    fault_at: float = 0.0


class Figures:
    """One an engine; all methods belong to the hub's thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock``: seconds."""
        self.calls = 0
        self.ended: Counter[str] = Counter()
        """Calls that are over by who ended them: caller, agent, switch, engine."""

        self.outcomes: Counter[str] = Counter()
        """Sessions that are over by their last state: ended, failed, busy, no_answer, cancelled."""

        self.errors: Counter[str] = Counter()
        """Faults of the engine in calls, by where they were."""

        self.turns = Histogram()
        """From the caller's last voiced frame to the agent's first."""

        self.cuts = 0
        """Replies that callers interrupted."""

        self.handovers: Counter[str] = Counter()
        self.faults: Counter[tuple[str, str, str]] = Counter()
        """Failed requests by capability, provider and kind of fault."""

        self.cost: Counter[str] = Counter()
        """Money spent by currency."""

        self.grounds: Counter[str] = Counter()
        """Decisions of the knowledge base: answer, ask_back, unknown ..."""

        self.languages: Counter[str] = Counter()
        self.parts = {name: Part() for name in PARTS}
        self._clock = clock
        self._began = clock()

    @property
    def uptime_s(self) -> float:
        """Seconds since the start, whatever the clock on the wall does."""
        return self._clock() - self._began

    def follow(self, events: EventLog) -> None:
        """Count what happens in this call until its log is closed."""
        self.calls += 1
        events.listen(self.take, limit=2000)

    def take(self, event: Event) -> None:
        """One line of a call's log."""
        kind = _KINDS.get(event["event"])
        if kind is not None:
            kind(self, event)

    def components(self) -> dict[str, Component]:
        """How each part did last; parts that did nothing yet are left out."""
        now, told = self._clock(), {}
        for name, part in self.parts.items():
            if part.fault and now - part.fault_at < FAULT_S:
                told[name] = Component("degraded", part.latency_ms, part.fault)
            elif part.latency_ms is not None:
                told[name] = Component("ok", part.latency_ms)
        return told

    def _answered(self, name: str, ms: object) -> None:
        if isinstance(ms, int | float):
            part = self.parts[name]
            part.delays.add(ms / 1000)
            part.latency_ms, part.fault = round(ms, 1), ""

    def _failed(self, event: Event) -> None:
        capability, provider = str(event.get("capability")), str(event.get("provider"))
        self.faults[capability, provider, str(event.get("kind"))] += 1
        if capability in self.parts:
            part = self.parts[capability]
            part.fault, part.fault_at = f"{provider}: {event.get('kind')}", self._clock()

    def _spoke(self, event: Event) -> None:
        if isinstance(after := event.get("after_voice_ms"), int | float):
            self.turns.add(after / 1000)

    def _cut(self, event: Event) -> None:
        self.cuts += 1

    def _hung_up(self, event: Event) -> None:
        self.ended[str(event.get("by") or "switch")] += 1

    def _over(self, event: Event) -> None:
        self.outcomes[str(event.get("state"))] += 1

    def _erred(self, event: Event) -> None:
        self.errors[str(event.get("where"))] += 1

    def _looked_up(self, event: Event) -> None:
        self.grounds[str(event.get("decision"))] += 1
        self._answered("kb", event.get("ms"))

    def _spent(self, event: Event) -> None:
        if isinstance(total := event.get("total"), int | float):
            self.cost[str(event.get("currency"))] += total  # type: ignore[assignment]  # a Counter adds floats, too


_KINDS: dict[str, Callable[[Figures, Event], None]] = {
    "on_wire": Figures._spoke,
    "cut": Figures._cut,
    "hangup": Figures._hung_up,
    "call_ended": Figures._over,
    "error": Figures._erred,
    "cost": Figures._spent,
    "provider_failed": Figures._failed,
    "final": lambda figures, event: figures._answered("stt", event.get("ms")),
    "model_answer": lambda figures, event: figures._answered("llm", event.get("first_ms")),
    "first_audio": lambda figures, event: None if event.get("cached") else figures._answered("tts", event.get("ms")),
    "grounds": Figures._looked_up,
    "handover_bridged": lambda figures, event: figures.handovers.update(["bridged"]),
    "handover_failed": lambda figures, event: figures.handovers.update(["failed"]),
    "language": lambda figures, event: figures.languages.update([str(event.get("language"))]),
}
"""What each line of the log means here; the other lines mean nothing."""
