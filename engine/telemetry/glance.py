"""A call that goes on, at a glance: who, with which agent, what is being done and said now. Pure; made line by line.

    glance = Glance("uuid")
    for event in log: changed = glance.step(event)
    glance.as_dict()

The event log stays the only account of the call: this is what one sees of it in a list.
"""

from collections import deque
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

from engine.telemetry.eventlog import Event

State = Literal["starting", "listening", "hearing", "thinking", "speaking", "handing over", "queued", "with a human",
                "away", "ended"]

LATENCIES = 200
"""The newest answers' delays that the median is of."""

LONGEST_TEXT = 400
"""Letters of the last words that are kept."""

_PHASES: dict[str, State] = {
    "answered": "listening", "handover_started": "handing over", "handover_dialing": "handing over",
    "handover_queued": "queued", "handover_bridged": "with a human", "handover_failed": "listening",
    "caller_back": "listening", "media_lost": "away", "media_attached": "listening", "hangup": "ended",
    "call_ended": "ended",
}
"""What a line says about the call as a whole; while it is ``listening``, voices and turns say more."""

_FAULTS = frozenset({"error", "reply_failed", "provider_failed", "media_lost"})


@dataclass
class Glance:
    """``started`` is ISO 8601 (UTC); ``answered``: whether the call is up; ``who`` said ``words`` last (``caller`` or
    ``agent``), ``partial`` while they may change yet. ``latency_ms``: from the caller's last voiced frame to the
    agent's first, of the last answer."""

    id: str
    transport: str = "phone"
    caller: str = ""
    called: str = ""
    started: str = ""
    agent: str = ""
    language: str = ""
    answered: bool = False
    phase: State = "starting"
    who: str = ""
    words: str = ""
    partial: bool = False
    turns: int = 0
    faults: int = 0
    latency_ms: float | None = None
    target: str = ""
    _latencies: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES))
    _clauses: tuple[int, str] = (-1, "")
    _caller_speaks: bool = False
    _agent_speaks: bool = False
    _thinks: bool = False

    @property
    def state(self) -> State:
        """What is being done now."""
        if self.phase != "listening":
            return self.phase
        if self._caller_speaks:
            return "hearing"
        if self._agent_speaks:
            return "speaking"
        return "thinking" if self._thinks else "listening"

    def step(self, event: Event) -> bool:
        """Take the next line in; whether anything that one sees has changed."""
        before = self.as_dict()
        name = event["event"]
        self.phase = _PHASES.get(name, self.phase)
        if name in _FAULTS:
            self.faults += 1
        handle = _HANDLERS.get(name)
        if handle is not None:
            handle(self, event)
        return self.as_dict() != before

    def as_dict(self) -> dict[str, Any]:
        """JSON types only."""
        return {
            "id": self.id, "transport": self.transport, "caller": self.caller, "called": self.called,
            "started": self.started, "agent": self.agent, "language": self.language, "state": self.state,
            "who": self.who, "words": self.words, "partial": self.partial, "turns": self.turns, "faults": self.faults,
            "latency_ms": self.latency_ms, "target": self.target,
            "median_ms": round(median(self._latencies)) if self._latencies else None,
        }

    # ------------------------------------------------------------ lines

    def _started(self, event: Event) -> None:
        for name in ("caller", "called", "started", "transport"):
            if event.get(name):
                setattr(self, name, str(event[name]))

    def _picked(self, event: Event) -> None:
        self.agent, self.language = str(event.get("name") or ""), str(event.get("language") or "")

    def _spoken_language(self, event: Event) -> None:
        self.language = str(event.get("language") or "")

    def _answered(self, event: Event) -> None:
        self.answered = True

    def _voice(self, event: Event) -> None:
        self._caller_speaks = event["event"] == "voice_on"

    def _caller_words(self, event: Event) -> None:
        self._say("caller", str(event.get("text") or ""), event["event"] == "partial")

    def _decided(self, event: Event) -> None:
        self.turns += 1
        self._thinks = True

    def _clause(self, event: Event) -> None:
        """What is going to be said; shown once it is heard."""
        gen, text = event.get("gen", -1), str(event.get("text") or "")
        self._clauses = (gen, f"{self._clauses[1]} {text}".strip() if gen == self._clauses[0] else text)
        if self._agent_speaks and self.who == "agent":
            self._say("agent", self._clauses[1], True)

    def _on_wire(self, event: Event) -> None:
        delay, answers = event.get("after_voice_ms"), self._thinks
        self._agent_speaks, self._thinks = True, False
        # A greeting or a reminder is no answer, whatever was said long before it.
        if answers and isinstance(delay, int | float) and not isinstance(delay, bool):
            self.latency_ms = delay
            self._latencies.append(delay)
        if event.get("gen") == self._clauses[0]:
            self._say("agent", self._clauses[1], True)

    def _resumed(self, event: Event) -> None:
        self._agent_speaks = True

    def _silent(self, event: Event) -> None:
        self._agent_speaks = False

    def _agent_words(self, event: Event) -> None:
        self._say("agent", str(event.get("text") or ""), False)

    def _handover(self, event: Event) -> None:
        self.target = str(event.get("target") or self.target)

    def _say(self, who: str, words: str, partial: bool) -> None:
        if words:
            self.who, self.words, self.partial = who, words[-LONGEST_TEXT:], partial


_HANDLERS = {
    "call_started": Glance._started, "agent_picked": Glance._picked, "language": Glance._spoken_language,
    "answered": Glance._answered, "voice_on": Glance._voice, "voice_off": Glance._voice,
    "partial": Glance._caller_words, "final": Glance._caller_words, "user_said": Glance._caller_words,
    "turn": Glance._decided, "clause": Glance._clause, "on_wire": Glance._on_wire, "resume": Glance._resumed,
    "pause": Glance._silent, "cut": Glance._silent, "playout_finished": Glance._silent,
    "agent_said": Glance._agent_words, "agent_heard": Glance._agent_words,
    "handover_started": Glance._handover, "handover_bridged": Glance._handover,
}  # fmt: skip
