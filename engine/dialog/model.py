"""The protocol of language models: messages and tools in, words and tool calls out, as a stream.

A provider implements ``Model`` in one file and knows nothing of calls, skills or the knowledge base.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants this tool run. ``arguments`` is JSON text as the model wrote it, which may be wrong."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation. ``tool_calls`` only of the assistant; ``tool_call_id`` only of a tool's result.
    """

    role: Literal["system", "user", "assistant", "tool"]
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that the model may call; ``parameters`` is the JSON schema of its arguments (an object)."""

    name: str
    description: str
    parameters: dict[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})


@dataclass(frozen=True, slots=True)
class Words:
    """The next words of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of this answer, told last where the provider tells them."""

    input_tokens: int
    output_tokens: int


ModelPart = Words | ToolCall | Usage
"""A ``ToolCall`` comes whole, when the model has finished writing it."""


@runtime_checkable
class Tunable(Protocol):
    """A model that takes further fields of the chat completions API."""

    def tuned(self, fields: Mapping[str, Any]) -> "Model":
        """The same model, over the same connections, that sends these fields with each request: ``response_format``,
        ``tool_choice``, ``top_p``, ``seed`` ... It is not closed."""


class Model(Protocol):
    """A language model of one provider. Any number of greenlets may stream at once."""

    name: str

    def stream(
        self, messages: Sequence[Message], tools: Sequence[Tool] = (), *, temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> Iterator[ModelPart]:
        """The answer to ``messages``, part by part. Closing the iterator (or killing its greenlet) ends the request
        within 50 ms. Raises ``ProviderFault``: before the first part it may be tried elsewhere, after it not."""

    def warm(self) -> None:
        """Open a connection ahead of the first request. Never raises; returns at once."""

    def close(self) -> None:
        """Close the connections."""
