"""Chat completions: an agent with its skills and knowledge, a provider, or whom the router chooses.

    run = ChatRun(casting, body)
    for part in run: ...          # Words and ToolCalls, already cut at stop texts
    run.finish, run.usage, run.model
"""

from collections.abc import Iterator, Mapping
from contextlib import closing
from time import monotonic
from typing import Any, Literal
from uuid import uuid4

import gevent

from engine.agents.agent import Agent
from engine.casting import Casting
from engine.compatible.chat_body import ChatBody
from engine.compatible.errors import CompatibleError
from engine.compatible.names import Direct, Names
from engine.compatible.stopping import StopCutter
from engine.dialog.model import Model, ModelPart, ToolCall, Tunable, Usage, Words
from engine.errors import ProviderFault
from engine.language.tokens import tokens
from engine.routing.routed import RoutedModel
from engine.routing.router import CallRoute
from engine.written.talk import Talk, Turn

Finish = Literal["stop", "length", "tool_calls"]

CHARACTERS_A_TOKEN = 4


class ChatRun:
    """One request. ``finish``, ``usage`` and ``about`` hold when it has ended; ``model`` is who answers, as far as that
    is known."""

    def __init__(self, casting: Casting, body: ChatBody) -> None:
        """Nothing is asked yet. Raises ``CompatibleError`` for what cannot be served, ``TrunklineError`` for an agent
        or a provider that cannot be had."""
        body.check()
        self.id = f"chatcmpl-{uuid4().hex}"
        self.finish: Finish = "stop"
        self.usage = Usage(0, 0)
        self.about: dict[str, Any] | None = None
        self._body = body
        self._answer_s = casting.config.compatible.answer_s
        self._messages = body.conversation()
        self._cutter = StopCutter(body.stops)
        self._turn: Turn | None = None
        self._model: Model | None = None
        who = Names(casting).thinks(body.model)
        if isinstance(who, Agent):
            self._turn = self._ask_agent(casting, who)
        else:
            self._model = _model_of(casting, who, body.passed)

    @property
    def model(self) -> str:
        """Who answers: an agent's name, ``PROVIDER/MODEL``, or a provider's name."""
        return self._turn.talk.agent.name if self._turn else self._model.name if self._model else self._body.model

    def __iter__(self) -> Iterator[Words | ToolCall]:
        """The answer, part by part. Closing it cancels. Raises ``TrunklineError``: before the first part, or where the
        answer broke off."""
        parts = self._of_agent(self._turn) if self._turn else self._of_model()
        written, usage, called = 0, None, False
        late = ProviderFault(self.model, "timeout", f"the answer took longer than {self._answer_s:g} s")
        deadline = monotonic() + self._answer_s
        try:
            with closing(parts):  # type: ignore[type-var]
                while not self._cutter.over:
                    with gevent.Timeout(max(0.01, deadline - monotonic()), late):
                        part = next(parts, None)
                    if part is None:
                        break
                    if isinstance(part, Usage):
                        usage = part
                    elif isinstance(part, ToolCall):
                        called, written = True, written + len(part.arguments)
                        yield part
                    elif text := self._cutter.feed(part.text):
                        written += len(text)
                        yield Words(text)
            if rest := self._cutter.flush():
                written += len(rest)
                yield Words(rest)
        finally:
            self.usage = usage or Usage(sum(tokens(message.text) for message in self._messages),
                                        written // CHARACTERS_A_TOKEN)
            self._turn_over()
        limit = self._body.limit
        too_long = self._cutter.cut or (limit is not None and usage is not None and usage.output_tokens >= limit)
        self.finish = "tool_calls" if called else "length" if too_long and not called else "stop"

    # ------------------------------------------------------------ a model

    def _of_model(self) -> Iterator[ModelPart]:
        assert self._model is not None
        body = self._body
        return self._model.stream(self._messages, body.offered(), temperature=body.temperature, max_tokens=body.limit)

    # ------------------------------------------------------------ an agent

    def _ask_agent(self, casting: Casting, agent: Agent) -> Turn:
        body = self._body
        refused = next((name for name in ("tools", *body.passed) if getattr(body, name)), None)
        if refused:
            raise CompatibleError("unsupported", f"{refused}: the agent {agent.name} has its own skills and manner; "
                                  "leave it out, or name a provider in model", refused)
        history: list[tuple[str, str]] = []
        more: list[str] = []
        for number, message in enumerate(self._messages):
            if message.role == "tool" or message.tool_calls:
                raise CompatibleError("unsupported", f"messages[{number}]: an agent runs its skills itself, it takes "
                                      "no results of tools", f"messages[{number}]")
            if message.role == "system":
                more.append(message.text)
            else:
                history.append(("user" if message.role == "user" else "agent", message.text))
        if not history or history[-1][0] != "user" or not history[-1][1].strip():
            raise CompatibleError("invalid", "messages: the last one must be the user's question", "messages")
        limits = {name: value for name, value in (("temperature", body.temperature), ("max_tokens", body.limit))
                  if value is not None}
        if agent.options.model is None and body.limit:
            self._cutter = StopCutter(body.stops, body.limit * CHARACTERS_A_TOKEN)
        talk = Talk(casting, agent, self.id, agent.language, history=history[:-1], more="\n\n".join(more),
                    limits=limits, turn_s=self._answer_s)
        return talk.turn(history[-1][1])

    def _of_agent(self, turn: Turn) -> Iterator[ModelPart]:
        for text in turn:
            yield Words(text)

    def _turn_over(self) -> None:
        if self._turn is None:
            return
        reply = self._turn.reply.as_dict()
        self.about = {name: reply[name] for name in ("decision", "confidence", "language", "citations", "tool_calls")}
        self._turn.talk.close()


def _model_of(casting: Casting, who: CallRoute | Direct, fields: Mapping[str, Any]) -> Model:
    """The model that is asked, with the fields that are passed on."""
    if isinstance(who, CallRoute):
        return RoutedModel(who, (lambda model: tuned(model, fields)) if fields else None)
    return tuned(casting.model(who.provider, who.model), fields)


def tuned(model: Model, fields: Mapping[str, Any]) -> Model:
    """``model`` with further fields. Raises ``ProviderFault`` where it takes none."""
    if not fields:
        return model
    if not isinstance(model, Tunable):
        raise ProviderFault(model.name, "refused", f"it does not know {', '.join(fields)}; leave it out, or name "
                            "another provider in model")
    return model.tuned(fields)


