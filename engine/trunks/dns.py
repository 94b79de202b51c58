"""DNS queries and answers (RFC 1035, 2782, 3403) as far as SIP asks for them: A, AAAA, SRV, NAPTR. Pure."""

import ipaddress
import re
import struct
from dataclasses import dataclass

from engine.trunks.errors import Malformed

KINDS = {"A": 1, "CNAME": 5, "AAAA": 28, "SRV": 33, "NAPTR": 35}
_NAMES = {number: name for name, number in KINDS.items()}
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,63}")
_IN = 1
_RESPONSE, _TRUNCATED = 0x8000, 0x0200
MOST_RECORDS = 100
MOST_JUMPS = 20


@dataclass(frozen=True, slots=True)
class Record:
    """One record. ``value``: an address, or the name that is pointed to. ``order``, ``weight``, ``port``: SRV's
    priority, weight and port, NAPTR's order and preference; ``service`` NAPTR's."""

    kind: str
    name: str
    ttl_s: int
    value: str
    order: int = 0
    weight: int = 0
    port: int = 0
    service: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """``missing``: the name does not exist. ``truncated``: there is more, over TCP."""

    records: tuple[Record, ...]
    missing: bool = False
    truncated: bool = False


def query(name: str, kind: str, ident: int) -> bytes:
    """One question, recursion wanted. Raises ``ValueError`` for what is no name."""
    labels = name.rstrip(".").split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{name[:80]!r} is no host name")
    asked = b"".join(bytes([len(label)]) + label.encode("ascii") for label in labels) + b"\0"
    return struct.pack("!6H", ident, 0x0100, 1, 0, 0, 0) + asked + struct.pack("!2H", KINDS[kind], _IN)


def response(data: bytes, ident: int) -> Response:
    """Read an answer to the query ``ident``. Raises ``Malformed`` for anything else; never runs on for long."""
    try:
        return _response(data, ident)
    except (struct.error, IndexError, UnicodeDecodeError, ValueError) as fault:
        raise Malformed(f"the name server's answer is broken: {fault}") from fault


def _response(data: bytes, ident: int) -> Response:
    got, flags, questions, answers, _, _ = struct.unpack_from("!6H", data)
    code = flags & 0x000F
    if got != ident or not flags & _RESPONSE:
        raise Malformed("not an answer to this question")
    if code not in (0, 3):
        raise Malformed(f"the name server refuses to answer (code {code})")
    at = 12
    for _ in range(min(questions, MOST_RECORDS)):
        _, at = _name(data, at)
        at += 4
    records = []
    for _ in range(min(answers, MOST_RECORDS)):
        name, at = _name(data, at)
        kind, _, ttl, length = struct.unpack_from("!HHIH", data, at)
        at += 10
        if at + length > len(data):
            raise Malformed("the name server's answer is cut off")
        if kind in _NAMES:
            records.append(_record(data, at, length, _NAMES[kind], name, ttl))
        at += length
    return Response(tuple(records), code == 3, bool(flags & _TRUNCATED))


def _record(data: bytes, at: int, length: int, kind: str, name: str, ttl: int) -> Record:
    if kind in ("A", "AAAA"):
        if length != (4 if kind == "A" else 16):
            raise Malformed(f"an address of {length} bytes")
        return Record(kind, name, ttl, str(ipaddress.ip_address(data[at : at + length])))
    if kind == "CNAME":
        return Record(kind, name, ttl, _name(data, at)[0])
    if kind == "SRV":
        priority, weight, port = struct.unpack_from("!3H", data, at)
        return Record(kind, name, ttl, _name(data, at + 6)[0], priority, weight, port)
    order, preference = struct.unpack_from("!2H", data, at)
    place, texts = at + 4, []
    for _ in range(3):  # flags, service, regular expression
        size = data[place]
        texts.append(data[place + 1 : place + 1 + size].decode("ascii"))
        place += 1 + size
    return Record(kind, name, ttl, _name(data, place)[0], order, preference, service=texts[1].upper())


def _name(data: bytes, at: int) -> tuple[str, int]:
    """A name, and where what follows it begins. Pointers only go back, and not often: no loops."""
    labels: list[str] = []
    end = jumps = 0
    while True:
        size = data[at]
        if size & 0xC0 == 0xC0:
            target = (size & 0x3F) << 8 | data[at + 1]
            end = end or at + 2
            jumps += 1
            if target >= at or jumps > MOST_JUMPS:
                raise Malformed("a name in the name server's answer goes round")
            at = target
        elif size & 0xC0:
            raise Malformed("a label of an unknown kind")
        elif not size:
            return ".".join(labels), end or at + 1
        else:
            labels.append(data[at + 1 : at + 1 + size].decode("ascii"))
            at += 1 + size


__all__ = ["KINDS", "Record", "Response", "query", "response"]
