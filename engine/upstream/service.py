"""Where the upstream is and how requests to it are signed: an ``Upstream`` of the configuration, one an engine.

    upstream = open_upstream(config, os.environ)        None: there is none
    socket = upstream.connect()                         a WebSocket of one session
    secret = upstream.client_secret({...})              for a browser that talks to the service itself

Sources: OpenAI's API reference (``/v1/realtime?model=``, ``/v1/realtime/client_secrets``), Microsoft's page "GPT
Realtime API, migration to GA" (``wss://RESOURCE.openai.azure.com/openai/v1/realtime?model=DEPLOYMENT``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from engine.config import Config
from engine.config.upstream import (
    AzureSpeechToSpeechOptions,
    OpenAiSpeechToSpeechOptions,
    SpeechToSpeech,
    SpeechToSpeechOptions,
    UpstreamOptions,
)
from engine.errors import ProviderFault
from engine.net.credentials import Credentials
from engine.net.errors import ConnectFailed, UpgradeRefused
from engine.net.faults import fault_of
from engine.net.http import HttpClient
from engine.net.signing import credentials
from engine.net.websocket import Limits, WebSocket, tls_context
from engine.upstream.errors import UpstreamError

SECRET_BYTES = 1 << 18
"""Of the answer with a client secret."""

SEEDS = "from the environment"
"""Name, in messages, of the upstream that the variables of the origin's deployments describe."""


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A secret of the service's own: ``value`` (``ek_...``), until ``expires_at`` (Unix seconds), for ``session``."""

    value: str
    expires_at: int
    session: Mapping[str, Any]


class Upstream:
    """One service. Connections belong to those who opened them."""

    def __init__(self, name: str, service: SpeechToSpeech, signs: Credentials, options: UpstreamOptions) -> None:
        """``signs``: of ``engine.net.signing``. Opens no connection."""
        self.name = name
        self.options = options
        self.model = service.deployment if isinstance(service, AzureSpeechToSpeechOptions) else service.model
        base = f"{service.base_url}/openai/v1" if isinstance(service, AzureSpeechToSpeechOptions) else service.base_url
        secure, address = base.startswith("https"), base.partition("://")[2]
        self.url = f"{'wss' if secure else 'ws'}://{address}/realtime?{urlencode({'model': self.model})}"
        self._signs = signs
        self._headers = dict(service.headers)
        self._timeout_s = service.connect_timeout_s
        self._limits = Limits(message_bytes=options.message_mb << 20, queued_bytes=(options.message_mb << 20) * 3 // 2,
                              ping_s=options.check_s)
        self._http = HttpClient(name, f"{base}/realtime/client_secrets", connect_timeout_s=self._timeout_s,
                                first_byte_timeout_s=self._timeout_s, total_timeout_s=2 * self._timeout_s)
        if secure:
            tls_context()

    def warm(self) -> None:
        """Have what signing takes ready. Returns at once."""
        self._signs.warm()

    def connect(self, headers: Mapping[str, str] | None = None) -> WebSocket:
        """A connection of one session; ``headers`` go along (``x-ms-client-request-id``). A token that is refused is
        renewed once. Raises ``ProviderFault``."""
        for attempt in (0, 1):
            signed = {**self._headers, **(headers or {}), **self._signs.headers()}
            try:
                return WebSocket.connect(self.url, headers=signed, timeout_s=self._timeout_s, limits=self._limits)
            except UpgradeRefused as refused:
                fault = fault_of(self.name, refused.status, refused.headers, refused.body)
                if refused.status != 401 or attempt:
                    raise fault from refused
                self._signs.refused()
            except ConnectFailed as failed:
                raise ProviderFault(self.name, "unavailable", str(failed)) from failed
        raise AssertionError("unreachable")

    def client_secret(self, session: Mapping[str, Any], seconds: int = 600) -> ClientSecret:
        """Have the service make a secret for ``session`` (GA, without its model), good for ``seconds``. Raises
        ``ProviderFault``."""
        body = json.dumps({"expires_after": {"anchor": "created_at", "seconds": seconds},
                           "session": {"type": "realtime", "model": self.model, **session}}).encode()
        headers = {"Content-Type": "application/json", **self._headers, **self._signs.headers()}
        with self._http.stream("POST", "", body, headers=headers) as answer:
            data = answer.read_all(SECRET_BYTES)
        try:
            made = json.loads(data)
            return ClientSecret(str(made["value"]), int(made["expires_at"]), dict(made.get("session") or {}))
        except (ValueError, KeyError, TypeError) as fault:
            raise ProviderFault(self.name, "broken", "the answer is no client secret") from fault

    def close(self) -> None:
        """Free what signing holds."""
        self._signs.close()
        self._http.close()


def open_upstream(config: Config, environ: Mapping[str, str]) -> Upstream | None:
    """The upstream of the configuration, None where there is none. Raises ``UpstreamError`` or ``ProviderError``."""
    options, name = config.upstream, config.upstream.provider
    if not name:
        service = _of_environment(environ)
        return Upstream(SEEDS, service, credentials(SEEDS, service, environ), seeded(options, environ)) if service \
            else None
    found = config.providers.get(name)
    if not isinstance(found, SpeechToSpeechOptions):
        known = [other for other, one in config.providers.items() if isinstance(one, SpeechToSpeechOptions)]
        raise UpstreamError(f"upstream.provider: '{name}' is no provider of kind openai_speech_to_speech or "
                            f"azure_speech_to_speech; there are: {', '.join(known) or 'none'}")
    return Upstream(name, found, credentials(name, found, environ), seeded(options, environ))


def seeded(options: UpstreamOptions, environ: Mapping[str, str]) -> UpstreamOptions:
    """The options, with what the origin's variables say where the configuration says nothing."""
    said = {"instructions": environ.get("OKTI_SYSTEM_PROMPT", ""), "prompt_id": environ.get("OKTI_PROMPT_ID", ""),
            "voice": environ.get("AZURE_OPENAI_REALTIME_VOICE_CHOICE") or environ.get("OKTI_DEFAULT_VOICE", "")}
    given = {name: text for name, text in said.items() if text and name not in options.model_fields_set}
    return options.model_copy(update=given)


def _of_environment(environ: Mapping[str, str]) -> SpeechToSpeech | None:
    """The service that the origin's variables describe."""
    endpoint, deployment = environ.get("AZURE_OPENAI_ENDPOINT"), environ.get("AZURE_OPENAI_REALTIME_DEPLOYMENT")
    try:
        if endpoint and deployment:
            signed = {"api_key_env": "AZURE_OPENAI_API_KEY"} if environ.get("AZURE_OPENAI_API_KEY") else {
                "entra": {"tenant_id": environ.get("AZURE_TENANT_ID", ""),
                          "client_id": environ.get("AZURE_CLIENT_ID", ""),
                          "client_secret_env": "AZURE_CLIENT_SECRET"}}
            return AzureSpeechToSpeechOptions.model_validate(
                {"base_url": endpoint.rstrip("/"), "deployment": deployment, **signed})
        if model := environ.get("OPENAI_REALTIME_MODEL"):
            return OpenAiSpeechToSpeechOptions(model=model, api_key_env="OPENAI_API_KEY")
    except ValueError as fault:
        raise UpstreamError("the variables AZURE_OPENAI_ENDPOINT, AZURE_OPENAI_API_KEY (or AZURE_TENANT_ID, "
                            f"AZURE_CLIENT_ID, AZURE_CLIENT_SECRET) describe no upstream: {fault}") from fault
    return None


__all__ = ["ClientSecret", "Upstream", "open_upstream", "seeded"]
