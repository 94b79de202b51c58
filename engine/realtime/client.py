"""What a Realtime session knows of its client: a connection, and what its address asked for."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class Client(Protocol):
    """The connection."""

    def send(self, event: dict[str, Any]) -> None:
        """Returns at once; raises nothing: a connection that is gone is told by whoever reads it."""

    def close(self, code: int, reason: str) -> None:
        """Returns at once."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the address of the connection says: ``language`` (ISO 639-1; empty: the agent's), ``greet`` None: as the
    configuration says; ``extensions``: the client understands ``extension.*`` events; ``beta``: it speaks beta."""

    language: str = ""
    greet: bool | None = None
    extensions: bool = False
    beta: bool = False
    limits: Callable[[], tuple[dict[str, object], ...]] = tuple
    """What the client's key has left."""

    guest: bool = False
    """A visitor of the talk page: neither their instructions nor their tools are heeded."""


def as_json(event: dict[str, Any]) -> str:
    """An event as it goes over the wire."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


__all__ = ["Client", "Wishes", "as_json"]
