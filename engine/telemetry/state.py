"""The state of a service and of its parts, as ``/health`` tells it."""

from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["ok", "degraded", "draining", "down"]
"""Of the service."""


@dataclass(frozen=True, slots=True)
class Component:
    """A part that the service needs: ``status`` ``ok``, ``degraded`` or ``down``; ``latency_ms`` of its last answer."""

    status: str
    latency_ms: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of the service. ``frame_clock`` and ``hub`` hold figures (lateness in ms, blocks) under their names."""

    status: Status
    calls_active: int = 0
    calls_max: int = 0
    components: dict[str, Component] = field(default_factory=dict)
    frame_clock: dict[str, Any] = field(default_factory=dict)
    hub: dict[str, Any] = field(default_factory=dict)
