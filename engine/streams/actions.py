"""What skills may ask of a call that a carrier streams (``engine/dialog/actions.py``)."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import gevent
from gevent.event import Event as Flag

from engine.arrival import Arrival
from engine.carriers.twilio_calls import is_dialable
from engine.config import TransferTarget
from engine.dialog.actions import CallContext, Outcome, TransferMode
from engine.media.carrierleg import CarrierLeg
from engine.speech.interfaces import Pcm, Voice
from engine.streams.transfers import Wanted
from engine.streams.waysout import WayOut
from engine.talk import Talk
from engine.telemetry import logs
from engine.telemetry.eventlog import EventLog
from engine.telephony.handover import HANDED_OVER, NOTHING
from engine.telephony.keypad import WORDS_S, Keypad, Masks, Waiting
from engine.telephony.sounds import OnHold, spoken

GONE_S = 5.0
"""A carrier that has taken a caller over ends the stream within so long; else it is ended here."""

_NUMBER_AT_END = re.compile(r"\+[1-9][0-9]{5,14}$")


class Side(Protocol):
    """The call."""

    channel: Arrival
    events: EventLog
    leg: CarrierLeg

    @property
    def conversation(self) -> Talk:
        """The agent's side of it."""

    def hang_up(self, reason: str) -> None:
        """End the call."""

    def handed_over(self, target: str) -> None:
        """Somebody else has the caller."""


class StreamActions:
    """``CallActions`` for one call. ``close`` it with the call."""

    def __init__(self, call: Side, way_out: WayOut, targets: Mapping[str, TransferTarget], voice: Voice) -> None:
        """``targets``: whom the caller may be handed to, by name; ``voice``: the agent's."""
        self.language: Callable[[str], Outcome] | None = None
        self._call = call
        self._way_out = way_out
        self._targets = dict(targets)
        self._voice = voice
        self._waiting = Waiting(call)
        self._masks = Masks(call)
        self._keypad = Keypad(call, self._masks, self._waiting)
        self._settled = Flag()  # nobody is being handed over
        self._settled.set()
        self._ending: gevent.Greenlet | None = None

    def context(self) -> CallContext:
        """What brains may know of the call."""
        channel = self._call.channel
        return CallContext(channel.uuid, channel.variables.get("trunkline_agent") or "", "en", channel.caller_number,
                           channel.destination, self, write=self._call.events.write)

    def speak(self, voice: Voice, targets: Mapping[str, TransferTarget]) -> None:
        """Announce with this voice, hand over to these."""
        self._voice, self._targets = voice, dict(targets)

    # ------------------------------------------------------------ hand-over

    def transfer(self, target: str, mode: TransferMode, *, summary: str = "", timeout_s: float = 0.0) -> Outcome:
        """As the protocol says: ``blind`` only. The carrier connects the two, and the engine is out of it: it hears
        neither whether somebody answers, nor can it speak to them first."""
        found = self._targets.get(target)
        if found is None:
            names = ", ".join(sorted(self._targets)) or "none"
            return Outcome(False, f"there is no target {target!r}; there are: {names}")
        if found.kind == "queue" or mode == "queue":
            return Outcome(False, f"{target} is a queue of the switch, which knows nothing of this caller: they come "
                                  "over a carrier's stream. Only a person with a number can be called")
        if mode == "warm":
            return Outcome(False, f"{target} cannot be told about the caller first: the carrier connects callers of "
                                  "this line by itself. The target's mode must be blind")
        number = number_of(found)
        if not number:
            return Outcome(False, f"{target} has no number that the carrier can call (the target's `number`)")
        if not self._settled.is_set() or self._waiting.closed:
            return Outcome(False, "the caller is being handed over already")
        ring_s = min(timeout_s, found.timeout_s) if timeout_s > 0 else found.timeout_s
        self._settled.clear()
        try:
            return self._hand_over(Wanted(number, target, ring_s, summary), found)
        finally:
            self._settled.set()

    def _hand_over(self, wanted: Wanted, found: TransferTarget) -> Outcome:
        call, began = self._call, time.monotonic()
        call.events.write("handover_started", target=wanted.target, mode="blind")
        announcement = self._announcement(found)
        call.conversation.suspend(HANDED_OVER)
        hold = OnHold(call.leg)
        outcome: Outcome | None = None
        try:
            if len(announcement):
                hold.sounds.play(announcement)
                self._waiting.until(lambda: not hold.sounds.waiting, WORDS_S)
            outcome = self._way_out.hand_over(wanted)
        finally:
            hold.close()
            if not (outcome is not None and outcome.ok or self._waiting.closed):
                call.conversation.go_on()
        ms = round((time.monotonic() - began) * 1000)
        if not outcome.ok:
            call.events.write("handover_failed", target=wanted.target, why=outcome.why, ms=ms)
            return outcome
        call.events.write("referred", target=wanted.number, by="carrier")
        call.events.write("handover_bridged", target=wanted.target, ms=ms)
        call.handed_over(wanted.target)
        self._ending = logs.spawn(self._end_later)
        return Outcome(True, "the carrier connects the caller", {"target": wanted.target})

    def settle(self, timeout_s: float) -> None:
        """Wait for a hand-over that is under way: a carrier may end the stream before it has answered what it was asked
        for."""
        self._settled.wait(timeout_s)

    def _announcement(self, target: TransferTarget) -> Pcm:
        """Rendered while the agent's own words are still being heard."""
        text = target.announcement
        pcm = spoken(self._voice, text, self._call.leg.rate) if text else NOTHING
        self._waiting.until_still(WORDS_S)
        return pcm

    def _end_later(self) -> None:
        """The carrier ends the stream of a caller that it has taken; where it does not, nobody else would."""
        self._waiting.until(bool, GONE_S)
        if not self._waiting.closed:
            self._call.hang_up("handed over")

    # ------------------------------------------------------------ the rest

    def collect_digits(
        self, *, min_digits: int = 1, max_digits: int = 20, terminators: str = "#", timeout_s: float = 10.0,
        digit_timeout_s: float = 3.0, secret: bool = False,
    ) -> Outcome:
        """As the protocol says. Spoken digits count as well, except ``secret`` ones, which nobody hears."""
        return self._keypad.collect_digits(
            min_digits=min_digits, max_digits=max_digits, terminators=terminators, timeout_s=timeout_s,
            digit_timeout_s=digit_timeout_s, secret=secret,
        )

    def menu(self, choices: Mapping[str, str], *, timeout_s: float = 10.0, digit_timeout_s: float = 3.0) -> Outcome:
        """One of ``choices`` (keys -> what they mean), pressed or said; ``data["choice"]`` is the meaning."""
        return self._keypad.menu(choices, timeout_s=timeout_s, digit_timeout_s=digit_timeout_s)

    def set_language(self, language: str) -> Outcome:
        """As the protocol says, where somebody has been named who can (``language``)."""
        if self.language is None:
            return Outcome(False, "this agent speaks one language only")
        return self.language(language)

    def mask(self, on: bool) -> Outcome:
        """As the protocol says. What the carrier records by itself is the carrier's."""
        return self._masks.ask(on)

    def end_call(self, reason: str = "goodbye") -> Outcome:
        """As the protocol says. Returns at once: what the agent still says is heard first."""
        if self._ending is None and not self._waiting.closed:
            self._ending = logs.spawn(self._end, reason)
        return Outcome(True, "the call ends when this was heard")

    def close(self) -> None:
        """The call is over. Idempotent."""
        self._waiting.closed = True
        self._keypad.close()
        if self._ending is not None and self._ending is not gevent.getcurrent():
            self._ending.kill(block=False)

    def _end(self, reason: str) -> None:
        self._waiting.until_still(WORDS_S, at_least_s=1.0)
        self._call.hang_up(reason)


def number_of(target: TransferTarget) -> str:
    """What a carrier calls to reach ``target``; "" where nothing says so."""
    found = _NUMBER_AT_END.search(target.destination)
    number = target.number or (found[0] if found else "")
    return number if is_dialable(number) else ""


__all__ = ["StreamActions", "number_of"]
