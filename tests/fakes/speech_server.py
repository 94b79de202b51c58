"""A strict fake of a speech-to-speech model behind the OpenAI Realtime API (GA), at OpenAI or Azure.

Client events are checked with the types of openai-python, which are made from OpenAI's specification, and with what the
real service refuses besides; so is what this server says. What it hears and answers is scripted.
"""

import base64
import itertools
import json
from collections import deque
from urllib.parse import parse_qs, urlsplit

import gevent
import numpy as np
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import TypeAdapter, ValidationError

from tests.fakes.socket_server import Gone, SocketServer

KEY = "sk-right"
MODEL = "gpt-realtime"
CLIENT, SERVER = TypeAdapter(RealtimeClientEvent), TypeAdapter(RealtimeServerEvent)
CHAR_MS = 25
"""How long a letter of an answer is."""
DELTA_MS = 200
SILENCE_MS = 200
"""So much quiet after a voice ends the turn."""
SESSION = {"type", "instructions", "output_modalities", "tools", "tool_choice", "max_output_tokens", "audio", "prompt",
           "truncation", "tracing", "include", "reasoning", "parallel_tool_calls", "model"}
SERVER_VAD = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
              "create_response": True, "interrupt_response": True}
RESPONSE = {"instructions", "output_modalities", "tools", "tool_choice", "max_output_tokens", "audio", "prompt",
            "conversation", "input", "metadata", "reasoning", "parallel_tool_calls"}


def tone(text):
    t = np.arange(len(text) * CHAR_MS * 24)
    return (3000 * np.sin(2 * np.pi * 220 * t / 24000)).astype("<i2").tobytes()


def calls(name, call_id=None, **arguments):
    """An answer, or part of one: a call of a function."""
    return {"name": name, "arguments": json.dumps(arguments), "call_id": call_id}


class Fails(dict):
    """An answer that fails with this error."""


RATE_LIMIT = Fails(type="requests", code="rate_limit_exceeded",
                   message="Rate limit reached for gpt-realtime. Please try again in 120ms. Visit the site.")


class SpeechServer(SocketServer):
    """``answers``: of the next responses (text, ``calls``, a list of both, ``Fails``), "All right." after them;
    ``hears``: the words of the next turns. ``sessions`` are the connections, ``received`` all events of all of them."""

    def __init__(self, tls=None, azure=False):
        super().__init__(tls=tls)
        self.azure = azure
        self.base = self.url.replace("ws", "http", 1)
        self.url = self.base + ("" if azure else "/v1")
        self.answers, self.hears = deque(), deque()
        self.refuse = None  # (status, headers, body) to every handshake
        self.keys = {KEY}
        self.headers = []
        self.sessions, self.received = [], []
        self.pace = 0.0  # seconds between deltas
        self.hold = False  # responses stop after their first delta
        self.transcribes_late = False

    def check(self, request):
        parts = urlsplit(request.target)
        headers = {name.decode().lower(): value.decode() for name, value in request.extra_headers}
        self.headers.append(headers)
        if self.refuse:
            return self.refuse
        given = headers.get("api-key") if self.azure and "api-key" in headers else \
            headers.get("authorization", "").removeprefix("Bearer ")
        if given not in self.keys:
            return 401, {}, json.dumps({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}})
        if "openai-beta" in headers:
            return 400, {}, json.dumps({"error": {"message": "The Realtime Beta API is no longer supported.",
                                                  "code": "beta_api_shape_disabled"}})
        path = "/openai/v1/realtime" if self.azure else "/v1/realtime"
        if parts.path != path or parse_qs(parts.query) != {"model": [MODEL]}:
            return 404, {}, json.dumps({"error": {"message": f"no {request.target}"}})
        return None

    def serve(self, peer):
        session = Session(self, peer)
        self.sessions.append(session)
        try:
            session.run()
        finally:
            session.stop()

    def sent(self, kind):
        """All events of this type that came."""
        return [event for event in self.received if event["type"] == kind]


class Session:
    """One connection. ``items`` is the conversation, ``config`` what was set."""

    numbers = itertools.count()

    def __init__(self, server, peer):
        self.server, self.peer = server, peer
        self.config = {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}, "turn_detection": dict(
            SERVER_VAD)}, "output": {
                "format": {"type": "audio/pcm", "rate": 24000}, "voice": "alloy", "speed": 1.0}},
            "instructions": "You are helpful.", "tools": [], "tool_choice": "auto", "output_modalities": ["audio"],
            "max_output_tokens": "inf", "truncation": "auto", "prompt": None}
        self.items = []
        self.audio_ms = {}
        self.written_ms = 0
        self.speaking = None  # the item that is being said
        self.quiet_ms = 0
        self.running = None  # (response id, greenlet)
        self.spoke = False
        self.greenlets = []

    def name(self, kind):
        return f"{kind}_{next(self.numbers)}"

    def stop(self):
        gevent.killall(self.greenlets)

    def run(self):
        self.id = self.name("sess")
        self.say("session.created", session=self.effective())
        while True:
            message = self.peer.receive()
            try:
                content = json.loads(message)
                CLIENT.validate_python(content)
            except (ValueError, TypeError, ValidationError) as fault:
                self.wrong({}, "invalid_event", f"not an event: {fault}")
                continue
            self.server.received.append(content)
            getattr(self, content["type"].replace(".", "_"))(content)

    def effective(self):
        return {"type": "realtime", "object": "realtime.session", "id": self.id, "model": MODEL,
                "expires_at": 1999999999, **self.config}

    # ------------------------------------------------------------ client events

    def session_update(self, event):
        session = event["session"]
        unknown = session.keys() - SESSION
        output = session.get("audio", {}).get("output", {})
        if session.get("type") != "realtime":
            return self.wrong(event, "missing_required_parameter", "Missing required parameter: 'session.type'.")
        if unknown:
            return self.wrong(event, "unknown_parameter", f"Unknown parameter: 'session.{unknown.pop()}'.")
        if session.get("model", MODEL) != MODEL:
            return self.wrong(event, "cannot_update_model", "the model cannot be changed")
        voice = output.get("voice", self.config["audio"]["output"]["voice"])
        if self.spoke and voice != self.config["audio"]["output"]["voice"]:
            return self.wrong(event, "cannot_update_voice", "Cannot update a conversation's voice if assistant audio "
                              "is present.")
        changed = {**self.config, **{k: v for k, v in session.items() if k not in ("type", "audio", "model")}}
        changed["audio"] = {side: {**self.config["audio"][side], **session.get("audio", {}).get(side, {})}
                            for side in ("input", "output")}
        if (changed["audio"]["input"]["turn_detection"] or {}).get("type") == "server_vad":
            changed["audio"]["input"]["turn_detection"] = SERVER_VAD | changed["audio"]["input"]["turn_detection"]
        self.config = changed
        return self.say("session.updated", session=self.effective())

    def input_audio_buffer_append(self, event):
        pcm = np.frombuffer(base64.b64decode(event["audio"], validate=True), "<i2")
        for at in range(0, len(pcm), 480):
            self.frame(pcm[at:at + 480])

    def frame(self, pcm):
        self.written_ms += len(pcm) // 24
        loud = len(pcm) and np.abs(pcm).max() > 1000
        vad = self.config["audio"]["input"]["turn_detection"]
        if vad is None:
            return
        if loud and self.speaking is None:
            self.speaking = self.name("item")
            self.say("input_audio_buffer.speech_started", item_id=self.speaking, audio_start_ms=self.written_ms - 20)
            if vad["interrupt_response"]:
                self.cancel("turn_detected")
        self.quiet_ms = 0 if loud else self.quiet_ms + 20
        if self.speaking and self.quiet_ms >= SILENCE_MS:
            item, self.speaking = self.speaking, None
            self.say("input_audio_buffer.speech_stopped", item_id=item, audio_end_ms=self.written_ms)
            self.commit(item)
            if vad["create_response"] and self.running is None:
                self.respond({})

    def input_audio_buffer_commit(self, event):
        if self.config["audio"]["input"]["turn_detection"] is not None:
            return self.wrong(event, "input_audio_buffer_commit_empty", "buffer too small")
        return self.commit(self.name("item"))

    def commit(self, item_id):
        previous = self.items[-1]["id"] if self.items else None
        words = self.server.hears.popleft() if self.server.hears else "hello"
        self.say("input_audio_buffer.committed", item_id=item_id, previous_item_id=previous)
        self.add({"id": item_id, "object": "realtime.item", "type": "message", "status": "completed", "role": "user",
                  "content": [{"type": "input_audio", "transcript": None}]})
        if self.config["audio"]["input"].get("transcription"):
            self.say("conversation.item.input_audio_transcription.completed", item_id=item_id, content_index=0,
                     transcript=words, usage={"type": "duration", "seconds": 1.0})

    def input_audio_buffer_clear(self, event):
        self.speaking = None
        self.say("input_audio_buffer.cleared")

    def conversation_item_create(self, event):
        item = {"id": self.name("item"), "object": "realtime.item", "status": "completed", **event["item"]}
        after = event.get("previous_item_id")
        ids = [one["id"] for one in self.items]
        if item["id"] in ids:
            return self.wrong(event, "item_create_duplicate_id", "duplicate id")
        if len(item["id"]) > 32:
            return self.wrong(event, "string_above_max_length", "id too long")
        if after not in (None, "root", *ids):
            return self.wrong(event, "item_create_invalid_previous_item_id", "no such item")
        if item["type"] == "function_call_output" and item["call_id"] not in self.called():
            return self.wrong(event, "invalid_tool_call_id", f"Tool call ID '{item['call_id']}' not found.")
        wanted = {"user": {"input_text", "input_audio", "input_image"}, "system": {"input_text"},
                  "assistant": {"output_text", "output_audio"}}
        if item["type"] == "message" and any(part["type"] not in wanted[item["role"]] for part in item["content"]):
            return self.wrong(event, "invalid_value", "content of a wrong type")
        place = 0 if after == "root" else ids.index(after) + 1 if after else len(ids)
        return self.add(item, place)

    def called(self):
        return {item["call_id"] for item in self.items if item["type"] == "function_call"}

    def find(self, event):
        found = next((item for item in self.items if item["id"] == event["item_id"]), None)
        if found is None:
            self.wrong(event, f"item_{event['type'].split('.')[-1]}_invalid_item_id", f"no item {event['item_id']}")
        return found

    def conversation_item_delete(self, event):
        if item := self.find(event):
            self.items.remove(item)
            self.say("conversation.item.deleted", item_id=item["id"])

    def conversation_item_retrieve(self, event):
        if item := self.find(event):
            self.say("conversation.item.retrieved", item=item)

    def conversation_item_truncate(self, event):
        item = self.find(event)
        if item is None:
            return None
        length = self.audio_ms.get(item["id"], 0)
        if item.get("role") != "assistant":
            return self.wrong(event, None, "Only model output audio messages can be truncated")
        if event["audio_end_ms"] > length:
            return self.wrong(event, None, f"Audio content of {length}ms is already shorter than "
                                           f"{event['audio_end_ms']}ms")
        item["content"] = [{"type": "output_audio", "transcript": ""}]
        return self.say("conversation.item.truncated", item_id=item["id"], content_index=0,
                        audio_end_ms=event["audio_end_ms"])

    def output_audio_buffer_clear(self, event):
        self.wrong(event, "invalid_value", "only for WebRTC and SIP")

    def response_create(self, event):
        asked = event.get("response", {})
        if unknown := asked.keys() - RESPONSE:
            return self.wrong(event, "unknown_parameter", f"Unknown parameter: 'response.{unknown.pop()}'.")
        if self.running is not None and asked.get("conversation") != "none":
            return self.wrong(event, "conversation_already_has_active_response",
                              "Conversation already has an active response in progress")
        return self.respond(asked)

    def response_cancel(self, event):
        if self.running is None:
            return self.wrong(event, "response_cancel_not_active", "Cancellation failed: no active response found")
        return self.cancel("client_cancelled")

    # ------------------------------------------------------------ answers

    def respond(self, asked):
        answer = self.server.answers.popleft() if self.server.answers else "All right."
        aside = asked.get("conversation") == "none"
        response = {"id": self.name("resp"), "object": "realtime.response", "status": "in_progress", "output": [],
                    "status_details": None, "conversation_id": None if aside else "conv_1", "usage": None,
                    "output_modalities": asked.get("output_modalities", self.config["output_modalities"]),
                    "metadata": asked.get("metadata")}
        greenlet = gevent.spawn(self.answer, response, answer, aside)
        self.greenlets.append(greenlet)
        if not aside:
            self.running = response, greenlet

    def answer(self, response, answer, aside):
        try:
            self.say("response.created", response=dict(response))
            self.say("rate_limits.updated", rate_limits=[{"name": "requests", "limit": 100, "remaining": 99,
                                                          "reset_seconds": 0.1}])
            if isinstance(answer, Fails):
                return self.finish(response, "failed", {"type": "failed", "error": {
                    "type": answer["type"], "code": answer["code"], "message": answer["message"]}}, aside)
            for index, part in enumerate(answer if isinstance(answer, list) else [answer]):
                make = self.call if isinstance(part, dict) else self.message
                make(response, index, part, aside)
            return self.finish(response, "completed", None, aside)
        except Gone:
            return None

    def finish(self, response, status, details, aside=False):
        if not aside:
            self.running = None
        usage = {"total_tokens": 30, "input_tokens": 20, "output_tokens": 10}
        response.update(status=status, status_details=details, usage=usage)
        if status == "failed" and details["error"]["type"]:
            # The real one says it so; the SDK's type has fewer fields.
            content = {"type": "response.done", "event_id": self.name("event"), "response": response}
            self.peer.send(json.dumps(content))
        else:
            self.say("response.done", response=response)

    def announce(self, response, index, item, aside):
        response["output"].append(item)
        self.say("response.output_item.added", response_id=response["id"], output_index=index, item=item)
        if not aside:
            previous = self.items[-1]["id"] if self.items else None
            self.items.append(item)
            self.say("conversation.item.added", item=item, previous_item_id=previous)

    def done(self, response, index, item, aside):
        item["status"] = "completed"
        if not aside:
            self.say("conversation.item.done", item=item, previous_item_id=None)
        self.say("response.output_item.done", response_id=response["id"], output_index=index, item=item)

    def call(self, response, index, call, aside):
        call_id = call["call_id"] or self.name("call")
        item = {"id": self.name("item"), "object": "realtime.item", "type": "function_call", "status": "in_progress",
                "call_id": call_id, "name": call["name"], "arguments": ""}
        ids = {"response_id": response["id"], "item_id": item["id"], "output_index": index, "call_id": call_id}
        self.announce(response, index, item, aside)
        for at in range(0, len(call["arguments"]), 8):
            self.say("response.function_call_arguments.delta", delta=call["arguments"][at:at + 8], **ids)
        item["arguments"] = call["arguments"]
        self.say("response.function_call_arguments.done", arguments=call["arguments"], name=call["name"], **ids)
        self.done(response, index, item, aside)

    def message(self, response, index, text, aside):
        written = response["output_modalities"] == ["text"]
        kind = {"type": "output_text", "text": ""} if written else {"type": "output_audio", "transcript": ""}
        item = {"id": self.name("item"), "object": "realtime.item", "type": "message", "status": "in_progress",
                "role": "assistant", "content": []}
        ids = {"response_id": response["id"], "item_id": item["id"], "output_index": index, "content_index": 0}
        self.announce(response, index, item, aside)
        part = {"type": "text", "text": ""} if written else {"type": "audio", "transcript": ""}
        self.say("response.content_part.added", part=part, **ids)
        item["content"] = [kind]
        if written:
            self.say("response.output_text.delta", delta=text, **ids)
            kind["text"] = part["text"] = text
            self.say("response.output_text.done", text=text, **ids)
        else:
            self.speak(item["id"], text, ids)
            kind["transcript"] = part["transcript"] = text
            self.say("response.output_audio.done", **ids)
            self.say("response.output_audio_transcript.done", transcript=text, **ids)
        self.say("response.content_part.done", part=part, **ids)
        self.done(response, index, item, aside)

    def speak(self, item_id, text, ids):
        """Words first, in pieces, each followed by its audio."""
        step = DELTA_MS // CHAR_MS
        for at in range(0, len(text), step):
            piece = text[at:at + step]
            self.say("response.output_audio_transcript.delta", delta=piece, **ids)
            self.audio_ms[item_id] = self.audio_ms.get(item_id, 0) + len(piece) * CHAR_MS
            self.say("response.output_audio.delta", delta=base64.b64encode(tone(piece)).decode(), **ids)
            self.spoke = True
            gevent.sleep(3600 if self.server.hold else self.server.pace)

    def cancel(self, reason):
        if self.running is None:
            return
        response, greenlet = self.running
        if greenlet is not gevent.getcurrent():
            greenlet.kill()
        for item in response["output"]:
            item["status"] = "incomplete"
        self.finish(response, "cancelled", {"type": "cancelled", "reason": reason})

    # ------------------------------------------------------------ out

    def add(self, item, place=None):
        place = len(self.items) if place is None else place
        previous = self.items[place - 1]["id"] if place else None
        self.items.insert(place, item)
        self.say("conversation.item.added", item=item, previous_item_id=previous)
        self.say("conversation.item.done", item=item, previous_item_id=previous)

    def wrong(self, event, code, message):
        self.say("error", error={"type": "invalid_request_error", "code": code, "message": message, "param": None,
                                 "event_id": event.get("event_id")})

    def say(self, kind, **fields):
        content = {"type": kind, "event_id": self.name("event"), **fields}
        SERVER.validate_python(content)
        self.peer.send(json.dumps(content))
