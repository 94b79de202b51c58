"""Keys as RFC 4733 sends them: named events in RTP, each in several packets, all with the time of its beginning.

``KeyReceiver`` makes one key of them although packets are repeated, reordered or lost, the last ones included;
``KeySender`` makes the packets of keys to be sent. Both are told the time.
"""

from collections import deque
from dataclasses import dataclass
from struct import Struct

from engine.rtp.errors import Malformed

KEYS = "0123456789*#ABCD"
"""Events 0 to 15 (RFC 4733, table 3). Others (flash, modem tones) are no keys."""

ENDED_AFTER_S = 0.2
"""No packet of a key for so long: its end was lost. Packets of a key come every 20 to 50 ms."""

_EVENT = Struct("!BBH")
_END = 0x80
_VOLUME = 10  # -10 dBm0, what telephones send
_END_REPEATS = 3  # RFC 4733, 2.5.1.4
_REMEMBERED = 8  # keys over, whose late packets are nothing new


@dataclass(frozen=True, slots=True)
class Key:
    """A key that was pressed, and how long, as far as its packets came."""

    digit: str
    duration_ms: int


@dataclass(slots=True)
class _Pressed:
    event: int
    timestamp: int  # of its newest segment
    ticks: int  # of the segments before
    duration: int  # of this segment, longest told
    at: float  # when its last packet came


class KeyReceiver:
    """Packets of one stream to keys. ``malformed`` counts payloads that are none."""

    def __init__(self, clock_rate: int) -> None:
        """``clock_rate`` of the events in Hz."""
        self.rate = clock_rate
        self.malformed = 0
        self._pressed: _Pressed | None = None
        self._over: deque[int] = deque(maxlen=_REMEMBERED)

    @property
    def busy(self) -> bool:
        """Whether a key is down: ``due`` must be called then."""
        return self._pressed is not None

    def put(self, timestamp: int, payload: bytes, now: float) -> tuple[list[Key], int]:
        """A packet came: the keys that are over with it (two where the end of the one before was lost), and the ticks
        since ``timestamp`` that it stands for."""
        try:
            event, end, duration = parse(payload)
        except Malformed:
            self.malformed += 1
            return [], 0
        keys: list[Key] = []
        if timestamp in self._over:
            return keys, duration
        down = self._pressed
        if down is not None and timestamp != down.timestamp:
            after = (timestamp - down.timestamp) & 0xFFFFFFFF
            if after > 0x7FFFFFFF:
                return keys, duration  # a late packet of a segment before
            if event == down.event and after == down.duration:  # the next segment of a long press (2.5.1.3)
                self._over.append(down.timestamp)
                down.ticks, down.timestamp, down.duration = down.ticks + down.duration, timestamp, 0
            else:
                keys += self._finish()
                down = None
        if down is None:
            down = self._pressed = _Pressed(event, timestamp, 0, 0, now)
        down.duration, down.at = max(down.duration, duration), now
        if end:
            keys += self._finish()
        return keys, duration

    def due(self, now: float) -> list[Key]:
        """The key whose end was lost, once that is certain."""
        if self._pressed is not None and now - self._pressed.at >= ENDED_AFTER_S:
            return self._finish()
        return []

    def _finish(self) -> list[Key]:
        down, self._pressed = self._pressed, None
        if down is None:
            return []
        self._over.append(down.timestamp)
        if down.event >= len(KEYS):
            return []
        return [Key(KEYS[down.event], (down.ticks + down.duration) * 1000 // self.rate)]


def parse(payload: bytes) -> tuple[int, bool, int]:
    """Event, whether it ends, and its duration so far in ticks. Raises ``Malformed``."""
    if len(payload) < _EVENT.size:
        raise Malformed(f"{len(payload)} bytes are no telephone event, which has 4")
    event, flags, duration = _EVENT.unpack_from(payload)
    return event, bool(flags & _END), duration


class KeySender:
    """Keys to packets: one every tick of the frame clock while a key is down, its end three times, then a pause."""

    def __init__(self, packet_ticks: int, clock_rate: int) -> None:
        """``packet_ticks``: how far the timestamp goes on from one call of ``next`` to the next."""
        self._step = packet_ticks
        self._rate = clock_rate
        self._waiting: deque[tuple[int, int, int]] = deque()  # event, ticks, ticks of the pause after it
        self._event: tuple[int, int, int] | None = None
        self._began = 0
        self._told = 0  # ticks of the key told so far
        self._repeats = 0
        self._pause = 0

    def press(self, digits: str, *, key_ms: int = 100, pause_ms: int = 80) -> None:
        """Send these keys after those that wait. Raises ``ValueError`` for one that there is not."""
        for digit in digits.upper():
            event = KEYS.find(digit)
            if event < 0:
                raise ValueError(f"there is no key {digit!r}; there are {KEYS}")
            ticks = min(max(key_ms * self._rate // 1000, self._step), 0xFFFF)
            self._waiting.append((event, ticks, pause_ms * self._rate // 1000))

    @property
    def busy(self) -> bool:
        """Whether keys are being sent: no audio goes out meanwhile."""
        return bool(self._event or self._waiting or self._pause > 0)

    def next(self, timestamp: int) -> tuple[int, bytes, bool] | None:
        """Timestamp, payload and marker of the packet for the time ``timestamp``; None in a pause, or when done."""
        if self._event is None:
            if self._pause > 0:
                self._pause -= self._step
                return None
            if not self._waiting:
                return None
            self._event = self._waiting.popleft()
            self._began, self._told, self._repeats = timestamp, 0, 0
        event, ticks, pause = self._event
        first = self._told == 0
        self._told = min(ticks, self._told + self._step)
        end = self._told >= ticks
        if end:
            self._repeats += 1
            if self._repeats == _END_REPEATS:
                self._event, self._pause = None, pause
        return self._began, _EVENT.pack(event, (_END if end else 0) | _VOLUME, self._told), first


__all__ = ["ENDED_AFTER_S", "KEYS", "Key", "KeyReceiver", "KeySender", "parse"]
