"""The Realtime session of one telephone call: one protocol state for all clients that are attached to it.

The call goes on whoever comes and goes. As long as clients only look on, the turn engine keeps the conversation's
account as ever; with the first event of a client that changes something, the session's items are the account.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from engine.call import Call
from engine.cast import Cast
from engine.config import RealtimeOptions, TurnOptions
from engine.conversation import Conversation
from engine.errors import TrunklineError
from engine.following import Account, Seen
from engine.media.ledger import Ledger
from engine.realtime import happenings as happen
from engine.realtime import orders as order
from engine.realtime import serverevents as events
from engine.realtime.account import account, heeded
from engine.realtime.asides import Asides
from engine.realtime.client import Client
from engine.realtime.config import SessionConfig
from engine.realtime.formats import Decoder
from engine.realtime.items import Entry
from engine.realtime.minutes import Minutes
from engine.realtime.past import item_of, past
from engine.realtime.protocol import Protocol as State
from engine.realtime.protocol import Step
from engine.realtime.telling import Telling
from engine.realtime.turning import turn_options
from engine.realtime.words import AwaitedWords
from engine.reply import Clause
from engine.telemetry.eventlog import Event, EventLog
from engine.timers import Timers
from engine.turns import events as turn

log = logging.getLogger(__name__)

TO_SENDER = frozenset({"error", "conversation.item.retrieved"})
"""What only the client gets that asked; all else goes to all."""

KEPT_LEDGERS = 8
KEYS = frozenset("0123456789*#ABCD")
FAULT = 1011
OVER = 1000


class NotAttachable(TrunklineError):
    """Nobody can be attached to this call."""


class PhoneSession:
    """One call's. ``attach`` a client, ``receive`` what it sends, ``detach`` it; over with the call."""

    def __init__(self, call: Call, config: SessionConfig, options: RealtimeOptions, timers: Timers,
                 make_id: Callable[[str], str], closed: Callable[["PhoneSession"], None], *, mine: bool) -> None:
        """``mine``: the clients' program holds the call, the items are its account from the beginning. ``closed`` is
        told when the call is over. Raises ``NotAttachable``."""
        talk = call.conversation
        if not isinstance(talk, Conversation):
            raise NotAttachable("a speech-to-speech model holds this call (brain: realtime): nobody can be attached")
        self.call = call
        self.conversation = talk
        self._options = options
        self._make_id = make_id
        self._told_closed = closed
        self._clients: list[Client] = []
        self._mine = False
        self._closed = False
        self._ledgers: OrderedDict[int, Ledger] = OrderedDict()
        self._told_ms: dict[int, float] = {}
        self._asked: dict[str, order.Respond] = {}
        self._wanted = ""  # the response that the turn engine was asked for last
        self._turn_told = False
        self._state = State(config, make_id, phone=True)
        self._asides = Asides(lambda: self, self.tell, self._state.item_of, options.max_asides)
        self._minutes = Minutes(self._state)
        self._words = AwaitedWords(timers, options.words_wait_ms / 1000, self.tell)
        self.telling = Telling(self.tell, lambda: self._ms(talk.listening.edge),
                               lambda generation: self._ms(talk.cut_samples), tools=options.show_tools)
        for item in past(talk.history, make_id, tools=options.show_tools):
            self._state.conversation.append(Entry(item))
        if mine:
            self._take_over()
            self._retune()
        self._minutes.begin(self)
        talk.watch = self._seen
        self._lines = call.events.listen(self._line)

    @property
    def cast(self) -> Cast:
        """Who takes part in the call."""
        return self.call.cast

    @property
    def events(self) -> EventLog:
        """The call's log."""
        return self.call.events

    @property
    def uuid(self) -> str:
        """Of the call."""
        return self.call.uuid

    # ------------------------------------------------------------ clients

    def attach(self, client: Client) -> None:
        """Another client. It is told the configuration, and the items there are. Raises ``NotAttachable``."""
        if self._closed:
            raise NotAttachable("the call is over")
        if len(self._clients) >= self._options.max_sidebands:
            raise NotAttachable("as many clients as may be are attached to this call (realtime.max_sidebands)")
        self._clients.append(client)
        for event in self._state.opened().sends:
            client.send(event)
        previous = None
        for entry in self._state.conversation:
            item = self._state.conversation.retrieved(entry)
            for told in (events.item_added(item, previous), events.item_done(item, previous)):
                client.send({"type": told["type"], "event_id": self._make_id("event"), **told})
            previous = entry.id
        self.call.events.write("attached", clients=len(self._clients), why="a client came")

    def detach(self, client: Client) -> None:
        """It is gone. Idempotent."""
        if client in self._clients:
            self._clients.remove(client)
            if not self._closed:
                self.call.events.write("attached", clients=len(self._clients), why="a client is gone")

    def receive(self, raw: dict[str, Any] | str | bytes, client: Client) -> None:
        """A message of this client's."""
        if self._closed:
            return
        self._count_audio()
        step = self._state.receive(raw, time.time())
        changes = any(event["type"] not in TO_SENDER for event in step.sends) or step.orders
        if changes and not self._mine:
            self._take_over()
        self._carry_out(step, client)

    def close(self, code: int = OVER, reason: str = "the call is over") -> None:
        """The session ends; the call does not. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self.conversation.watch = self.conversation.naming = None
        if self._mine:
            self.conversation.account = None
        self._lines.close()
        self._words.close()
        self._asides.close()
        clients, self._clients = self._clients, []
        for client in clients:
            client.close(code, reason)
        self._told_closed(self)

    def _carry_out(self, step: Step, sender: Client | None = None) -> None:
        for event in step.sends:
            alone = sender is not None and event["type"] in TO_SENDER
            for client in [sender] if alone and sender else list(self._clients):
                client.send(event)
        for wanted in step.orders:
            if not self._closed:
                self._ORDERS[type(wanted)](self, wanted)

    def _take_over(self) -> None:
        """From now on the items are what the brain is told."""
        self._mine = True
        self.conversation.account = self._account

    # ------------------------------------------------------------ the call's side

    def tell(self, happening: happen.Happening) -> None:
        """This happened."""
        if self._closed:
            return
        if isinstance(happening, happen.SpeechStarted):
            self._asides.interrupt()
        self._carry_out(self._state.happened(happening, time.time()))
        if isinstance(happening, happen.Transcribed):
            self._minutes.heard(happening)

    def _seen(self, seen: Seen) -> None:
        """What the conversation goes through. A fault here ends the session, never the call."""
        try:
            self._follow(seen)
        except Exception:
            log.exception("the Realtime session of call %s ends by a fault of the engine", self.uuid)
            self.close(FAULT, "a fault of the engine")

    def _follow(self, seen: Seen) -> None:
        if isinstance(seen, turn.Release):
            ledger = self.call.leg.playout.ledger(seen.generation)
            if ledger is not None:
                self._ledgers[seen.generation] = ledger
                while len(self._ledgers) > KEPT_LEDGERS:
                    self._told_ms.pop(self._ledgers.popitem(last=False)[0], None)
        elif isinstance(seen, turn.PlayoutFinished | turn.PlayoutCut):
            self._count_audio()
        self.telling.seen(seen)
        if isinstance(seen, turn.PlayoutStarted):
            self._playback(happen.PlaybackStarted, seen.generation)
        elif isinstance(seen, turn.PlayoutFinished):
            self._playback(happen.PlaybackStopped, seen.generation)
        elif isinstance(seen, turn.TurnOver):
            self._turn_told = self._turn_told or bool(seen.text)
        elif isinstance(seen, turn.CommitUser) and not self._turn_told:
            self._append("user", seen.text)  # said before anybody was attached, and history only now
        elif isinstance(seen, turn.CommitAgent) and self.telling.number(seen.generation) is None and seen.text:
            self._append("agent", seen.text)  # it had begun before anybody was attached
        elif isinstance(seen, turn.Note) and seen.name == "respond_refused":
            self._insist()
        elif isinstance(seen, turn.Happened):
            self._append("note", seen.text)
        elif isinstance(seen, Clause):
            self._count_audio()

    def _playback(self, happening: Callable[[int], happen.Happening], generation: int) -> None:
        number = self.telling.number(generation)
        if number is not None:
            self.tell(happening(number))

    def _append(self, who: str, text: str) -> None:
        item = item_of(who, text, self._make_id)
        previous = self._state.conversation.append(Entry(item))
        for told in (events.item_added(item, previous), events.item_done(item, previous)):
            self._carry_out(Step([{"type": told["type"], "event_id": self._make_id("event"), **told}]))

    def _count_audio(self) -> None:
        """Tell the protocol how long the replies are by now: what may be truncated of them."""
        for generation, ledger in self._ledgers.items():
            number, ms = self.telling.number(generation), ledger.samples * 1000 / self.call.leg.rate
            more = ms - self._told_ms.get(generation, 0.0)
            if number is not None and more > 0:
                self._told_ms[generation] = ms
                self.tell(happen.ReplyAudio(number, b"", more))

    def _line(self, event: Event) -> None:
        """Keys, and the end of the call, out of its log."""
        if event["event"] == "dtmf" and event.get("digit") in KEYS:
            self.tell(happen.DigitReceived(event["digit"], int(time.time())))
        elif event["event"] == "call_ended":
            self.close()

    def _ms(self, sample: int) -> int:
        return sample * 1000 // self.call.leg.rate

    def _account(self, think: turn.Think) -> Account:
        """The items are the history."""
        asked = self._asked.pop(think.asked, None)
        text = self.telling.new_words(think.text) if think.text else ""
        session = asked.session if asked is not None else self._state.session
        items = self._state.items_for_model()
        if asked is not None and not self._words.were_awaited(asked.response_id):
            items = asked.items
        return account(items, heeded(self._options, session), text)

    # ------------------------------------------------------------ orders

    def _retune(self) -> None:
        """Take turns as the session's ``turn_detection`` says; how long the call may last stays the agent's."""
        base: TurnOptions = self.cast.senses.config.turns
        options = turn_options(base, self._state.session)
        self.conversation.retune(options.model_copy(update={"away_ms": base.away_ms, "max_call_s": base.max_call_s}))

    def _configure(self, wanted: order.Configure) -> None:
        if any(name.startswith("audio.input.turn_detection") or name == "output_modalities" for name in wanted.changed):
            self._retune()

    def _respond(self, wanted: order.Respond) -> None:
        if wanted.aside:
            self._write(wanted, wanted.items, beside=True)
        else:
            self._words.then(wanted.response_id, lambda: self._respond_now(wanted))

    def _respond_now(self, wanted: order.Respond) -> None:
        if wanted.session["output_modalities"] != ["audio"]:
            self._write(wanted, self._state.items_for_model(), beside=False)
            return
        if self.telling.reply is not None:
            self._cancel()
        self._asked[wanted.response_id] = wanted
        self._wanted = wanted.response_id
        self.conversation.tell(turn.Respond(wanted.response_id))

    def _insist(self) -> None:
        """A reply that had begun before anybody was attached had the floor: the client's response takes it."""
        wanted, self._wanted = self._wanted, ""
        if wanted:
            self._cancel()
            self.conversation.tell(turn.Respond(wanted))

    def _write(self, wanted: order.Respond, items: tuple[Mapping[str, Any], ...], *, beside: bool) -> None:
        session = heeded(self._options, wanted.session)
        self._asides.start(wanted.response_id, account(items, session), session, beside=beside)

    def _cancel_reply(self, wanted: order.CancelReply) -> None:
        if not (self._words.never_mind(wanted.response_id) or self._asides.cancel(wanted.response_id)):
            self._cancel()

    def _clear_output(self, wanted: order.ClearOutput) -> None:
        self._cancel()

    def _cancel(self) -> None:
        """The agent is to be silent."""
        self.telling.cancelling = True
        try:
            self.conversation.tell(turn.Interrupt(self.conversation.now))
        finally:
            self.telling.cancelling = False

    def _truncate(self, wanted: order.Truncate) -> None:
        number = self._state.generation_of(wanted.response_id)
        generation = self.telling.generation(number) if number is not None else None
        ledger = self._ledgers.get(generation) if generation is not None else None
        if ledger is not None:
            heard = ledger.heard(wanted.audio_end_ms * self.call.leg.rate // 1000)
            self.tell(happen.Truncated(wanted.item_id, wanted.audio_end_ms, heard))

    def _transcribe_item(self, wanted: order.TranscribeItem) -> None:
        pcm = Decoder(self._state.session["audio"]["input"]["format"]).decode(wanted.audio)
        self._words.transcribe(wanted.item_id, self.cast.senses.recogniser, pcm)

    def _note(self, wanted: order.Note) -> None:
        self._minutes.wrote(wanted.item)

    def _clear_input(self, wanted: order.ClearInput) -> None:
        self.conversation.tell(turn.Forget(self.conversation.now))

    def _close(self, wanted: order.Close) -> None:
        self.close(wanted.code, wanted.reason)

    _ORDERS: dict[type, Callable[..., None]] = {
        order.Configure: _configure,
        order.Respond: _respond,
        order.CancelReply: _cancel_reply,
        order.Truncate: _truncate,
        order.ClearOutput: _clear_output,
        order.TranscribeItem: _transcribe_item,
        order.ClearInput: _clear_input,
        order.Note: _note,
        order.Close: _close,
    }


__all__ = ["NotAttachable", "PhoneSession"]
