"""Options of the providers that think, speak, hear and embed: ``providers:`` maps a free name to a description.

Each kind is a class here, added to ``Provider`` at the end; its adapter is made by ``engine/providers.py``.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from engine.config.base import Options

OPENAI_URL = "https://api.openai.com/v1"
ANTHROPIC_URL = "https://api.anthropic.com"
ELEVENLABS_URL = "https://api.elevenlabs.io"
DEEPGRAM_URL = "https://api.deepgram.com"

VENDORS = (OPENAI_URL, ANTHROPIC_URL, ELEVENLABS_URL, DEEPGRAM_URL)
"""These answer nobody without a key; a key is never sent to other hosts unless the operator wrote it there."""


def web_address(text: str) -> str:
    """``text`` without a slash at its end. Raises ``ValueError`` where it is no web address."""
    if not text.startswith(("http://", "https://")) or not re.fullmatch(r"[!-~]+", text):
        raise ValueError("must be an address that begins with http:// or https://, in ASCII, without spaces")
    parts = urlsplit(text)
    if not parts.hostname or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("must have a host, and no user, ? or #")
    if parts.port == 0:  # asking for it checks it, too
        raise ValueError("has no port 0")
    return text.rstrip("/")


def _header_fields(headers: Mapping[str, str]) -> Mapping[str, str]:
    for name, value in headers.items():
        if not re.fullmatch(r"[A-Za-z0-9-]+", name) or not re.fullmatch(r"[ -~]*", value):
            raise ValueError("must have names of letters, digits and -, and values in printable ASCII")
    return headers


Url = Annotated[str, AfterValidator(web_address)]
Headers = Annotated[Mapping[str, str], AfterValidator(_header_fields)]


AUDIO_RATES_HZ = (8000, 11025, 16000, 22050, 24000, 44100, 48000)
"""What the engine can play."""


def _rate(rate: int) -> int:
    if rate not in AUDIO_RATES_HZ:
        raise ValueError(f"must be one of {', '.join(map(str, AUDIO_RATES_HZ))}")
    return rate


Rate = Annotated[int, AfterValidator(_rate)]


class ServiceOptions(Options):
    """What all providers behind the network have in common."""

    base_url: Url
    """Where the service is, up to and without the path of the request."""

    api_key: str = ""
    """The key itself. Better is ``api_key_env``, which keeps it out of the file."""

    api_key_env: str = ""
    """Name of the environment variable that holds the key. There is no default, so that no key goes to a server that it
    was not meant for."""

    headers: Headers = {}
    """Further request headers, for gateways that want some."""

    extra: Mapping[str, Any] = {}
    """Further fields of the request, as the service names them; they win over the adapter's own."""

    @model_validator(mode="after")
    def _one_key(self) -> "ServiceOptions":
        if self.api_key and self.api_key_env:
            raise ValueError("give api_key or api_key_env, not both")
        if self.base_url in VENDORS and not (self.api_key or self.api_key_env):
            raise ValueError(f"{self.base_url} wants a key: give api_key_env, the name of the variable that holds it")
        return self


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


class EntraOptions(Options):
    """Signing in to Azure with an application's identity (OAuth client credentials) instead of a key."""

    tenant_id: str = ""
    """Directory (tenant) of the application; empty: no Entra, the key is used."""

    client_id: str = ""
    """The application."""

    client_secret: str = ""
    """Its secret. Better is ``client_secret_env``."""

    client_secret_env: str = ""
    """Name of the environment variable that holds the secret."""

    token_url: Url = "https://login.microsoftonline.com/{tenant_id}/oauth2/v2.0/token"
    """Where tokens come from; national clouds have others."""

    scope: str = "https://cognitiveservices.azure.com/.default"
    """What the token is for."""

    refresh_before_s: float = Field(300.0, ge=0)
    """So long before it expires a token is renewed, while calls go on with the old one."""

    @model_validator(mode="after")
    def _whole(self) -> "EntraOptions":
        if self.tenant_id and not (self.client_id and (self.client_secret or self.client_secret_env)):
            raise ValueError("tenant_id needs client_id and client_secret_env as well")
        return self


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
        _check_signed_in(self)
        return self


def _check_signed_in(options: "AzureChatOptions | AzureEmbeddingOptions") -> None:
    if bool(options.api_key or options.api_key_env) == bool(options.entra.tenant_id):
        raise ValueError("give either a key (api_key_env) or entra, one of the two")


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


# ---------------------------------------------------------------- embed


class EmbeddingOptions(ServiceOptions):
    """What all embedding models behind HTTP have in common: texts to vectors, for the knowledge base."""

    dimensions: int = Field(0, ge=0, le=65536)
    """Length of the vectors, for models that can be asked for it; 0: not sent, the model's own."""

    encoding: Literal["float", "base64"] = "float"
    """What is asked for; both are understood. ``base64`` is a quarter of the bytes; not every server knows it."""

    question_prefix: str = ""
    """What the model wants in front of a question, for example ``"query: "`` for e5."""

    passage_prefix: str = ""
    """What it wants in front of a passage, for example ``"passage: "``."""

    sentences: bool = False
    """Vectors of the sentences of each passage, too: surer answers, for five to ten times the texts."""

    batch_texts: int = Field(256, ge=1, le=2048)
    """Texts of one request, at most."""

    batch_chars: int = Field(100_000, ge=1000)
    """Characters of one request, at most."""

    text_chars: int = Field(8000, ge=100)
    """A longer text is cut: models refuse what is too long for them, OpenAI's 8192 tokens."""

    query: Mapping[str, str] = {}
    """Further parameters of the request's address."""

    connect_timeout_s: float = Field(3.0, gt=0)
    """Longest time to open a connection, TLS included."""

    question_timeout_s: float = Field(1.5, gt=0)
    """Longest wait for the vector of a caller's question; without it, keywords answer."""

    rest_s: float = Field(15.0, gt=0)
    """After a question that failed, the endpoint is left alone so long and keywords answer at once; twice as long each
    time it fails again, up to five minutes."""

    total_timeout_s: float = Field(60.0, gt=0)
    """Longest time of one request while ingesting."""

    attempts: int = Field(5, ge=1, le=20)
    """How often a request is tried while ingesting. It waits as long as the service says, else one second, then two,
    four and so on."""

    max_connections: int = Field(16, ge=1)
    """Connections open at once. Requests beyond wait, within their deadline."""


class OpenAiEmbeddingOptions(EmbeddingOptions):
    """A model behind ``/embeddings``: OpenAI, vLLM, Ollama, llama.cpp, LiteLLM proxy."""

    kind: Literal["openai_embeddings"] = "openai_embeddings"

    base_url: Url = OPENAI_URL
    """Up to ``/v1``: ``http://127.0.0.1:8000/v1`` for vLLM, ``:11434/v1`` for Ollama, ``:8080/v1`` for llama.cpp."""

    model: str = Field(min_length=1)
    """As the server names it."""


class AzureEmbeddingOptions(EmbeddingOptions):
    """A deployment of an embedding model in Azure OpenAI, by key or by Entra token."""

    kind: Literal["azure_embeddings"] = "azure_embeddings"

    base_url: Url
    """The resource: ``https://NAME.openai.azure.com``."""

    deployment: str = Field(min_length=1)
    """Name of the deployment, which is not always the model's."""

    api_version: str = ""
    """Of the dated API, for example ``2024-10-21``; empty: the v1 API, which has no dates."""

    entra: EntraOptions = EntraOptions()
    """Signing in with an application's identity instead of a key."""

    @model_validator(mode="after")
    def _signed_in(self) -> "AzureEmbeddingOptions":
        _check_signed_in(self)
        return self


Provider = Annotated[
    OpenAiChatOptions | AzureChatOptions | AnthropicOptions
    | OpenAiSpeechOptions | ElevenLabsOptions | HttpTtsOptions
    | OpenAiBatchOptions | OpenAiRealtimeOptions | DeepgramOptions | LocalRecogniserOptions
    | OpenAiEmbeddingOptions | AzureEmbeddingOptions,
    Field(discriminator="kind"),
]  # fmt: skip
"""One of the kinds, told apart by ``kind``."""
