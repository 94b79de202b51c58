"""Options of HTTP."""

from pydantic import Field

from engine.config.base import Options


class PhoneOptions(Options):
    """The page ``/phone``: calls from a browser through FreeSWITCH's own WebRTC."""

    url: str = Field("", pattern=r"^(wss?://\S+)?$")
    """FreeSWITCH's WebSocket as browsers reach it, ``wss://voice.example.org:7443``. Empty: there is no such page."""

    number: str = Field("", pattern=r"^\+?[0-9*#]{0,32}$")
    """The number that the page calls, one of ``trunkline_numbers``. Empty: visitors type one."""

    ice: tuple[str, ...] = ()
    """STUN servers for browsers behind a NAT, ``stun:stun.example.org``. FreeSWITCH itself needs none."""


class HttpOptions(Options):
    """HTTP and WebSockets: health, the API, the pages."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    max_connections: int = Field(4096, ge=1)
    """Connections held at once, WebSockets included; more wait in the kernel."""

    idle_s: float = Field(10.0, gt=0)
    """How long a connection that is no WebSocket may be silent: a request that does not go on, an answer that is not
    taken."""

    body_s: float = Field(20.0, gt=0)
    """How long the body of a request may take to arrive."""

    phone: PhoneOptions = PhoneOptions()
