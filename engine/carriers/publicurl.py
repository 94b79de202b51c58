"""The URL under which a carrier knows this server: what it signed, and what it is told to call. Pure.

A server behind a proxy sees another scheme, host and port than the carrier used. The configuration knows the right ones
(``carriers.webhook_base_url``). Without it a trusted proxy may tell them; what anybody else writes into
``X-Forwarded-*`` is not believed, because it would let a request choose the URL that its signature is checked against.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

from engine.carriers.errors import CarrierError

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?")
_SOCKETS = {"http": "ws", "https": "wss"}


def public_base(base_url: str, scheme: str, headers: Mapping[str, str], trusted: bool) -> str:
    """``https://voice.example.org`` or the like, without a slash at the end.

    ``base_url``: of the configuration, may have a path; "" where it is not set. ``scheme``: of the connection that came
    here. ``headers``: of the request, names in lower case. ``trusted``: whether the peer is a trusted proxy.
    Raises ``CarrierError`` where the request names no host.
    """
    if base_url:
        return base_url.rstrip("/")
    host = headers.get("host", "")
    if trusted:
        scheme = _first(headers.get("x-forwarded-proto", "")).lower() or scheme
        host = _first(headers.get("x-forwarded-host", "")) or host
        port = _first(headers.get("x-forwarded-port", ""))
        if port.isdigit() and ":" not in host.rpartition("]")[2] and port != {"http": "80", "https": "443"}.get(scheme):
            host = f"{host}:{port}"
    scheme = {"ws": "http", "wss": "https"}.get(scheme, scheme)
    if scheme not in _SOCKETS or not _HOST.fullmatch(host):
        raise CarrierError("the request names no host that can be in a URL; set carriers.webhook_base_url")
    return f"{scheme}://{host}"


def public_url(base: str, path: str, query: str = "", socket: bool = False) -> str:
    """The URL of ``path`` (decoded, begins with a slash) and ``query`` (as it was sent) below ``base``. ``socket``: as
    ``wss`` or ``ws``."""
    if socket:
        scheme, _, rest = base.partition("://")
        base = f"{_SOCKETS.get(scheme, scheme)}://{rest}"
    return base + quote(path, safe="/:@!$&'()*+,;=~") + (f"?{query}" if query else "")


def _first(text: str) -> str:
    return text.split(",")[0].strip()
