"""What goes back and forth between a call and the speech-to-speech model that holds it: what the model hears, says and
calls, and what it is asked for. The call's log has the lines of it."""

import base64
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Protocol

from engine.config import AgentOptions
from engine.dialog.actions import CallContext
from engine.media.leg import Leg
from engine.senses import Senses
from engine.speech.interfaces import Heard
from engine.telemetry.eventlog import EventLog
from engine.turns import events as turn
from engine.upstream.followups import FollowUps
from engine.upstream.memory import Event
from engine.upstream.model import SpeechModel, exactly
from engine.upstream.mouth import Mouth
from engine.upstream.saying import Saying
from engine.upstream.session import Listener, UpstreamSession
from engine.upstream.tools import Answered, Tools
from engine.upstream.uplink import Uplink

MOST_TO_SAY = 16
"""Announcements that may wait for the floor."""


class Side(Listener, Protocol):
    """The call, as far as the dialogue needs it. It is the session's listener, too."""

    words: Callable[[str], None] | None
    transcripts: Callable[[Heard], None] | None
    context: CallContext | None
    began: float

    @property
    def senses(self) -> Senses:
        """Of the language of the moment; its options hold."""

    @property
    def now(self) -> float:
        """Seconds of call time."""

    @property
    def phrases(self) -> AgentOptions:
        """What the agent says word for word."""

    @property
    def answers(self) -> bool:
        """Whether what the caller says is to be answered."""

    @property
    def may_speak(self) -> bool:
        """Whether the caller is there."""

    def time(self, sample: int) -> float:
        """Call time of a sample of the caller's audio."""

    def finish(self, reason: str) -> None:
        """The agent is done."""


class Dialogue:
    """That of one call. ``take`` is told the model's events."""

    def __init__(self, model: SpeechModel, side: Side, leg: Leg, events: EventLog) -> None:
        """Nothing is opened yet."""
        self._model = model
        self._side = side
        self._rate = leg.rate
        self._events = events
        self.mouth = Mouth(leg, events, side.senses.timers, lambda: side.now, side.began, self._heard_out)
        self.session = UpstreamSession(model.upstream, side)
        self.uplink = Uplink(leg.rate, self.session.send)
        self.follow_ups = FollowUps()
        self.owes_greeting = False
        self._tools: Tools | None = None
        self._calls: dict[str, str] = {}  # response of each call under way
        self._spans: dict[str, list[float]] = {}  # call times of the caller's items
        self._to_say: deque[turn.SayRequest] = deque()
        self._asked: turn.SayRequest | None = None  # what is being asked for
        self._idle = 0
        self._numbers = count(1)

    def opened(self, again: bool) -> None:
        """There is a connection."""
        if again:
            self.uplink.reopened()
            if self.follow_ups.reopened() or (self.session.memory.owes_answer and self._side.answers):
                self.respond()
        else:
            self.configure()
        self.say_next()

    def take(self, event: Event) -> None:
        """The model says this."""
        handle = _HANDLERS.get(str(event.get("type")))
        if handle is not None:
            handle(self, event)

    def lost(self) -> None:
        """The connection is lost: what has come is said to its end."""
        self.follow_ups.lost()
        if self._asked is not None:
            self._to_say.appendleft(self._asked)
            self._asked = None
        saying = self.mouth.last
        if saying is not None:
            saying.done()

    def say(self, request: turn.SayRequest) -> None:
        """Have a fixed text said, now or when nobody has the floor."""
        if len(self._to_say) < MOST_TO_SAY:
            self._to_say.append(request)
        self.say_next()

    def close(self) -> None:
        """Stop listening and speaking."""
        self.session.close()
        if self._tools is not None:
            self._tools.close()
        self.mouth.close()

    # ------------------------------------------------------------ what the model tells

    def _speech_started(self, event: Event) -> None:
        self._idle = 0
        self._spans[event["item_id"]] = [self._side.time(self.uplink.sample(event["audio_start_ms"]))]
        saying = self.mouth.saying
        if self._side.senses.config.turns.barge_in and not (saying is not None and saying.guarded):
            self.cut()

    def _speech_stopped(self, event: Event) -> None:
        self._spans.setdefault(event["item_id"], [self._side.now]).append(
            self._side.time(self.uplink.sample(event["audio_end_ms"])))

    def _timed_out(self, event: Event) -> None:
        """Nobody has said anything for long. The model asks whether somebody is there, a few times."""
        self._idle += 1
        self._events.note("caller_away", why="nobody has spoken", times=self._idle)
        if self._idle > self._side.senses.config.turns.away_limit:
            self.say(turn.SayRequest(self._side.phrases.goodbye, ends_call=True))

    def _transcribed(self, event: Event) -> None:
        text = str(event.get("transcript") or "").strip()
        now = self._side.now
        start, *ends = self._spans.pop(event["item_id"], None) or [now]
        end = max(start, self.mouth.voice_to or (ends[0] if ends else now))
        self._events.write("final", text=text, start=start, end=end, ms=round((now - end) * 1000), confidence=-1.0)
        if not text:
            return
        rate = self._rate
        if self._side.transcripts is not None:
            self._side.transcripts(Heard(text, True, round(start * rate), round(end * rate)))
        self._events.write("user_said", text=text, start=start, end=end)
        if self._side.words is not None:
            self._side.words(text)

    def _response_created(self, event: Event) -> None:
        response_id = event["response"]["id"]
        self.follow_ups.created(response_id)
        saying = self.mouth.begin(response_id)
        asked, self._asked = self._asked, None
        if asked is not None:
            self.owes_greeting = False
            saying.guarded = not asked.interruptible
            saying.ends_call = "goodbye" if asked.ends_call else ""
            self._events.write("say", gen=saying.generation, text=asked.text, interruptible=asked.interruptible)
        else:
            last = next((line.text for line in reversed(self.session.memory.lines()) if line.who == "user"), "")
            self._events.write("think", gen=saying.generation, text=last, speculative=False)

    def _audio(self, event: Event) -> None:
        saying = self.mouth.find(event["response_id"])
        if saying is not None:
            if not saying.parts or not saying.parts[0].came_ms:
                self._events.write("first_audio", gen=saying.generation, ms=0)
            saying.audio(event["item_id"], event["content_index"], base64.b64decode(event["delta"]))

    def _words(self, event: Event) -> None:
        saying = self.mouth.find(event["response_id"])
        if saying is not None:
            saying.words(event["item_id"], event["content_index"], event["delta"])

    def _audio_done(self, event: Event) -> None:
        saying = self.mouth.find(event["response_id"])
        if saying is not None:
            saying.part_done()

    def _item_done(self, event: Event) -> None:
        item = event["item"]
        if item.get("type") != "function_call" or item.get("status") == "incomplete" or self._tools is None:
            return
        response_id, call_id = event["response_id"], item["call_id"]
        saying = self.mouth.find(response_id)
        generation = saying.generation if saying is not None else self.mouth.generation
        self._calls[call_id] = response_id
        self.follow_ups.called(response_id, call_id)
        self._tools.run(call_id, item["name"], item.get("arguments") or "", generation)

    def _response_done(self, event: Event) -> None:
        response = event["response"]
        status, usage = str(response.get("status")), response.get("usage") or {}
        saying = self.mouth.find(response["id"])
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
        if self.follow_ups.done(response["id"], status):
            self.respond()
        self.say_next()

    def _wrong(self, event: Event) -> None:
        error = event.get("error") or {}
        cause = str(error.get("event_id") or "")
        if error.get("code") == "conversation_already_has_active_response":
            if self._asked is not None and cause == "say":
                self._to_say.appendleft(self._asked)
                self._asked = None
            elif cause == "follow_up":
                self.follow_ups.refused()
        elif "rate_limit" not in f"{error.get('code')} {error.get('type')}":
            self._events.write("error", where="upstream", message=str(error.get("message") or error.get("code")))

    # ------------------------------------------------------------ what it is asked for

    def configure(self) -> None:
        """Tell the model who it is, what it can do, and how it takes turns."""
        if self._tools is None:
            self._tools = Tools(self._model.skills(self._side.context), self.session.memory.lines, self._tool_done)
        side = self._side
        session = self._model.session(side.context, side.senses.config, self._tools.described(), side.answers)
        if self.mouth.generation:  # it has spoken: its voice cannot change any more
            session.get("audio", {}).get("output", {}).pop("voice", None)
        self.session.send({"type": "session.update", "event_id": f"session_{next(self._numbers)}", "session": session})

    def say_next(self) -> None:
        """Ask for the next announcement when nobody has the floor."""
        if self._to_say and self._asked is None and not self.follow_ups.active and self._side.may_speak \
                and self.session.state == "connected":
            self._asked = self._to_say.popleft()
            self.session.send({"type": "response.create", "event_id": "say", "response": exactly(self._asked.text)})

    def respond(self) -> None:
        """Have the model answer what it knows by now."""
        self.session.send({"type": "response.create", "event_id": "follow_up"})

    def _tool_done(self, answered: Answered) -> None:
        response_id = self._calls.pop(answered.call_id, "")
        self.session.send({"type": "conversation.item.create", "item": {
            "type": "function_call_output", "call_id": answered.call_id, "output": answered.output}})
        if answered.ends == "call":
            self._finish_call()
        if self.follow_ups.answered(response_id, answered.call_id, goes_on=not answered.ends):
            self.respond()

    def _finish_call(self) -> None:
        """The model wants to end the call: after the goodbye that it has said, or after ours."""
        saying = self.mouth.last
        if saying is not None and saying.text:
            saying.ends_call = "goodbye"
        elif saying is None and [line.who for line in self.session.memory.lines()[-1:]] == ["agent"]:
            self._side.finish("goodbye")  # and it was heard
        else:
            self.say(turn.SayRequest(self._side.phrases.goodbye, ends_call=True))

    def cut(self) -> None:
        """Stop speaking, and tell the model how much of its words was heard."""
        for cut in self.mouth.cut():
            self.session.memory.heard(cut.part.item_id, cut.text)
            if cut.ms:
                self.session.send({"type": "conversation.item.truncate", "item_id": cut.part.item_id,
                                    "content_index": cut.part.content_index, "audio_end_ms": cut.ms})
            else:
                self.session.send({"type": "conversation.item.delete", "item_id": cut.part.item_id})

    def stop_speaking(self) -> None:
        """Be silent now; not because the caller has spoken."""
        if self.follow_ups.active:
            self.session.send({"type": "response.cancel"})
        self.cut()

    def _heard_out(self, saying: Saying) -> None:
        if saying.ends_call:
            self._side.finish(saying.ends_call)
        else:
            self.say_next()

    def create(self, role: str, text: str) -> None:
        """Tell the model something in writing, as the caller's words (``user``) or as ours (``system``)."""
        self.session.send({"type": "conversation.item.create", "item": {
            "type": "message", "role": role, "content": [{"type": "input_text", "text": text}]}})


_HANDLERS = {
    "input_audio_buffer.speech_started": Dialogue._speech_started,
    "input_audio_buffer.speech_stopped": Dialogue._speech_stopped,
    "input_audio_buffer.timeout_triggered": Dialogue._timed_out,
    "conversation.item.input_audio_transcription.completed": Dialogue._transcribed,
    "response.created": Dialogue._response_created,
    "response.output_audio.delta": Dialogue._audio,
    "response.output_audio_transcript.delta": Dialogue._words,
    "response.output_audio.done": Dialogue._audio_done,
    "response.output_item.done": Dialogue._item_done,
    "response.done": Dialogue._response_done,
    "error": Dialogue._wrong,
}

__all__ = ["Dialogue"]
