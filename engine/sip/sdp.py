"""Session descriptions, without I/O (RFC 8866): text to ``Description`` and back, as much as audio needs."""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address

from engine.sip.agreed import Direction
from engine.sip.errors import BadSdp

MAX_SDP = 16_384
MAX_LINES = 400

DIRECTIONS: tuple[Direction, ...] = ("sendrecv", "sendonly", "recvonly", "inactive")

STATIC = {
    "0": ("PCMU", 8000, 1), "3": ("GSM", 8000, 1), "4": ("G723", 8000, 1), "8": ("PCMA", 8000, 1),
    "9": ("G722", 8000, 1), "10": ("L16", 44100, 2), "11": ("L16", 44100, 1), "13": ("CN", 8000, 1),
    "18": ("G729", 8000, 1),
}  # fmt: skip
"""Payload types that need no ``a=rtpmap`` (RFC 3551, 6)."""

_MEDIA = re.compile(r"([a-z0-9.-]+) +([0-9]{1,5})(?:/[0-9]{1,3})? +([A-Za-z0-9/]+) *(.*)\Z", re.IGNORECASE)
_RTPMAP = re.compile(r"([0-9]{1,3}) +([A-Za-z0-9._-]+)/([0-9]{1,6})(?:/([0-9]{1,2}))?\s*\Z")


@dataclass(slots=True)
class Media:
    """One ``m=`` line with what belongs to it. ``address`` is "" where only the session has a ``c=`` line."""

    kind: str
    port: int
    protocol: str
    formats: list[str]
    address: str = ""
    attributes: list[tuple[str, str]] = field(default_factory=list)

    def attribute(self, name: str) -> str | None:
        """The value of the first such attribute, "" where it has none, None where it is not there."""
        for own, value in self.attributes:
            if own == name:
                return value
        return None

    def codecs(self) -> list[tuple[int, str, int, int]]:
        """Payload type, name in capitals, clock rate and channels of each format in the order of preference; formats
        that nothing explains are left out. Raises ``BadSdp``."""
        named = dict(STATIC)
        for own, value in self.attributes:
            if own != "rtpmap":
                continue
            match = _RTPMAP.match(value)
            if not match:
                raise BadSdp("malformed a=rtpmap")
            named[match.group(1)] = (match.group(2).upper(), int(match.group(3)), int(match.group(4) or 1))
        return [
            (int(text), *named[text])
            for text in self.formats
            if text in named and text.isascii() and text.isdigit() and int(text) < 128
        ]


@dataclass(slots=True)
class Description:
    """A whole session description. ``attributes`` are the session's own."""

    address: str = ""
    attributes: list[tuple[str, str]] = field(default_factory=list)
    media: list[Media] = field(default_factory=list)
    session_id: str = "0"
    version: int = 0
    origin: str = "127.0.0.1"

    def direction(self, media: Media) -> Direction:
        """What the describer does with this stream; the session's word counts where the stream has none."""
        for attributes in (media.attributes, self.attributes):
            for name, _ in attributes:
                if name in DIRECTIONS:
                    return name
        return "sendrecv"

    def serialise(self) -> bytes:
        """The text of the wire."""
        lines = [
            "v=0", f"o=trunkline {self.session_id} {self.version} {_network(self.origin)}", "s=-",
            f"c={_network(self.address)}", "t=0 0",
        ]  # fmt: skip
        lines += [_attribute(pair) for pair in self.attributes]
        for media in self.media:
            lines.append(f"m={media.kind} {media.port} {media.protocol} {' '.join(media.formats)}")
            if media.address:
                lines.append(f"c={_network(media.address)}")
            lines += [_attribute(pair) for pair in media.attributes]
        return ("\r\n".join(lines) + "\r\n").encode("utf-8", "surrogateescape")


def _attribute(pair: tuple[str, str]) -> str:
    return f"a={pair[0]}:{pair[1]}" if pair[1] else f"a={pair[0]}"


def _network(address: str) -> str:
    return f"IN {'IP6' if ':' in address else 'IP4'} {address}"


def parse_sdp(body: bytes) -> Description:
    """A description as an offer or answer carries it. Lines of kinds that audio does not need are passed over. Raises
    ``BadSdp``."""
    if len(body) > MAX_SDP or body.count(b"\n") > MAX_LINES:
        raise BadSdp("description too large")
    description = Description()
    lines = [line.removesuffix("\r") for line in body.decode("utf-8", "surrogateescape").split("\n")]
    if lines[0].strip() != "v=0":
        raise BadSdp("no v=0 line at the beginning")
    media: Media | None = None
    for line in lines[1:]:
        if not line.strip():
            continue
        kind, equals, value = line[:1], line[1:2], line[2:].strip()
        if equals != "=":
            raise BadSdp("malformed line")
        if kind == "m":
            media = _media(value)
            description.media.append(media)
        elif kind == "c":
            address = _connection(value)
            if media:
                media.address = address
            else:
                description.address = address
        elif kind == "a":
            name, _, rest = value.partition(":")
            (media or description).attributes.append((name.strip().lower(), rest.strip()))
    return description


def _media(value: str) -> Media:
    match = _MEDIA.match(value)
    if not match or int(match.group(2)) > 65535:
        raise BadSdp("malformed m= line")
    kind, port, protocol, formats = match.groups()
    return Media(kind.lower(), int(port), protocol.upper(), formats.split())


def _connection(value: str) -> str:
    parts = value.split()
    if len(parts) != 3 or parts[0].upper() != "IN":
        raise BadSdp("malformed c= line")
    return parts[2]


def is_address(text: str) -> bool:
    """Whether this is an IP address; names and multicast groups with a TTL are not."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
