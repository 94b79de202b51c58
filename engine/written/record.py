"""The record of a conversation in writing: an event log and a folder as a call has them, so that it is filed, found,
watched and measured as calls are; and the lines of its turns.

    record = Record(engine.surroundings, "s1", "203.0.113.7", forget)
    lines = TurnLines(record.events, 1)
    lines.asked("when do you open"); lines.first(); lines.answered("At nine.", False)
    record.close("forgotten", "caller")

A turn has the lines of a spoken one, as far as there is something to say: ``on_wire`` is when the first words went out.
"""

import time
from collections.abc import Callable
from typing import Any

from engine import calllog
from engine.arrival import Visitor
from engine.dialog.brain import ClientCall, Grounds
from engine.routing.router import Log
from engine.surroundings import Surroundings
from engine.telemetry.eventlog import EventLog

TRANSPORT = "text"


class Record:
    """A ``Live`` call of ``engine.call``, from its first line on. Writing to it never waits."""

    def __init__(self, around: Surroundings, uuid: str, caller: str, end: Callable[[str], None]) -> None:
        """``uuid``: the id of the session; ``caller``: whence it comes; ``end(why)`` has the conversation forgotten
        soon, and returns at once."""
        self.uuid = uuid
        self.channel = Visitor(uuid, caller)
        self.folder = around.folder(uuid)
        self._around = around
        self._end = end
        self._began = time.monotonic()
        # Kept open, thousands of quiet conversations would take the files that calls need.
        self.events = EventLog(self.folder / "events.jsonl", around.disk, lambda: self.seconds, held=False)
        around.began(self)
        calllog.began(self.events, self.channel, around.node, around.config, transport=TRANSPORT, direction="inbound")
        self.events.write("answered", ms=0.0)
        self.events.write("media_attached", backend=TRANSPORT)

    @property
    def seconds(self) -> float:
        """How long it has been."""
        return time.monotonic() - self._began

    def end(self, why: str) -> None:
        """Somebody outside wants it to be over. Returns at once."""
        self.events.note("told_to_end", why=why)
        self._end(why)

    def mask(self, on: bool) -> None:
        """Whether lines say only that something happened."""
        if on != self.events.masked:
            self.events.masked = on
            self.events.write("masked", on=on)

    def failed(self, why: str) -> None:
        """Nobody can take the conversation."""
        self.events.write("error", where="call", message=why)

    def close(self, cause: str, by: str) -> None:
        """It is over: its log is complete. ``by``: ``caller``, ``agent`` or ``engine``."""
        self.events.write("hangup", cause=cause, by=by)
        calllog.ended(self.events, self.seconds, None, None)
        self.events.close()
        self._around.over(self)


class TurnLines:
    """The lines of one turn. ``number`` (from 1) is its reply's generation."""

    def __init__(self, log: Log, number: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is asked yet. ``clock`` in seconds."""
        self._log = log
        self._gen = number
        self._clock = clock
        self._asked = clock()

    def asked(self, text: str) -> None:
        """This was written to the agent."""
        self._asked = self._clock()
        self._log.write("turn", gen=self._gen, text=text, why="written")
        self.thinks(text)
        self._log.write("user_said", text=text)

    def thinks(self, text: str) -> None:
        """The agent is asked for an answer to this."""
        self._log.write("think", gen=self._gen, text=text, speculative=False)

    def part(self, part: object) -> None:
        """A part of the answer: why it is what it is, a tool that is the client's to run."""
        if isinstance(part, Grounds):
            self._log.write("grounds", gen=self._gen, decision=part.decision, score=round(part.score, 3),
                            citations=part.citations, ms=self._ms, detail=part.detail)
        elif isinstance(part, ClientCall):
            self._log.write("client_call", gen=self._gen, id=part.call_id, name=part.name, arguments=part.arguments)

    def first(self) -> None:
        """The first words of the answer are there, and go out."""
        self._log.write("first_text", gen=self._gen, ms=self._ms)
        self._log.write("on_wire", gen=self._gen)

    def answered(self, text: str, interrupted: bool, item: str = "") -> None:
        """All that was answered; ``interrupted``: there was more to say; ``item``: the client's id for it."""
        if text:
            named = {"item": item} if item else {}
            self._log.write("clause", gen=self._gen, text=text)
            self._log.write("agent_said", gen=self._gen, text=text, interrupted=interrupted, **named)
            self._log.write("playout_finished", gen=self._gen)

    def failed(self, reason: str) -> None:
        """There is no answer, or no more of it."""
        self._log.write("reply_failed", gen=self._gen, reason=reason)

    @property
    def _ms(self) -> float:
        return round((self._clock() - self._asked) * 1000, 1)


def told_of_change(log: Log, before: tuple[str, str], after: tuple[str, str], why: str) -> None:
    """Language and dialect, before and now; a line for what is another."""
    fields: dict[str, Any] = {"why": why}
    if before[0] != after[0]:
        log.write("language", language=after[0], before=before[0], **fields)
    if before[1] != after[1]:
        log.write("dialect", dialect=after[1], confidence=None, **fields)
