"""The body of ``POST /v1/chat/completions``, and what of it means what here.

Fields are those of openai-python 3.52 (``types.chat.CompletionCreateParams``). A field that nobody here could honour is
refused by name; one that changes nothing of the answer (``user``, ``metadata`` ...) is taken and not used.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine.compatible.errors import CompatibleError
from engine.dialog.model import Message, Tool, ToolCall

PASSED = ("tool_choice", "parallel_tool_calls", "response_format", "top_p", "seed", "presence_penalty",
          "frequency_penalty", "logit_bias", "reasoning_effort", "verbosity")
"""What goes to the provider as it is."""

MAX_MESSAGES = 2000


class StreamOptions(BaseModel):
    """Of a stream."""

    model_config = ConfigDict(extra="ignore")

    include_usage: bool = False


class ChatBody(BaseModel):
    """A request for a chat completion."""

    model_config = ConfigDict(extra="forbid")

    model: str = Field("auto", max_length=200, description="An agent, PROVIDER, PROVIDER/MODEL, or auto.")
    messages: list[dict[str, Any]] = Field(min_length=1, max_length=MAX_MESSAGES)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    tools: list[dict[str, Any]] | None = Field(None, max_length=128)
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    stop: str | list[str] | None = Field(None)
    n: int | None = 1
    response_format: dict[str, Any] | None = None
    seed: int | None = None
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    logit_bias: dict[str, float] | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    modalities: list[str] | None = None
    audio: Any = None
    user: str | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None

    @field_validator("stop")
    @classmethod
    def _few_stops(cls, stop: str | list[str] | None) -> str | list[str] | None:
        if isinstance(stop, list) and len(stop) > 4:
            raise ValueError("at most 4 stop texts")
        return stop

    @property
    def limit(self) -> int | None:
        """Tokens of the answer at most."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def stops(self) -> list[str]:
        """Texts that end the answer."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def passed(self) -> dict[str, Any]:
        """What goes to the provider as it is, of what was given."""
        found = {name: value for name in PASSED if (value := getattr(self, name)) is not None}
        if found.get("response_format") == {"type": "text"}:
            del found["response_format"]
        return found

    def check(self) -> None:
        """Raises ``CompatibleError`` for what cannot be honoured."""
        if (self.n or 1) != 1:
            raise CompatibleError("unsupported", "n: one answer a request; ask again for another one", "n")
        if self.logprobs or self.top_logprobs:
            raise CompatibleError("unsupported", "logprobs: probabilities of tokens are not told", "logprobs")
        if self.audio or (self.modalities or ["text"]) != ["text"]:
            raise CompatibleError("unsupported", "modalities: answers are text; POST /v1/audio/speech speaks it",
                                  "modalities")
        if self.max_tokens and self.max_completion_tokens:
            raise CompatibleError("invalid", "give max_completion_tokens or max_tokens, not both", "max_tokens")

    def conversation(self) -> list[Message]:
        """The messages. Raises ``CompatibleError`` naming the one at fault."""
        return [_message(plain, f"messages[{number}]") for number, plain in enumerate(self.messages)]

    def offered(self) -> list[Tool]:
        """The tools. Raises ``CompatibleError``."""
        return [_tool(plain, f"tools[{number}]") for number, plain in enumerate(self.tools or ())]


class AnswerMessage(BaseModel):
    """What the model answered."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    refusal: str | None = None
    tool_calls: list[dict[str, Any]] | None = None


class ChatChoice(BaseModel):
    """The one answer that there is."""

    index: int = 0
    message: AnswerMessage
    logprobs: None = None
    finish_reason: Literal["stop", "length", "tool_calls"]


class ChatUsage(BaseModel):
    """Tokens: the provider's count, or an estimate where it tells none."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(BaseModel):
    """A chat completion. ``trunkline``: of an agent's answer: its decision, citations and skills."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: ChatUsage
    trunkline: dict[str, Any] | None = None


def _message(plain: dict[str, Any], where: str) -> Message:
    role = plain.get("role")
    if role == "developer":
        role = "system"
    if role not in ("system", "user", "assistant", "tool"):
        raise CompatibleError("invalid", f"{where}.role: '{role}' is none of system, developer, user, assistant, tool",
                              f"{where}.role")
    text = _text(plain.get("content"), f"{where}.content")
    if role == "tool":
        if not isinstance(plain.get("tool_call_id"), str):
            raise CompatibleError("invalid", f"{where}.tool_call_id: a tool's message needs it",
                                  f"{where}.tool_call_id")
        return Message("tool", text, tool_call_id=plain["tool_call_id"])
    calls = tuple(_call(call, f"{where}.tool_calls[{number}]")
                  for number, call in enumerate(plain.get("tool_calls") or ()))
    if calls and role != "assistant":
        raise CompatibleError("invalid", f"{where}.tool_calls: only an assistant calls tools", f"{where}.tool_calls")
    return Message(role, text, calls)


def _text(content: Any, where: str) -> str:
    """The text of a message, which may come in parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise CompatibleError("invalid", f"{where}: a text, or a list of parts", where)
    texts = []
    for number, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in ("text", "refusal") or not isinstance(part.get(kind), str):
            raise CompatibleError("unsupported", f"{where}[{number}]: parts of type '{kind}' are not understood here; "
                                  "send text", f"{where}[{number}]")
        texts.append(part[kind])
    return "\n".join(texts)


def _call(plain: Any, where: str) -> ToolCall:
    function = plain.get("function") if isinstance(plain, dict) else None
    if not isinstance(function, dict) or not isinstance(plain.get("id"), str):
        raise CompatibleError("invalid", f"{where}: id, and function with name and arguments", where)
    return ToolCall(plain["id"], str(function.get("name") or ""), str(function.get("arguments") or "{}"))


def _tool(plain: dict[str, Any], where: str) -> Tool:
    function = plain.get("function")
    if plain.get("type") != "function" or not isinstance(function, dict) or not function.get("name"):
        raise CompatibleError("unsupported", f"{where}: only tools of type function, with a name, can be offered",
                              where)
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    if not isinstance(parameters, dict):
        raise CompatibleError("invalid", f"{where}.function.parameters: a JSON schema of an object", where)
    return Tool(str(function["name"]), str(function.get("description") or ""), parameters)
