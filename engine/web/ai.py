"""``POST /ai/process``: conversations in writing with the agents."""

from collections.abc import Callable, Iterator
from contextlib import closing
from secrets import token_hex
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.errors import TrunklineError
from engine.service import Engine
from engine.web.errors import ApiError
from engine.web.faults import begun, casting_of, refusal, telling
from engine.web.route import Answer, Asked, Route
from engine.web.sse import Event, events
from engine.written.record import Record
from engine.written.talk import Turn
from engine.written.talks import Recorder, Talks

MAX_KEY = 200


class AiBody(BaseModel):
    """What somebody wrote."""

    model_config = ConfigDict(extra="forbid")

    user_input: str = Field(min_length=1, max_length=8000)
    language: str | None = Field(None, max_length=20, description="ISO 639-1; found out where it is not given.")
    session_id: str | None = Field(None, max_length=128, description="Of the answer before, to go on; any other begins "
                                                                     "a conversation under that id.")
    dialect: str | None = Field(None, max_length=40)
    region: str | None = Field(None, max_length=80)
    stream: bool = Field(False, description="Answer as server-sent events: delta, done, error.")
    agent: str | None = Field(None, max_length=80, description="Who answers a new conversation; else the default "
                                                               "agent, or one that speaks the language.")


class AiAnswer(BaseModel):
    """What the agent answered."""

    response: str
    language: str
    dialect: str | None
    confidence: float | None = Field(description="Of the passage behind the answer; null where a model answered by "
                                                 "itself.")
    provider: str
    model: str
    latency_ms: float
    cost: float
    session_id: str
    citations: list[dict[str, Any]]
    tool_calls: list[dict[str, Any]]
    agent: str
    decision: str
    ended: bool = Field(description="The agent took its leave.")


def routes(engine: Engine) -> list[Route]:
    """One turn, and the end of a conversation."""
    options = engine.config.writing
    talks = Talks(options, engine.config.compatible.answer_s, recorder=recorder_of(engine) if options.record else None)
    engine.closing.append(talks.close)

    def process(asked: Asked) -> AiAnswer | Answer:
        body: AiBody = asked.body
        text = body.user_input.strip()
        if not text:
            raise ApiError(422, "invalid_value", "user_input: there is nothing in it", "user_input")
        turn = talks.turn(
            casting_of(engine), _owner(asked), text, session_id=body.session_id or "", agent=body.agent or "",
            language=(body.language or "").lower().partition("-")[0], dialect=body.dialect or "",
            region=body.region or "", again=_again(asked), caller=asked.remote)
        if body.stream:
            return events(_events(turn, begun(iter(turn)), asked.request_id))
        for _ in turn:
            pass
        return AiAnswer(**turn.reply.as_dict())

    def end(asked: Asked) -> None:
        if not talks.end(_owner(asked), asked.path["session_id"]):
            raise ApiError(404, "session_not_found", f"there is no conversation {asked.path['session_id']}",
                           "session_id")

    return [
        Route("POST", "/ai/process", telling(process), "The agent's answer to what somebody wrote.\n"
              "Conversations are remembered by session_id. A request that is sent again with the same Idempotency-Key "
              "gets the answer of the first.", scope="talk", body=AiBody, answer=AiAnswer,
              produces=("text/event-stream",)),
        Route("DELETE", "/ai/sessions/<session_id>", telling(end), "Forget a conversation in writing.", scope="talk",
              status=204),
    ]


def recorder_of(engine: Engine) -> Recorder:
    """Records that are live calls of the engine. Two keys may have conversations of the same name: the second one has
    another id among the sessions."""

    def begin(talk_id: str, caller: str, end: Callable[[str], None]) -> Record:
        session_id = f"{talk_id}-{token_hex(4)}" if talk_id in engine.live else talk_id
        return Record(engine.surroundings, session_id, caller, end)

    return begin


def _owner(asked: Asked) -> str:
    return asked.key.name if asked.key else ""


def _again(asked: Asked) -> str:
    given = asked.headers.get("Idempotency-Key", "")
    if len(given) > MAX_KEY:
        raise ApiError(400, "invalid_value", f"Idempotency-Key: at most {MAX_KEY} characters", "Idempotency-Key")
    return given


def _events(turn: Turn, words: Iterator[str], request_id: str) -> Iterator[Event]:
    number = 0
    try:
        with closing(words):  # type: ignore[type-var]
            for number, text in enumerate(words, 1):
                yield str(number), "delta", {"text": text}
    except TrunklineError as fault:
        yield str(number + 1), "error", refusal(fault).body(request_id)
        return
    yield str(number + 1), "done", AiAnswer(**turn.reply.as_dict())
