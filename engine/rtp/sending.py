"""The outgoing stream of one call: sequence numbers, timestamps that run on while nothing is sent, markers."""

from collections.abc import Callable
from struct import Struct

_HEADER = Struct("!BBHII")


class Sending:
    """Numbers packets. ``packets`` and ``octets`` (of payload) are those of RTCP's sender report."""

    __slots__ = ("_next", "_origin", "_sequence", "octets", "packets", "ssrc")

    def __init__(self, random_bits: Callable[[int], int]) -> None:
        """``random_bits(n)``: source, first sequence number and first timestamp are random (RFC 3550, 5.1)."""
        self.ssrc = random_bits(32)
        self.packets = self.octets = 0
        self._sequence = random_bits(15)
        self._origin = random_bits(31)
        self._next: int | None = None  # the tick that follows the last packet

    def timestamp(self, tick: int) -> int:
        """The RTP timestamp of a tick of our clock."""
        return self._origin + tick & 0xFFFFFFFF

    def audio(self, payload_type: int, payload: bytes, tick: int, ticks: int) -> bytes:
        """The datagram of audio that plays from ``tick`` on, for ``ticks``. Marked where a talkspurt begins: nothing
        was sent just before it."""
        second = payload_type if tick == self._next else payload_type | 0x80
        self._next = tick + ticks
        return self._packet(second, self._origin + tick & 0xFFFFFFFF, payload)

    def named(self, payload_type: int, payload: bytes, timestamp: int, *, marker: bool) -> bytes:
        """The datagram of a key, at the timestamp of the key's beginning."""
        self._next = None
        return self._packet(payload_type | (0x80 if marker else 0), timestamp, payload)

    def _packet(self, second: int, timestamp: int, payload: bytes) -> bytes:
        sequence = self._sequence
        self._sequence = sequence + 1 & 0xFFFF
        self.packets += 1
        self.octets += len(payload)
        return _HEADER.pack(0x80, second, sequence, timestamp, self.ssrc) + payload


__all__ = ["Sending"]
