"""RTCP (RFC 3550, 6): compound packets parsed and put together.

What one side sent, what the other had of it, who it is, and goodbye. Unknown packet types inside a compound packet are
kept as they are; everything is bounded by the datagram.
"""

from dataclasses import dataclass
from struct import Struct

from engine.rtp.errors import Malformed
from engine.rtp.packet import MOST_BYTES

SR, RR, SDES, BYE, APP = 200, 201, 202, 203, 204
CNAME = 1

_HEAD = Struct("!BBH")
_WORD = Struct("!I")
_SENDER = Struct("!QIII")
_BLOCK = Struct("!IIIIII")


@dataclass(frozen=True, slots=True)
class Block:
    """What a receiver had of one source. ``fraction`` of 256 and ``lost`` packets as RFC 3550 counts them,
    ``jitter`` in ticks, ``last_sr`` and ``delay`` in 1/65536 s (0: no sender report came)."""

    ssrc: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    last_sr: int = 0
    delay: int = 0


@dataclass(frozen=True, slots=True)
class SenderInfo:
    """NTP time (64 bits), the RTP timestamp of the same moment, and what was sent so far."""

    ntp: int
    timestamp: int
    packets: int
    octets: int


@dataclass(frozen=True, slots=True)
class Report:
    """A sender's report, or with ``sent`` None a receiver's."""

    ssrc: int
    sent: SenderInfo | None = None
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True)
class Sdes:
    """Who sources are: items ``(type, text)`` of each."""

    chunks: tuple[tuple[int, tuple[tuple[int, bytes], ...]], ...]


@dataclass(frozen=True, slots=True)
class Bye:
    """These sources have left."""

    ssrcs: tuple[int, ...]
    reason: bytes = b""


@dataclass(frozen=True, slots=True)
class App:
    """An application's own."""

    ssrc: int
    name: bytes
    data: bytes = b""
    subtype: int = 0


@dataclass(frozen=True, slots=True)
class Unknown:
    """A packet type that is not known here: feedback, extended reports."""

    packet_type: int
    count: int
    body: bytes


Part = Report | Sdes | Bye | App | Unknown


def parse(data: bytes) -> list[Part]:
    """The packets of a compound packet. Raises ``Malformed`` for what does not follow the rules of 6.1: a first packet
    that is no report, padding before the last one, lengths that do not add up."""
    if not 8 <= len(data) <= MOST_BYTES:
        raise Malformed(f"{len(data)} bytes are no RTCP, which has 8 to {MOST_BYTES}")
    parts: list[Part] = []
    at = 0
    while at < len(data):
        if at + 4 > len(data):
            raise Malformed(f"{len(data) - at} bytes at the end are no RTCP header")
        flags, kind, words = _HEAD.unpack_from(data, at)
        if flags >> 6 != 2:
            raise Malformed(f"version {flags >> 6} in part {len(parts) + 1} is not RTCP's, which is 2")
        end = at + 4 * (words + 1)
        if end > len(data):
            raise Malformed(f"part {len(parts) + 1} claims {4 * (words + 1)} bytes, {len(data) - at} are there")
        if not parts and kind not in (SR, RR):
            raise Malformed(f"a compound packet begins with a report, not with type {kind}")
        body = data[at + 4 : end]
        if flags & 0x20:
            if end != len(data):
                raise Malformed(f"padding in part {len(parts) + 1}, which is not the last")
            padding = body[-1] if body else 0
            if padding % 4 or not 0 < padding <= len(body):
                raise Malformed(f"{padding} bytes of padding in a part of {len(body)}")
            body = body[:-padding]
        parts.append(_part(kind, flags & 0x1F, body))
        at = end
    return parts


def _part(kind: int, count: int, body: bytes) -> Part:
    if kind in (SR, RR):
        return _report(kind == SR, count, body)
    if kind == SDES:
        return _sdes(count, body)
    if kind == BYE:
        return _bye(count, body)
    if kind == APP:
        if len(body) < 8:
            raise Malformed(f"an APP of {len(body)} bytes has no name")
        return App(_WORD.unpack_from(body)[0], body[4:8], body[8:], count)
    return Unknown(kind, count, body)


def _report(sender: bool, count: int, body: bytes) -> Report:
    start = 4 + (_SENDER.size if sender else 0)
    if len(body) < start + count * _BLOCK.size:
        raise Malformed(f"a report of {len(body)} bytes has no room for {count} blocks")
    sent = SenderInfo(*_SENDER.unpack_from(body, 4)) if sender else None
    blocks = []
    for number in range(count):
        ssrc, losses, highest, jitter, last_sr, delay = _BLOCK.unpack_from(body, start + number * _BLOCK.size)
        lost = losses & 0xFFFFFF
        lost -= (lost & 0x800000) << 1  # 24 bits with a sign
        blocks.append(Block(ssrc, losses >> 24, lost, highest, jitter, last_sr, delay))
    return Report(_WORD.unpack_from(body)[0], sent, tuple(blocks))


def _sdes(count: int, body: bytes) -> Sdes:
    chunks: list[tuple[int, tuple[tuple[int, bytes], ...]]] = []
    at = 0
    for _ in range(count):
        if at + 4 > len(body):
            raise Malformed(f"an SDES of {count} chunks ends after {len(chunks)}")
        ssrc = _WORD.unpack_from(body, at)[0]
        at += 4
        items: list[tuple[int, bytes]] = []
        while True:
            if at >= len(body):
                raise Malformed("an SDES chunk without its end")
            kind = body[at]
            if kind == 0:
                at += 4 - at % 4  # at least one null, then to the next word
                break
            if at + 2 > len(body) or at + 2 + body[at + 1] > len(body):
                raise Malformed(f"an SDES item of type {kind} is cut off")
            items.append((kind, body[at + 2 : at + 2 + body[at + 1]]))
            at += 2 + body[at + 1]
        chunks.append((ssrc, tuple(items)))
    return Sdes(tuple(chunks))


def _bye(count: int, body: bytes) -> Bye:
    if len(body) < 4 * count:
        raise Malformed(f"a BYE of {len(body)} bytes cannot name {count} sources")
    ssrcs = tuple(found for (found,) in _WORD.iter_unpack(body[: 4 * count]))
    rest = body[4 * count :]
    if rest and len(rest) < 1 + rest[0]:
        raise Malformed("the reason of a BYE is cut off")
    return Bye(ssrcs, rest[1 : 1 + rest[0]] if rest else b"")


# ---------------------------------------------------------------------- out


def serialise(parts: list[Part]) -> bytes:
    """The datagram of a compound packet. Raises ``ValueError`` if the first part is no report, or one is too long."""
    if not parts or not isinstance(parts[0], Report):
        raise ValueError("a compound packet begins with a report")
    return b"".join(_wire(part) for part in parts)


def _wire(part: Part) -> bytes:
    if isinstance(part, Report):
        body = _WORD.pack(part.ssrc)
        if part.sent is not None:
            body += _SENDER.pack(part.sent.ntp, part.sent.timestamp, part.sent.packets, part.sent.octets)
        body += b"".join(_block(block) for block in part.blocks)
        return _framed(RR if part.sent is None else SR, len(part.blocks), body)
    if isinstance(part, Sdes):
        return _framed(SDES, len(part.chunks), b"".join(_chunk(ssrc, items) for ssrc, items in part.chunks))
    if isinstance(part, Bye):
        body = b"".join(_WORD.pack(ssrc) for ssrc in part.ssrcs)
        if part.reason:
            body += _to_words(bytes((len(part.reason),)) + part.reason)
        return _framed(BYE, len(part.ssrcs), body)
    if isinstance(part, App):
        return _framed(APP, part.subtype, _WORD.pack(part.ssrc) + part.name + part.data)
    return _framed(part.packet_type, part.count, part.body)


def _framed(kind: int, count: int, body: bytes) -> bytes:
    if count > 31 or len(body) % 4 or len(body) > MOST_BYTES:
        raise ValueError(f"no RTCP packet: {count} entries (at most 31), {len(body)} bytes (whole words)")
    return _HEAD.pack(0x80 | count, kind, len(body) // 4) + body


def _block(block: Block) -> bytes:
    lost = max(-0x800000, min(0x7FFFFF, block.lost)) & 0xFFFFFF
    return _BLOCK.pack(block.ssrc, block.fraction << 24 | lost, block.highest, block.jitter, block.last_sr, block.delay)


def _chunk(ssrc: int, items: tuple[tuple[int, bytes], ...]) -> bytes:
    text = b"".join(bytes((kind, len(value))) + value for kind, value in items)
    return _WORD.pack(ssrc) + _to_words(text + b"\0")


def _to_words(text: bytes) -> bytes:
    return text.ljust(-(-len(text) // 4) * 4, b"\0")


__all__ = ["APP", "BYE", "CNAME", "RR", "SDES", "SR", "App", "Block", "Bye", "Part", "Report", "Sdes", "SenderInfo",
           "Unknown", "parse", "serialise"]
