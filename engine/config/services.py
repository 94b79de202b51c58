"""What providers behind the network have in common, whatever they do: where they are, and how requests are signed."""

import re
from collections.abc import Mapping
from typing import Annotated, Any
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


def check_signed_in(options: ServiceOptions, entra: EntraOptions) -> None:
    """Raises ``ValueError`` unless there is a key or an identity, and not both."""
    if bool(options.api_key or options.api_key_env) == bool(entra.tenant_id):
        raise ValueError("give either a key (api_key_env) or entra, one of the two")
