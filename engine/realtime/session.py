"""One Realtime session: the protocol's state on one side, the call behind it on the other.

What the client sends becomes orders, what happens in the call becomes events. The call begins with the first audio, or
with the first response: a client that only connects costs a few kilobytes, and leaves nothing on disk.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from engine.arrival import Visitor
from engine.errors import TrunklineError
from engine.following import Account
from engine.media.messageleg import MessageLegs
from engine.realtime import happenings as happen
from engine.realtime import orders as order
from engine.realtime.account import account, heeded
from engine.realtime.asides import Asides
from engine.realtime.client import Client, Wishes
from engine.realtime.config import SessionConfig, voice_of
from engine.realtime.formats import Encoder
from engine.realtime.intake import Intake
from engine.realtime.minutes import Minutes
from engine.realtime.protocol import Protocol as State
from engine.realtime.protocol import Step
from engine.realtime.silence import Silence
from engine.realtime.socketcall import SocketCall
from engine.realtime.voicing import Voicing
from engine.realtime.words import AwaitedWords
from engine.senses import Senses
from engine.speech.interfaces import Heard, Voice
from engine.surroundings import Surroundings
from engine.telemetry import logs
from engine.timers import Timer, Timers
from engine.turns import events as turn

log = logging.getLogger(__name__)


class Session:
    """One session. ``opened``, then ``receive`` for each message; ``close`` at the end."""

    def __init__(self, around: Surroundings, legs: MessageLegs, timers: Timers, config: SessionConfig,
                 make_id: Callable[[str], str], client: Client, visitor: Visitor, wishes: Wishes) -> None:
        """Nothing is sent yet."""
        self.uuid = visitor.uuid
        self._around = around
        self._legs = legs
        self._timers = timers
        self._client = client
        self._visitor = visitor
        self._wishes = wishes
        self._options = around.config.realtime
        if wishes.guest:
            self._options = self._options.model_copy(update={"client_instructions": False, "client_tools": False})
        self._state = State(config, make_id, extensions=wishes.extensions, beta=wishes.beta)
        self._talk: SocketCall | None = None
        self._voicing = Voicing(around.config, around.voice, self._voice_missing)
        self._minutes = Minutes(self._state)
        self._asides = Asides(self._call, self.tell, self._state.item_of, self._options.max_asides, self._voice_aside)
        self._encoder: Encoder | None = None
        self._encoding: int | None = None
        self._later: deque[happen.Happening] = deque()
        self._asked: dict[str, order.Respond] = {}
        self._words = AwaitedWords(timers, self._options.words_wait_ms / 1000, self.tell)
        self._intake = Intake(self._words)
        self._silence = Silence(timers, legs.frame_ms, self._is_quiet, self.tell)
        self._expiry: Timer | None = None
        self._closed = False
        self._ended = ("", "")
        """Why the session ends, and by whom, where that is not the client."""

    # ------------------------------------------------------------ the client's side

    def opened(self) -> None:
        """The client is there."""
        self._carry_out(self._state.opened())
        self._tell_limits()
        self._await_expiry()
        if self._options.greet if self._wishes.greet is None else self._wishes.greet:
            talk = self._begin()
            if talk is not None:
                talk.conversation.start()

    def resumed(self, items: Iterable[dict[str, Any]], beta: bool = False) -> None:
        """The client is there, and has talked to somebody else so far."""
        self._carry_out(self._state.resumed(items, beta))
        self._await_expiry()

    def receive(self, raw: dict[str, Any] | str | bytes) -> None:
        """A message of the client's."""
        with logs.call(self.uuid):
            self._carry_out(self._state.receive(raw, time.time()))

    def let_go(self, why: str) -> None:
        """The engine stops."""
        self._ended = why, "engine"
        self._client.close(1001, why)

    def close(self, cause: str = "the client is gone", by: str = "caller") -> None:
        """The connection is over, or is to be. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._silence.close()
        if self._expiry is not None:
            self._expiry.cancel()
        self._words.close()
        self._asides.close()
        if self._talk is not None:
            self._talk.close(*(self._ended if self._ended[1] else (cause, by)))

    def _carry_out(self, step: Step) -> None:
        for event in step.sends:
            self._client.send(event)
        for wanted in step.orders:
            if self._closed and not isinstance(wanted, order.Close):
                return
            self._ORDERS[type(wanted)](self, wanted)

    def _await_expiry(self) -> None:
        left_s = self._state.session["expires_at"] - time.time()
        self._expiry = self._timers.at(time.monotonic() + left_s + 0.5, lambda _: self._tick())

    def _tick(self) -> None:
        self._carry_out(self._state.tick(time.time()))

    # ------------------------------------------------------------ the call's side

    def tell(self, happening: happen.Happening) -> None:
        """This happened. What happens while audio is being sent comes after it."""
        if self._closed:
            return
        if self._talk is not None and self._talk.leg.sending:
            self._later.append(happening)
            return
        if isinstance(happening, happen.ReplyEnded) and happening.generation == self._encoding:
            self._end_audio(happening.generation)
        if isinstance(happening, happen.SpeechStarted) and self._interrupts():
            self._asides.interrupt()
        self._carry_out(self._state.happened(happening, time.time()))
        if isinstance(happening, happen.Transcribed):
            self._minutes.heard(happening)
        if isinstance(happening, happen.TurnEnded) and not happening.idle:
            self._answer_in_writing()
        elif isinstance(happening, happen.ReplyEnded):
            self._tell_limits()
        self._silence.watch(self._talk, self._detection)

    def deliver(self, generation: int, pcm: bytes) -> None:
        """The next audio of a reply."""
        talk = self._talk
        number = talk.telling.number(generation) if talk is not None else None
        if number is None or self._closed:
            return
        encoder = self._encoder
        if encoder is None:
            encoder = self._encoder = Encoder(self._state.session["audio"]["output"]["format"])
        if self._encoding != number:
            self._encoding = number
            encoder.begin()
        audio, ms = encoder.encode(np.frombuffer(pcm, np.int16))
        if audio:
            self._carry_out(self._state.happened(happen.ReplyAudio(number, audio, ms), time.time()))

    def account(self, think: turn.Think) -> Account:
        """The items are the history."""
        asked = self._asked.pop(think.asked, None)
        text = think.text
        if text and self._talk is not None:
            text = self._talk.telling.new_words(text)
        session = heeded(self._options, asked.session if asked is not None else self._state.session)
        items = self._state.items_for_model()
        if asked is not None and not self._words.were_awaited(asked.response_id):
            items = asked.items
        return account(items, session, text)

    def done(self, reason: str) -> None:
        """The agent is done: what it said last is still being played."""
        talk = self._talk
        self._ended = reason, "engine" if reason == "fault" else "agent"
        if reason == "fault":
            self.tell(happen.Faulted("server_error", "the conversation ended by a fault of the engine"))
            self._client.close(1011, "a fault of the engine")
        elif talk is not None:
            self._client.close(1000, reason)

    def _tell_limits(self) -> None:
        """For the next response's ``rate_limits.updated``."""
        limits = self._wishes.limits()
        if limits:
            self._carry_out(self._state.happened(happen.RateLimits(limits), time.time()))

    def _ticked(self) -> None:
        while self._later:
            self.tell(self._later.popleft())

    def _end_audio(self, number: int) -> None:
        encoder, self._encoding = self._encoder, None
        audio, ms = encoder.end() if encoder is not None else (b"", 0.0)
        if audio:
            self._carry_out(self._state.happened(happen.ReplyAudio(number, audio, ms), time.time()))

    # ------------------------------------------------------------ the call

    def _begin(self) -> SocketCall | None:
        """The call behind the session, begun with the first need of it; None: nobody can take it."""
        if self._talk is not None or self._closed:
            return self._talk
        try:
            talk = SocketCall(self._around, self._legs, self._visitor, self._state.session, self)
        except TrunklineError as fault:
            log.error("nobody can take session %s: %s", self.uuid, fault)
            self.tell(happen.Faulted("server_error", f"nobody can take this conversation: {fault}"))
            self._client.close(1011, "nobody can take this conversation")
            return None
        self._talk = talk
        talk.leg.ticked = self._ticked
        self._minutes.begin(talk)
        talk.conversation.listening.heard = self._heard
        self._use_voice()
        talk.conversation.voiced = self._voicing.voice
        change = getattr(talk.cast, "change", None)
        if self._wishes.language and change is not None:
            outcome = change(self._wishes.language)
            if not outcome.ok:
                self.tell(happen.Faulted("invalid_value", f"language: {outcome.why}"))
        return talk

    def _call(self) -> SocketCall:
        talk = self._begin()
        if talk is None:
            raise TrunklineError("nobody can take this conversation")
        return talk

    def _heard(self, heard: Heard) -> None:
        """A transcript; those of items that the client has committed itself are awaited."""
        if heard.final:
            self._words.came(heard.text)

    # ------------------------------------------------------------ the voice

    def _use_voice(self) -> None:
        """As the configuration says; it is made now, so that no reply has to wait for it."""
        output = self._state.session["audio"].get("output")
        if output is not None:
            self._voicing.use(self._state.voice, float(output["speed"]))
            if self._talk is not None:
                self._voicing.voice(self._talk.cast.senses)

    def _voice_aside(self, senses: Senses, session: Mapping[str, Any]) -> Voice:
        """Of a reply beside the conversation, which may have asked for another."""
        named = voice_of(session)
        return self._voicing.voice(senses, None if named == voice_of(self._state.session) else named)

    def _voice_missing(self, why: str) -> None:
        self.tell(happen.Faulted("invalid_value", why))

    # ------------------------------------------------------------ orders

    def _configure(self, wanted: order.Configure) -> None:
        changed = wanted.changed
        if any(name.startswith("audio.input.format") for name in changed):
            self._intake.reformat()
        if any(name.startswith("audio.output.format") for name in changed):
            self._encoder = self._encoding = None
        if self._talk is not None:
            self._use_voice()
            self._talk.retune(wanted.session)
            if wanted.session["audio"]["input"]["turn_detection"] is not None:
                self._intake.left_to_us()
        self._silence.watch(self._talk, self._detection)

    def _hear(self, wanted: order.Hear) -> None:
        talk = self._begin()
        if talk is not None:
            self._intake.hear(talk, self._input_format, wanted.audio)

    def _commit_input(self, wanted: order.CommitInput) -> None:
        talk = self._begin()
        if talk is not None:
            self._intake.commit(talk, wanted.item_id)

    def _clear_input(self, wanted: order.ClearInput) -> None:
        if self._talk is not None:
            self._intake.clear(self._talk)

    def _respond(self, wanted: order.Respond) -> None:
        if wanted.aside:
            session = heeded(self._options, wanted.session)
            self._asides.start(wanted.response_id, account(wanted.items, session), session, beside=True)
        else:
            self._words.then(wanted.response_id, lambda: self._respond_now(wanted))

    def _respond_now(self, wanted: order.Respond) -> None:
        talk = self._begin()
        if talk is None:
            return
        if wanted.session["output_modalities"] != ["audio"]:
            waited = self._words.were_awaited(wanted.response_id)
            items = self._state.items_for_model() if waited else wanted.items
            session = heeded(self._options, wanted.session)
            self._asides.start(wanted.response_id, account(items, session), session, beside=False)
            return
        if talk.telling.reply is not None:
            talk.cancel()
        if voice_of(wanted.session) != voice_of(self._state.session):
            self._voicing.use(voice_of(wanted.session), self._voicing.speed)
        self._asked[wanted.response_id] = wanted
        talk.conversation.tell(turn.Respond(wanted.response_id))

    def _cancel_reply(self, wanted: order.CancelReply) -> None:
        if self._words.never_mind(wanted.response_id) or self._asides.cancel(wanted.response_id):
            return
        if self._talk is not None:
            self._talk.cancel()

    def _truncate(self, wanted: order.Truncate) -> None:
        talk, number = self._talk, self._state.generation_of(wanted.response_id)
        generation = talk.telling.generation(number) if talk is not None and number is not None else None
        heard = talk.leg.heard(generation, wanted.audio_end_ms) if talk is not None and generation is not None else None
        if talk is not None and heard is not None:
            talk.events.write("agent_heard", gen=generation, text=heard, ms=wanted.audio_end_ms)
            self.tell(happen.Truncated(wanted.item_id, wanted.audio_end_ms, heard))

    def _clear_output(self, wanted: order.ClearOutput) -> None:
        if self._talk is not None:
            self._talk.cancel()

    def _transcribe_item(self, wanted: order.TranscribeItem) -> None:
        talk = self._begin()
        if talk is not None:
            self._intake.transcribe(talk, self._input_format, wanted.item_id, wanted.audio)

    def _note(self, wanted: order.Note) -> None:
        self._minutes.wrote(wanted.item)

    def _close(self, wanted: order.Close) -> None:
        self._ended = wanted.reason, "engine"
        self._client.close(wanted.code, wanted.reason)

    _ORDERS: dict[type, Callable[..., None]] = {
        order.Configure: _configure,
        order.Hear: _hear,
        order.CommitInput: _commit_input,
        order.ClearInput: _clear_input,
        order.Respond: _respond,
        order.CancelReply: _cancel_reply,
        order.Truncate: _truncate,
        order.ClearOutput: _clear_output,
        order.TranscribeItem: _transcribe_item,
        order.Note: _note,
        order.Close: _close,
    }

    # ------------------------------------------------------------ what the session itself decides

    @property
    def _detection(self) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self._state.session["audio"]["input"]["turn_detection"]
        return found

    @property
    def _input_format(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._state.session["audio"]["input"]["format"]
        return found

    @property
    def _responding(self) -> bool:
        """Whether a response of the conversation is running."""
        return self._state.response_id is not None

    def _interrupts(self) -> bool:
        detection = self._detection
        return detection is not None and bool(detection["interrupt_response"])

    def _is_quiet(self) -> bool:
        """Nobody speaks, and nobody is about to."""
        talk = self._talk
        return not (talk is None or self._closed or self._responding or talk.telling.speaking)

    def _answer_in_writing(self) -> None:
        """Sessions that answer in text have their turns answered here."""
        session, detection = self._state.session, self._detection
        if detection is None or not detection["create_response"] or session["type"] != "realtime":
            return
        if session["output_modalities"] != ["audio"] and not self._responding:
            terms = heeded(self._options, session)
            self._asides.start("", account(self._state.items_for_model(), terms), terms, beside=False)


__all__ = ["Session"]
