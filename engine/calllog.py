"""The first and the last lines of a call's event log."""

from datetime import datetime, timezone
from typing import Protocol

from engine import __version__, configfile
from engine.arrival import Arrival
from engine.config import Config
from engine.media.playout import Playout
from engine.media.recording import Recorder
from engine.telemetry.eventlog import EventLog


class Counted(Protocol):
    """A leg, as far as its frames are counted."""

    playout: Playout
    frames_in: int
    frames_out: int

    @property
    def bad_frames(self) -> int:
        """What came and was no frame."""


def began(events: EventLog, channel: Arrival, node: str, config: Config | None, **more: str | None) -> None:
    """Who calls whom, where, and with which options (None: they do not matter to it). ``more``: further fields of
    ``call_started``, ``transport``."""
    events.write(
        "call_started",
        id=channel.uuid,
        caller=channel.caller_number,
        called=channel.destination,
        node=node,
        version=__version__,
        started=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        **more,
    )
    if config is not None:
        events.write("config", options=configfile.differences(config))


def ended(events: EventLog, seconds: float, leg: Counted | None, recorder: Recorder | None) -> None:
    """How long it was, and what was lost of it. ``recorder`` is closed."""
    if recorder is not None and recorder.error:
        events.write("error", where="recording", message=recorder.error)
    events.write(
        "call_ended",
        seconds=round(seconds, 3),
        caller_frames=leg.frames_in if leg else 0,
        agent_frames=leg.frames_out if leg else 0,
        underruns=leg.playout.underruns if leg else 0,
        bad_frames=leg.bad_frames if leg else 0,
        dropped_bytes=recorder.dropped if recorder else 0,
    )
