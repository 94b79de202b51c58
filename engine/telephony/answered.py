"""A call that the engine has placed was answered: greet a human, deal with a machine. ``engine/dialog/answering.py``
decides which it is, beside the conversation and never before it."""

import logging
from typing import Any

import gevent
from gevent.event import Event as Flag

from engine.config import TelephonyOptions
from engine.dialog.answering import AnsweringDetector
from engine.media.beep import BeepDetector
from engine.telemetry import logs
from engine.telemetry.eventlog import Listener
from engine.telephony.caller import CallerSide
from engine.turns.events import SayRequest

log = logging.getLogger(__name__)

WATCH_S = 30.0
UNGREETED = "the called party speaks first"
QUIET_S = 3.0
"""A machine that has been silent for so long is recording, beep or not."""


class AnsweredCall:
    """The first half minute of one call. ``start`` instead of the conversation's own; ``close`` with the call."""

    def __init__(self, call: CallerSide, options: TelephonyOptions) -> None:
        """Listens from ``start`` on."""
        self._call = call
        self._options = options
        self._detector = AnsweringDetector(options.detect_ms / 1000, WATCH_S)
        self._beeps = BeepDetector(call.leg.rate, call.leg.frame_bytes)
        self._changed = Flag()
        self._listener: Listener | None = None
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        """Begin; returns at once."""
        self._listener = self._call.events.listen(self._on_line)
        self._call.leg.attach(self._ear)
        self._greenlet = logs.spawn(self._run)

    def close(self) -> None:
        """Listen no more. Idempotent."""
        if self._listener is not None:
            self._listener.close(0.0)
        if self._greenlet is not None and self._greenlet is not gevent.getcurrent():
            self._greenlet.kill(block=False)

    # ------------------------------------------------------------ what is heard

    def _ear(self, frame: bytes, silent: bool) -> None:
        if self._beeps.feed(frame):
            at = self._call.conversation.now
            self._call.events.write("beep", at=at)
            self._detector.beep(at)
            self._changed.set()
        self._call.conversation.ear(frame, silent)

    def _on_line(self, line: dict[str, Any]) -> None:
        match line["event"]:
            case "voice_on":
                self._detector.voice_on(line["at"])
            case "voice_off":
                self._detector.voice_off(line["at"])
            case "partial" | "final":
                self._detector.words(line["text"], line["t"], line["event"] == "final")
            case _:
                return
        self._changed.set()

    # ------------------------------------------------------------ what is done

    def _run(self) -> None:
        talk, detector = self._call.conversation, self._detector
        # "Hello?" is no question to be answered: the greeting is the answer.
        talk.listen_only(True, UNGREETED)
        greet_at: float | None = self._options.greeting_wait_ms / 1000
        told = ""
        while talk.now < WATCH_S:
            detector.tick(talk.now)
            decision = detector.decision
            if decision is not None and decision.verdict != told:
                told = decision.verdict
                self._call.events.write("answering", verdict=told, why=decision.why, at=decision.at)
            if told == "machine" and self._options.machine != "talk":
                self._machine()
                break
            if greet_at is not None and (told or talk.now >= greet_at):
                greet_at = None
                talk.listen_only(False, UNGREETED)
                talk.start()
            due = [at for at in (greet_at, detector.deadline, WATCH_S) if at is not None]
            self._wait(min(due))
        self._call.leg.attach(talk.ear)
        if self._listener is not None:
            self._listener.close(0.0)

    def _machine(self) -> None:
        options, talk, detector = self._options, self._call.conversation, self._detector
        talk.suspend("a machine has answered")
        talk.listen_only(False, UNGREETED)
        if options.machine == "hangup":
            self._call.hang_up("machine")
            return
        deadline = talk.now + options.machine_wait_s
        while talk.now < deadline and detector.beep_at is None:
            quiet_from = detector.quiet_from
            if quiet_from is not None and talk.now - quiet_from >= QUIET_S:
                break
            self._wait(deadline if quiet_from is None else min(deadline, quiet_from + QUIET_S))
        message = options.phrase("machine_message", talk.phrases)
        talk.go_on(SayRequest(message, interruptible=False, ends_call=True))

    def _wait(self, until: float) -> None:
        self._changed.clear()
        self._changed.wait(max(0.02, until - self._call.conversation.now))


__all__ = ["AnsweredCall"]
