"""A strict fake of the OpenAI realtime socket in transcription sessions. Hears number speech; knobs are attributes.

Client events are checked with the types of openai-python, which are made from OpenAI's specification; so is what this
server says.
"""

import base64
import itertools
import json
from urllib.parse import parse_qs, urlsplit

import gevent
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import TypeAdapter, ValidationError

from tests.fakes.number_speech import words_of
from tests.fakes.socket_server import Gone, SocketServer

KEY = "sk-right"
LIVE = {"gpt-live-transcribe"}
MODELS = LIVE | {"gpt-transcribe", "gpt-4o-transcribe", "whisper-1"}
CLIENT, SERVER = TypeAdapter(RealtimeClientEvent), TypeAdapter(RealtimeServerEvent)


class RealtimeServer(SocketServer):
    """``sessions`` are the configurations of all connections, ``seconds`` the audio that was committed."""

    def __init__(self):
        super().__init__()
        self.url += "/v1"
        self.latency_s = 0.0
        self.latencies_s = []  # of the next completions in turn
        self.refuse = None
        self.drop_after_s = []
        self.stall = False
        self.fail = None  # error of the next transcription
        self.error = None  # an error event that comes with the next append
        self.sessions, self.commits, self.longest_s = [], 0, 0.0

    def check(self, request):
        parts = urlsplit(request.target)
        headers = {name.decode().lower(): value.decode() for name, value in request.extra_headers}
        if self.refuse:
            return self.refuse
        if headers.get("authorization") != f"Bearer {KEY}":
            return 401, {}, json.dumps({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}})
        if parts.path != "/v1/realtime" or parse_qs(parts.query) != {"intent": ["transcription"]}:
            return 400, {}, json.dumps({"error": {"message": "no such session"}})
        return None

    def serve(self, peer):
        Session(self, peer).run()


class Session:
    """One connection."""

    numbers = itertools.count()

    def __init__(self, server, peer):
        self.server, self.peer = server, peer
        self.model = None
        self.audio = bytearray()
        self.total = 0
        self.item = self.name("item")
        self.previous = None
        self.told = ""
        self.drop_at = server.drop_after_s.pop(0) if server.drop_after_s else None

    def name(self, kind):
        return f"{kind}_{next(self.numbers)}"

    def run(self):
        self.say("session.created", session={"type": "transcription", "object": "realtime.transcription_session",
                                             "id": "sess_1", "audio": {"input": {}}})
        while True:
            message = self.peer.receive()
            if not isinstance(message, str):
                self.peer.close(1003, "text only")
                return
            try:
                content = json.loads(message)
                CLIENT.validate_python(content)
            except (ValueError, ValidationError) as fault:
                self.wrong({}, "invalid_event", f"not an event: {fault}")
                continue
            self.take(content)

    def take(self, content):
        kind = content["type"]
        if kind == "session.update":
            self.update(content)
        elif kind == "input_audio_buffer.append":
            self.append(content)
        elif kind == "input_audio_buffer.commit":
            self.commit(content)
        else:
            self.wrong(content, "invalid_value", f"{kind} is not for transcription sessions")

    def update(self, content):
        session = content["session"]
        heard = session.get("audio", {}).get("input", {})
        wanted = heard.get("transcription") or {}
        if session.get("type") != "transcription":
            return self.wrong(content, "invalid_value", "Passing a realtime session update event to a transcription "
                              "session is not allowed.")
        if heard.get("format") != {"type": "audio/pcm", "rate": 24000}:
            return self.wrong(content, "invalid_value", "Invalid value: only 24000 is supported")
        if wanted.get("model") not in MODELS:
            return self.wrong(content, "invalid_model", f"no model {wanted.get('model')}")
        if "turn_detection" not in heard or heard["turn_detection"] is not None:
            return self.wrong(content, "invalid_value", "turn_detection must be null")
        if "keywords" in wanted and wanted["model"] not in {"gpt-transcribe", "gpt-live-transcribe"}:
            return self.wrong(content, "invalid_value", "keywords are not supported by this model")
        self.model = wanted["model"]
        self.server.sessions.append(session)
        return self.say("session.updated", session={**session, "object": "realtime.transcription_session", "id": "s"})

    def append(self, content):
        if self.model is None:
            return self.wrong(content, "invalid_value", "no transcription model")
        if self.server.error:
            error, self.server.error = self.server.error, None
            self.say("error", error=error)
        try:
            pcm = base64.b64decode(content["audio"], validate=True)
        except ValueError:
            return self.wrong(content, "invalid_value", "not base64")
        if len(pcm) % 2:
            return self.wrong(content, "invalid_value", "half a sample")
        self.audio += pcm
        self.total += len(pcm)
        if self.drop_at is not None and self.total / 48000 >= self.drop_at:
            self.peer.drop()
            raise Gone(1006)
        if self.model in LIVE and not self.server.stall:
            self.deltas(self.item, words_of(self.audio, 24000))
        return None

    def deltas(self, item, text):
        if text.startswith(self.told) and text != self.told:
            self.say("conversation.item.input_audio_transcription.delta", item_id=item, content_index=0,
                     delta=text[len(self.told):])
            self.told = text

    def commit(self, content):
        if len(self.audio) < 4800:
            return self.wrong(content, "input_audio_buffer_commit_empty", "Error committing input audio buffer: buffer "
                              "too small. Expected at least 100ms of audio.")
        item, text = self.item, words_of(self.audio, 24000)
        self.server.commits += 1
        self.server.longest_s = max(self.server.longest_s, len(self.audio) / 48000)
        self.say("input_audio_buffer.committed", item_id=item, previous_item_id=self.previous)
        self.previous, self.item, self.audio = item, self.name("item"), bytearray()
        latency = self.server.latencies_s.pop(0) if self.server.latencies_s else self.server.latency_s
        if not self.server.stall:
            gevent.spawn_later(latency, self.complete, item, text)
        return None

    def complete(self, item, text):
        try:
            if self.server.fail:
                error, self.server.fail = self.server.fail, None
                self.say("conversation.item.input_audio_transcription.failed", item_id=item, content_index=0,
                         error=error)
                return
            self.deltas(item, text)
            self.told = ""
            self.say("conversation.item.input_audio_transcription.completed", item_id=item, content_index=0,
                     transcript=text, usage={"type": "duration", "seconds": 1.0},
                     logprobs=[{"token": "x", "bytes": [], "logprob": -0.1}])
        except Gone:
            pass

    def wrong(self, content, code, message):
        self.say("error", error={"type": "invalid_request_error", "code": code, "message": message, "param": None,
                                 "event_id": content.get("event_id")})

    def say(self, kind, **fields):
        content = {"type": kind, "event_id": self.name("event"), **fields}
        SERVER.validate_python(content)
        self.peer.send(json.dumps(content))
