"""The shapes that clients send: tools, session configuration, response parameters. Strict: what is not named here
is refused, with its dotted name. Pure.

After OpenAI's Realtime API (GA). Wider than it: ``audio/pcm`` also at 16 and 8 kHz, ``temperature``, ``strict`` of a
tool.
"""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field

from engine.realtime.itemshapes import InputItem
from engine.realtime.shape import Open, Shape

METADATA_PAIRS, METADATA_KEY, METADATA_VALUE = 16, 64, 512


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
    model_version: str | None = None
    create_response: bool | None = None
    interrupt_response: bool | None = None


class SemanticVad(Shape):
    """A turn ends when what was said is complete."""

    type: Literal["semantic_vad"]
    eagerness: Literal["low", "medium", "high", "auto"] | None = None
    model_version: str | None = None
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
