"""What skills may ask of a call (``engine/dialog/actions.py``), done with FreeSWITCH.

One of these a call. Skills call it from the greenlet of the reply they work for; while somebody else has the caller the
conversation is suspended, so that nobody answers music, and no deadline of the reply runs out.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

import gevent

from engine.config import TransferTarget
from engine.dialog.actions import CallContext, Outcome, TransferMode
from engine.dialog.handover import told
from engine.esl import command
from engine.esl.errors import EslError
from engine.speech.interfaces import Pcm, Voice
from engine.telemetry import logs
from engine.telephony.answered import AnsweredCall
from engine.telephony.caller import CallerSide
from engine.telephony.errands import Errands
from engine.telephony.handover import HANDED_OVER, NOTHING, HandoverRun, Order, Telephony
from engine.telephony.keypad import WORDS_S, Keypad, Masks, Waiting
from engine.telephony.queue import QueueWait, problem
from engine.telephony.sounds import OnHold, spoken
from engine.telephony.talks import Talks, agreed
from engine.turns.events import SayRequest

log = logging.getLogger(__name__)

TRANSFER_GRACE_S = 60.0
"""On top of ringing and accepting: a hand-over that is not over by then is a fault, and is reported as one."""

Language = Callable[[str], Outcome]


class TelephonyActions:
    """``CallActions`` for one call. ``close`` it with the call."""

    def __init__(
        self, call: CallerSide, shared: Telephony, targets: Mapping[str, TransferTarget], folder: Path,
        voice: Voice | None = None,
    ) -> None:
        """``targets``: whom the caller may be handed to, by name; ``folder``: the call's; ``voice``: its agent's, the
        engine's own where None is given."""
        self.language: Language | None = None
        """Who switches the language; without one nobody can."""

        self._call = call
        self._shared = shared
        self._targets = dict(targets)
        self._voice = voice or shared.voice
        self._folder = folder
        self._order: Order | None = None  # by which the caller is being handed over, or is away
        self._waiting = Waiting(call)
        self._masks = Masks(call, self._record)
        self._keypad = Keypad(call, self._masks, self._waiting)
        self._answered: AnsweredCall | None = None
        self._run: gevent.Greenlet | None = None
        self._hold: OnHold | None = None
        self._handover: HandoverRun | None = None
        self._queue: QueueWait | None = None
        self._errands = Errands()
        self._talks = Talks(call, shared.switch, agreed(shared.config.record, call.channel), folder)
        self._ending: gevent.Greenlet | None = None

    def context(self) -> CallContext:
        """What brains may know of the call. The dialplan names the agent by the variable ``trunkline_agent``."""
        channel = self._call.channel
        agent = channel.headers.get("variable_trunkline_agent") or ""
        return CallContext(channel.uuid, agent, "en", channel.caller_number, channel.destination, self,
                           write=self._call.events.write)

    def speak(self, voice: Voice, targets: Mapping[str, TransferTarget]) -> None:
        """Announce with this voice, hand over to these: those of the call's agent and language."""
        self._voice = voice
        self._targets = dict(targets)

    def begin(self) -> None:
        """The conversation begins: the greeting, where we have called somebody as soon as they are ready for it."""
        if self._call.channel.headers.get("variable_trunkline_outbound") == "true":
            self._answered = AnsweredCall(self._call, self._shared.config.telephony)
            self._answered.start()
        else:
            self._call.conversation.start()

    # ------------------------------------------------------------ hand-over

    def transfer(self, target: str, mode: TransferMode, *, summary: str = "", timeout_s: float = 0.0) -> Outcome:
        """As the protocol says. ``timeout_s`` 0: the target's own; never longer than that."""
        found, switch = self._targets.get(target), self._shared.switch
        if found is None:
            names = ", ".join(sorted(self._targets)) or "none"
            return Outcome(False, f"there is no target {target!r}; there are: {names}")
        if switch is None or not switch.client.connected:
            return Outcome(False, "callers cannot be handed over: the engine has no inbound event socket "
                                  "(switch.enabled), or FreeSWITCH does not answer it")
        if (found.kind == "queue") != (mode == "queue"):
            return Outcome(False, f"{target} is a {found.kind}: use the mode "
                                  f"{'queue' if found.kind == 'queue' else 'blind or warm'}")
        if self._order is not None or self._waiting.closed:
            return Outcome(False, "the caller is being handed over already")
        ring_s = min(timeout_s, found.timeout_s) if timeout_s > 0 else found.timeout_s
        self._handover = self._queue = None
        order = self._order = Order(target, found, mode, summary, ring_s, self._voice)
        self._call.events.write("handover_started", target=target, mode=mode)
        run = self._run = logs.spawn(self._to_queue if mode == "queue" else self._to_human, order)
        options = self._shared.config.telephony
        limit = ring_s + options.accept_timeout_s + TRANSFER_GRACE_S
        run.join(limit)
        if run.ready() and run.successful() and isinstance(run.value, Outcome):
            return run.value
        run.kill(timeout=1.0)
        self._recover()
        return Outcome(False, "the hand-over failed by a fault of the engine")

    def _to_human(self, order: Order) -> Outcome:
        assert self._shared.switch is not None
        run = HandoverRun(self._call, self._shared, self._shared.switch, order, self._errands)
        self._handover = run
        outcome = run.run(lambda: self._announcement(order.target))
        if not outcome.ok:
            self._order = None
        elif self._order is order:
            self._talks.gap()
            self._talks.began(order.name)
        return outcome

    def _to_queue(self, order: Order) -> Outcome:
        switch, call = self._shared.switch, self._call
        assert switch is not None
        wrong = problem(switch.client, order.target.destination)
        if wrong:
            self._order = None
            call.events.write("handover_failed", target=order.name, why=wrong)
            return Outcome(False, f"{order.name} cannot be reached: {wrong}")
        announcement = self._announcement(order.target)
        call.conversation.suspend(HANDED_OVER)
        hold = self._hold = OnHold(call.leg)
        if len(announcement):
            hold.sounds.play(announcement)
            self._waiting.until(lambda: not hold.sounds.waiting, WORDS_S)
        # Before the caller goes: they may be back before ``enter`` returns.
        wait = self._queue = QueueWait(call, self._shared, switch, order, self._folder,
                                       lambda: self._talks.began(order.name))
        try:
            wait.enter()
        except EslError as fault:
            call.events.write("handover_failed", target=order.name, why=str(fault))
            self._recover()
            return Outcome(False, f"{order.name} cannot be reached: {fault}")
        if self._order is order:
            self._talks.gap()
        return Outcome(True, "the caller waits in the queue", {"target": order.name})

    def _announcement(self, target: TransferTarget) -> Pcm:
        """Rendered while the agent's own words are still being heard."""
        text, rate = target.announcement, self._call.leg.rate
        pcm = spoken(self._voice, text, rate) if text else NOTHING
        self._waiting.until_still(WORDS_S)
        return pcm

    def _recover(self) -> None:
        """The caller hears the agent again."""
        self._forget()
        self._call.conversation.go_on()

    def _forget(self) -> None:
        """Nobody has the caller but the agent."""
        for hold in (self._hold, self._handover.hold if self._handover is not None else None):
            if hold is not None:
                hold.close()
        self._order = self._handover = self._queue = self._hold = None

    def returned(self, away_s: float) -> None:
        """The caller is back from where ``depart`` had let them go to (called by the call, with audio attached)."""
        order, handover, queue = self._order, self._handover, self._queue
        self._forget()
        talk, write = self._call.conversation, self._call.events.write
        if queue is not None:
            queue.close()
        self._errands.start(self._talks.ended)
        # Had their phone put us on hold before, its way back was told to the connection that is gone.
        talk.unheld()
        if handover is not None and not handover.connected:
            # The reply that has asked for the hand-over is told so, and finds the words.
            write("caller_back", why="they were not connected", away_s=round(away_s, 1))
            handover.caller_back()
            talk.go_on()
            return
        served = queue is None or queue.served
        write("caller_back", why="the human hung up" if served else "nobody took the call", away_s=round(away_s, 1))
        back = self._shared.config.telephony.phrase("back", talk.phrases)
        back = back if served or order is None else order.target.failed
        part = handover or queue
        story = told(order.name, order.mode, part.waited_s, away_s, served) if order and part else ""
        talk.go_on(SayRequest(back), story)

    # ------------------------------------------------------------ digits

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

    # ------------------------------------------------------------ masking, language, end

    def mask(self, on: bool) -> Outcome:
        """As the protocol says; also what FreeSWITCH records of the call (``uuid_record mask``)."""
        return self._masks.ask(on)

    def _record(self, masked: bool) -> None:
        """FreeSWITCH's own recording, whose path the dialplan leaves in the variable ``trunkline_recording``."""
        switch, what = self._shared.switch, "mask" if masked else "unmask"
        if switch is None or not switch.client.connected:
            return
        try:
            path = switch.client.getvar(self._call.uuid, "trunkline_recording")
            if path:
                switch.client.api("uuid_record", f"{self._call.uuid} {what} {command.word('recording', path)}")
        except EslError as fault:
            self._call.events.write("error", where="recording", message=f"FreeSWITCH's recording: {fault}")

    def set_language(self, language: str) -> Outcome:
        """As the protocol says, where somebody has been named who can (``language``)."""
        if self.language is None:
            return Outcome(False, "this agent speaks one language only")
        return self.language(language)

    def end_call(self, reason: str = "goodbye") -> Outcome:
        """As the protocol says. Returns at once: what the agent still says is heard first."""
        if self._ending is None and not self._waiting.closed:
            self._ending = logs.spawn(self._end, reason)
        return Outcome(True, "the call ends when this was heard")

    def _end(self, reason: str) -> None:
        self._waiting.until_still(WORDS_S, at_least_s=1.0)
        self._call.hang_up(reason)

    # ------------------------------------------------------------ inside

    def close(self) -> None:
        """The call is over. Idempotent; nothing that was begun goes on."""
        self._waiting.closed = True
        self._keypad.close()
        for part in (self._queue, self._answered):
            if part is not None:
                part.close()
        for greenlet in (self._run, self._ending):
            if greenlet is not None and greenlet is not gevent.getcurrent():
                greenlet.kill(timeout=1.0)
        self._errands.close()


__all__ = ["TelephonyActions"]
