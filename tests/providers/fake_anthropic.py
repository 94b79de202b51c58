"""Anthropic's Messages API as a strict fake. Events and refusals as in its API reference and its page on errors."""

from tests.providers.fake_http import FakeHttp, Refused, Request, Response, error, events

KEY = "anthropic-test-key"
FIELDS = {"model", "messages", "system", "tools", "tool_choice", "stream", "max_tokens", "temperature", "top_p",
          "stop_sequences", "metadata", "thinking"}  # fmt: skip


def refuse(status: int, message: str, type_: str = "invalid_request_error"):
    raise Refused(error(status, {"type": "error", "error": {"type": type_, "message": message}}))


class FakeAnthropic(FakeHttp):
    """``script``: texts, ``("thinking", text)``, ``("tool", id, name, [fragments])`` or an event as a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.script: list[object] = ["Hello", " there", "."]
        self.stop_reason = "end_turn"
        self.stops = True

    def answer(self, request: Request) -> Response:
        if request.headers.get("x-api-key") != KEY:
            refuse(401, "invalid x-api-key", "authentication_error")
        if request.headers.get("anthropic-version") != "2023-06-01":
            refuse(400, "anthropic-version: header is required")
        if (request.method, request.path) != ("POST", "/v1/messages"):
            refuse(404, "Not found", "not_found_error")
        body = request.json
        for field in sorted(set(body) - FIELDS):
            refuse(400, f"{field}: Extra inputs are not permitted")
        if body["model"] != "claude-test":
            refuse(404, f"model: {body['model']}", "not_found_error")
        if not isinstance(body.get("max_tokens"), int):
            refuse(400, "max_tokens: Field required")
        for block in body.get("system", ()):
            if set(block) - {"type", "text", "cache_control"} or not block["text"]:
                refuse(400, "system: text content blocks must be non-empty")
            if block.get("cache_control", {"type": "ephemeral"}) != {"type": "ephemeral"}:
                refuse(400, "system.0.cache_control: invalid")
        self._check(body["messages"])
        for tool in body.get("tools", ()):
            if tool["input_schema"]["type"] != "object" or "parameters" in tool:
                refuse(400, "tools.0.input_schema: invalid")
        return Response(200, "text/event-stream; charset=utf-8", self._events())

    @staticmethod
    def _check(messages: list[dict]) -> None:
        if not messages or messages[0]["role"] != "user":
            refuse(400, "messages: first message must use the \"user\" role")
        asked: set[str] = set()
        for number, message in enumerate(messages):
            if message["role"] != ("assistant" if number % 2 else "user"):
                refuse(400, "messages: roles must alternate between \"user\" and \"assistant\"")
            results = {block["tool_use_id"] for block in message["content"] if block["type"] == "tool_result"}
            if results != asked:
                refuse(400, "tool_use ids were found without tool_result blocks immediately after")
            asked = set()
            for block in message["content"]:
                if block["type"] == "text" and not block["text"].strip():
                    refuse(400, "messages: text content blocks must be non-empty")
                if block["type"] == "tool_use":
                    if not isinstance(block["input"], dict):
                        refuse(400, "tool_use.input: Input should be a valid dictionary")
                    asked.add(block["id"])

    def _events(self):
        def send(**event):
            return events(event, named=True)

        yield from send(type="message_start", message={
            "id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": "claude-test",
            "stop_reason": None, "usage": {"input_tokens": 5, "cache_read_input_tokens": 20, "output_tokens": 1}})
        yield from send(type="ping")
        for index, part in enumerate(self.script):
            if isinstance(part, bytes):
                yield part
                continue
            if isinstance(part, dict):
                yield from send(**part)
                if part["type"] == "error":
                    return
                continue
            if isinstance(part, tuple) and part[0] == "tool":
                block = {"type": "tool_use", "id": part[1], "name": part[2], "input": {}}
                deltas = [{"type": "input_json_delta", "partial_json": text} for text in part[3]]
            elif isinstance(part, tuple):
                block, deltas = {"type": "thinking", "thinking": ""}, [{"type": "thinking_delta", "thinking": part[1]}]
            else:
                block, deltas = {"type": "text", "text": ""}, [{"type": "text_delta", "text": part}]
            yield from send(type="content_block_start", index=index, content_block=block)
            for delta in deltas:
                yield from send(type="content_block_delta", index=index, delta=delta)
            yield from send(type="content_block_stop", index=index)
        yield from send(type="message_delta", delta={"stop_reason": self.stop_reason}, usage={"output_tokens": 9})
        if self.stops:
            yield from send(type="message_stop")


