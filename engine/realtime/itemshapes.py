"""The shapes of conversation items as clients send them. Pure."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from engine.realtime.shape import Open, Shape


class InputText(Shape):
    """Words."""

    type: Literal["input_text"]
    text: str


class InputAudio(Shape):
    """Speech; ``audio`` is base64 in the session's input format."""

    type: Literal["input_audio"]
    audio: str | None = None
    transcript: str | None = None


class InputImage(Shape):
    """A picture, as a data URL."""

    type: Literal["input_image"]
    image_url: str
    detail: Literal["auto", "low", "high"] | None = None


class OutputText(Open):
    """Words of the agent."""

    type: Literal["output_text"]
    text: str


class OutputAudio(Open):
    """Speech of the agent."""

    type: Literal["output_audio"]
    audio: str | None = None
    transcript: str | None = None


class ItemShape(Shape):
    """What every item may have."""

    id: str | None = Field(None, min_length=1, max_length=64)
    object: Literal["realtime.item"] | None = None
    status: Literal["completed", "incomplete", "in_progress"] | None = None


class UserMessage(ItemShape):
    """What the caller says or writes."""

    type: Literal["message"]
    role: Literal["user"]
    content: list[Annotated[InputText | InputAudio | InputImage, Discriminator("type")]] = Field(min_length=1)


class SystemMessage(ItemShape):
    """A note for the model."""

    type: Literal["message"]
    role: Literal["system"]
    content: list[InputText] = Field(min_length=1)


class AssistantMessage(ItemShape):
    """What the agent has said, as told by the client."""

    type: Literal["message"]
    role: Literal["assistant"]
    content: list[Annotated[OutputText | OutputAudio, Discriminator("type")]]


class FunctionCall(ItemShape):
    """A call of a function of the client's."""

    type: Literal["function_call"]
    name: str
    arguments: str
    call_id: str | None = None


class FunctionCallOutput(ItemShape):
    """Its result."""

    type: Literal["function_call_output"]
    call_id: str
    output: str


class McpItem(Open):
    """Items of MCP: kept and given back, no more."""

    type: Literal["mcp_call", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response"]
    id: str | None = Field(None, min_length=1, max_length=64)


class ItemReference(Shape):
    """An item of the conversation, in the input of a response."""

    type: Literal["item_reference"]
    id: str


_KINDS = {"function_call": "function_call", "function_call_output": "function_call_output", "mcp_call": "mcp",
          "mcp_list_tools": "mcp", "mcp_approval_request": "mcp", "mcp_approval_response": "mcp",
          "item_reference": "reference"}
_ROLES = {"user": "user", "system": "system", "assistant": "assistant"}


def _kind(item: Any) -> str | None:  # noqa: ANN401 - anything a client may send
    """Which shape an item has, by its type and role."""
    if not isinstance(item, Mapping):
        return None
    kind = item.get("type")
    if kind == "message":
        return _ROLES.get(str(item.get("role")))
    return _KINDS.get(str(kind))


Item = Annotated[
    Annotated[UserMessage, Tag("user")] | Annotated[SystemMessage, Tag("system")]
    | Annotated[AssistantMessage, Tag("assistant")] | Annotated[FunctionCall, Tag("function_call")]
    | Annotated[FunctionCallOutput, Tag("function_call_output")] | Annotated[McpItem, Tag("mcp")],
    Discriminator(_kind),
]
InputItem = Annotated[
    Annotated[UserMessage, Tag("user")] | Annotated[SystemMessage, Tag("system")]
    | Annotated[AssistantMessage, Tag("assistant")] | Annotated[FunctionCall, Tag("function_call")]
    | Annotated[FunctionCallOutput, Tag("function_call_output")] | Annotated[McpItem, Tag("mcp")]
    | Annotated[ItemReference, Tag("reference")],
    Discriminator(_kind),
]
