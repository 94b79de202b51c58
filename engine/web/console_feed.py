"""What happens in all calls that go on, as numbered events that any number of pages follow.

    feed = Feed()
    feed.follow(call)                       # from its first line
    for number, name, data in feed.stream(last=""): ...

The newest events are kept: a page that comes back tells the number of its last one and misses nothing. One that was
away for longer, or is slow, gets the state of all calls anew instead.
"""

from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any, NamedTuple

import gevent
from gevent.event import Event as Flag

from engine.surroundings import Live
from engine.telemetry.eventlog import Event
from engine.telemetry.glance import Glance

KEPT = 4000
"""Events that are kept: some minutes of a dozen calls."""

PACE_S = 0.1
"""Between two batches to one page: nobody reads faster, and of many changes to a call only the last is sent."""


class Entry(NamedTuple):
    """``name``: ``call`` (its glance), ``line`` (of its log) or ``over``; ``data`` holds ``id``, that of the call."""

    number: int
    name: str
    data: dict[str, Any]


class Feed:
    """One an engine. All methods belong to the hub's thread."""

    def __init__(self, kept: int = KEPT, pace_s: float = PACE_S) -> None:
        """Nobody is followed yet. Numbers begin with the time, so that those of an engine before this one are old."""
        self._glances: dict[str, Glance] = {}
        self._ring: deque[Entry] = deque(maxlen=kept)
        self._number = self._first = int(datetime.now(timezone.utc).timestamp() * 1000)
        self._pace_s = pace_s
        self._wake = Flag()

    def follow(self, call: Live) -> None:
        """Tell of ``call`` from now on, until its log ends."""
        glance = self._glances[call.uuid] = Glance(call.uuid)
        for event in call.events.events():
            glance.step(event)
        self._put("call", glance.as_dict())

        def line(event: Event) -> None:
            changed = glance.step(event)
            self._put("line", {**event, "id": call.uuid})
            if event["event"] == "call_ended":
                if self._glances.get(call.uuid) is glance:
                    del self._glances[call.uuid]
                self._put("over", {"id": call.uuid})
            elif changed:
                self._put("call", glance.as_dict())

        call.events.listen(line)

    def glances(self) -> list[dict[str, Any]]:
        """All calls that go on, the oldest first."""
        return [glance.as_dict() for glance in self._glances.values()]

    def stream(self, last: str = "", call: str = "", lines: bool = False) -> Iterator[tuple[str, str, object]]:
        """Events after number ``last``, then those that come; never ends. ``call``: only that one's. ``lines``: its
        lines, too. Where ``last`` is not known, the state of all calls comes first (``calls``)."""
        at = int(last) if last.isascii() and last.isdigit() and len(last) < 20 else -1
        while True:
            if not self._knows(at):
                at = self._number
                yield str(at), "calls", self._state(call)
            wake = self._wake
            found, at = self._after(at, lambda entry: (not call or entry.data["id"] == call)
                                    and (lines or entry.name != "line"))
            for entry in found:
                yield str(entry.number), entry.name, entry.data
            if self._number == at:
                wake.wait()
            gevent.sleep(self._pace_s)

    def _state(self, call: str) -> dict[str, Any]:
        calls = [glance for glance in self.glances() if not call or glance["id"] == call]
        return {"now": datetime.now(timezone.utc).isoformat(timespec="milliseconds"), "calls": calls}

    def _knows(self, number: int) -> bool:
        """Whether everything after ``number`` is still here."""
        oldest = self._ring[0].number if self._ring else self._number + 1
        return oldest - 1 <= number <= self._number

    def _after(self, number: int, wanted: Callable[[Entry], bool]) -> tuple[list[Entry], int]:
        """The events after ``number``, of several glances at a call only the last; and the number reached."""
        fresh = len(self._ring) - (self._number - number)
        new = [self._ring[place] for place in range(max(0, fresh), len(self._ring))]
        newest = {entry.data["id"]: entry.number for entry in new if entry.name == "call"}
        found = [entry for entry in new if wanted(entry)
                 and (entry.name != "call" or newest[entry.data["id"]] == entry.number)]
        return found, self._number

    def _put(self, name: str, data: dict[str, Any]) -> None:
        self._number += 1
        self._ring.append(Entry(self._number, name, data))
        wake, self._wake = self._wake, Flag()
        wake.set()
