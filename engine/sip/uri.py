"""SIP URIs: ``sip:user@host:port;parameters?headers`` (RFC 3261, 19.1)."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from engine.sip.errors import BadMessage

MAX_URI = 4096

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*\Z")
_NOT_IN_URI = re.compile(r"[\x00-\x20\x7f<>\"]")
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_.-]{1,255})\Z")
_PORT = re.compile(r"[0-9]{1,5}\Z")


@dataclass(frozen=True, slots=True)
class Uri:
    """A URI taken apart. ``user`` is decoded; ``text`` is the whole as it was written. A scheme other than ``sip`` and
    ``sips`` has only ``scheme`` and ``text``."""

    scheme: str
    user: str
    host: str
    port: int
    """0 where none is given."""
    parameters: tuple[tuple[str, str], ...]
    headers: str
    """What follows a question mark: fields for a request that is made of this URI."""
    text: str

    def parameter(self, name: str) -> str | None:
        """The value of a parameter, "" where it has none, None where it is not there."""
        for own, value in self.parameters:
            if own == name:
                return value
        return None

    @property
    def transport(self) -> str:
        """``UDP`` unless the URI says otherwise, in capitals."""
        return (self.parameter("transport") or ("TLS" if self.scheme == "sips" else "UDP")).upper()


def parse_host_port(text: str) -> tuple[str, int]:
    """``host``, ``host:port``, ``[v6]:port`` to host (without brackets) and port (0 where there is none). Raises
    ``BadMessage``."""
    if text.startswith("["):
        host, bracket, rest = text.partition("]")
        host, colon, port = host + bracket, rest[:1], rest[1:]
        if rest and colon != ":":
            raise BadMessage("Malformed host")
    else:
        host, colon, port = text.partition(":")
    host, port = host.rstrip(), port.lstrip()
    if not _HOST.match(host):
        raise BadMessage("Malformed host")
    if not colon:
        return host.strip("[]"), 0
    if not _PORT.match(port) or not 0 < int(port) < 65536:
        raise BadMessage("Malformed port")
    return host.strip("[]"), int(port)


def parse_uri(text: str) -> Uri:
    """A URI as it stands in a start line or between angle brackets. Raises ``BadMessage``."""
    if len(text) > MAX_URI:
        raise BadMessage("URI too long", 414)
    scheme, colon, rest = text.partition(":")
    if not colon or not _SCHEME.match(scheme) or _NOT_IN_URI.search(text):
        raise BadMessage("Malformed URI")
    scheme = scheme.lower()
    if scheme not in ("sip", "sips"):
        return Uri(scheme, "", "", 0, (), "", text)
    # The user part may hold ';' and '?', so '@' comes first.
    user, at, rest = rest.rpartition("@")
    if at and not user:
        raise BadMessage("URI without user")
    rest, _, headers = rest.partition("?")
    address, *pairs = rest.split(";")
    host, port = parse_host_port(address)
    parameters = []
    for pair in pairs:
        name, _, value = pair.partition("=")
        parameters.append((unquote(name).lower(), unquote(value)))
    return Uri(scheme, unquote(user.partition(":")[0], errors="replace"), host, port, tuple(parameters), headers, text)
