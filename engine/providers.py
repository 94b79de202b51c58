"""Makes the providers that the configuration describes: ``make_model("gpt", config)``, ``make_voice("nova", config)``,
``make_recogniser("ears", config, language="ml")``.

Credentials are read from the environment here, once; a name that is not there is an error that says which.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from engine.config import Config, Options
from engine.config.providers import (
    AnthropicOptions,
    AzureChatOptions,
    ElevenLabsOptions,
    HttpTtsOptions,
    OpenAiChatOptions,
    OpenAiSpeechOptions,
    Provider,
    RecogniserOptions,
    RemoteOptions,
    ServiceOptions,
)
from engine.dialog.model import Model
from engine.dialog.models.anthropic import AnthropicModel
from engine.dialog.models.openai_chat import OpenAiChat
from engine.errors import ProviderFault
from engine.net.credentials import Credentials
from engine.net.signing import ProviderError, credentials, secret
from engine.speech.interfaces import Recogniser, Voice
from engine.speech.stt import recognisers
from engine.speech.tts.elevenlabs import ElevenLabs
from engine.speech.tts.http_tts import HttpTts
from engine.speech.tts.openai_speech import OpenAiSpeech
from engine.speech.tts.remote import RemoteVoice
from engine.speech.voices import open_voice

Made = TypeVar("Made")

Makers = Mapping[type[Options], Callable[[str, Any, Credentials], Made]]

MODELS: Makers[Model] = {
    OpenAiChatOptions: OpenAiChat, AzureChatOptions: OpenAiChat, AnthropicOptions: AnthropicModel,
}  # fmt: skip
VOICES: Makers[RemoteVoice] = {
    OpenAiSpeechOptions: OpenAiSpeech, ElevenLabsOptions: ElevenLabs, HttpTtsOptions: HttpTts,
}  # fmt: skip


def make_model(name: str, config: Config, environ: Mapping[str, str] = os.environ) -> Model:
    """The language model called ``name`` under ``providers:``. Raises ``ProviderError``. Opens no connection."""
    return make(name, config, MODELS, "thinks", environ)


def make_voice(name: str, config: Config, environ: Mapping[str, str] = os.environ) -> Voice:
    """The voice called ``name`` under ``providers:``, or a voice of this machine (``flite:slt``, ``espeak-ng:hi``).
    Raises ``ProviderError`` or ``VoiceUnavailable``. Opens no connection."""
    if ":" in name:
        return open_voice(name, config.speech.voice_workers)
    return make(name, config, VOICES, "speaks", environ)


def make(name: str, config: Config, makers: Makers[Made], does: str, environ: Mapping[str, str]) -> Made:
    """The provider called ``name``, by the maker of its kind. ``does`` is what it must be able to, in words."""
    options = described(name, config)
    maker = makers.get(type(options))
    if maker is None or not isinstance(options, RemoteOptions):
        raise ProviderError(f"providers.{name}: a provider of kind {options.kind} is none that {does}; "
                            f"kinds that do: {', '.join(kind.model_fields['kind'].default for kind in makers)}")
    return maker(name, options, credentials(name, options, environ))


def make_recogniser(
    name: str, config: Config, *, language: str = "", vocabulary: Sequence[str] = (),
    on_fault: Callable[[ProviderFault], None] | None = None, environ: Mapping[str, str] = os.environ,
) -> Recogniser:
    """The recogniser called ``name`` under ``providers:``, which hears ``language`` (ISO 639-1; empty: any) and expects
    ``vocabulary``; ``on_fault`` is told what goes wrong in its calls. Raises ``ProviderError``, ``SpeechError``,
    ``ModelMissing``."""
    options = described(name, config)
    if not isinstance(options, RecogniserOptions):
        raise ProviderError(f"providers.{name}: a provider of kind {options.kind} is none that hears; kinds that do: "
                            f"{', '.join(kind for kind in recognisers.KINDS if kind != 'pocketsphinx')}")
    given = {field: getattr(options, field) for field in type(options).model_fields
             if field not in ("kind", "api_key", "api_key_env")}
    if isinstance(options, ServiceOptions):
        given["api_key"] = secret(name, "api_key", options, environ)
    return recognisers.make_recogniser(options.kind, **given, name=name, language=language, vocabulary=vocabulary,
                                       preroll_ms=config.vad.preroll_ms, on_fault=on_fault)


def described(name: str, config: Config) -> Provider:
    """Its description. Raises ``ProviderError`` where there is none."""
    options = config.providers.get(name)
    if options is None:
        known = ", ".join(config.providers) or "none"
        raise ProviderError(f"providers: there is no '{name}'; there are: {known}")
    return options


__all__ = ["MODELS", "VOICES", "ProviderError", "credentials", "described", "make", "make_model", "make_recogniser",
           "make_voice"]
