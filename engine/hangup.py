"""Who ended a call, and why: one line of its log, written by whoever knows first."""

from collections.abc import Callable

from gevent.event import Event as Flag

from engine.esl.control import CallControl
from engine.esl.event import Event
from engine.telemetry.eventlog import EventLog


class Hangup:
    """``told`` is set when the line is written."""

    def __init__(self, events: EventLog, by_agent: Callable[[], bool]) -> None:
        """``by_agent``: whether the agent has asked for the end."""
        self.told = Flag()
        self._events = events
        self._by_agent = by_agent

    def on_complete(self, event: Event) -> None:
        """CHANNEL_HANGUP_COMPLETE: it says whether the caller did it."""
        disposition = event.get("variable_sip_hangup_disposition") or ""
        self.tell(event.get("Hangup-Cause"), "caller" if disposition.startswith("recv_") else "switch")

    def left(self, session: CallControl, leaving: bool) -> None:
        """``session`` is closed; ``leaving``: by the engine, while it was there."""
        if session.hangup_cause is not None:
            self.tell(session.hangup_cause, "switch")
        elif leaving:
            self.tell("left to the dialplan", "engine")
        else:
            self.tell("control of the call was lost", "switch")

    def tell(self, cause: str | None, by: str) -> None:
        """``by``: caller, switch or engine. Only the first time counts."""
        if not self.told.is_set():
            by = "agent" if by == "switch" and self._by_agent() else by
            self._events.write("hangup", cause=cause, by=by)
            self.told.set()


__all__ = ["Hangup"]
