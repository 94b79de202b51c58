"""What a call's report is made of. ``engine/telemetry/report.py`` computes it from the event log.

Times are seconds of call time unless a name ends in ``_ms``; what the log does not tell is None.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

STAGES = ("endpoint", "stt", "retrieval", "first_text", "first_audio", "on_wire")
"""The steps of the waterfall, in the order in which they usually end."""


@dataclass(frozen=True, slots=True)
class Span:
    """Somebody spoke from ``start`` to ``end``."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Stage:
    """A step on the way to the answer. Milliseconds after the caller's last voiced frame; below 0 is speculation."""

    name: str
    from_ms: float
    to_ms: float


@dataclass(frozen=True, slots=True)
class Decision:
    """Something that was decided, and why: a note of the turn engine, or an event that carries a ``why``."""

    t: float
    name: str
    why: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Interruption:
    """The caller's voice over the agent's speech. ``outcome``: ``cut`` (a real one), ``resumed`` (a false one),
    ``finished`` (nothing was left to say), ``hangup`` or ``open`` (the log ends). ``silent_ms`` is the hole that a
    false one made, ``voice_end_to_resume_ms`` how long the agent waited of it after the caller's last voiced frame."""

    gen: int
    onset: float | None
    paused: float | None
    onset_to_pause_ms: float | None
    outcome: str
    ended: float | None
    silent_ms: float | None
    voice_end_to_resume_ms: float | None
    heard: str | None


@dataclass(frozen=True, slots=True)
class SkillUse:
    """A skill that a reply's model called. ``success`` None: it has not ended as far as the log goes; ``repeated``: an
    earlier result was given again; ``asked``: when, in seconds; ``ms``: how long it ran."""

    skill: str
    asked: float
    arguments: Any
    repeated: bool
    success: bool | None
    error: str
    ms: float | None
    result: Any


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply of the agent. ``text`` is what was to be said, ``heard`` what the caller heard of it (None: unknown);
    ``times`` are the seconds at which its steps were logged."""

    gen: int
    kind: str
    asked: str
    speculative: bool
    text: str
    heard: str | None
    interrupted: bool
    cancelled: bool
    failed: str | None
    cached: bool
    started: float | None
    ended: float | None
    decision: str | None
    score: float | None
    citations: list[Any]
    detail: Any
    times: dict[str, float]
    skills: list[SkillUse] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Turn:
    """What the caller said, and the way to the answer. ``total_ms``: last voiced frame to first frame on the wire."""

    number: int
    gen: int
    text: str
    start: float
    voice_end: float
    decided: float
    waited_ms: float | None
    why: str
    total_ms: float | None
    stages: list[Stage]
    replies: list[int]
    decisions: list[Decision]
    interruptions: list[Interruption]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the transcript: ``who`` is ``caller``, ``agent`` or ``key`` (DTMF)."""

    who: str
    start: float
    end: float | None
    text: str
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that went wrong."""

    t: float
    where: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """A whole call. ``complete``: the log has its last line; ``damaged_lines``: lines that could not be read."""

    call: dict[str, Any]
    seconds: float
    complete: bool
    damaged_lines: int
    recording_starts: float
    turns: list[Turn]
    replies: list[Reply]
    interruptions: list[Interruption]
    transcript: list[Line]
    caller_speech: list[Span]
    agent_speech: list[Span]
    decisions: list[Decision]
    faults: list[Fault]
    totals: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON types only; seconds to the millisecond, milliseconds to a tenth."""
        rounded = _rounded(asdict(self))
        assert isinstance(rounded, dict)
        return rounded


def _rounded(value: object, name: str = "") -> object:
    if isinstance(value, float):
        return round(value, 1 if name.endswith("_ms") else 3)
    if isinstance(value, dict):
        inner = name if name.endswith("_ms") else ""
        return {key: _rounded(item, inner or str(key)) for key, item in value.items()}
    return [_rounded(item, name) for item in value] if isinstance(value, list | tuple) else value
