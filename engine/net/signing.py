"""How requests to a provider of the configuration are signed. Keys are read from the environment here, once."""

from collections.abc import Mapping
from typing import Any

from engine.config.providers import (
    AnthropicOptions,
    AzureChatOptions,
    AzureEmbeddingOptions,
    ElevenLabsOptions,
    ServiceOptions,
)
from engine.config.upstream import AzureSpeechToSpeechOptions
from engine.errors import TrunklineError
from engine.net.credentials import Credentials, EntraToken, Key

AZURE = (AzureChatOptions, AzureEmbeddingOptions, AzureSpeechToSpeechOptions)
"""Kinds that take a key as ``api-key``, or an Entra token."""


class ProviderError(TrunklineError):
    """The configuration has no such provider, or one that cannot be made; the text says what to do."""


def credentials(name: str, options: ServiceOptions, environ: Mapping[str, str]) -> Credentials:
    """How requests to this provider are signed. Raises ``ProviderError`` when a variable is not set."""
    if isinstance(options, AZURE) and options.entra.tenant_id:
        entra = options.entra
        return EntraToken(name, entra, secret(f"{name}.entra", "client_secret", entra, environ))
    key = secret(name, "api_key", options, environ)
    if not key:
        return Key()
    if isinstance(options, AZURE):
        return Key("api-key", key)
    if isinstance(options, AnthropicOptions):
        return Key("x-api-key", key)
    if isinstance(options, ElevenLabsOptions):
        return Key("xi-api-key", key)
    return Key("Authorization", f"Bearer {key}")


def secret(name: str, field: str, options: Any, environ: Mapping[str, str]) -> str:
    """The secret ``field`` of ``options`` itself, or the one in the variable that is named; empty where neither is
    given. Raises ``ProviderError``."""
    variable = getattr(options, f"{field}_env")
    if not variable:
        secret = getattr(options, field)
    elif environ.get(variable):
        secret = environ[variable].strip()
    else:
        raise ProviderError(f"providers.{name}.{field}_env: the environment has no {variable}; set it, or correct the "
                            "name")
    if any(character < " " or character > "~" for character in secret):
        raise ProviderError(f"providers.{name}.{field}: a key has only printable ASCII characters")
    return str(secret)
