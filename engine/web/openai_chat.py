"""``POST /v1/chat/completions``."""

import time
from collections.abc import Iterator
from contextlib import closing

from engine.compatible.chat import ChatRun
from engine.compatible.chat_answer import Chunks, completion
from engine.compatible.chat_body import ChatBody, ChatCompletion
from engine.dialog.model import ToolCall, Words
from engine.service import Engine
from engine.web.faults import begun, casting_of, data_event, telling, told_in_stream
from engine.web.route import Answer, Asked, Route

MAX_BYTES = 4 << 20
"""Of a body: a long conversation with its tools."""


def routes(engine: Engine) -> list[Route]:
    """Chat completions by agents, providers and the router."""

    def complete(asked: Asked) -> ChatCompletion | Answer:
        body: ChatBody = asked.body
        run, created = ChatRun(casting_of(engine), body), int(time.time())
        if not body.stream:
            parts = list(run)
            return completion(run.id, created, run.model, parts, run.finish, run.usage, run.about)
        parts_on_their_way = begun(iter(run))
        chunks = Chunks(run.id, created, bool(body.stream_options and body.stream_options.include_usage))
        return Answer(told_in_stream(_stream(run, parts_on_their_way, chunks), asked.request_id), "text/event-stream",
                      {"X-Accel-Buffering": "no"})

    return [Route("POST", "/v1/chat/completions", telling(complete), "A chat completion, whole or as a stream.\n"
                  "By an agent with its skills and knowledge, a provider, or whom the router chooses.",
                  scope="ai", body=ChatBody, answer=ChatCompletion, produces=("text/event-stream",),
                  max_bytes=MAX_BYTES)]


def _stream(run: ChatRun, parts: Iterator[Words | ToolCall], chunks: Chunks) -> Iterator[bytes]:
    with closing(parts):  # type: ignore[type-var]
        yield data_event(chunks.first(run.model))
        for part in parts:
            yield data_event(chunks.part(run.model, part))
    for chunk in chunks.last(run.model, run.finish, run.usage, run.about):
        yield data_event(chunk)
    yield data_event("[DONE]")
