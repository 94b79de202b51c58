"""Options of the providers that think, speak, hear and embed: ``providers:`` maps a free name to a description.

Each kind is a class, added to ``Provider`` at the end; its adapter is made by ``engine/providers.py``; of those
that embed, by ``engine/knowledge/embedding/choose.py``.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from engine.config.base import Options
from engine.config.embeddings import AzureEmbeddingOptions, EmbeddingOptions, OpenAiEmbeddingOptions
from engine.config.services import (
    ANTHROPIC_URL,
    DEEPGRAM_URL,
    ELEVENLABS_URL,
    OPENAI_URL,
    VENDORS,
    EntraOptions,
    Headers,
    ServiceOptions,
    Url,
    check_signed_in,
)
from engine.config.upstream import AzureSpeechToSpeechOptions, OpenAiSpeechToSpeechOptions

AUDIO_RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)
"""What the engine can play."""


def _rate(rate: int) -> int:
    if rate not in AUDIO_RATES_HZ:
        raise ValueError(f"must be one of {', '.join(map(str, AUDIO_RATES_HZ))}")
    return rate


Rate = Annotated[int, AfterValidator(_rate)]


class RemoteOptions(ServiceOptions):
    """What those behind HTTP that think and speak have in common."""

    query: Mapping[str, str] = {}
    """Further parameters of the request's address, for example ``{enable_logging: "false"}`` at ElevenLabs."""

    connect_timeout_s: float = Field(3.0, gt=0)
    """Longest time to open a connection, TLS included."""

    first_byte_timeout_s: float = Field(8.0, gt=0)
    """Longest wait for the first word, call of a tool or sound: then another provider may still save the turn."""

    total_timeout_s: float = Field(60.0, gt=0)
    """Longest wait for the whole answer. Time in which nothing is read, because a long reply waits for the caller to
    hear its beginning, does not count."""

    max_connections: int = Field(100, ge=1)
    """Connections open at once, one a running request. Requests beyond wait, within their deadline."""


# ---------------------------------------------------------------- think


class ChatOptions(RemoteOptions):
    """What all models behind a chat completions API have in common."""

    max_tokens_field: Literal["auto", "max_completion_tokens", "max_tokens"] = "auto"
    """How the answer's limit is called: ``auto`` is ``max_completion_tokens`` at OpenAI and Azure, whose reasoning
    models refuse the old name, and ``max_tokens`` elsewhere, where the new one may be unknown."""

    stream_usage: bool = True
    """Ask for the count of tokens at the end of the stream. Off for servers that refuse ``stream_options``."""


class OpenAiChatOptions(ChatOptions):
    """A model behind the chat completions API: OpenAI, vLLM, Ollama, llama.cpp, LiteLLM proxy."""

    kind: Literal["openai_chat"] = "openai_chat"

    base_url: Url = OPENAI_URL
    """Up to ``/v1``: ``http://127.0.0.1:8000/v1`` for vLLM, ``:11434/v1`` for Ollama, ``:8080/v1`` for llama.cpp."""

    model: str = Field(min_length=1)
    """As the server names it (``GET /v1/models`` lists them)."""


class AzureChatOptions(ChatOptions):
    """A deployment of Azure OpenAI, by key or by Entra token."""

    kind: Literal["azure_chat"] = "azure_chat"

    base_url: Url
    """The resource: ``https://NAME.openai.azure.com``."""

    deployment: str = Field(min_length=1)
    """Name of the deployment, which is not always the model's."""

    api_version: str = ""
    """Of the dated API, for example ``2024-10-21``; empty: the v1 API, which has no dates."""

    entra: EntraOptions = EntraOptions()
    """Signing in with an application's identity instead of a key."""

    @model_validator(mode="after")
    def _signed_in(self) -> "AzureChatOptions":
        check_signed_in(self, self.entra)
        return self


class AnthropicOptions(RemoteOptions):
    """A model behind Anthropic's Messages API."""

    kind: Literal["anthropic"] = "anthropic"

    base_url: Url = ANTHROPIC_URL
    model: str = Field(min_length=1)
    """For example ``claude-haiku-4-5``."""

    max_tokens: int = Field(1024, ge=1)
    """The API wants a limit in every request; this one where the agent gives none."""


# ---------------------------------------------------------------- speak


class VoiceOptions(RemoteOptions):
    """What all voices behind HTTP have in common."""

    total_timeout_s: float = Field(30.0, gt=0)
    """Longest wait for one clause."""

    gain_db: float = Field(0.0, ge=-40, le=40)
    """Louder or softer, so that all voices of an installation are equally loud; about -20 dBFS is usual."""


class OpenAiSpeechOptions(VoiceOptions):
    """A voice behind ``/audio/speech``: OpenAI, Kokoro-FastAPI, speaches, LiteLLM proxy."""

    kind: Literal["openai_speech"] = "openai_speech"

    base_url: Url = OPENAI_URL
    model: str = "gpt-4o-mini-tts"
    voice: str = "alloy"
    instructions: str = ""
    """How to speak, for models that take it."""

    speed: float = Field(1.0, ge=0.25, le=4)
    """1 is not sent, because some models refuse the field."""

    response: Literal["pcm", "wav"] = "pcm"
    """``pcm`` starts earliest; ``wav`` for servers that know no other, and tells its own rate."""

    rate_hz: Rate = 24000
    """Of ``pcm``: 24000 at OpenAI and Kokoro; the answer does not say it."""


class ElevenLabsOptions(VoiceOptions):
    """A voice of ElevenLabs."""

    kind: Literal["elevenlabs"] = "elevenlabs"

    base_url: Url = ELEVENLABS_URL
    voice: str = Field(min_length=1, pattern=r"^[\w-]+$")
    """The voice's id, not its name."""

    model: str = "eleven_flash_v2_5"
    rate_hz: Rate = 16000
    """One that they offer as PCM: 8000, 16000, 22050, 24000, 44100 (from the Pro plan on) or 48000."""

    language: str = ""
    """ISO 639-1 code, for models that take it; empty: from the text."""

    timestamps: bool = True
    """Ask for the times of characters, so that what the caller heard is known to the word."""


class HttpTtsOptions(VoiceOptions):
    """A voice server of the simple sort (Piper, MaryTTS, your own): text in, WAV or PCM out."""

    kind: Literal["http_tts"] = "http_tts"

    base_url: Url
    """The whole address of the request: ``http://127.0.0.1:5000`` for Piper."""

    method: Literal["POST", "GET"] = "POST"
    """POST sends JSON, GET a query."""

    text_field: str = "text"
    voice_field: str = "voice"
    voice: str = ""
    """Empty: not sent; the server's own choice."""

    response: Literal["wav", "pcm"] = "wav"
    """``pcm`` is 16-bit signed little-endian mono without a header."""

    rate_hz: Rate = 22050
    """Of ``pcm``; a WAV tells its own."""


# ---------------------------------------------------------------- hear


class RecogniserOptions(Options):
    """What all recognisers have in common."""

    final_timeout_s: float = Field(1.5, gt=0)
    """Longest wait for a final transcript after the caller's voice stopped; then it is empty, and a fault is told."""


class RemoteRecogniserOptions(RecogniserOptions, ServiceOptions):
    """What recognisers behind the network have in common. The call's language and the words of its collection are
    sent along."""

    connect_timeout_s: float = Field(3.0, gt=0)
    """Longest time to open a connection, TLS included."""


class OpenAiBatchOptions(RemoteRecogniserOptions):
    """A recogniser behind ``/audio/transcriptions``: OpenAI, speaches, whisper.cpp's server, LiteLLM proxy. Each
    stretch of voice is one request, sent when the voice seems to end."""

    kind: Literal["openai_batch"] = "openai_batch"

    base_url: Url = OPENAI_URL
    model: str = "whisper-1"
    response_format: Literal["json", "verbose_json"] = "json"
    """``verbose_json`` gives language and confidence, where the server knows it."""

    upload: Literal["wav", "raw"] = "wav"
    logprobs: bool = False
    """Ask for confidence where only ``json`` is known (gpt-4o models)."""

    total_timeout_s: float = Field(10.0, gt=0)
    """Longest time of one request."""

    final_timeout_s: float = Field(3.0, gt=0)
    """Longer than for those that hear while the caller speaks."""

    max_connections: int = Field(100, ge=1)


class LiveRecogniserOptions(RemoteRecogniserOptions):
    """What recognisers on a WebSocket a call have in common."""

    ping_s: float = Field(2.0, gt=0)
    """How often it is looked whether the connection lives."""

    spares: int = Field(1, ge=0, le=8)
    """Connections that are open beforehand, for the next call and for one that is lost."""


class OpenAiRealtimeOptions(LiveRecogniserOptions):
    """A transcription session of the OpenAI Realtime API."""

    kind: Literal["openai_realtime"] = "openai_realtime"

    base_url: Url = OPENAI_URL
    model: str = "gpt-live-transcribe"
    noise_reduction: Literal["", "near_field", "far_field"] = ""
    logprobs: bool = False
    """Ask for confidence, where the model has it."""


class DeepgramOptions(LiveRecogniserOptions):
    """A live socket of Deepgram."""

    kind: Literal["deepgram"] = "deepgram"

    base_url: Url = DEEPGRAM_URL
    model: str = "nova-3"
    final_timeout_s: float = Field(1.2, gt=0)


class LocalRecogniserOptions(RecogniserOptions):
    """A recogniser of this machine, with a model that you put into ``models/`` (``models/README.md``)."""

    kind: Literal["whisper", "vosk", "sherpa"]

    model: str = ""
    """Name of the folder in ``models/``; empty: that of the kind."""

    workers: int = Field(1, ge=1, le=64)
    """Processes; each loads the model and decodes one piece of audio at a time."""

    threads: int = Field(2, ge=1, le=64)
    """Threads of each of them."""

    final_timeout_s: float = Field(5.0, gt=0)


Provider = Annotated[
    OpenAiChatOptions | AzureChatOptions | AnthropicOptions
    | OpenAiSpeechOptions | ElevenLabsOptions | HttpTtsOptions
    | OpenAiBatchOptions | OpenAiRealtimeOptions | DeepgramOptions | LocalRecogniserOptions
    | OpenAiSpeechToSpeechOptions | AzureSpeechToSpeechOptions
    | OpenAiEmbeddingOptions | AzureEmbeddingOptions,
    Field(discriminator="kind"),
]  # fmt: skip
"""One of the kinds, told apart by ``kind``."""

__all__ = [
    "ANTHROPIC_URL", "AUDIO_RATES_HZ", "DEEPGRAM_URL", "ELEVENLABS_URL", "OPENAI_URL", "VENDORS", "AnthropicOptions",
    "AzureChatOptions", "AzureEmbeddingOptions", "ChatOptions", "DeepgramOptions", "ElevenLabsOptions",
    "EmbeddingOptions", "EntraOptions", "Headers", "HttpTtsOptions", "LiveRecogniserOptions", "LocalRecogniserOptions",
    "OpenAiBatchOptions", "OpenAiChatOptions", "OpenAiEmbeddingOptions", "OpenAiRealtimeOptions",
    "OpenAiSpeechOptions", "Provider", "Rate", "RecogniserOptions", "RemoteOptions", "RemoteRecogniserOptions",
    "ServiceOptions", "Url", "VoiceOptions",
]  # fmt: skip
