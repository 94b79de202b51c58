"""Options of speech-to-speech models behind the OpenAI Realtime API: who they are, and how the engine stands before
them."""

from typing import Literal

from pydantic import Field, model_validator

from engine.config.base import Options
from engine.config.services import OPENAI_URL, EntraOptions, ServiceOptions, Url, check_signed_in


class SpeechToSpeechOptions(ServiceOptions):
    """What models that hear and speak by themselves have in common."""

    connect_timeout_s: float = Field(5.0, gt=0)
    """Longest time to open a connection, TLS included."""


class OpenAiSpeechToSpeechOptions(SpeechToSpeechOptions):
    """A speech-to-speech model behind the OpenAI Realtime API: OpenAI, or a server that speaks its protocol (GA)."""

    kind: Literal["openai_speech_to_speech"] = "openai_speech_to_speech"

    base_url: Url = OPENAI_URL
    """Up to ``/v1``."""

    model: str = Field("gpt-realtime", min_length=1)


class AzureSpeechToSpeechOptions(SpeechToSpeechOptions):
    """A deployment of a speech-to-speech model at Azure OpenAI, by key or by Entra token."""

    kind: Literal["azure_speech_to_speech"] = "azure_speech_to_speech"

    base_url: Url
    """The resource: ``https://NAME.openai.azure.com``."""

    deployment: str = Field(min_length=1)
    """Name of the deployment, which is not always the model's."""

    entra: EntraOptions = EntraOptions()
    """Signing in with an application's identity instead of a key."""

    @model_validator(mode="after")
    def _signed_in(self) -> "AzureSpeechToSpeechOptions":
        check_signed_in(self, self.entra)
        return self


SpeechToSpeech = OpenAiSpeechToSpeechOptions | AzureSpeechToSpeechOptions


class UpstreamOptions(Options):
    """The speech-to-speech model behind the engine: for clients of the Realtime API (``relay``), and as the brain of
    calls (``agent.brain: realtime``). ``docs/operator/realtime-upstream.md`` explains it."""

    provider: str = ""
    """Name of a provider of kind ``openai_speech_to_speech`` or ``azure_speech_to_speech``. Empty: the one that the
    variables ``AZURE_OPENAI_ENDPOINT`` and ``AZURE_OPENAI_REALTIME_DEPLOYMENT``, or ``OPENAI_REALTIME_MODEL``,
    describe; without these there is none."""

    instructions: str = ""
    """Who the model is, instead of the agent's persona. Clients can neither see nor change it."""

    voice: str = ""
    """Voice of the model (``marin``, ``cedar``, ``verse`` ...); clients cannot change it. Empty: the client's wish,
    else the model's own."""

    prompt_id: str = ""
    """Hosted prompt (``pmpt_...``) instead of instructions."""

    max_output_tokens: int = Field(0, ge=0, le=4096)
    """Longest answer, whatever clients ask for; 0: no limit of ours."""

    transcription_model: str = "gpt-4o-mini-transcribe"
    """Writes down what is said, for the transcript of calls and for what is told to the model again after a connection
    was lost. Clients that ask for another one get it. Empty: nothing is written down."""

    client_tools: bool = False
    """Whether clients may bring functions of their own, beside the agent's skills."""

    hide_tool_turns: bool = False
    """Clients see an answer for which the model had to run a skill as one response, not as an empty one and another."""

    tries: int = Field(5, ge=0, le=100)
    """How often a lost connection is opened again before the session goes on with the engine's own providers."""

    retry_first_ms: int = Field(500, ge=10)
    """Wait before the first of these tries; each next wait is twice as long, with some chance in it."""

    retry_longest_ms: int = Field(8000, ge=10)
    """The longest of these waits."""

    check_s: float = Field(5.0, gt=0)
    """How often it is looked whether a silent connection lives; one that does not answer for as long is lost."""

    rate_limit_longest_s: float = Field(60.0, gt=0)
    """A rate limit is waited out for so long at most, whatever the service asks for."""

    call_wait_s: float = Field(5.0, ge=0)
    """A caller on the telephone is not left waiting: a rate limit or an outage that takes longer, and the call goes on
    with the engine's own providers."""

    history_chars: int = Field(40_000, ge=1000)
    """How much of the conversation is told to the model again after a connection was lost; the oldest is left out."""

    message_mb: int = Field(16, ge=1, le=64)
    """Largest message either way. The protocol allows 15 MiB of audio in one."""


__all__ = ["AzureSpeechToSpeechOptions", "OpenAiSpeechToSpeechOptions", "SpeechToSpeech", "SpeechToSpeechOptions",
           "UpstreamOptions"]
