"""A call whose conversation is held by a speech-to-speech model: it hears the caller and speaks itself.

Whose turn it is the model decides; what was heard of it the playout knows, and it is told so to the sample. Skills run
here. The call's log has the lines of any call. When the model is lost for longer than a caller waits, whoever holds the
call is told what was said (``lose``), and goes on without it.
"""

import base64
import logging
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

import gevent

from engine.config import AgentOptions
from engine.dialog.actions import CallContext
from engine.media.leg import Leg
from engine.media.recording import Recorder
from engine.senses import Senses
from engine.speech.interfaces import Heard
from engine.talk import Past, Said, Talk
from engine.telemetry import logs
from engine.telemetry.eventlog import EventLog
from engine.timers import Timer
from engine.turns import events as turn
from engine.upstream.followups import FollowUps
from engine.upstream.memory import Event
from engine.upstream.model import SpeechModel, exactly
from engine.upstream.mouth import Mouth
from engine.upstream.saying import Saying
from engine.upstream.session import UpstreamSession
from engine.upstream.tools import Answered, Tools
from engine.upstream.uplink import Uplink

log = logging.getLogger(__name__)

MOST_TO_SAY = 16
"""Announcements that may wait for the floor."""

KEYS_S = 1.5
"""So long after the last key the keys together are what the caller has typed."""

MOST_KEYS = 64


class UpstreamConversation:
    """See the module and ``engine.talk.Talk``. ``lose(past)`` is called once when the model is lost, from a greenlet of
    its own; ``end(reason)`` once when the agent is done."""

    def __init__(
        self, model: SpeechModel, senses: Senses, leg: Leg, events: EventLog, began: float, end: Callable[[str], None],
        lose: Callable[[Past], None], name: str, recording: Recorder | None = None,
    ) -> None:
        """Connects and listens from now on. The other parameters are those of ``Conversation``."""
        self.keys: Callable[[str], bool] | None = None
        self.spare_keys: Callable[[str], bool] | None = None
        self.words: Callable[[str], None] | None = None
        self.transcripts: Callable[[Heard], None] | None = None
        self.context: CallContext | None = None
        self.began = began
        self._model = model
        self._senses = senses
        self._leg = leg
        self._events = events
        self._end, self._lose, self._name = end, lose, name
        self._recording = recording
        self._audio_began: float | None = None
        self._voice_from = 0.0
        self._mouth = Mouth(leg, events, senses.timers, lambda: self.now, began, self._heard_out)
        self._session = UpstreamSession(model.upstream, self)
        self._uplink = Uplink(leg.rate, self._session.send)
        self._follow_ups = FollowUps()
        self._tools: Tools | None = None
        self._calls: dict[str, tuple[str, int]] = {}  # response and generation of each call under way
        self._spans: dict[str, list[float]] = {}  # call times of the caller's items
        self._to_say: deque[turn.SayRequest] = deque()
        self._asked: turn.SayRequest | None = None  # what is being asked for
        self._owes_greeting = False
        self._typed = ""
        self._quiet: set[str] = set()  # why the agent only listens
        self._away: set[str] = set()  # why nobody is heard
        self._suspended = ""
        self._masked = self._closed = self._over = False
        self._idle = 0
        self._timers: dict[str, Timer] = {}
        self._losing: gevent.Greenlet | None = None
        self._session.start()
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
        return self._senses.config.agent

    @property
    def audio_began(self) -> float:
        """See ``Conversation``."""
        return self._audio_began or 0.0

    # ------------------------------------------------------------ the caller

    def ear(self, frame: bytes, silent: bool) -> None:
        """The caller's next frame (called by the leg)."""
        if self._audio_began is None:
            self._audio_began = self.now - self._senses.config.media.frame_ms / 1000
        if self._recording is not None:
            self._recording.caller(frame)
        saying = self._mouth.saying
        unheard = self._masked or (saying is not None and saying.guarded)
        sent = self._session.state in ("connecting", "connected") and not self._away
        # Silence, not nothing: the service counts these samples.
        self._uplink.feed(bytes(len(frame)) if unheard else frame, sent)

    def voice_on(self, sample: int) -> None:
        """The caller's voice started (called by the ears): the agent is silent until it is clear what it is."""
        self._voice_from = self._at(sample)
        self._events.write("voice_on", at=self._voice_from)
        saying = self._mouth.saying
        if self._senses.config.turns.barge_in and saying is not None and not saying.guarded:
            self._mouth.pause(self._voice_from)

    def voice_off(self, sample: int) -> None:
        """The caller's voice stopped."""
        self._mouth.voice_to = self._at(sample)
        self._events.write("voice_off", at=self._mouth.voice_to)
        self._mouth.resume_in(self._senses.config.turns.resume_ms / 1000)

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
        self._stop_speaking()
        self._over = True
        self._session.close()

    # ------------------------------------------------------------ whoever holds the call

    def start(self) -> None:
        """Greet the caller."""
        if self.phrases.greeting:
            self._owes_greeting = True
            self.tell(turn.SayRequest(self.phrases.greeting, self.phrases.greeting_interruptible))

    def change(self, senses: Senses) -> None:
        """The language has changed: the model is told to speak it, and whoever takes over hears and speaks it."""
        self._senses = senses
        self._configure()

    def listen_only(self, on: bool, why: str) -> None:
        """See ``Conversation``."""
        (self._quiet.add if on else self._quiet.discard)(why)
        self._events.note("held" if on else "unheld", why=why)
        self._configure()

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
                self._stop_speaking()
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
                if len(self._to_say) < MOST_TO_SAY:
                    self._to_say.append(event)
                self._say_next()
            case turn.Happened(text):
                self._events.note("happened", why=text)
                self._create("system", text)
            case turn.Interrupt():
                self._stop_speaking()

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
        self._senses.hearing.remove(self._leg)
        self._session.close()
        if self._tools is not None:
            self._tools.close()
        self._mouth.close()
        if self._losing is not None and self._losing is not gevent.getcurrent():
            self._losing.kill(timeout=1.0)

    # ------------------------------------------------------------ the upstream tells

    def opened(self, again: bool) -> None:
        """See ``Listener``."""
        self._cancel("connect")
        if again:
            self._uplink.reopened()
            if self._follow_ups.reopened() or (self._session.memory.owes_answer and not self._quiet):
                self._respond()
        else:
            self._configure()
        self._say_next()

    def event(self, event: Event, text: str) -> None:
        """See ``Listener``."""
        handle = _HANDLERS.get(str(event.get("type")))
        if handle is not None and not self._over:
            handle(self, event)

    def lost(self, why: str, wait_s: float, attempt: int) -> None:
        """See ``Listener``: what has come is said to its end."""
        self._events.note("upstream_lost", why=why, attempt=attempt)
        self._follow_ups.lost()
        self._asked = None
        saying = self._mouth.last
        if saying is not None:
            saying.done()
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

    # ------------------------------------------------------------ its events

    def _speech_started(self, event: Event) -> None:
        self._idle = 0
        self._spans[event["item_id"]] = [self._at(self._uplink.sample(event["audio_start_ms"]))]
        saying = self._mouth.saying
        if self._senses.config.turns.barge_in and not (saying is not None and saying.guarded):
            self._cut()

    def _speech_stopped(self, event: Event) -> None:
        self._spans.setdefault(event["item_id"], [self.now]).append(
            self._at(self._uplink.sample(event["audio_end_ms"])))

    def _timed_out(self, event: Event) -> None:
        """Nobody has said anything for long. The model asks whether somebody is there, a few times."""
        self._idle += 1
        self._events.note("caller_away", why="nobody has spoken", times=self._idle)
        if self._idle > self._senses.config.turns.away_limit:
            self.tell(turn.SayRequest(self.phrases.goodbye, ends_call=True))

    def _transcribed(self, event: Event) -> None:
        text = str(event.get("transcript") or "").strip()
        start, end = (self._spans.pop(event["item_id"], None) or [self.now]) [0], self._mouth.voice_to or self.now
        end = max(start, end)
        self._events.write("final", text=text, start=start, end=end, ms=round((self.now - end) * 1000), confidence=-1.0)
        if not text:
            return
        rate = self._leg.rate
        if self.transcripts is not None:
            self.transcripts(Heard(text, True, round(start * rate), round(end * rate)))
        self._events.write("user_said", text=text, start=start, end=end)
        if self.words is not None:
            self.words(text)

    def _response_created(self, event: Event) -> None:
        response_id = event["response"]["id"]
        self._follow_ups.created(response_id)
        saying = self._mouth.begin(response_id)
        asked, self._asked = self._asked, None
        if asked is not None:
            self._owes_greeting = False
            saying.guarded = not asked.interruptible
            saying.ends_call = "goodbye" if asked.ends_call else ""
            self._events.write("say", gen=saying.generation, text=asked.text, interruptible=asked.interruptible)
        else:
            last = next((line.text for line in reversed(self._session.memory.lines()) if line.who == "user"), "")
            self._events.write("think", gen=saying.generation, text=last, speculative=False)

    def _audio(self, event: Event) -> None:
        saying = self._mouth.find(event["response_id"])
        if saying is not None:
            if not saying.parts or not saying.parts[0].came_ms:
                self._events.write("first_audio", gen=saying.generation, ms=0)
            saying.audio(event["item_id"], event["content_index"], base64.b64decode(event["delta"]))

    def _words(self, event: Event) -> None:
        saying = self._mouth.find(event["response_id"])
        if saying is not None:
            saying.words(event["item_id"], event["content_index"], event["delta"])

    def _audio_done(self, event: Event) -> None:
        saying = self._mouth.find(event["response_id"])
        if saying is not None:
            saying.part_done()

    def _item_done(self, event: Event) -> None:
        item = event["item"]
        if item.get("type") != "function_call" or item.get("status") == "incomplete" or self._tools is None:
            return
        response_id, call_id = event["response_id"], item["call_id"]
        saying = self._mouth.find(response_id)
        generation = saying.generation if saying is not None else self._mouth.generation
        self._calls[call_id] = response_id, generation
        self._follow_ups.called(response_id, call_id)
        self._tools.run(call_id, item["name"], item.get("arguments") or "", generation)

    def _response_done(self, event: Event) -> None:
        response = event["response"]
        status, usage = str(response.get("status")), response.get("usage") or {}
        saying = self._mouth.find(response["id"])
        if saying is not None:
            if saying.text:
                self._events.write("clause", gen=saying.generation, text=saying.text)
            names = [item.get("name") for item in response.get("output") or () if item.get("type") == "function_call"]
            self._events.write("model_answer", gen=saying.generation, step=0, model=self._model.upstream.model, ms=None,
                               first_ms=None, calls=names, input_tokens=usage.get("input_tokens"),
                               output_tokens=usage.get("output_tokens"))
            if status == "failed":
                error = (response.get("status_details") or {}).get("error") or {}
                self._events.write("reply_failed", gen=saying.generation, reason=str(error.get("message") or "failed"))
            saying.done()
        if self._follow_ups.done(response["id"], status):
            self._respond()
        self._say_next()

    def _wrong(self, event: Event) -> None:
        error = event.get("error") or {}
        cause = str(error.get("event_id") or "")
        if error.get("code") == "conversation_already_has_active_response":
            if self._asked is not None and cause == "say":
                self._to_say.appendleft(self._asked)
                self._asked = None
            elif cause == "follow_up":
                self._follow_ups.refused()
        elif "rate_limit" not in f"{error.get('code')} {error.get('type')}":
            self._events.write("error", where="upstream", message=str(error.get("message") or error.get("code")))

    # ------------------------------------------------------------ what is done

    def _configure(self) -> None:
        """Tell the model who it is, what it can do, and how it takes turns."""
        if self._tools is None:
            self._tools = Tools(self._model.skills(self.context), self._session.memory.lines, self._tool_done)
        session = self._model.session(self.context, self._senses.config, self._tools.described(), not self._quiet)
        if self._mouth.generation:  # it has spoken: its voice cannot change any more
            session.get("audio", {}).get("output", {}).pop("voice", None)
        self._session.send({"type": "session.update", "event_id": f"session_{id(session)}", "session": session})

    def _say_next(self) -> None:
        """Ask for the next announcement when nobody has the floor."""
        if self._to_say and self._asked is None and not self._follow_ups.active and not self._away \
                and self._session.state == "connected":
            self._asked = self._to_say.popleft()
            self._session.send({"type": "response.create", "event_id": "say", "response": exactly(self._asked.text)})

    def _respond(self) -> None:
        self._session.send({"type": "response.create", "event_id": "follow_up"})

    def _tool_done(self, answered: Answered) -> None:
        response_id, _ = self._calls.pop(answered.call_id, ("", 0))
        self._session.send({"type": "conversation.item.create", "item": {
            "type": "function_call_output", "call_id": answered.call_id, "output": answered.output}})
        if answered.ends == "call":
            self._finish_call()
        if self._follow_ups.answered(response_id, answered.call_id, goes_on=not answered.ends):
            self._respond()

    def _finish_call(self) -> None:
        """The model wants to end the call: after the goodbye that it has said, or after ours."""
        saying = self._mouth.last
        if saying is not None and saying.text:
            saying.ends_call = "goodbye"
        elif saying is None and self._mouth.generation and self._session.memory.lines()[-1:] and \
                self._session.memory.lines()[-1].who == "agent":
            self._finish("goodbye")
        else:
            self.tell(turn.SayRequest(self.phrases.goodbye, ends_call=True))

    def _cut(self) -> None:
        """Stop speaking, and tell the model how much of its words was heard."""
        for cut in self._mouth.cut():
            self._session.memory.heard(cut.part.item_id, cut.text)
            if cut.ms:
                self._session.send({"type": "conversation.item.truncate", "item_id": cut.part.item_id,
                                    "content_index": cut.part.content_index, "audio_end_ms": cut.ms})
            else:
                self._session.send({"type": "conversation.item.delete", "item_id": cut.part.item_id})

    def _stop_speaking(self) -> None:
        """Be silent now; not because the caller has spoken."""
        if self._follow_ups.active:
            self._session.send({"type": "response.cancel"})
        self._cut()

    def _heard_out(self, saying: Saying) -> None:
        if saying.ends_call:
            self._finish(saying.ends_call)
        else:
            self._say_next()

    def _finish(self, reason: str) -> None:
        if not self._over:
            self._over = True
            self._end(reason)

    def _leave(self, why: str, gone: bool) -> None:
        """Nobody hears or is heard from now on, for this reason; or it is over."""
        if gone == (why in self._away):
            return
        (self._away.add if gone else self._away.discard)(why)
        self._events.note("held" if gone else "unheld", why=why)
        self._mouth.hold(gone)
        self._say_next()

    def _tell_keys(self) -> None:
        keys, self._typed = self._typed, ""
        if keys and not self._closed:
            self._create("user", f"[The caller pressed these keys of the telephone: {keys}]")
            self._events.write("user_said", text=keys, start=self.now, end=self.now)
            self._respond()

    def _create(self, role: str, text: str) -> None:
        self._session.send({"type": "conversation.item.create", "item": {
            "type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}})

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
        broken = self._mouth.saying is not None
        for cut in self._mouth.cut():
            self._session.memory.heard(cut.part.item_id, cut.text)
        lines = self._session.memory.lines()
        owed = lines[-1].text if lines and lines[-1].who == "user" else ""
        said = tuple(Said("note" if line.who == "system" else line.who, line.text, line.interrupted) for line in lines)
        self._lose(Past(why, said, self._mouth.generation, owed, broken and not owed,
                        not self._owes_greeting))

    # ------------------------------------------------------------ time

    def _at(self, sample: int) -> float:
        """Call time of a sample of the caller's audio."""
        return round(self.audio_began + sample / self._leg.rate, 3)

    def _after(self, name: str, seconds: float, do: Callable[[], Any]) -> None:
        self._cancel(name)
        self._timers[name] = self._senses.timers.at(monotonic() + seconds, lambda _: do())

    def _cancel(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()


_HANDLERS = {
    "input_audio_buffer.speech_started": UpstreamConversation._speech_started,
    "input_audio_buffer.speech_stopped": UpstreamConversation._speech_stopped,
    "input_audio_buffer.timeout_triggered": UpstreamConversation._timed_out,
    "conversation.item.input_audio_transcription.completed": UpstreamConversation._transcribed,
    "response.created": UpstreamConversation._response_created,
    "response.output_audio.delta": UpstreamConversation._audio,
    "response.output_audio_transcript.delta": UpstreamConversation._words,
    "response.output_audio.done": UpstreamConversation._audio_done,
    "response.output_item.done": UpstreamConversation._item_done,
    "response.done": UpstreamConversation._response_done,
    "error": UpstreamConversation._wrong,
}

__all__ = ["UpstreamConversation"]
