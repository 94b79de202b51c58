"""Callers in a queue of mod_callcenter: into it, their position said now and then, fetched back when it takes too long.

While they wait FreeSWITCH has them and plays the queue's music. The extension ``trunkline_queue`` (``dialplans/``) and
``transfer_after_bridge`` bring them back to the engine without its help: when nobody of the queue is logged in, when
the queue's own time is over, and when the human hangs up.
"""

import logging
import time
from collections.abc import Callable
from pathlib import Path

import gevent
from gevent.event import Event as Flag

from engine.errors import TrunklineError
from engine.esl import command
from engine.esl.errors import EslError
from engine.esl.event import Event as SwitchEvent
from engine.esl.inbound import InboundClient
from engine.media.waves import write_wave
from engine.telemetry import logs
from engine.telephony.caller import CallerSide
from engine.telephony.handover import RETURN, Order, Telephony
from engine.telephony.sounds import spoken
from engine.telephony.switch import Switch

log = logging.getLogger(__name__)

EXTENSION = "trunkline_queue"
NOBODY = "nobody is there at the moment"
WAITING = frozenset({"Waiting", "Trying"})
SOUND_RATE = 8000
POLL_S = 1.0
CLOSE_TIMEOUT_S = 1.0


def problem(client: InboundClient, queue: str) -> str:
    """Why callers cannot go into this queue now, in words; "" where they can."""
    try:
        if client.api("module_exists", "mod_callcenter").strip() != "true":
            return "FreeSWITCH has no mod_callcenter"
        if queue not in (row["name"] for row in rows(client.api("callcenter_config", "queue list"))):
            return f"there is no queue {queue}"
        if not available(client.api("callcenter_config", f"queue list agents {queue}")):
            return NOBODY
    except EslError as fault:
        return f"the queue cannot be asked: {fault}"
    return ""


def available(listing: str) -> int:
    """How many people of ``callcenter_config queue list agents`` are logged in and not on a break."""
    return sum(row.get("status", "").startswith("Available") for row in rows(listing))


def position(listing: str, uuid: str) -> int:
    """The place in the queue of the call ``uuid`` in ``callcenter_config queue list members``; 0: it does not wait."""
    waiting = [row for row in rows(listing) if row.get("state") in WAITING]
    waiting.sort(key=lambda row: int(row.get("joined_epoch") or 0))
    return next((at for at, row in enumerate(waiting, 1) if row.get("session_uuid") == uuid), 0)


def rows(listing: str) -> list[dict[str, str]]:
    """mod_callcenter's tables: a line of names, lines of values, all separated by bars."""
    names, *lines = [line.split("|") for line in listing.strip().split("\n")]
    return [dict(zip(names, line, strict=True)) for line in lines if len(line) == len(names)]


class QueueWait:
    """One caller's stay in a queue. Owned by the call's actions; ends by ``close``."""

    def __init__(
        self, call: CallerSide, shared: Telephony, switch: Switch, order: Order, folder: Path,
        served: Callable[[], None],
    ) -> None:
        """``folder`` takes the announcements, which FreeSWITCH reads; ``served`` is called, and may wait, when a human
        has taken the caller."""
        self._call = call
        self._shared = shared
        self._switch = switch
        self._name = order.name
        self._voice = order.voice
        self.failed = order.target.failed
        self._target = order.target
        self._on_served = served
        self._folder = folder
        self._changed = Flag()
        self._greenlets: list[gevent.Greenlet] = []
        self._unwatch: Callable[[], None] | None = None
        self._closed = False
        self._began = time.monotonic()
        self.served_at: float | None = None
        """When a human took the caller (monotonic)."""

    @property
    def served(self) -> bool:
        """Whether a human has taken the caller."""
        return self.served_at is not None

    @property
    def waited_s(self) -> float:
        """How long the caller has waited for somebody to take the call."""
        return (time.monotonic() if self.served_at is None else self.served_at) - self._began

    def enter(self) -> None:
        """Put the caller into the queue. Raises ``EslError``; the caller is still with the agent then."""
        call, client, queue = self._call, self._switch.client, self._target.destination
        for name, value in (("trunkline_queue", queue), ("trunkline_return", call.channel.home[0]),
                            (RETURN, ":".join(call.channel.home))):
            client.api("uuid_setvar", f"{call.uuid} {name} {command.word(name, value)}")
        self._unwatch = self._switch.watch(call.uuid, self._on_event)
        context = call.channel.home[2]
        try:
            call.depart(lambda: client.api("uuid_transfer", f"{call.uuid} {EXTENSION} XML {context}"))
        except BaseException:
            self.close()
            raise
        self._began = time.monotonic()
        call.events.write("handover_queued", target=self._name, queue=queue)
        self._greenlets.append(logs.spawn(self._wait))

    def close(self) -> None:
        """Look after it no more: the caller is back, or gone. Idempotent."""
        self._closed = True
        self._changed.set()
        if self._unwatch is not None:
            self._unwatch()
        gevent.killall([greenlet for greenlet in self._greenlets if greenlet is not gevent.getcurrent()],
                       timeout=CLOSE_TIMEOUT_S)

    def _wait(self) -> None:
        options = self._shared.config.telephony
        deadline = self._began + self._target.timeout_s
        say_at = self._began + POLL_S
        while not (self._closed or self.served):
            now = time.monotonic()
            if now >= deadline:
                self._fetch()
                return
            if now >= say_at:
                say_at = now + options.position_every_s
                self._say_position()
            self._changed.wait(max(0.05, min(deadline, say_at) - time.monotonic()))

    def _say_position(self) -> None:
        call = self._call
        text = self._shared.config.telephony.phrase("position", call.conversation.phrases)
        try:
            place = position(self._switch.client.api("callcenter_config",
                                                     f"queue list members {self._target.destination}"), call.uuid)
            if not place:
                return
            call.events.write("queue_position", position=place)
            if not text:
                return
            pcm = spoken(self._voice, text.replace("{position}", str(place)), SOUND_RATE)
            path = self._folder / f"position-{place}.wav"
            if not len(pcm) or self.served or self._closed:
                return
            write_wave(path, pcm, SOUND_RATE)
            self._switch.client.api("uuid_broadcast", f"{call.uuid} {command.word('file', path.resolve())} aleg")
        except (TrunklineError, ValueError) as fault:  # a full disk, a table that has changed: the caller waits on
            log.warning("a caller's position in the queue was not said: %s", fault)

    def _fetch(self) -> None:
        """The time is over: back to the agent."""
        call = self._call
        call.events.write("handover_failed", target=self._name, why="nobody of the queue took the call in time",
                          ms=round((time.monotonic() - self._began) * 1000))
        try:
            self._switch.client.api("uuid_transfer", " ".join([call.uuid, *call.channel.home]))
        except EslError as fault:
            log.warning("a caller cannot be fetched from the queue; the queue's own limit will: %s", fault)

    def _on_event(self, event: SwitchEvent) -> None:
        if event.get("CC-Action") == "bridge-agent-start" and not self.served:
            self.served_at = time.monotonic()
            self._call.events.write("handover_bridged", target=self._name,
                                    ms=round((time.monotonic() - self._began) * 1000))
            self._greenlets.append(logs.spawn(self._be_served))
            self._changed.set()

    def _be_served(self) -> None:
        try:
            if self._shared.config.telephony.after_human == "hangup":
                self._switch.client.api("uuid_setvar", f"{self._call.uuid} {RETURN}")
        except EslError as fault:
            log.debug("the caller will come back to the agent after the human: %s", fault)
        self._on_served()


__all__ = ["QueueWait", "available", "position", "problem", "rows"]
