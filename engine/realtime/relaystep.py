"""What comes of an event on its way between a client and the upstream. Plain data."""

from dataclasses import dataclass, field

from engine.upstream.terms import Event

Message = tuple[Event, str]
"""An event, and its text where it is as it came; else empty."""


@dataclass(frozen=True, slots=True)
class ServerCall:
    """A function that the model calls and that runs here. ``previous_item_id``: what the client sees before it;
    ``turn``: how many turns of the user went before; ``epoch``: of the connection that it came by."""

    call_id: str
    name: str
    arguments: str
    response_id: str
    previous_item_id: str | None
    turn: int
    epoch: int


@dataclass(slots=True)
class Step:
    """What comes of an event."""

    up: list[Message] = field(default_factory=list)
    down: list[Message] = field(default_factory=list)
    calls: list[ServerCall] = field(default_factory=list)


__all__ = ["Message", "ServerCall", "Step"]
