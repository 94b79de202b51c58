"""Carries out a hand-over to a human: ``engine/dialog/handover.py`` decides, this does it with a real call."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from gevent.queue import Empty, Queue

from engine.config import Config, TransferTarget
from engine.dialog import handover as plan
from engine.dialog.actions import Outcome
from engine.esl.errors import CommandRefused, EslError
from engine.esl.event import Event as SwitchEvent
from engine.speech.interfaces import Pcm, Voice
from engine.telephony.caller import CallerSide
from engine.telephony.errands import Errands
from engine.telephony.human import HumanLeg
from engine.telephony.sounds import OnHold, music, spoken
from engine.telephony.switch import Switch

log = logging.getLogger(__name__)

RETURN = "transfer_after_bridge"
"""FreeSWITCH transfers the caller there when the bridge ends. It does so by itself: an engine that died meanwhile is
the dialplan's fail-over, not a lost caller."""

PARK_GRACE_S = 30.0

HANDED_OVER = "the caller is being handed over"
"""Why the conversation waits."""


@dataclass(frozen=True)
class Telephony:
    """What the calls of an engine share. ``switch``: None without the inbound event socket (``switch.enabled``).
    ``legs``: uuids of humans' legs that are under way, for the reconciler."""

    config: Config
    node: str
    voice: Voice
    switch: Switch | None
    legs: set[str]


@dataclass(frozen=True)
class Order:
    """What is asked for: to whom, how, what the human is told, and in which voice (the agent's of the moment)."""

    name: str
    target: TransferTarget
    mode: str
    summary: str
    ring_s: float
    voice: Voice


class HandoverRun:
    """One hand-over of one call to a human, from the hold music to the bridge. ``run`` takes as long as it takes: every
    state of the plan has a deadline."""

    def __init__(
        self, call: CallerSide, shared: Telephony, switch: Switch, order: Order, errands: Errands
    ) -> None:
        """Nothing happens before ``run``. ``errands``: the call's."""
        options = shared.config.telephony
        self._call = call
        self._shared = shared
        self._switch = switch
        self._order = order
        self._plan = plan.Handover(
            "warm" if order.mode == "warm" else "blind", ring_s=order.ring_s, accept_s=options.accept_timeout_s,
            accept=options.accept_digit, refuse=options.refuse_digit,
        )  # fmt: skip
        self._news: Queue = Queue(64)
        self._human = HumanLeg(switch, call.backend, shared.node, self._tell, errands)
        self._began = time.monotonic()
        self._asked_bridge = 0.0
        self._departed = False
        self._bridged_at: float | None = None
        self.hold: OnHold | None = None

    @property
    def human(self) -> str:
        """The uuid of the human's channel."""
        return self._human.uuid

    @property
    def connected(self) -> bool:
        """Whether the two have heard each other."""
        return self._bridged_at is not None

    @property
    def waited_s(self) -> float:
        """From the beginning to the moment in which the two were connected."""
        return (self._bridged_at or time.monotonic()) - self._began

    def caller_back(self) -> None:
        """The caller has come back to the engine. Where they were never connected, the hand-over is over."""
        self._departed = False
        self._tell(plan.BridgeFailed("they hung up in the last moment"))

    def run(self, prepare: Callable[[], Pcm]) -> Outcome:
        """Hand over. ``prepare`` renders the announcement, and returns when the agent's own words were heard."""
        call = self._call
        announcement = prepare()
        unwatch = self._switch.watch(call.uuid, self._on_caller)
        self._shared.legs.add(self._human.uuid)
        try:
            self._carry_out(self._plan.start(self._now), announcement)
            while not self._plan.over:
                event = self._next()
                for action in self._plan.step(self._now, event):
                    self._carry_out([action], announcement)
        finally:
            unwatch()
            self._shared.legs.discard(self._human.uuid)
            if self._plan.state is plan.State.DONE:
                self._human.connected()
                self._human.close()
            elif not self._plan.over:
                self._human.drop()
        return self._outcome()

    # ------------------------------------------------------------ what happens

    @property
    def _now(self) -> float:
        return time.monotonic() - self._began

    def _tell(self, event: plan.Event) -> None:
        if not self._news.full():
            self._news.put_nowait(event)

    def _next(self) -> plan.Event:
        """The next event; a tick at the plan's deadline, and looks now and then whether the engine has to leave."""
        deadline = self._plan.deadline
        left = 0.25 if deadline is None else max(0.0, min(0.25, deadline - self._now))
        try:
            event: plan.Event = self._news.get(timeout=left)
        except Empty:
            if self._call.leaving.is_set() and not self._departed:
                return plan.CalledOff("the engine is leaving the call")
            return plan.Tick()
        if isinstance(event, plan.Answered):
            self._call.events.write("handover_answered", ms=round(self._now * 1000))
        elif isinstance(event, plan.Key):
            self._call.events.write("handover_key", digit=event.digit)
        return event

    def _on_caller(self, event: SwitchEvent) -> None:
        if event.name == "CHANNEL_HANGUP_COMPLETE" and event.uuid == self._call.uuid:
            self._tell(plan.CallerGone())
        elif event.name == "CHANNEL_BRIDGE":
            self._bridged_at = time.monotonic()
            self._tell(plan.Bridged())

    # ------------------------------------------------------------ what is done

    def _carry_out(self, actions: list[plan.Action], announcement: Pcm) -> None:
        for action in actions:
            match action:
                case plan.Hold():
                    self._hold(announcement)
                case plan.Dial():
                    self._dial()
                case plan.Brief():
                    self._human.brief(self._briefing)
                case plan.Bridge():
                    self._bridge()
                case plan.DropHuman():
                    self._human.drop()
                case plan.Return(_, fetch):
                    self._return(fetch and self._departed)

    def _hold(self, announcement: Pcm) -> None:
        call = self._call
        call.conversation.suspend(HANDED_OVER)
        self.hold = OnHold(call.leg)
        if len(announcement):
            self.hold.sounds.play(announcement)
        self.hold.sounds.loop(music(self._order.target.hold_music, call.leg.rate))

    def _dial(self) -> None:
        order, options = self._order, self._shared.config.telephony
        self._call.events.write("handover_dialing", target=order.name, leg=self._human.uuid)
        park_s = options.accept_timeout_s + PARK_GRACE_S
        self._human.dial(order.target, self._call.channel.caller_number, order.ring_s, park_s)

    def _briefing(self, rate: int) -> Pcm:
        options = self._shared.config.telephony
        text = options.brief or self._call.conversation.phrases.brief
        for name, value in (("{accept}", options.accept_digit), ("{refuse}", options.refuse_digit),
                            ("{caller}", self._call.channel.caller_number), ("{summary}", self._order.summary)):
            text = text.replace(name, value)
        return spoken(self._order.voice, " ".join(text.split()), rate)

    def _bridge(self) -> None:
        """Connect the two. The caller's channel comes back by itself when the bridge ends."""
        call, client = self._call, self._switch.client
        self._asked_bridge = time.monotonic()
        try:
            client.api("uuid_setvar", f"{call.uuid} {RETURN} {':'.join(call.channel.home)}")
            call.depart(lambda: client.api("uuid_bridge", f"{call.uuid} {self._human.uuid}"))
        except CommandRefused:
            self._tell(plan.BridgeFailed("they hung up in the last moment"))
        except EslError as fault:
            self._tell(plan.BridgeFailed(f"the switch did not connect the two: {fault}"))
        else:
            self._departed = True

    def _return(self, fetch: bool) -> None:
        """The caller goes back to the agent: at once, or by way of the dialplan."""
        call = self._call
        if fetch:
            try:
                self._switch.client.api("uuid_transfer", " ".join([call.uuid, *call.channel.home]))
            except EslError as fault:
                log.warning("the caller cannot be fetched back: %s", fault)
            return
        if self.hold is not None:
            self.hold.close()
        call.conversation.go_on()

    def _outcome(self) -> Outcome:
        call, order = self._call, self._order
        if self._plan.state is plan.State.DONE:
            ms = round((time.monotonic() - self._asked_bridge) * 1000)
            call.events.write("handover_bridged", target=order.name, ms=ms)
            if self._shared.config.telephony.after_human == "hangup":
                self._end_with_human()
            return Outcome(True, "the caller is with the human", {"target": order.name})
        why = self._plan.why
        cause = self._human.cause
        call.events.write("handover_failed", target=order.name, why=why, cause=cause, ms=round(self._now * 1000))
        return Outcome(False, f"{order.name} could not be reached: {why}", {"cause": cause})

    def _end_with_human(self) -> None:
        """The bridge holds, so the call ends with it."""
        try:
            self._switch.client.api("uuid_setvar", f"{self._call.uuid} {RETURN}")
        except EslError as fault:
            log.debug("the caller will come back to the agent after the human: %s", fault)


NOTHING: Pcm = np.zeros(0, np.int16)

__all__ = ["HANDED_OVER", "NOTHING", "HandoverRun", "Order", "Telephony"]
