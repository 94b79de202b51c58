"""A call whose conversation is held by a speech-to-speech model: it hears the caller and speaks itself.

Whose turn it is the model decides; what was heard of it the playout knows, and it is told so to the sample. Skills run
here. The call's log has the lines of any call. When the model is lost for longer than a caller waits, whoever holds the
call is told what was said (``lose``), and goes on without it.
"""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any

import gevent

from engine.config import AgentOptions
from engine.dialog.actions import CallContext
from engine.listening import Tape
from engine.media.leg import Leg
from engine.senses import Senses
from engine.speech.interfaces import Heard
from engine.talk import Past, Said, Talk
from engine.telemetry import logs
from engine.telemetry.eventlog import EventLog
from engine.timers import Timer
from engine.turns import events as turn
from engine.upstream.dialogue import Dialogue
from engine.upstream.memory import Event
from engine.upstream.model import SpeechModel

log = logging.getLogger(__name__)

KEYS_S = 1.5
"""So long after the last key the keys together are what the caller has typed."""

MOST_KEYS = 64


class UpstreamConversation:
    """See the module and ``engine.talk.Talk``. ``lose(past)`` is called once when the model is lost, from a greenlet of
    its own; ``end(reason)`` once when the agent is done."""

    def __init__(
        self, model: SpeechModel, senses: Senses, leg: Leg, events: EventLog, began: float, end: Callable[[str], None],
        lose: Callable[[Past], None], name: str, recording: Tape | None = None,
    ) -> None:
        """Connects and listens from now on. The other parameters are those of ``Conversation``."""
        self.keys: Callable[[str], bool] | None = None
        self.spare_keys: Callable[[str], bool] | None = None
        self.words: Callable[[str], None] | None = None
        self.transcripts: Callable[[Heard], None] | None = None
        self.context: CallContext | None = None
        self.began = began
        self._model = model
        self.senses = senses
        self._leg = leg
        self._events = events
        self._end, self._lose, self._name = end, lose, name
        self._recording = recording
        self._audio_began: float | None = None
        self._voice_from = 0.0
        self._dialogue = Dialogue(model, self, leg, events)
        self._typed = ""
        self._quiet: set[str] = set()  # why the agent only listens
        self._away: set[str] = set()  # why nobody is heard
        self._suspended = ""
        self._masked = self._closed = self._over = False
        self._timers: dict[str, Timer] = {}
        self._losing: gevent.Greenlet | None = None
        self._dialogue.session.start()
        senses.hearing.add(leg, self)
        leg.attach(self.ear)
        self._patience("connect", model.upstream.options.call_wait_s)
        self._after("longest", began + senses.config.turns.max_call_s - monotonic(),
                    lambda: self.tell(turn.SayRequest(self.phrases.goodbye, ends_call=True)))

    @property
    def now(self) -> float:
        """Seconds of call time."""
        return monotonic() - self.began

    @property
    def phrases(self) -> AgentOptions:
        """See ``Conversation``."""
        return self.senses.config.agent

    @property
    def audio_began(self) -> float:
        """See ``Conversation``."""
        return self._audio_began or 0.0

    # ------------------------------------------------------------ the caller

    def ear(self, frame: bytes, silent: bool) -> None:
        """The caller's next frame (called by the leg)."""
        if self._audio_began is None:
            self._audio_began = self.now - self.senses.config.media.frame_ms / 1000
        if self._recording is not None:
            self._recording.caller(frame)
        saying = self._dialogue.mouth.saying
        unheard = self._masked or (saying is not None and saying.guarded)
        sent = self._dialogue.session.state in ("connecting", "connected") and not self._away
        # Silence, not nothing: the service counts these samples.
        self._dialogue.uplink.feed(bytes(len(frame)) if unheard else frame, sent)

    def voice_on(self, sample: int) -> None:
        """The caller's voice started (called by the ears): the agent is silent until it is clear what it is."""
        self._voice_from = self.time(sample)
        self._events.write("voice_on", at=self._voice_from)
        saying = self._dialogue.mouth.saying
        if self.senses.config.turns.barge_in and saying is not None and not saying.guarded:
            self._dialogue.mouth.pause(self._voice_from)

    def voice_off(self, sample: int) -> None:
        """The caller's voice stopped."""
        self._dialogue.mouth.voice_to = self.time(sample)
        self._events.write("voice_off", at=self._dialogue.mouth.voice_to)
        self._dialogue.mouth.resume_in(self.senses.config.turns.resume_ms / 1000)

    def digit(self, digit: str, duration_ms: int) -> None:
        """The caller pressed a key: the model is told when no more come."""
        self._events.write("dtmf", digit=digit, at=self.now, duration_ms=duration_ms)
        asked = self.keys or self.spare_keys
        if (asked is not None and asked(digit)) or self._away:
            return
        self._typed = (self._typed + digit)[:MOST_KEYS]
        self._after("keys", KEYS_S, self._tell_keys)

    def held(self) -> None:
        """See ``Conversation``."""
        self._leave(turn.BY_CALLER, True)

    def unheld(self) -> None:
        """See ``Conversation``."""
        self._leave(turn.BY_CALLER, False)

    def hung_up(self) -> None:
        """See ``Conversation``."""
        self._dialogue.stop_speaking()
        self._over = True
        self._dialogue.session.close()

    # ------------------------------------------------------------ whoever holds the call

    def start(self) -> None:
        """Greet the caller."""
        if self.phrases.greeting:
            self._dialogue.owes_greeting = True
            self.tell(turn.SayRequest(self.phrases.greeting, self.phrases.greeting_interruptible))

    def change(self, senses: Senses) -> None:
        """The language has changed: the model is told to speak it, and whoever takes over hears and speaks it."""
        self.senses = senses
        self._dialogue.configure()

    def listen_only(self, on: bool, why: str) -> None:
        """See ``Conversation``."""
        (self._quiet.add if on else self._quiet.discard)(why)
        self._events.note("held" if on else "unheld", why=why)
        self._dialogue.configure()

    def suspend(self, why: str) -> None:
        """See ``Conversation``."""
        if not self._suspended:
            self._suspended = why
            self._leave(why, True)

    def go_on(self, instead: turn.SayRequest | None = None, happened: str = "") -> None:
        """See ``Conversation``."""
        if self._suspended:
            why, self._suspended = self._suspended, ""
            if instead is not None:
                self._dialogue.stop_speaking()
            if happened:
                self.tell(turn.Happened(happened))
            if instead is not None and instead.text.strip():
                self.tell(instead)
            self._leave(why, False)

    def mask(self, on: bool) -> None:
        """See ``Conversation``."""
        self._masked = self._events.masked = on
        if self._recording is not None:
            self._recording.masked = on

    def still(self) -> bool:
        """See ``Conversation``."""
        return self._leg.playout.still()

    def tell(self, event: turn.Event) -> None:
        """What is to be said, what has happened, or that the agent is to be silent; the rest the model finds out."""
        match event:
            case turn.SayRequest():
                self._dialogue.say(event)
            case turn.Happened(text):
                self._events.note("happened", why=text)
                self._dialogue.create("system", text)
            case turn.Interrupt():
                self._dialogue.stop_speaking()

    def hand_over(self, talk: Talk) -> None:
        """Let ``talk`` stand where this conversation stood."""
        talk.keys, talk.words = self.keys, self.words
        for why in self._quiet:
            talk.listen_only(True, why)
        if turn.BY_CALLER in self._away:
            talk.held()
        if self._suspended:
            talk.suspend(self._suspended)
        if self._masked:
            talk.mask(True)

    def close(self) -> None:
        """Stop listening and speaking. Idempotent."""
        if self._closed:
            return
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self.senses.hearing.remove(self._leg)
        self._dialogue.close()
        if self._losing is not None and self._losing is not gevent.getcurrent():
            self._losing.kill(timeout=1.0)

    # ------------------------------------------------------------ the upstream tells

    def opened(self, again: bool) -> None:
        """See ``Listener``."""
        self._cancel("connect")
        self._dialogue.opened(again)

    def event(self, event: Event, text: str) -> None:
        """See ``Listener``."""
        if not self._over:
            self._dialogue.take(event)

    def lost(self, why: str, wait_s: float, attempt: int) -> None:
        """See ``Listener``: what has come is said to its end."""
        self._events.note("upstream_lost", why=why, attempt=attempt)
        self._dialogue.lost()
        self._patience("connect", self._model.upstream.options.call_wait_s)

    def limited(self, wait_s: float) -> None:
        """See ``Listener``."""
        self._events.write("provider_wait", capability="llm", provider=self._model.upstream.name, seconds=wait_s,
                           alone=True)
        if wait_s > self._model.upstream.options.call_wait_s:
            self._give_up(f"a rate limit of {wait_s:.0f} s")

    def failed(self, why: str) -> None:
        """See ``Listener``."""
        self._give_up(why)

    # ------------------------------------------------------------ what is done

    @property
    def answers(self) -> bool:
        """See ``Side``."""
        return not self._quiet

    @property
    def may_speak(self) -> bool:
        """See ``Side``."""
        return not self._away

    def time(self, sample: int) -> float:
        """Call time of a sample of the caller's audio."""
        return round(self.audio_began + sample / self._leg.rate, 3)

    def finish(self, reason: str) -> None:
        """The agent is done."""
        if not self._over:
            self._over = True
            self._end(reason)

    def _leave(self, why: str, gone: bool) -> None:
        """Nobody hears or is heard from now on, for this reason; or it is over."""
        if gone == (why in self._away):
            return
        (self._away.add if gone else self._away.discard)(why)
        self._events.note("held" if gone else "unheld", why=why)
        self._dialogue.mouth.hold(gone)
        self._dialogue.say_next()

    def _tell_keys(self) -> None:
        keys, self._typed = self._typed, ""
        if keys and not self._closed:
            self._dialogue.create("user", f"[The caller pressed these keys of the telephone: {keys}]")
            self._events.write("user_said", text=keys, start=self.now, end=self.now)
            self._dialogue.respond()

    # ------------------------------------------------------------ losing the model

    def _patience(self, name: str, seconds: float) -> None:
        """Give up after so long without a connection."""
        if name not in self._timers:
            self._after(name, seconds, lambda: self._give_up("there was no connection for longer than a caller waits"))

    def _give_up(self, why: str) -> None:
        if self._over or self._closed:
            return
        self._over = True
        self._losing = logs.spawn(self._hand_on, why)

    def _hand_on(self, why: str) -> None:
        """Say what was said so far to whoever goes on."""
        broken = self._dialogue.mouth.saying is not None
        for cut in self._dialogue.mouth.cut():
            self._dialogue.session.memory.heard(cut.part.item_id, cut.text)
        lines = self._dialogue.session.memory.lines()
        owed = lines[-1].text if lines and lines[-1].who == "user" else ""
        said = tuple(Said("note" if line.who == "system" else line.who, line.text, line.interrupted) for line in lines)
        self._lose(Past(why, said, self._dialogue.mouth.generation, owed, broken and not owed,
                        not self._dialogue.owes_greeting))

    # ------------------------------------------------------------ time

    def _at(self, sample: int) -> float:
        """Call time of a sample of the caller's audio."""
        return round(self.audio_began + sample / self._leg.rate, 3)

    def _after(self, name: str, seconds: float, do: Callable[[], Any]) -> None:
        self._cancel(name)
        self._timers[name] = self.senses.timers.at(monotonic() + seconds, lambda _: do())

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()


__all__ = ["UpstreamConversation"]
