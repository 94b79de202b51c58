"""A Realtime session under random clients and a random engine, plausible or not."""

import base64

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from openai.types import realtime
from pydantic import TypeAdapter

from engine.realtime import happenings as happen
from engine.realtime import orders as order
from tests.realtime import realtime_script
from tests.realtime.realtime_script import Session
from tests.realtime.realtime_watch import Watch

TEXTS = st.sampled_from(["", "Good morning. ", "yes", " um", "one two three four five ", "नमस्ते जी ", "été"])
MS = st.integers(0, 4000)
FORMATS = st.sampled_from([{"type": "audio/pcm", "rate": 24000}, {"type": "audio/pcm", "rate": 8000},
                           {"type": "audio/pcmu"}])
DETECTIONS = st.sampled_from([{"type": "server_vad"}, {"type": "semantic_vad", "eagerness": "low"},
                              {"type": "server_vad", "create_response": False}, None])
RARELY = st.sampled_from([False, False, False, True])

_MEMBERS = {model.model_fields["type"].annotation.__args__[0]: TypeAdapter(model)
            for model in realtime.realtime_server_event.RealtimeServerEvent.__origin__.__args__}
SERVER_EVENT_TYPES = frozenset(_MEMBERS)
"""The 46 events of the SDK's union."""


class ByType:
    """The SDK's union, by the type of the event: forty times quicker."""

    @staticmethod
    def validate_python(event: dict) -> None:
        _MEMBERS[event["type"]].validate_python(event)


class RealtimeMachine(RuleBasedStateMachine):
    """Steps of a client and of the engine in any order. Every event is valid by the SDK's types and keeps the rules."""

    def __init__(self):
        super().__init__()
        realtime_script.SERVER_EVENT, self._validator = ByType, realtime_script.SERVER_EVENT
        self.watch = Watch()
        self.generation = 0
        self.begun: list[int] = []
        self.seen = 0

    @initialize(phone=RARELY, text=RARELY, detection=DETECTIONS)
    def open(self, phone, text, detection):
        given = {"audio": {"input": {"turn_detection": detection, "transcription": {"model": "local"}}}}
        if text:
            given["output_modalities"] = ["text"]
        self.session = Session(given, phone=phone, extensions=phone)
        self.follow()

    def follow(self):
        fresh, self.seen = self.session.sent[self.seen:], len(self.session.sent)
        for event in fresh:
            self.watch.see(event)

    def client(self, kind, **fields):
        before = len(self.session.sent)
        self.session.client(kind, **fields)
        self.follow()
        assert sum(e["type"] == "error" for e in self.session.sent[before:]) <= 1

    def tell(self, happening):
        self.session.tell(happening)
        self.follow()

    def any_item(self, data) -> str:
        known = [event["item"]["id"] for event in self.session.sent if event["type"] == "conversation.item.added"]
        return data.draw(st.sampled_from([*reversed(known[-6:]), "item_none"]))

    def spoken_item(self, data) -> str:
        known = [e["item_id"] for e in self.session.sent if e["type"] == "response.content_part.added"]
        return data.draw(st.sampled_from(known[-2:])) if known and data.draw(st.booleans()) else self.any_item(data)

    # ---- the client

    @rule(ms=st.sampled_from([0, 20, 150, 400]))
    def append(self, ms):
        self.client("input_audio_buffer.append", audio=base64.b64encode(bytes(48 * ms)).decode())

    @rule()
    def commit(self):
        self.client("input_audio_buffer.commit")

    @rule(output=st.booleans())
    def clear(self, output):
        self.client("output_audio_buffer.clear" if output else "input_audio_buffer.clear")

    @rule(detection=DETECTIONS, form=FORMATS, voice=st.sampled_from(["verse", "marin", "nobody"]))
    def update(self, detection, form, voice):
        session = {"type": "realtime", "audio": {"input": {"turn_detection": detection, "format": form},
                                                 "output": {"voice": voice, "format": form}}}
        self.client("session.update", session=session)

    @rule(label=st.sampled_from(["a", "b"]))
    def remote_tools(self, label):
        tools = [{"type": "mcp", "server_label": label}, {"type": "function", "name": "now"}]
        self.client("session.update", session={"type": "realtime", "tools": tools})

    @rule(data=st.data(), text=TEXTS, front=st.booleans(), sound=st.booleans())
    def create_item(self, data, text, front, sound):
        content = {"type": "input_audio", "audio": "AAAA"} if sound else {"type": "input_text", "text": text}
        fields = {"item": {"type": "message", "role": "user", "content": [content]}}
        if front:
            fields["previous_item_id"] = data.draw(st.sampled_from(["root", self.any_item(data)]))
        self.client("conversation.item.create", **fields)

    @rule(data=st.data())
    def answer_tool(self, data):
        item = {"type": "function_call_output", "call_id": "call_1", "output": "42"}
        self.client("conversation.item.create", item=item)

    @rule(data=st.data())
    def delete(self, data):
        self.client("conversation.item.delete", item_id=self.any_item(data))

    @rule(data=st.data())
    def retrieve(self, data):
        self.client("conversation.item.retrieve", item_id=self.any_item(data))

    @rule(data=st.data(), ms=MS)
    def truncate(self, data, ms):
        self.client("conversation.item.truncate", item_id=self.spoken_item(data), content_index=0, audio_end_ms=ms)

    @rule(aside=RARELY, text=RARELY)
    def respond(self, aside, text):
        response = {"conversation": "none", "metadata": {"topic": "x"}} if aside else {}
        if text:
            response["output_modalities"] = ["text"]
        self.client("response.create", response=response)

    @rule(data=st.data(), named=st.booleans())
    def cancel(self, data, named):
        known = [*sorted(self.watch.responses)[-4:], "resp_none"]
        self.client("response.cancel", **({"response_id": data.draw(st.sampled_from(known))} if named else {}))

    # ---- the engine

    @rule(at=MS)
    def speech_started(self, at):
        self.tell(happen.SpeechStarted(at))

    @rule(at=MS)
    def speech_stopped(self, at):
        self.tell(happen.SpeechStopped(at))

    @rule(to=MS, text=TEXTS, idle=st.booleans())
    def turn_ended(self, to, text, idle):
        self.tell(happen.TurnEnded(to, max(0, to - 500), text, idle))

    @rule(text=TEXTS, final=st.booleans())
    def transcribed(self, text, final):
        self.tell(happen.Transcribed(text, final, "en", 1.5))

    @rule()
    def transcription_failed(self):
        self.tell(happen.TranscriptionFailed("the recogniser is away"))

    @rule(data=st.data(), spontaneous=st.booleans(), text=TEXTS, ms=st.integers(0, 1500))
    def reply_begun(self, data, spontaneous, text, ms):
        asked = [o.response_id for o in self.session.orders if isinstance(o, order.Respond)][-4:]
        response_id = "" if spontaneous or not asked else data.draw(st.sampled_from(asked))
        self.generation += 1
        self.begun.append(self.generation)
        self.tell(happen.ReplyBegun(self.generation, response_id))
        self.tell(happen.ReplyWords(self.generation, text))
        self.tell(happen.ReplyAudio(self.generation, bytes(48 * ms), ms))

    def reply(self, data) -> int:
        return data.draw(st.sampled_from([self.begun[-1], self.begun[-1], *self.begun[-4:]]))

    @precondition(lambda self: self.begun)
    @rule(data=st.data(), text=TEXTS, ms=st.integers(0, 1500))
    def reply_says(self, data, text, ms):
        generation = self.reply(data)
        self.tell(happen.ReplyWords(generation, text))
        self.tell(happen.ReplyAudio(generation, bytes(48 * ms), ms))

    @precondition(lambda self: self.begun)
    @rule(data=st.data(), ours=st.booleans(), number=st.integers(1, 3), returns=st.booleans())
    def tool_called(self, data, ours, number, returns):
        kind = happen.ServerToolCalled if ours else happen.ClientToolCalled
        self.tell(kind(self.reply(data), f"call_{number}", "look_up", '{"a": 1}'))
        if ours and returns:
            self.tell(happen.ServerToolReturned(f"call_{number}", "found"))

    @rule(number=st.integers(1, 3), error=st.sampled_from(["", "it is down"]))
    def tool_returned(self, number, error):
        self.tell(happen.ServerToolReturned(f"call_{number}", "found", error))

    @precondition(lambda self: self.begun)
    @rule(data=st.data())
    def cited(self, data):
        self.tell(happen.ReplyCited(self.reply(data), ({"chunk_id": "c1", "title": "A page"},)))

    @precondition(lambda self: self.begun)
    @rule(data=st.data(), incomplete=st.sampled_from(["", "max_output_tokens"]))
    def reply_ended(self, data, incomplete):
        self.tell(happen.ReplyEnded(self.reply(data), 10, 5, incomplete))

    @precondition(lambda self: self.begun)
    @rule(data=st.data(), by=st.sampled_from(["turn_detected", "client_cancelled"]), heard=TEXTS, ms=MS)
    def reply_cut(self, data, by, heard, ms):
        self.tell(happen.ReplyCut(self.reply(data), by, heard, ms))

    @precondition(lambda self: self.begun)
    @rule(data=st.data())
    def reply_failed(self, data):
        self.tell(happen.ReplyFailed(self.reply(data), "server_error", "no model is there"))

    @precondition(lambda self: self.begun)
    @rule(data=st.data(), stops=st.booleans())
    def playback(self, data, stops):
        generation = self.reply(data)
        self.tell(happen.PlaybackStarted(generation))
        if stops:
            self.tell(happen.PlaybackStopped(generation))

    @rule(left=st.integers(0, 9))
    def line_and_limits(self, left):
        self.tell(happen.DigitReceived(str(left), 1_700_000_000))
        self.tell(happen.RateLimits(({"name": "requests", "limit": 10, "remaining": left, "reset_seconds": 1.5},)))
        self.tell(happen.Faulted("server_error", "the disk is full"))

    @rule(data=st.data(), ms=MS)
    def truncated(self, data, ms):
        self.tell(happen.Truncated(self.spoken_item(data), ms, "Good"))

    def teardown(self):
        try:
            self.session.tick(self.session.protocol.session["expires_at"])
            self.follow()
            assert set(self.watch.responses) == self.watch.done, "one response.done for each response.created, always"
        finally:
            realtime_script.SERVER_EVENT = self._validator
