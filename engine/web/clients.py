"""Where a request comes from: the address behind proxies, and the page in a browser. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Protocol
from urllib.parse import urlsplit

FORWARDING = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Host")
"""Headers of proxies: a request that has one is not from this machine, whatever its peer is."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

FOREIGN = ("cross-site", "same-site")
"""What browsers say of requests for pages of other servers; another port of this machine is ``same-site``."""


@dataclass(frozen=True, slots=True)
class Client:
    """``address``: of the client, as far as proxies are trusted. ``local``: a program or browser on this machine."""

    address: str
    local: bool


class Networks:
    """Addresses and networks of the configuration."""

    def __init__(self, texts: Sequence[str]) -> None:
        """As ``ipaddress`` reads them."""
        self._networks = [ip_network(text, strict=False) for text in texts]

    def __contains__(self, address: object) -> bool:
        parsed = parse(str(address))
        return parsed is not None and any(parsed in network for network in self._networks)


class Fields(Protocol):
    """Headers or parameters by name."""

    def get(self, name: str, default: str, /) -> str:
        """The value, or ``default``."""


def client(peer: str, headers: Fields, trusted: Networks, version: str = "HTTP/1.1") -> Client:
    """The client of a request that came from ``peer``: the last address of X-Forwarded-For that is no trusted proxy.
    What stands before that one was written by whoever it is, and is not believed.

    ``version``: of HTTP. nginx with nothing but ``proxy_pass`` adds no header and names this machine as the host; that
    it speaks HTTP/1.0, as nobody else does any more, gives it away.
    """
    forwarded = version == "HTTP/1.0" or any(headers.get(name, "") for name in FORWARDING)
    address = peer
    if peer in trusted:
        for hop in reversed(headers.get("X-Forwarded-For", "").split(",")):
            if parse(hop.strip()) is None:
                break
            address = hop.strip()
            if address not in trusted:
                break
    parsed = parse(peer)
    return Client(address, parsed is not None and parsed.is_loopback and not forwarded)


def parse(text: str) -> IPv4Address | IPv6Address | None:
    """An address, IPv4 in IPv6 as IPv4; None: it is none."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def bucket_of(address: str) -> str:
    """Under which name an address is counted: who has one of IPv6 has its whole /64."""
    parsed = parse(address)
    return str(IPv6Network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else address


def origin_allowed(origin: str, host: str, allowed: Sequence[str]) -> bool:
    """Whether a page of ``origin`` may use this server, which the Host header calls ``host``: its own pages may, and
    those of the configuration. No origin: it is no page."""
    return not origin or origin in allowed or "*" in allowed or (bool(host) and origin.partition("://")[2] == host)


def of_another_page(headers: Fields) -> bool:
    """Whether a browser sends this for a page of another server, to put the answer into it: a picture, a script, a
    request whose answer it may not read. Following a link is none of these."""
    return headers.get("Sec-Fetch-Site", "") in FOREIGN and headers.get("Sec-Fetch-Mode", "") != "navigate"


def names_this_machine(host: str) -> bool:
    """Whether the Host header, as it was sent, is an address or ``localhost``. Another name, even an invalid one such
    as ``a_b.example``, may be one that an attacker's DNS points here, so that a page of theirs counts as one of ours
    (DNS rebinding). Browsers always send one."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return not host or name == "localhost" or name.endswith(".localhost") or parse(name) is not None
