"""The shapes that clients send: items, tools, session configuration, response parameters. Strict: what is not named
here is refused, with its dotted name. Pure.

After OpenAI's Realtime API (GA). Wider than it: ``audio/pcm`` also at 16 and 8 kHz, ``temperature``, a tool's
``strict``.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError

from engine.realtime.errors import Refused

METADATA_PAIRS, METADATA_KEY, METADATA_VALUE = 16, 64, 512


class Shape(BaseModel):
    """Base of all: unknown fields are refused, nothing is converted. ``given()`` is what the client really sent."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def given(self) -> dict[str, Any]:
        """Only the fields that were present, nulls among them."""
        return self.model_dump(exclude_unset=True)


class Open(Shape):
    """A shape whose further fields are none of ours."""

    model_config = ConfigDict(extra="allow", strict=True)


# ---------------------------------------------------------------- audio


class Pcm(Shape):
    """16 bits, little endian, one channel."""

    type: Literal["audio/pcm"]
    rate: Literal[24000, 16000, 8000] = 24000


class MuLaw(Shape):
    """G.711 µ-law at 8 kHz."""

    type: Literal["audio/pcmu"]


class ALaw(Shape):
    """G.711 A-law at 8 kHz."""

    type: Literal["audio/pcma"]


Format = Annotated[Pcm | MuLaw | ALaw, Discriminator("type")]
Modalities = Annotated[list[Literal["text", "audio"]], Field(max_length=1)]
MaxTokens = Annotated[int, Field(ge=1, le=4096)] | Literal["inf"]


class VoiceId(Shape):
    """A voice of one's own."""

    id: str


class ServerVad(Shape):
    """A turn ends after so much silence."""

    type: Literal["server_vad"]
    threshold: float | None = Field(None, ge=0, le=1)
    prefix_padding_ms: int | None = Field(None, ge=0, le=10_000)
    silence_duration_ms: int | None = Field(None, ge=0, le=10_000)
    idle_timeout_ms: int | None = Field(None, ge=1000, le=120_000)
    create_response: bool | None = None
    interrupt_response: bool | None = None


class SemanticVad(Shape):
    """A turn ends when what was said is complete."""

    type: Literal["semantic_vad"]
    eagerness: Literal["low", "medium", "high", "auto"] | None = None
    create_response: bool | None = None
    interrupt_response: bool | None = None


TurnDetection = Annotated[ServerVad | SemanticVad, Discriminator("type")]


class Transcription(Shape):
    """What clients may say of the transcription of their audio."""

    model: str | None = None
    language: str | None = None
    languages: list[str] | None = None
    prompt: str | None = None
    keywords: list[str] | None = None
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class NoiseReduction(Shape):
    """Where the microphone is."""

    type: Literal["near_field", "far_field"] | None = None
    strength: float | None = None


class AudioInput(Shape):
    """``session.audio.input``."""

    format: Format | None = None
    transcription: Transcription | None = None
    noise_reduction: NoiseReduction | None = None
    turn_detection: TurnDetection | None = None


class AudioOutput(Shape):
    """``session.audio.output``."""

    format: Format | None = None
    voice: str | VoiceId | None = None
    speed: float | None = Field(None, ge=0.25, le=1.5)


class Audio(Shape):
    """``session.audio``."""

    input: AudioInput | None = None
    output: AudioOutput | None = None


class TranscriptionAudio(Shape):
    """``session.audio`` of a transcription session: nothing is said."""

    input: AudioInput | None = None


# ---------------------------------------------------------------- tools


class FunctionTool(Shape):
    """A function of the client's; ``parameters`` is a JSON schema."""

    type: Literal["function"]
    name: str = Field(min_length=1, max_length=128)
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class McpTool(Open):
    """A remote MCP server. It is not asked by us: its list of tools fails (``mcp_list_tools.failed``)."""

    type: Literal["mcp"]
    server_label: str


class ChosenFunction(Shape):
    """``tool_choice``: this one."""

    type: Literal["function"]
    name: str


class ChosenMcp(Shape):
    """``tool_choice``: one of this server's."""

    type: Literal["mcp"]
    server_label: str
    name: str | None = None


Tool = Annotated[FunctionTool | McpTool, Discriminator("type")]
ToolChoice = Literal["none", "auto", "required"] | Annotated[ChosenFunction | ChosenMcp, Discriminator("type")]


class Prompt(Open):
    """A prompt that is kept elsewhere."""

    id: str
    version: str | None = None
    variables: dict[str, Any] | None = None


class Reasoning(Shape):
    """How much a model thinks first."""

    effort: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class TokenLimits(Shape):
    """Of ``truncation``."""

    post_instructions: int | None = Field(None, ge=0)


class RetentionRatio(Shape):
    """Which part of the conversation is kept when it grows too long."""

    type: Literal["retention_ratio"]
    retention_ratio: float = Field(ge=0, le=1)
    token_limits: TokenLimits | None = None


class Tracing(Shape):
    """Names for traces."""

    workflow_name: str | None = None
    group_id: str | None = None
    metadata: dict[str, Any] | None = None


Include = list[Literal["item.input_audio_transcription.logprobs"]]


# ---------------------------------------------------------------- session


class Echoed(Shape):
    """What a client may send back as it got it; it changes nothing."""

    id: Any = None
    object: Any = None
    expires_at: Any = None
    client_secret: Any = None


class RealtimeSession(Echoed):
    """``session.update`` of a session that talks."""

    type: Literal["realtime"]
    model: str | None = None
    output_modalities: Modalities | None = None
    instructions: str | None = None
    prompt: Prompt | None = None
    tools: list[Tool] | None = Field(None, max_length=128)
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: MaxTokens | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    truncation: Literal["auto", "disabled"] | RetentionRatio | None = None
    tracing: Literal["auto"] | Tracing | None = None
    include: Include | None = None
    reasoning: Reasoning | None = None
    audio: Audio | None = None


class TranscriptionSession(Echoed):
    """``session.update`` of a session that only writes down."""

    type: Literal["transcription"]
    include: Include | None = None
    audio: TranscriptionAudio | None = None


# ---------------------------------------------------------------- items


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


# ---------------------------------------------------------------- response.create


class ResponseAudioOutput(Shape):
    """``response.audio.output``."""

    format: Format | None = None
    voice: str | VoiceId | None = None


class ResponseAudio(Shape):
    """``response.audio``."""

    output: ResponseAudioOutput | None = None


class ResponseParams(Shape):
    """``response.create``: what holds for this response alone."""

    audio: ResponseAudio | None = None
    conversation: Literal["auto", "none"] | None = None
    input: list[InputItem] | None = None
    instructions: str | None = None
    max_output_tokens: MaxTokens | None = None
    metadata: dict[Annotated[str, Field(max_length=METADATA_KEY)],
                   Annotated[str, Field(max_length=METADATA_VALUE)]] | None = Field(None, max_length=METADATA_PAIRS)
    output_modalities: Modalities | None = None
    parallel_tool_calls: bool | None = None
    prompt: Prompt | None = None
    reasoning: Reasoning | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    tool_choice: ToolChoice | None = None
    tools: list[Tool] | None = Field(None, max_length=128)


# ---------------------------------------------------------------- errors as the protocol has them

S = TypeVar("S", bound=BaseModel)


def taken(shape: type[S], data: Any, prefix: str = "") -> S:  # noqa: ANN401 - anything a client may send
    """``data`` in this shape. ``Refused`` names the first field that is wrong; ``prefix`` is where ``data`` stands."""
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        raise refusal(error, data, prefix) from None


def refusal(error: ValidationError, data: Any, prefix: str = "") -> Refused:  # noqa: ANN401 - anything a client may send
    """The protocol's error for what pydantic found."""
    first = error.errors(include_url=False, include_context=True)[0]
    kind = first["type"]
    path = _path(first["loc"], data, keep_last=kind == "missing")
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        return _of_tag(path, data, prefix)
    param = _dotted(prefix, path)
    if kind == "extra_forbidden":
        return Refused(f"Unknown parameter: '{param}'.", code="unknown_parameter", param=param)
    if kind == "missing":
        return Refused(f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)
    return Refused(f"Invalid value for '{param}': {first['msg']}.", code="invalid_value", param=param)


def _of_tag(path: list[str | int], data: Any, prefix: str) -> Refused:  # noqa: ANN401 - anything a client may send
    """What a union is told apart by is missing or unknown: ``type``, or the ``role`` of a message."""
    node = data
    for part in path:
        node = node[part]
    if not isinstance(node, Mapping):
        param = _dotted(prefix, path)
        return Refused(f"Invalid value for '{param}': an object is expected.", param=param)
    field = "role" if node.get("type") == "message" else "type"
    param = _dotted(prefix, [*path, field])
    if field not in node:
        return Refused(f"Missing required parameter: '{param}'.", code="missing_required_parameter", param=param)
    return Refused(f"Invalid value for '{param}': {str(node[field])[:80]!r} is not known here.", param=param)


def _path(loc: Sequence[str | int], data: Any, keep_last: bool) -> list[str | int]:  # noqa: ANN401 - as above
    """The part of ``loc`` that is in the data: pydantic also names the members of unions."""
    path: list[str | int] = []
    node = data
    for index, part in enumerate(loc):
        inside = isinstance(node, Mapping) and part in node
        inside = inside or (isinstance(node, list) and isinstance(part, int) and part < len(node))
        if inside:
            node = node[part]
            path.append(part)
        elif keep_last and index == len(loc) - 1:
            path.append(part)
    return path


def _dotted(prefix: str, path: Sequence[str | int]) -> str:
    """``input[0].content`` and the like."""
    text = prefix
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text[:200]
