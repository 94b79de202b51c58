"""A call that goes on, whatever carries it, and what the calls of an engine share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.arrival import Arrival
from engine.backends.backends import Backends
from engine.cast import Cast
from engine.config import Config
from engine.disk import DiskWriter
from engine.speech.interfaces import Voice
from engine.telemetry.eventlog import EventLog
from engine.telephony.handover import Telephony


class Live(Protocol):
    """A call that goes on, whatever carries it: a ``Call``, or one behind a Realtime session."""

    uuid: str
    folder: Path
    events: EventLog

    @property
    def channel(self) -> Arrival:
        """Who came."""

    @property
    def seconds(self) -> float:
        """How long it has been."""

    def end(self, why: str) -> None:
        """Somebody outside wants it to be over. Returns at once."""


@dataclass(frozen=True)
class Surroundings:
    """What calls of an engine share. ``cast`` says who takes part in the call on a channel; ``folder`` makes a call's
    folder of its uuid; ``accepting`` says whether new connections are taken; ``expect`` is told that the call of this
    uuid is about to come on a new connection, or (False) that it will not; ``finished`` is told when everything of a
    call is closed. ``began`` and ``over`` are told of calls that do not come from FreeSWITCH: before their first line,
    and when everything of them is closed."""

    config: Config
    node: str
    cast: Callable[[Arrival, EventLog], Cast]
    backends: Backends
    disk: DiskWriter
    folder: Callable[[str], Path]
    accepting: Callable[[], bool]
    expect: Callable[[str, bool], None]
    telephony: Telephony
    finished: Callable[[Live], None]
    began: Callable[[Live], None]
    over: Callable[[Live], None]
    voice: Callable[[str], Voice] | None = None
    """The voice of this name (``Casting.voice``); None where the providers were given."""
