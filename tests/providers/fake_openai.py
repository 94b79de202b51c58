"""OpenAI's chat completions and speech as a strict fake: also as Azure OpenAI, and as a server without keys.

Refusals are worded as in OpenAI's guide on error codes and its API reference.
"""

import numpy as np

from tests.providers.fake_http import FakeHttp, Refused, Request, Response, error, events

KEY = "test-key-123456"
MODELS = {"gpt-test"}
CHAT_FIELDS = {
    "model", "messages", "stream", "stream_options", "tools", "tool_choice", "temperature", "max_tokens",
    "max_completion_tokens", "top_p", "stop", "user", "reasoning_effort", "service_tier",
}  # fmt: skip
SPEECH_FIELDS = {"model", "input", "voice", "response_format", "speed", "instructions", "stream_format"}


def refuse(status: int, message: str, code: str | None = None, type_: str = "invalid_request_error"):
    body = {"error": {"message": message, "type": type_, "param": None, "code": code}}
    raise Refused(error(status, body))


class FakeOpenAi(FakeHttp):
    """``script``: the deltas of the answer, dicts; texts stand for ``{"content": text}``."""

    def __init__(self) -> None:
        super().__init__()
        self.key: str | None = KEY
        self.azure = False
        self.token: str | None = None  # Azure: a bearer token that is good
        self.script: list[object] = ["Hello", " there", "."]
        self.finish: str | None = "stop"
        self.done = True
        self.bare = False  # neither ids nor indexes in tool calls
        self.audio = np.zeros(0, np.int16)
        self.audio_pieces: list[bytes] | None = None
        self.extra_fields: set[str] = set()

    def answer(self, request: Request) -> Response:
        path = request.path
        if request.method == "HEAD":
            return Response(404)
        self._check_key(request)
        if self.azure:
            dated = path.startswith("/openai/deployments/")
            if dated != ("api-version" in request.query):
                refuse(404, "Resource not found", "404")
            path = "/v1" + path.removeprefix("/openai/deployments/gpt-test" if dated else "/openai/v1")
        if request.method == "POST" and path == "/v1/chat/completions":
            return self._chat(request.json)
        if request.method == "POST" and path == "/v1/audio/speech":
            return self._speech(request.json)
        return refuse(404, f"Invalid URL ({request.method} {path})")

    def _check_key(self, request: Request) -> None:
        bearer = request.headers.get("authorization", "")
        if self.azure:
            if request.headers.get("api-key") == self.key and self.key and not bearer:
                return
            if self.token and bearer == f"Bearer {self.token}":
                return
            raise Refused(error(401, {"error": {"code": "401", "message": "Access denied: invalid subscription key"}}))
        if self.key is None:
            if bearer:
                refuse(400, "this server got a key that was not meant for it")
            return
        if bearer != f"Bearer {self.key}":
            refuse(401, f"Incorrect API key provided: {bearer[7:]}.", "invalid_api_key")

    def _chat(self, body: dict) -> Response:
        unknown = set(body) - CHAT_FIELDS - self.extra_fields
        if unknown:
            refuse(400, f"Unrecognized request argument supplied: {sorted(unknown)[0]}")
        if body["model"] not in MODELS:
            refuse(404, f"The model `{body['model']}` does not exist or you do not have access to it.",
                   "model_not_found")
        if not body["messages"]:
            refuse(400, "[] is too short - 'messages'")
        self._check_messages(body["messages"])
        for tool in body.get("tools", ()):
            if tool["type"] != "function" or tool["function"]["parameters"]["type"] != "object":
                refuse(400, "Invalid schema for function")
        if "max_tokens" in body and "max_completion_tokens" in body:
            refuse(400, "only one of them")
        if body.get("stream") is not True:
            refuse(400, "the fake streams only")
        return Response(200, "text/event-stream; charset=utf-8", self._chunks(body))

    @staticmethod
    def _check_messages(messages: list[dict]) -> None:
        asked: set[str] = set()
        for message in messages:
            if message["role"] not in ("system", "user", "assistant", "tool"):
                refuse(400, f"Invalid value: '{message['role']}'")
            if message["role"] == "tool":
                if message["tool_call_id"] not in asked:
                    refuse(400, "role 'tool' must be a response to a preceding message with 'tool_calls'.")
                asked.discard(message["tool_call_id"])
                continue
            if asked:
                refuse(400, "An assistant message with 'tool_calls' must be followed by tool messages")
            for call in message.get("tool_calls", ()):
                if call["type"] != "function" or not isinstance(call["function"]["arguments"], str):
                    refuse(400, "Invalid tool call")
                asked.add(call["id"])
            if message.get("content") is None and not message.get("tool_calls"):
                refuse(400, "Invalid value for 'content': expected a string, got null.")

    def _chunks(self, body: dict):
        base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "gpt-test"}

        def chunk(delta: dict, finish: str | None = None) -> dict:
            return {**base, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}

        yield from events(chunk({"role": "assistant", "content": ""}))
        for part in self.script:
            if isinstance(part, bytes):
                yield part
            elif isinstance(part, dict) and "error" in part:
                yield from events(part)
                return
            else:
                yield from events(chunk(part if isinstance(part, dict) else {"content": part}))
        if self.finish:
            yield from events(chunk({}, self.finish))
        if body.get("stream_options", {}).get("include_usage"):
            yield from events({**base, "choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 3}})
        if self.done:
            yield from events("[DONE]")

    def _speech(self, body: dict) -> Response:
        unknown = set(body) - SPEECH_FIELDS - self.extra_fields
        if unknown:
            refuse(400, f"Unrecognized request argument supplied: {sorted(unknown)[0]}")
        if body["voice"] not in ("alloy", "nova"):
            refuse(400, f"Invalid voice: {body['voice']}", "invalid_value")
        if not body["input"]:
            refuse(400, "Invalid 'input': empty string")
        if body["model"] not in ("gpt-4o-mini-tts", "kokoro"):
            refuse(404, f"The model `{body['model']}` does not exist", "model_not_found")
        if body["response_format"] not in ("pcm", "wav"):
            refuse(400, "the fake speaks pcm and wav only")
        pieces = self.audio_pieces
        if pieces is None:
            data = self.audio.astype("<i2").tobytes()
            pieces = [data[at:at + 4800] for at in range(0, len(data), 4800)]
        return Response(200, "audio/pcm" if body["response_format"] == "pcm" else "audio/wav", iter(pieces))
