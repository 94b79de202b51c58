"""One RTP packet (RFC 3550, 5.1 and 5.3.1): parsed from a datagram and put together for one."""

from struct import Struct
from typing import NamedTuple

from engine.rtp.errors import Malformed

MOST_BYTES = 4096
"""Longest datagram that is looked at: 60 ms of L16 at 32 kHz. Nothing that a telephone sends is longer."""

_HEADER = Struct("!BBHII")
_EXTENSION = Struct("!HH")
_WORD = Struct("!I")

_PLAIN = 0x80  # version 2, no padding, no extension, no contributing sources: practically every packet


class Packet(NamedTuple):
    """What a packet says. ``timestamp`` is in ticks of the payload's clock; numbers are as on the wire, unextended."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False
    csrcs: tuple[int, ...] = ()
    extension: tuple[int, bytes] | None = None
    """Profile number and data, a multiple of four bytes."""


def parse(data: bytes) -> Packet:
    """The packet in a datagram, in time linear in its length. Raises ``Malformed``."""
    size = len(data)
    if size < 12:
        raise Malformed(f"{size} bytes are no RTP packet: the header alone has 12")
    if size > MOST_BYTES:
        raise Malformed(f"a datagram of {size} bytes is longer than any RTP packet of a telephone ({MOST_BYTES})")
    flags, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if flags == _PLAIN:
        return Packet(second & 0x7F, sequence, timestamp, ssrc, data[12:], second > 0x7F)
    if flags >> 6 != 2:
        raise Malformed(f"version {flags >> 6} is not RTP's, which is 2")
    start, end = 12 + 4 * (flags & 0x0F), size
    if start > size:
        raise Malformed(f"{flags & 0x0F} contributing sources do not fit into {size} bytes")
    csrcs = tuple(found for (found,) in _WORD.iter_unpack(data[12:start]))
    extension = None
    if flags & 0x10:
        extension, start = _parse_extension(data, start)
    if flags & 0x20:
        padding = data[-1]
        if not 0 < padding <= end - start:
            raise Malformed(f"{padding} bytes of padding do not fit into a payload of {end - start}")
        end -= padding
    return Packet(second & 0x7F, sequence, timestamp, ssrc, data[start:end], second > 0x7F, csrcs, extension)


def _parse_extension(data: bytes, start: int) -> tuple[tuple[int, bytes], int]:
    """The header extension at ``start``, and where the payload begins."""
    begin = start + 4
    if begin > len(data):
        raise Malformed("the header extension is cut off before its length")
    profile, words = _EXTENSION.unpack_from(data, start)
    if begin + 4 * words > len(data):
        raise Malformed(f"a header extension of {4 * words} bytes does not fit into {len(data)}")
    return (profile, data[begin : begin + 4 * words]), begin + 4 * words


def serialise(packet: Packet, padding: int = 0) -> bytes:
    """The datagram of a packet, with ``padding`` bytes behind the payload (0 to 255). Raises ``ValueError`` for more
    than 15 contributing sources, or an extension that is no whole words."""
    second = packet.payload_type | (0x80 if packet.marker else 0)
    if not (packet.csrcs or packet.extension or padding):
        return _HEADER.pack(_PLAIN, second, packet.sequence, packet.timestamp, packet.ssrc) + packet.payload
    if len(packet.csrcs) > 15:
        raise ValueError(f"{len(packet.csrcs)} contributing sources: a header holds 15")
    flags = _PLAIN | len(packet.csrcs) | (0x10 if packet.extension else 0) | (0x20 if padding else 0)
    parts = [_HEADER.pack(flags, second, packet.sequence, packet.timestamp, packet.ssrc)]
    parts += [_WORD.pack(csrc) for csrc in packet.csrcs]
    if packet.extension:
        profile, content = packet.extension
        if len(content) % 4:
            raise ValueError(f"an extension of {len(content)} bytes is no whole number of words")
        parts += [_EXTENSION.pack(profile, len(content) // 4), content]
    parts.append(packet.payload)
    if padding:
        parts.append(bytes(padding - 1) + bytes((padding,)))
    return b"".join(parts)


def is_rtcp(data: bytes) -> bool:
    """Whether a datagram on a port of both is RTCP: its packet types are none that RTP uses there (RFC 5761, 4)."""
    return len(data) > 1 and 192 <= data[1] <= 223


__all__ = ["MOST_BYTES", "Packet", "is_rtcp", "parse", "serialise"]
