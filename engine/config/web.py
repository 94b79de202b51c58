"""Options of HTTP."""

import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from engine.config.base import Options

Scope = Literal["read", "talk", "ai", "knowledge", "admin"]
"""What an API key may do: look at calls; hold a conversation; use models; change the knowledge base; manage."""


def _digest(text: str) -> str:
    if text and not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError("must be 64 hexadecimal digits, as `trunkline key new` prints them")
    return text


def _networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        try:
            ip_network(text, strict=False)
        except ValueError:
            raise ValueError(f"'{text}' is no IP address or network (192.0.2.7, 10.0.0.0/8)") from None
    return texts


def _origins(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        parts = urlsplit(text)
        if text not in ("*", "null") and (not parts.scheme or not parts.netloc or parts.path or parts.query):
            raise ValueError(f"'{text}' is no origin: scheme, host and port, as https://app.example.org")
    return texts


Networks = Annotated[tuple[str, ...], AfterValidator(_networks)]
Origins = Annotated[tuple[str, ...], AfterValidator(_origins)]


class KeyOptions(Options):
    """One API key: exactly one of ``sha256``, ``key_env`` and ``key``."""

    sha256: Annotated[str, AfterValidator(_digest)] = ""
    """Its SHA-256, as ``trunkline key new`` prints it: the file holds no secret then."""

    key_env: str = ""
    """Name of the environment variable that holds it."""

    key: str = ""
    """The key itself."""

    scopes: tuple[Scope, ...] = ("read", "talk", "ai")
    requests_per_minute: int | None = Field(None, ge=0)
    """Another limit for this key; 0: none."""

    @model_validator(mode="after")
    def _one(self) -> "KeyOptions":
        if sum(map(bool, (self.sha256, self.key_env, self.key))) != 1:
            raise ValueError("give one of sha256, key_env and key; `trunkline key new` makes one")
        if self.key and len(self.key) < 20:
            raise ValueError("the key is shorter than 20 characters: it can be guessed; `trunkline key new` makes one")
        return self


class PhoneOptions(Options):
    """The page ``/phone``: calls from a browser through FreeSWITCH's own WebRTC."""

    url: str = Field("", pattern=r"^(wss?://\S+)?$")
    """FreeSWITCH's WebSocket as browsers reach it, ``wss://voice.example.org:7443``. Empty: there is no such page."""

    number: str = Field("", pattern=r"^\+?[0-9*#]{0,32}$")
    """The number that the page calls, one of ``trunkline_numbers``. Empty: visitors type one."""

    ice: tuple[str, ...] = ()
    """STUN servers for browsers behind a NAT, ``stun:stun.example.org``. FreeSWITCH itself needs none."""


class TalkOptions(Options):
    """The page ``/`` and the element ``<trunkline-talk>``: conversations from a browser."""

    open: bool = False
    """Whether visitors may talk without an API key. Each conversation costs what its providers cost: bound them by
    ``realtime.max_sessions``, ``realtime.max_session_minutes`` and ``requests_per_minute_per_ip``, and switch off
    ``realtime.client_instructions`` and ``realtime.client_tools``. Off, the page asks for a key."""

    agents: tuple[str, ...] = ()
    """Agents that visitors may choose from, in this order; empty: all. With one, there is nothing to choose."""


class HttpOptions(Options):
    """HTTP and WebSockets: health, the API, the pages. ``docs/operator/http.md`` has examples."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    """``PORT`` in the environment sets it, too."""

    extra_ports: tuple[int, ...] = ()
    """Further ports with the same, for programs that expect another one."""

    certificate: str = ""
    """PEM file with the certificate and those that it stands on: HTTPS and WSS on all ports. Empty: no TLS, which is
    for loopback and for a proxy on the same machine."""

    private_key: str = ""
    """PEM file with its private key; empty: it is in the same file."""

    keys: Mapping[str, KeyOptions] = {}
    """API keys, each under a name of your choice; ``trunkline key new NAME`` prints one. Without any, requests from
    this machine may do everything, and all others only what is public."""

    allowed_origins: Origins = ()
    """Pages of other servers whose scripts may use this API in browsers: ``https://app.example.org``; ``*``: all, which
    without keys gives every page that is opened on this machine everything.
    ``ALLOWED_ORIGINS`` in the environment sets it, too."""

    trusted_proxies: Networks = ("127.0.0.1", "::1")
    """Reverse proxies whose X-Forwarded-For is believed: addresses or networks."""

    metrics_from: Networks = ("127.0.0.1", "::1")
    """Who may read /metrics without a key: addresses or networks. Others need the scope ``read``."""

    requests_per_minute: int = Field(600, ge=0)
    """Requests of one API key, as a bucket that fills steadily: so many may come at once. 0: no limit. Keyless requests
    from this machine have none."""

    requests_per_minute_per_ip: int = Field(1200, ge=0)
    """The same for one address (IPv6: its /64), whatever keys it has. 0: no limit."""

    max_connections: int = Field(4096, ge=1)
    """Connections held at once, WebSockets included; more wait in the kernel."""

    max_connections_per_ip: int = Field(256, ge=1)
    """The same of one address; more are refused with 503. Trusted proxies have no such limit."""

    idle_s: float = Field(10.0, gt=0)
    """How long a connection that is no WebSocket may be silent: a request that does not go on, an answer that is not
    taken."""

    body_s: float = Field(20.0, gt=0)
    """How long head and body of a request may take to arrive, each; an upload has besides as long as it takes at
    100 kB/s."""

    phone: PhoneOptions = PhoneOptions()
    talk: TalkOptions = TalkOptions()

    @model_validator(mode="after")
    def _whole(self) -> "HttpOptions":
        if self.private_key and not self.certificate:
            raise ValueError("private_key needs certificate")
        return self
