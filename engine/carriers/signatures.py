"""How a request proves that a carrier sent it. Pure; all secrets are compared in constant time.

Twilio: ``X-Twilio-Signature = base64(HMAC-SHA1(auth token, message))``. The message is the URL as Twilio was given it,
query included, followed by the name and value of each POST parameter, sorted by name. A body that is JSON is no part of
it: the URL's parameter ``bodySHA256`` has its SHA-256 instead. A WebSocket's opening request is its URL alone.
Source: twilio.com/docs/usage/security.

Exotel signs nothing itself: it can send Basic authentication and a URL that nobody guesses, from known addresses.
``X-Exotel-Signature`` is what a signing gateway before the engine adds: hexadecimal HMAC-SHA256 of the raw body.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import parse_qsl, urlsplit

TWILIO_HEADER = "X-Twilio-Signature"
EXOTEL_HEADER = "X-Exotel-Signature"

BODY_HASH = "bodySHA256"
"""Parameter of the URL that Twilio adds where the body is not a form."""

LONGEST = 1024
"""Characters of a signature or a header with credentials; more is none."""

_PORTS = {"http": "80", "ws": "80", "https": "443", "wss": "443"}

Parameters = Iterable[tuple[str, str]]


def twilio_signature(token: str, url: str, params: Parameters = ()) -> str:
    """What Twilio sends for this URL and these POST parameters. Of a parameter that came more than once each different
    value counts once, in order."""
    pairs = sorted(set(params))
    message = url + "".join(name + value for name, value in pairs)
    return base64.b64encode(hmac.new(_bytes(token), _bytes(message), hashlib.sha1).digest()).decode()


def verify_twilio(token: str, url: str, params: Parameters, signature: str, body: bytes | None = None) -> bool:
    """Whether whoever knows ``token`` signed this.

    ``url``: as Twilio knows it, with scheme, host, query; see ``engine.carriers.publicurl``. ``params``: of a form;
    none for GET, JSON and WebSockets. ``body``: where it is not a form; its hash must then be in the URL.
    """
    if not token or not signature or len(signature) > LONGEST:
        return False
    if body is not None and not _body_matches(url, body):
        return False
    pairs = tuple(params)
    right = False
    for one in _spellings(url):
        right |= same(twilio_signature(token, one, pairs), signature)
    return right


def exotel_signature(secret: str, body: bytes) -> str:
    """What a gateway that knows ``secret`` sends for this body, in hexadecimal."""
    return hmac.new(_bytes(secret), body, hashlib.sha256).hexdigest()


def verify_exotel(secret: str, body: bytes, signature: str) -> bool:
    """Whether whoever knows ``secret`` signed this body. The digits may be written in capitals."""
    if not secret or not signature or len(signature) > LONGEST:
        return False
    return same(exotel_signature(secret, body), signature.strip().lower())


def verify_basic(header: str, user: str, password: str) -> bool:
    """Whether an ``Authorization`` header has this name and this password. Without a password nobody is let in."""
    kind, _, encoded = header.partition(" ")
    if not password or kind.lower() != "basic" or len(encoded) > LONGEST:
        return False
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, _bytes(f"{user}:{password}"))


def verify_token(given: str, token: str) -> bool:
    """Whether a part of the path is the token. Without a token nobody is let in."""
    return bool(token) and len(given) <= LONGEST and same(token, given)


def verify_address(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    """Whether an address is in one of the networks; IPv4 in IPv6 counts as IPv4."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(parsed in network for network in networks)


def same(one: str, other: str) -> bool:
    """Whether two texts are the same, without telling by the time it takes how much of them is."""
    return hmac.compare_digest(_bytes(one), _bytes(other))


def _body_matches(url: str, body: bytes) -> bool:
    hashes = [value for name, value in parse_qsl(urlsplit(url).query) if name == BODY_HASH]
    return len(hashes) == 1 and same(hashlib.sha256(body).hexdigest(), hashes[0].lower())


def _spellings(url: str) -> list[str]:
    """The URL as it may have been signed: Twilio leaves the port out or writes it, whatever the configured URL had,
    never signs a name and password that stand in it, and ends a host without a path with a slash or not."""
    found = re.fullmatch(r"([a-z]+)://(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*)(?::([0-9]*))?(.*)", url, re.I | re.S)
    if found is None:
        return [url]
    scheme, host, port, rest = found.groups()
    usual = _PORTS.get(scheme.lower(), "")
    hosts = dict.fromkeys((f"{host}:{port}" if port else host, host, f"{host}:{port or usual}" if usual else host))
    rests = (rest, f"/{rest}") if not rest.startswith("/") else (rest, rest[1:]) if len(rest) == 1 else (rest,)
    return list(dict.fromkeys([url, *(f"{scheme}://{one}{end}" for one in hosts for end in rests)]))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
