"""What a skill or an agent may ask of the call it works for: the protocol that the call's telephony implements.

Nothing here raises for what the other side does (busy, refused, no answer): that is an ``Outcome``. All of it returns
in bounded time; what takes long takes a deadline.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it went. ``ok`` false: ``why`` says it in words that a model can pass on, and nothing has changed for the
    caller. ``data`` is what came of it."""

    ok: bool
    why: str = ""
    data: dict[str, Any] = field(default_factory=dict)


TransferMode = Literal["blind", "warm", "queue"]


class CallActions(Protocol):
    """The call, as far as skills are concerned."""

    def transfer(self, target: str, mode: TransferMode, *, summary: str = "", timeout_s: float = 30.0) -> Outcome:
        """Hand the caller to ``target``, a name of the agent's ``transfer`` targets: never a number that a model made
        up. ``warm``: ``summary`` is told to the human, who accepts or refuses. The agent goes on where it fails."""

    def collect_digits(
        self, *, min_digits: int = 1, max_digits: int = 20, terminators: str = "#", timeout_s: float = 10.0,
        digit_timeout_s: float = 3.0, secret: bool = False,
    ) -> Outcome:
        """Digits that the caller presses (``data["digits"]``). ``secret``: they and the audio meanwhile stand in no
        log, transcript or recording; ``data["digits"]`` is the only place."""

    def set_language(self, language: str) -> Outcome:
        """Hear and speak this language (ISO 639-1) from the next words on."""

    def mask(self, on: bool) -> Outcome:
        """Recording, recognition and log pause (``on``) or go on: for card data."""

    def end_call(self, reason: str = "goodbye") -> Outcome:
        """Hang up once what is being said was heard."""


def _unwritten(event: str, /, **fields: Any) -> None:
    """A call without an event log."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """What a brain and its skills may know of the call. ``attributes`` are channel variables and customer data that the
    agent's file lets through. ``write`` writes a line of the call's event log; it may be called after the call."""

    call_id: str
    agent: str
    language: str
    caller: str
    called: str
    actions: CallActions
    attributes: dict[str, str] = field(default_factory=dict)
    write: Callable[..., None] = _unwritten
