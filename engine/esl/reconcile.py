"""Orphans: channels that this engine owns but no call of it knows, and calls whose channel is gone.

**Ownership.** The engine sets the variable ``trunkline_node`` of a channel to its own name (``mark``) when it takes a
call, and takes it away (``release``) before it hands the call to somebody else. The dialplan may set it before its
``socket`` action, so that calls are covered whose connection failed before ``connect``; then it should ``unset`` it as
the first action after ``socket``. The name must be unique to the process whose calls are compared: workers that share a
switch have one name each.

**Which channels are looked at.** ``show channels as json`` does not list variables, so the owner is asked for with
``uuid_getvar``, one command a channel. Asked are only channels that no call knows and that can be stuck. Seen on
FreeSWITCH 1.11.2: a call whose connection closed before ``connect`` is listed with the application ``socket``, one
that was left after ``uuid_park`` in the state CS_PARK (its application is the last one executed, whatever that was).
A channel in another application is never killed: it may be in the dialplan's next action, talking to a human, with the
mark of an engine that died. The cost of that caution: a channel stuck under another application's name is not found;
the dialplan's watchdog (``sched_transfer`` before ``socket``) is there for those.

**Two rounds.** A channel is killed, and a call reported, when two rounds in a row found it so: a connection that is
just arriving and a call that is just ending look the same for a moment.
"""

import json
import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import gevent
from gevent.event import Event as Flag

from engine.esl.control import CallControl
from engine.esl.errors import EslError
from engine.esl.inbound import InboundClient

log = logging.getLogger(__name__)

OWNER = "trunkline_node"
STUCK_APPLICATIONS = frozenset({"socket", "park"})
STUCK_STATES = frozenset({"CS_PARK"})
ORPHAN_CAUSE = "NORMAL_TEMPORARY_FAILURE"
MOST_QUESTIONS = 200
"""Owners asked for in one round; the rest waits for the next."""


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A line of ``show channels``."""

    uuid: str
    state: str = ""
    application: str = ""

    @property
    def can_be_stuck(self) -> bool:
        """Whether nobody but a controller will move this channel on."""
        return self.state in STUCK_STATES or self.application in STUCK_APPLICATIONS


@dataclass(frozen=True, slots=True)
class Round:
    """What one comparison found. ``orphans`` and ``gone`` were suspects in the round before too: act on them."""

    orphans: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    suspected_orphans: frozenset[str] = frozenset()
    suspected_gone: frozenset[str] = frozenset()


def read_channels(text: str) -> list[ChannelRow]:
    """The rows of ``show channels as json``; with no channels FreeSWITCH leaves ``rows`` out. Raises ``EslError``."""
    try:
        rows: Any = json.loads(text).get("rows", [])
        return [ChannelRow(row["uuid"], row.get("state", ""), row.get("application", "")) for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise EslError(f"answer to 'show channels as json' cannot be read: {text[:80]!r}") from fault


def candidates(rows: Iterable[ChannelRow], calls: Collection[str]) -> list[str]:
    """Channels whose owner must be asked for."""
    return [row.uuid for row in rows if row.can_be_stuck and row.uuid not in calls]


def compare(
    rows: Iterable[ChannelRow], owners: Mapping[str, str | None], calls: Collection[str], node: str, before: Round
) -> Round:
    """Compare the switch with the engine: ``rows`` and the ``owners`` of its candidates with the uuids of ``calls``."""
    listed = list(rows)
    suspected = frozenset(uuid for uuid in candidates(listed, calls) if owners.get(uuid) == node)
    missing = frozenset(calls) - {row.uuid for row in listed}
    return Round(
        orphans=suspected & before.suspected_orphans,
        gone=missing & before.suspected_gone,
        suspected_orphans=suspected,
        suspected_gone=missing,
    )


def mark(session: CallControl, node: str) -> None:
    """This engine owns the call from now on."""
    session.setvar(OWNER, node)


def release(session: CallControl) -> None:
    """The call goes to somebody else. Do it before a transfer or a bridge that outlives the engine's interest."""
    session.setvar(OWNER, "")


class Reconciler:
    """Compares every ``every_s`` seconds, kills orphans, reports calls whose channel is gone."""

    def __init__(
        self,
        client: InboundClient,
        node: str,
        calls: Callable[[], Collection[str]],
        on_gone: Callable[[str], None],
        *,
        every_s: float = 10.0,
    ) -> None:
        """``calls`` gives the uuids of the calls that the engine knows now; ``on_gone`` is told each whose channel is
        no longer there."""
        self.last = Round()
        self.killed = 0
        self._client = client
        self._node = node
        self._calls = calls
        self._on_gone = on_gone
        self._every_s = every_s
        self._stopping = Flag()
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        """Run in the background."""
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._run)

    def close(self) -> None:
        """Stop. Idempotent."""
        self._stopping.set()
        if self._greenlet is not None:
            self._greenlet.join(1.0)
            self._greenlet.kill()

    def run_once(self) -> Round:
        """One round. Raises ``EslError`` when the switch cannot be asked; nothing is concluded from that."""
        rows = read_channels(self._client.api("show", "channels as json"))
        calls = frozenset(self._calls())
        asked = candidates(rows, calls)[:MOST_QUESTIONS]
        owners = {uuid: self._client.getvar(uuid, OWNER) for uuid in asked}
        found = compare(rows, owners, calls, self._node, self.last)
        self.last = found
        now = frozenset(self._calls())  # asking took time
        for uuid in found.orphans - now:
            self._kill(uuid)
        for uuid in found.gone & now:
            log.warning("call %s: its channel is gone from FreeSWITCH", uuid)
            self._on_gone(uuid)
        return found

    def _kill(self, uuid: str) -> None:
        log.warning("channel %s is marked as ours but no call knows it: killing it", uuid)
        try:
            self._client.kill(uuid, ORPHAN_CAUSE)
        except EslError as fault:
            log.warning("orphan %s could not be killed: %s", uuid, fault)
        else:
            self.killed += 1

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s):
            try:
                self.run_once()
            except EslError as fault:
                self.last = Round()
                log.warning("no comparison with FreeSWITCH: %s", fault)
