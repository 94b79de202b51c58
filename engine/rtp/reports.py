"""What one call tells its peer by RTCP, and learns from it: when a report is due, what it says, the round trip.

Times are told: ``now`` in seconds of any clock that does not jump.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.rtp.rtcp import CNAME, Block, Bye, Part, Report, Sdes, SenderInfo, serialise

_NTP_EPOCH = 2_208_988_800  # seconds from 1900 to 1970
_LONGEST_TRIP_S = 60
_COMPENSATION = 1.21828  # RFC 3550, 6.3.1: e - 3/2


@dataclass(frozen=True, slots=True)
class Received:
    """What came of the peer's stream, counted from its first packet: see ``JitterBuffer``."""

    ssrc: int
    highest: int
    expected: int
    received: int
    jitter_ticks: int


class Reports:
    """The reports of one stream each way. ``round_trip_s``, ``peer_lost`` (part of our packets that the peer missed
    lately, 0 to 1) and ``peer_jitter_ticks`` are the peer's last word, None before it."""

    def __init__(self, ssrc: int, cname: bytes, interval_s: float, now: float, wall: float,
                 random: Callable[[], float]) -> None:
        """``wall``: seconds since 1970 at ``now``; ``random()``: 0 to 1."""
        self.ssrc = ssrc
        self.round_trip_s: float | None = None
        self.peer_lost: float | None = None
        self.peer_jitter_ticks: int | None = None
        self.left = False
        """The peer has said goodbye."""
        self._cname = cname
        self._interval = interval_s
        self._random = random
        self._to_ntp = wall - now + _NTP_EPOCH
        self._heard: tuple[int, int, float] | None = None  # source, middle of its NTP time, when it came
        self._before = (0, 0, 0)  # source, expected and received at the last report
        self.due_at = now + self._pause(interval_s / 2)

    # ------------------------------------------------------------------ in

    def heard(self, parts: Sequence[Part], now: float) -> None:
        """A compound packet of the peer."""
        for part in parts:
            if isinstance(part, Report):
                if part.sent is not None:
                    self._heard = (part.ssrc, part.sent.ntp >> 16 & 0xFFFFFFFF, now)
                for block in part.blocks:
                    if block.ssrc == self.ssrc:
                        self._learn(block, now)
            elif isinstance(part, Bye):
                self.left = True

    def _learn(self, block: Block, now: float) -> None:
        self.peer_lost = block.fraction / 256
        self.peer_jitter_ticks = block.jitter
        if block.last_sr:
            trip = (self._ntp(now) >> 16) - block.last_sr - block.delay & 0xFFFFFFFF
            if trip < _LONGEST_TRIP_S << 16:  # else the answer is to no question of ours
                self.round_trip_s = trip / 65536

    # ------------------------------------------------------------------ out

    def compose(
        self, now: float, sent: tuple[int, int, int] | None, came: Received | None, *, bye: bool = False
    ) -> bytes:
        """The compound packet of now, and plan the next. ``sent``: RTP timestamp of now, packets and octets so far;
        None: nothing was sent since the last report."""
        info = None if sent is None else SenderInfo(self._ntp(now), sent[0] & 0xFFFFFFFF, sent[1] & 0xFFFFFFFF,
                                                    sent[2] & 0xFFFFFFFF)
        blocks = () if came is None else (self._block(came, now),)
        parts: list[Part] = [Report(self.ssrc, info, blocks), Sdes(((self.ssrc, ((CNAME, self._cname),)),))]
        if bye:
            parts.append(Bye((self.ssrc,)))
        self.due_at = now + self._pause(self._interval)
        return serialise(parts)

    def _block(self, came: Received, now: float) -> Block:
        """RFC 3550, A.3: losses of the interval in 256ths, and of all time."""
        source, expected, received = self._before
        if source != came.ssrc:
            expected = received = 0
        self._before = (came.ssrc, came.expected, came.received)
        due, missed = came.expected - expected, came.expected - expected - (came.received - received)
        fraction = min(255, (missed << 8) // due) if due > 0 and missed > 0 else 0
        last_sr = delay = 0
        if self._heard is not None and self._heard[0] == came.ssrc:
            last_sr, delay = self._heard[1], int((now - self._heard[2]) * 65536) & 0xFFFFFFFF
        return Block(came.ssrc, fraction, came.expected - came.received, came.highest & 0xFFFFFFFF,
                     came.jitter_ticks & 0xFFFFFFFF, last_sr, delay)

    def _ntp(self, now: float) -> int:
        return int((now + self._to_ntp) * 4294967296) & 0xFFFFFFFFFFFFFFFF

    def _pause(self, interval_s: float) -> float:
        return interval_s * (0.5 + self._random()) / _COMPENSATION


__all__ = ["Received", "Reports"]
