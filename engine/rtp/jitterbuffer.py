"""Putting the caller's packets in order and in time.

Nobody listens to what comes out in real time: it goes to a recogniser and into a recording. So a packet that is the
next one is given on at once, and only a gap makes what is behind it wait. What is given on is a stream without gaps:
where no audio came, it says for how long. Everything is counted in ticks of the payload's clock from the first on.

Two delays are learned from how the packets come, both bounded by ``max_delay_s``: how long a gap is waited for when
later packets are there (reordering), and how long when nothing comes at all (then the caller's time goes on without).
Pure: told the time with every call.
"""

from typing import NamedTuple

from engine.rtp.items import Item, Kind
from engine.rtp.pace import MOST_AHEAD_S, MOST_BEHIND_S, Pace
from engine.rtp.packet import Packet

LEAST_WAIT_S = 0.06
"""Nothing for so long beyond what is due, and the caller's time goes on without it: three lost packets look the same as
a caller who sends nothing while silent."""

LEAST_HOLD_S = 0.03
"""So long at least a missing packet is waited for when the next one is there."""

LATE_FOR_S = 0.1
"""Packets that all come too late for so long are on a new timeline, too: the way has become longer, or the sender's
timestamps did not run on while it was silent."""

MOST_HELD = 64
"""Packets behind a gap; with more of them it is given up."""

_SEQUENCE_JUMP = 500  # packets; further away is a new sequence, or nonsense
_OLD_SSRC_S = 1.0  # stragglers of the stream before


class _Held(NamedTuple):
    timestamp: int  # extended
    payload: bytes
    ticks: int
    audio: bool
    at: float


class JitterBuffer:
    """One stream's packets, in any order, to items in order: no tick twice, none left out.

    ``lost`` counts packets that were given up, ``late`` those that came after that, ``duplicates``, ``resyncs`` new
    timelines, ``early`` what came faster than any sender speaks. ``lost_ticks``, ``silent_ticks``: how much of the
    stream is no audio, as soon as it is known why.
    """

    __slots__ = (
        "_at", "_bytes", "_first", "_given_up", "_held", "_high", "_late_since", "_lost_now", "_next",
        "_offset", "_old_ssrc", "_pace", "_presumed", "_probe", "_slack", "_sparse", "_ssrc", "_stamp",
        "_transit", "_usual", "duplicates", "early", "frame", "jitter", "late", "lost", "lost_ticks",
        "max_delay", "rate", "received", "resyncs", "silent_ticks",
    )  # fmt: skip

    def __init__(
        self, clock_rate: int, frame_ticks: int, *, bytes_a_tick: int = 1, max_delay_s: float = 0.2
    ) -> None:
        """``clock_rate`` in Hz; ``frame_ticks``: how much silence is made up at a time; ``bytes_a_tick`` of the
        payload."""
        self.rate, self.frame, self._bytes = clock_rate, frame_ticks, bytes_a_tick
        self.max_delay = max_delay_s
        self.lost = self.late = self.duplicates = self.resyncs = self.early = 0
        self.lost_ticks = self.silent_ticks = 0
        self.jitter = 0.0
        """Mean deviation of the packets' spacing, in seconds (RFC 3550, 6.4.1)."""
        self.received = 0
        """Packets of this source, all that came."""
        self._first = 0  # its first sequence number, extended
        self._ssrc: int | None = None
        self._old_ssrc: tuple[int, float] | None = None
        self._high = 0  # highest extended sequence number so far
        self._next = 0  # the one that is to be given on next
        self._probe = -1  # sequence number that would prove a jump
        self._stamp = 0  # newest timestamp, extended
        self._held: dict[int, _Held] = {}
        self._given_up: dict[int, float] = {}  # sequence number -> since when it was waited for
        self._lost_now = 0  # packets given up since a packet was given on last
        self._presumed = 0  # ticks taken for lost since then, because nothing came
        self._pace = Pace(clock_rate)
        self._at = 0
        self._offset: int | None = None  # position = timestamp + offset
        self._usual = frame_ticks  # ticks of the newest packet of audio
        self._transit: float | None = None
        self._late_since: float | None = None
        self._sparse = False  # the sender says that it sends nothing while silent
        self._slack = 0.0  # how late packets were that came too late

    # ------------------------------------------------------------------ figures

    @property
    def position(self) -> int:
        """Ticks given on so far."""
        return self._at

    @property
    def due_at(self) -> float | None:
        """When the next tick is due; None before the first."""
        base = self._pace.base
        return None if base is None else base + self._at / self.rate

    @property
    def ssrc(self) -> int | None:
        """The source; None before its first packet."""
        return self._ssrc

    @property
    def highest(self) -> int:
        """Its highest sequence number, extended by the rounds (RFC 3550, A.1)."""
        return self._high

    @property
    def expected(self) -> int:
        """Packets that it has sent, as far as is known (RFC 3550, A.3)."""
        return self._high - self._first + 1 if self.received else 0

    @property
    def hold_s(self) -> float:
        """How long a gap makes later packets wait."""
        return min(self.max_delay, max(LEAST_HOLD_S, 3 * self.jitter, self._slack))

    @property
    def wait_s(self) -> float:
        """How long after it was due a packet is waited for when none comes."""
        if self._sparse:
            return self.frame / self.rate
        return min(self.max_delay, max(LEAST_WAIT_S, 4 * self.jitter, self._slack))

    # ------------------------------------------------------------------ in

    def start(self, at: float | None) -> None:
        """Time runs from ``at`` on although no packet has come. Without effect once it runs, or for None."""
        if self._pace.base is None:
            self._pace.base = at

    def put(self, packet: Packet, now: float, *, audio: bool = True, ticks: int | None = None) -> list[Item]:
        """A packet came; what is due because of it. Without ``audio`` it is one that stands for ``ticks`` without any
        (keys, comfort noise)."""
        if audio and self.take_next(packet, now):
            return [Item(Kind.AUDIO, packet.payload, self._usual)]
        before: list[Item] = []
        if packet.ssrc != self._ssrc:
            if self._is_straggler(packet, now):
                return []
            before = self._new_source(packet)
        delta = ((packet.sequence - self._high + 0x8000) & 0xFFFF) - 0x8000
        if not -_SEQUENCE_JUMP < delta < _SEQUENCE_JUMP:
            if packet.sequence != self._probe:
                self._probe = (packet.sequence + 1) & 0xFFFF
                return []
            before = self._begin(packet)
            delta = 0
        self.received += 1
        sequence = self._high + delta
        self._high = max(self._high, sequence)
        if ticks is None:
            ticks = len(packet.payload) // self._bytes
        self._stamp += ((packet.timestamp - self._stamp + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        entry = _Held(self._stamp, packet.payload, ticks, audio, now)
        if audio:
            self._measure(now, self._stamp)
        if sequence == self._next and not self._held:
            self._next += 1
            return before + self._place(entry) if before else self._place(entry)
        if sequence < self._next:
            self._too_late(sequence, now)
            return []
        if sequence in self._held:
            self.duplicates += 1
            return []
        self._held[sequence] = entry
        return self._release(now)

    def take_next(self, packet: Packet, now: float) -> bool:
        """Whether this is what practically every packet of audio is: the next one, as long as the one before, with
        nothing between them. If so, its payload is next, and all is done; else nothing is, and ``put`` must be asked,
        which would do the same the long way."""
        stamp = self._stamp + self._usual
        if (
            packet.sequence != self._next & 0xFFFF or packet.timestamp != stamp & 0xFFFFFFFF
            or packet.ssrc != self._ssrc or len(packet.payload) != self._usual * self._bytes
            or self._held or self._sparse or self._offset is None or stamp + self._offset != self._at
            or self._late_since is not None or not self._pace.is_steady(now, self._at)
        ):  # fmt: skip
            return False
        self._measure(now, stamp)
        self._pace.follow(now, self._at)
        self._pace.is_flood(now, self._usual)
        self.received += 1
        self._high = max(self._high, self._next)
        self._next += 1
        self._stamp = stamp
        self._at += self._usual
        return True

    def due(self, now: float) -> list[Item]:
        """What is due because time passed: packets behind a gap that was waited for long enough, and the time of
        packets that did not come."""
        if not self._held and self._pace.due(now) < self._at + 2 * self.frame:
            return []
        items = self._release(now) if self._held else []
        if not self._held:
            behind = self._pace.due(now - self.wait_s) - self._at
            if behind >= self.frame:
                ticks = behind // self.frame * self.frame
                if self._sparse or self._ssrc is None:
                    items.append(self._fill(Kind.SILENT, ticks))
                else:  # what it was is known when the next packet comes
                    self._presumed += ticks
                    self._at += ticks
                    items.append(Item(Kind.LOST, b"", ticks))
        return items

    def _is_straggler(self, packet: Packet, now: float) -> bool:
        """Whether a packet belongs to the stream before. If not, it begins a new one."""
        if self._old_ssrc is not None and packet.ssrc == self._old_ssrc[0] and now < self._old_ssrc[1] + _OLD_SSRC_S:
            self.late += 1
            return True
        if self._ssrc is not None:
            self._old_ssrc = (self._ssrc, now)
        return False

    def _new_source(self, packet: Packet) -> list[Item]:
        first, self._ssrc = self._ssrc is None, packet.ssrc
        items = self._begin(packet)
        self.resyncs += not first
        return items

    def _begin(self, packet: Packet) -> list[Item]:
        """Sequence and timestamps begin anew with this packet; positions go on. What was held back comes first."""
        items: list[Item] = []
        for sequence in sorted(self._held):
            items += self._place(self._held.pop(sequence))
        self._high = self._next = self._first = packet.sequence
        self.received = 0
        self._probe = -1
        self._stamp = packet.timestamp
        self._given_up.clear()
        self._offset = self._transit = self._late_since = None
        self._lost_now = 0
        return items

    def _measure(self, now: float, stamp: int) -> None:
        transit = now - stamp / self.rate
        if self._transit is not None:
            step = abs(transit - self._transit)
            if step < MOST_BEHIND_S:
                self.jitter += (step - self.jitter) / 16
        self._transit = transit

    def _too_late(self, sequence: int, now: float) -> None:
        since = self._given_up.pop(sequence, None)
        if since is None:
            self.duplicates += 1
            return
        self.late += 1
        self._be_patient(now - since)

    def _be_patient(self, late_s: float) -> None:
        """A packet would have been in time, had it been waited for so long."""
        self._slack = min(self.max_delay, max(self._slack, late_s * 1.25))

    # ------------------------------------------------------------------ out

    def _release(self, now: float) -> list[Item]:
        """Give on what is in order; give up what was waited for long enough."""
        items: list[Item] = []
        held = self._held
        while held:
            if self._next not in held:
                since = min(entry.at for entry in held.values())
                if now - since < self.hold_s and len(held) <= MOST_HELD:
                    break
                self._give_up(min(held), since)
            entry = held.pop(self._next)
            self._next += 1
            items += self._place(entry)
        return items

    def _give_up(self, until: int, since: float) -> None:
        missing = until - self._next
        self.lost += missing
        self._lost_now += missing
        for sequence in range(max(self._next, until - MOST_HELD), until):
            self._given_up[sequence] = since
        while len(self._given_up) > MOST_HELD:
            del self._given_up[next(iter(self._given_up))]
        self._next = until

    def _place(self, entry: _Held) -> list[Item]:
        """The items of the packet that is next: what is missing before it, and what it has."""
        position = self._whole(entry, self._position(entry))
        end = position + entry.ticks
        if entry.audio and entry.ticks and end <= self._at:
            if self._late_since is None:
                self._late_since = entry.at
            if entry.at - self._late_since < LATE_FOR_S:
                self.late += 1
                self._be_patient(self._pace.lateness(entry.at, position))
                return []
            self.resyncs += 1
            position = self._anchor(entry)
            end = position + entry.ticks
        if entry.audio and self._pace.is_flood(entry.at, entry.ticks):
            self.early += 1
            return []
        self._late_since = None
        items: list[Item] = []
        if self._presumed:  # as much was lost as packets are missing; the rest of the time the sender was silent
            lost = min(self._presumed, self._lost_now * (entry.ticks or self.frame))
            self.lost_ticks += lost
            self.silent_ticks += self._presumed - lost
        if position > self._at:
            items += self._gap(position - self._at, entry.ticks or self.frame)
        if end > self._at:
            items.append(self._give_on(entry, self._at - position))
        self._sparse = not entry.audio
        if entry.audio:
            self._usual = entry.ticks
        self._lost_now = self._presumed = 0
        return items

    def _give_on(self, entry: _Held, overlap: int) -> Item:
        """The packet's own item, without the first ``overlap`` ticks, whose time was filled already."""
        ticks = entry.ticks - overlap
        if not entry.audio:  # a key may claim any length; it was not longer than the time that has passed
            ticks = min(ticks, max(0, self._pace.due(entry.at) - self._at) + self.frame)
        self._at += ticks
        if entry.audio:
            return Item(Kind.AUDIO, entry.payload[overlap * self._bytes :] if overlap else entry.payload, ticks)
        self.silent_ticks += ticks
        return Item(Kind.SILENT, b"", ticks)

    def _gap(self, ticks: int, packet_ticks: int) -> list[Item]:
        """What stands between the last audio and the next: as much lost as packets are missing, the rest silence."""
        lost = min(ticks, self._lost_now * packet_ticks)
        items = [self._fill(Kind.LOST, lost)] if lost else []
        if ticks > lost:
            items.append(self._fill(Kind.SILENT, ticks - lost))
        return items

    def _fill(self, kind: Kind, ticks: int) -> Item:
        self._at += ticks
        if kind is Kind.LOST:
            self.lost_ticks += ticks
        else:
            self.silent_ticks += ticks
        return Item(kind, b"", ticks)

    def _position(self, entry: _Held) -> int:
        """Where the packet stands. One that is far from the time that has passed is put where time is."""
        if self._offset is None:
            return self._anchor(entry)
        position = entry.timestamp + self._offset
        late = self._pace.lateness(entry.at, position)
        if not entry.audio:  # all packets of a key have the time of its beginning
            return position if late > -MOST_AHEAD_S else self._at
        if not -MOST_AHEAD_S < late < MOST_BEHIND_S:
            self.resyncs += 1
            return self._anchor(entry)
        if self._pace.follow(entry.at, position):
            self._slack *= 0.8
        return position

    def _anchor(self, entry: _Held) -> int:
        """Begin a timeline with this packet."""
        steps = round((self._pace.due(entry.at) - self._at) / self.frame)
        position = self._at + max(0, steps) * self.frame
        self._pace.begin(entry.at, position)
        self._offset = position - entry.timestamp
        return position

    def _whole(self, entry: _Held, position: int) -> int:
        """The position, moved so that whole frames are between the packet and what was given on before: else each frame
        from here on would be made of parts of two packets, and wait for the second."""
        gap = position - self._at
        if gap % self.frame == 0 or gap <= -self.frame or entry.ticks % self.frame or not entry.audio:
            return position
        moved = max(0, round(gap / self.frame)) * self.frame - gap
        assert self._offset is not None
        self._offset += moved
        return position + moved


__all__ = ["Item", "JitterBuffer", "Kind"]
