"""Digits that are asked for in a call, and what nobody may hear or keep meanwhile: the same for every call that has a
telephone at its other end, whatever carries it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Protocol

import gevent
from gevent.event import Event as Flag

from engine.dialog.actions import Outcome
from engine.dialog.digits import DigitCollector, Wanted, why
from engine.talk import Talk
from engine.telemetry.eventlog import EventLog

WORDS_S = 15.0
"""How long the agent's own last words are waited for before the caller hears hold music or is hung up."""

STILL_S = 0.3
"""Playout that has had nothing for so long has said what there was to say."""

POLL_S = 0.05

COLLECTING = "digits are asked for"


class Side(Protocol):
    """The call, as far as keys need it."""

    events: EventLog

    @property
    def conversation(self) -> Talk:
        """The agent's side of it."""


class Waiting:
    """Waits for what the agent says to be heard, until the call is over."""

    def __init__(self, side: Side) -> None:
        """Of this call."""
        self._side = side
        self.closed = False

    def until_still(self, timeout_s: float, stop: Callable[[], bool] = bool, at_least_s: float = STILL_S) -> None:
        """Until the agent has been silent for ``at_least_s``, so that what it says now is heard to its end."""
        quiet = [0.0]

        def enough() -> bool:
            quiet[0] = quiet[0] + POLL_S if self._side.conversation.still() else 0.0
            return quiet[0] >= at_least_s or stop()

        self.until(enough, timeout_s)

    def until(self, done: Callable[[], bool], timeout_s: float) -> None:
        """Until ``done()``, or so long."""
        waited = 0.0
        while not (self.closed or done()) and waited < timeout_s:
            gevent.sleep(POLL_S)
            waited += POLL_S


class Masks:
    """Whether recording, recogniser and log get nothing. They nest: what was asked for by a skill outlives the digits
    in between."""

    def __init__(self, side: Side, recorded: Callable[[bool], None] | None = None) -> None:
        """``recorded(on)``: somebody else records the call, too; told before the mask falls, and after it is up."""
        self._side = side
        self._recorded = recorded
        self._held = 0
        self._asked = False

    def ask(self, on: bool) -> Outcome:
        """As ``CallActions.mask`` says."""
        if on != self._asked:
            self._asked = on
            self._hold(on)
        return Outcome(True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Masked meanwhile."""
        self._hold(True)
        try:
            yield
        finally:
            self._hold(False)

    def _hold(self, on: bool) -> None:
        before, self._held = self._held, self._held + (1 if on else -1)
        if (before > 0) == (self._held > 0):
            return
        if not on and self._recorded is not None:
            self._recorded(False)
        self._side.conversation.mask(on)
        self._side.events.write("masked", on=on)
        if on and self._recorded is not None:
            self._recorded(True)


class Keypad:
    """The caller's keys, as far as somebody asks for them. ``close`` it with the call."""

    def __init__(self, side: Side, masks: Masks, waiting: Waiting) -> None:
        """Nobody has asked yet."""
        self._side = side
        self._masks = masks
        self._waiting = waiting
        self._collecting: DigitCollector | None = None
        self._key = Flag()

    def collect_digits(
        self, *, min_digits: int = 1, max_digits: int = 20, terminators: str = "#", timeout_s: float = 10.0,
        digit_timeout_s: float = 3.0, secret: bool = False,
    ) -> Outcome:
        """As ``CallActions`` says. Spoken digits count as well, except ``secret`` ones, which nobody hears."""
        try:
            wanted = Wanted(min_digits, max_digits, terminators, timeout_s, digit_timeout_s)
        except ValueError as fault:
            return Outcome(False, str(fault))
        return self._collect(wanted, secret)

    def menu(self, choices: Mapping[str, str], *, timeout_s: float = 10.0, digit_timeout_s: float = 3.0) -> Outcome:
        """One of ``choices`` (keys -> what they mean), pressed or said; ``data["choice"]`` is the meaning."""
        try:
            longest = max(map(len, choices), default=0)
            wanted = Wanted(1, longest, "", timeout_s, digit_timeout_s, tuple(choices))
        except ValueError as fault:
            return Outcome(False, str(fault))
        outcome = self._collect(wanted, secret=False)
        if outcome.ok:
            outcome.data["choice"] = choices[outcome.data["digits"]]
        return outcome

    def close(self) -> None:
        """Nobody waits for keys any more. Idempotent."""
        self._key.set()

    def _collect(self, wanted: Wanted, secret: bool) -> Outcome:
        talk, events = self._side.conversation, self._side.events
        if self._collecting is not None or self._waiting.closed:
            return Outcome(False, "digits are being collected already")
        began = talk.now
        collector = self._collecting = DigitCollector(wanted, began)
        events.write("digits_wanted", least=wanted.min_digits, most=wanted.max_digits, secret=secret)
        talk.keys = self._pressed
        talk.words = None if secret else self._said
        try:
            with self._masks.held() if secret else nullcontext():
                # The question first: keys count from its first word on, the time to press from its last.
                self._waiting.until_still(WORDS_S, lambda: collector.result is not None)
                collector.prompt_heard(talk.now)
                talk.listen_only(True, COLLECTING)
                while collector.result is None and not self._waiting.closed:
                    self._key.clear()
                    self._key.wait(max(0.0, collector.deadline - talk.now))
                    collector.tick(talk.now)
        finally:
            talk.keys = talk.words = self._collecting = None
            talk.listen_only(False, COLLECTING)
        collector.gone()
        result = collector.result
        assert result is not None
        shown = "" if secret else result.digits
        events.write("digits", digits=shown, count=len(result.digits), ended_by=result.ended_by,
                     ms=round((talk.now - began) * 1000))
        data = {"digits": result.digits, "ended_by": result.ended_by}
        return Outcome(result.ok, why(result), data | ({"words": result.words} if result.words else {}))

    def _pressed(self, digit: str) -> bool:
        if self._collecting is not None:
            self._collecting.key(digit, self._side.conversation.now)
            self._key.set()
        return True

    def _said(self, text: str) -> None:
        if self._collecting is not None:
            self._collecting.words(text, self._side.conversation.now)
            self._key.set()


__all__ = ["STILL_S", "WORDS_S", "Keypad", "Masks", "Waiting"]
