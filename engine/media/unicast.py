"""Audio by FreeSWITCH's ``unicast``: L16 in UDP on loopback, one datagram a frame.

What FreeSWITCH does, as observed on 1.11.2: it sends one frame every 20 ms from the moment it starts, RTP or not
(bytes 0xFF: no RTP from the caller); it plays one frame every 20 ms and cannot be flushed; a datagram is one RTP packet
whatever its size; an *empty* datagram ends its write side for good; ``playback``, ``bridge`` and codec changes end
unicast silently. The source address is what we told it (``local-ip``), so each call has its own.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache

from gevent.event import Event

from engine.config import MediaOptions
from engine.media.addresses import AddressPool
from engine.media.clock import Batch, FrameClock, is_worth_a_line
from engine.media.datagram import Address, DatagramSocket, bind_datagram
from engine.media.errors import MediaError
from engine.media.leg import Ear
from engine.media.pcm import SAMPLE_BYTES
from engine.media.playout import Playout
from engine.media.timeline import Timeline

log = logging.getLogger(__name__)

RATES = (8000, 16000)
"""Rates of the channel's read codec with which unicast was seen to work, in Hz."""

DRIFT_MS = 100
"""How far the caller's audio may fall behind time before silence is filled in."""

WATCH_S = 0.04
"""How often it is looked whether frames are missing, in seconds."""

_JITTER_FRAMES = 2  # ahead of time by so much is more than FreeSWITCH's timer does (16 to 24 ms)
_REMEMBERED = 1024  # addresses of closed calls whose last datagrams are nobody's fault

Mouth = Callable[[bytes, int], None]
"""``mouth(frame, slot)``: a frame of speech was written, and plays ``slot`` frames after the caller's first one."""


class UnicastSocket:
    """The one UDP socket of a process for all its calls.

    ``refused`` counts datagrams of strangers, ``bad_frames`` those of the wrong size, ``ear_faults`` exceptions of
    ears and of ``on_lost``.
    """

    def __init__(
        self,
        options: MediaOptions,
        clock: FrameClock,
        *,
        bind: Callable[[str, int], DatagramSocket] | None = None,
        addresses: AddressPool | None = None,
    ) -> None:
        """Binds ``options.bind:port`` and is drained by ``clock`` from now on. Raises ``MediaError`` if the port is in
        use. ``bind`` and ``addresses`` are for tests."""
        self.options = options
        self.clock = clock
        self.refused = 0
        self.bad_frames = 0
        self.ear_faults = 0
        self._socket = (bind or bind_datagram)(options.bind, options.port)
        self.sendto = self._socket.sendto
        self.ip, self.port = self._socket.getsockname()
        self._addresses = addresses or AddressPool()
        self._legs: dict[str, UnicastLeg] = {}  # by FreeSWITCH's address; its port is the same for all
        self._closed: OrderedDict[str, None] = OrderedDict()
        self._next_watch = 0.0
        self._round = 0
        self._size = max(RATES) // 1000 * options.frame_ms * SAMPLE_BYTES + 1
        clock.add_source(self)

    def open(self, rate: int, on_lost: Callable[[int], None] | None = None) -> "UnicastLeg":
        """A leg with an address of its own, served from now on. ``rate`` is the channel's read rate, in Hz.

        ``on_lost(silent_ms)`` is called once when frames stop for ``watchdog_ms``, from the frame clock, so it must not
        wait; before the first frame nothing is missed (wait for ``first_frame`` with a deadline). Raises ``MediaError``
        for a rate other than 8000 and 16000, ``AddressesExhausted``.
        """
        if rate not in RATES:
            raise MediaError(f"no unicast at {rate} Hz: the rate of the read codec must be one of {RATES}")
        leg = UnicastLeg(self, rate, on_lost)
        self.register(leg)
        self.clock.add(leg)
        return leg

    def __len__(self) -> int:
        """Legs that are open."""
        return len(self._legs)

    def close(self) -> None:
        """Close all legs and the socket. Idempotent."""
        for leg in list(self._legs.values()):
            leg.close()
        self.clock.remove_source(self)
        self._socket.close()

    # ------------------------------------------------------------------ for the legs

    def register(self, leg: "UnicastLeg") -> None:
        """Give the leg an address of its own; its datagrams are told by it."""
        leg.local_ip = self._addresses.take()
        leg.far = (leg.local_ip, leg.local_port)
        self._closed.pop(leg.local_ip, None)
        self._legs[leg.local_ip] = leg

    def unregister(self, leg: "UnicastLeg") -> None:
        """Take the address back. What still comes from there is ignored for a while, not counted as a stranger's."""
        if self._legs.pop(leg.local_ip, None) is not None:
            self._addresses.give_back(leg.local_ip)
            self._closed[leg.local_ip] = None
            if len(self._closed) > _REMEMBERED:
                self._closed.popitem(last=False)

    # ------------------------------------------------------------------ in

    def drain(self, now: float, hear: Callable[[Batch], None]) -> None:
        """Deliver every datagram that has arrived: to its leg's ear, then as a batch to ``hear``. An ear may close its
        leg, which is in the batch all the same."""
        legs, size, receive, switch_port = self._legs, self._size, self._socket.recvfrom, self.options.switch_port
        batch: Batch = []
        round_number = self._round + 1
        # A flood must not hold the hub: what is beyond waits for the next tick.
        for _ in range(256 + 8 * len(legs)):
            try:
                frame, address = receive(size)
            except BlockingIOError:
                break
            leg = legs.get(address[0])
            if leg is None or address[1] != switch_port:
                self._refuse(address)
                continue
            if len(frame) != leg.frame_bytes:
                leg.bad_frames += 1
                self.bad_frames += 1
                continue
            if leg.surplus and leg.is_ahead(now):
                continue
            if leg.round == round_number:
                hear(batch)
                batch = []
                round_number += 1
            leg.round = round_number
            leg.last_in = now
            leg.fresh = True
            if not leg.alive:
                leg.come_alive(now)
            silent = frame == leg.no_rtp
            if silent:
                frame = leg.silence
            leg.frames_in += 1
            batch.append((leg, frame, silent))
            try:
                leg.ear(frame, silent)
            except Exception:  # noqa: BLE001 - one call's fault must not deafen the others
                self._fault(leg)
        self._round = round_number
        if batch:
            hear(batch)
        if now >= self._next_watch:
            self._next_watch = now + WATCH_S
            self._watch(now, hear)

    def _watch(self, now: float, hear: Callable[[Batch], None]) -> None:
        """Look after all legs. Silence is filled in for all of them together: after a stall it is many frames."""
        behind: list[tuple[UnicastLeg, int]] = []
        for leg in list(self._legs.values()):
            try:
                frames = leg.watch(now)
            except Exception:  # noqa: BLE001 - one call's fault must not deafen the others
                self._fault(leg)
                continue
            if frames:
                behind.append((leg, frames))
        while behind:
            batch: Batch = []
            for leg, _ in behind:
                try:
                    leg.fill()
                except Exception:  # noqa: BLE001 - the same
                    self._fault(leg)
                batch.append((leg, leg.silence, True))
            hear(batch)
            behind = [(leg, frames - 1) for leg, frames in behind if frames > 1]

    def _fault(self, leg: "UnicastLeg") -> None:
        self.ear_faults += 1
        if is_worth_a_line(self.ear_faults):
            log.exception("who listens to %s failed (%d such faults); the call goes on", leg.local_ip, self.ear_faults)

    def _refuse(self, address: Address) -> None:
        if address[0] in self._closed:
            return
        self.refused += 1
        if is_worth_a_line(self.refused):
            log.warning("datagram from a stranger, %s:%d, refused (%d so far)", *address[:2], self.refused)


class UnicastLeg:
    """One call's audio by unicast; implements ``Leg`` and is ticked by the frame clock.

    For the ``unicast`` command: ``local_ip``/``local_port`` are FreeSWITCH's side, ``remote_ip``/``remote_port`` ours.
    Nothing is written until FreeSWITCH's first frame shows that unicast lives (``first_frame``).
    """

    # A tick touches every leg: compact objects are what keeps them in the cache.
    __slots__ = (
        "_began", "_closed", "_counting", "_drift", "_frame_s", "_idle", "_lead",
        "_on_lost", "_ahead", "_sendto", "_slot", "_socket", "_watchdog_s", "_written_alone",
        "alive", "bad_frames", "ear", "far", "filled", "first_frame", "frame_bytes", "fresh", "frames_in", "frames_out",
        "last_in", "left_out", "local_ip", "local_port", "mouth", "no_rtp", "playout", "rate", "remote_ip",
        "remote_port", "round", "send_errors", "silence", "surplus", "timeline", "unheard",
    )  # fmt: skip

    def __init__(self, socket: UnicastSocket, rate: int, on_lost: Callable[[int], None] | None) -> None:
        """Made by ``UnicastSocket.open``."""
        options = socket.options
        self.rate = rate
        self.frame_bytes, self.silence, self.no_rtp = _frame_kinds(rate * options.frame_ms // 1000 * SAMPLE_BYTES)
        idle = options.idle == "silence"
        self.playout = Playout(rate, self.frame_bytes, fade_out=idle)
        self.playout.wake = self._kick
        self.first_frame = Event()
        self.frames_in = 0
        self.timeline: Timeline | None = None  # FreeSWITCH sends one frame every tick
        self.unheard = 0  # what was written to it cannot be taken back
        self.frames_out = 0
        self.bad_frames = 0
        self.filled = 0
        self.left_out = 0
        self.send_errors = 0
        self.mouth: Mouth | None = None
        self.local_ip = ""
        self.local_port = options.switch_port
        self.far: Address = ("", 0)  # both of them
        self.remote_ip, self.remote_port = socket.ip, socket.port
        # Read and written by the socket's drain, for speed.
        self.alive = False
        self.round = 0  # number of the batch that has this leg
        self.ear: Ear = _deaf
        self.last_in = 0.0
        self.fresh = False  # a frame has come since the last tick
        self.surplus = 0  # frames filled in that may still arrive late
        self._socket = socket
        self._sendto = socket.sendto
        self._on_lost = on_lost
        self._frame_s = options.frame_ms / 1000
        self._watchdog_s = options.watchdog_ms / 1000
        self._lead = options.lead_frames
        self._idle = self.silence if idle else None
        self._drift = max(1, DRIFT_MS // options.frame_ms)
        self._counting = False  # the caller's first frame has come
        self._began = 0.0  # when it came
        self._slot = 0  # frames of time since then
        self._ahead = 0  # frames that FreeSWITCH holds, counting the one it plays
        self._written_alone = 0  # frames of speech written since a frame came in last
        self._closed = False

    def attach(self, ear: Ear) -> None:
        """Deliver frames to this ear from now on."""
        self.ear = ear

    def reattach(self) -> None:
        """Take a new address, for a new ``unicast`` command; playout, ledger and the call's audio clock go on.

        ``first_frame`` is clear until FreeSWITCH's first frame comes to the new address.
        """
        if self._closed:
            raise MediaError("the leg is closed and cannot be attached again")
        self._lose()
        self._socket.unregister(self)
        self._socket.register(self)

    def close(self) -> None:
        """Stop both directions. Idempotent."""
        if not self._closed:
            self._closed = True
            self.alive = False
            self.ear = _deaf
            self._socket.unregister(self)
            self._socket.clock.remove(self)
            self.playout.wake = None
            self.playout.clear()

    # ------------------------------------------------------------------ out: the clock's side

    def tick(self, slots: int) -> None:
        """Write what the lead allows. The lead is frames that FreeSWITCH holds ahead of the one it plays."""
        slot = self._slot = self._slot + slots
        if not self.alive:
            return
        if self.fresh:
            self.fresh = False
            self._written_alone = 0
        ahead = self._ahead - slots
        if ahead < 0:
            ahead = 0
        lead = self._lead
        while ahead < lead:
            frame = self.playout.next_frame()
            if frame is not None:
                self._written_alone += 1
                if self.mouth:
                    self.mouth(frame, slot + ahead)
            elif ahead == 0 and self._idle:
                frame = self._idle
                lead = 0  # silence needs none
            else:
                break
            try:
                self._sendto(frame, self.far)
            except OSError:  # what the kernel does not take is lost, as on any network
                self.send_errors += 1
            self.frames_out += 1
            ahead += 1
        self._ahead = ahead

    def _kick(self) -> None:
        if self.alive:
            self._socket.clock.kick(self)

    # ------------------------------------------------------------------ in: the socket's side

    def come_alive(self, now: float) -> None:
        """A frame came after none had."""
        self.alive = True
        self._ahead = 0
        if not self._counting:
            self._counting = True
            self._began = now
            self._slot = 0
        self.first_frame.set()

    def watch(self, now: float) -> int:
        """Every ``WATCH_S``: notice that unicast has died. Returns how many frames of silence the caller's audio needs
        to be in time again."""
        if self._closed or not self._counting:
            return 0
        behind = self._behind(now)
        if self.alive and now - self.last_in >= self._watchdog_s:
            self._lose()
            if self._on_lost:
                self._on_lost(round((now - self.last_in) * 1000))
        return behind if behind > self._drift else 0

    def is_ahead(self, now: float) -> bool:
        """Whether the frame that just came is a late one that was filled in already; it is left out then."""
        self.last_in = now
        if self._behind(now) > -_JITTER_FRAMES:
            return False
        self.surplus -= 1
        self.left_out += 1
        return True

    def _behind(self, now: float) -> int:
        """Frames that should have come by now and have not."""
        return int((now - self._began) / self._frame_s) + 1 - self.frames_in

    def fill(self) -> None:
        """A datagram was lost: the caller's time goes on with a frame of silence."""
        self.frames_in += 1
        self.filled += 1
        self.surplus += 1
        self.ear(self.silence, True)

    def _lose(self) -> None:
        if self.alive:
            self.alive = False
            self.first_frame.clear()
            self.playout.unwrite(self._written_alone + self._lead)
            self._written_alone = 0


@lru_cache
def _frame_kinds(size: int) -> tuple[int, bytes, bytes]:
    """Size, silence, and FreeSWITCH's "no RTP", one object each for all legs: they stay in the cache."""
    return size, bytes(size), b"\xff" * size


def _deaf(frame: bytes, silent: bool) -> None:
    """Nobody listens."""


__all__ = ["DRIFT_MS", "RATES", "UnicastLeg", "UnicastSocket"]
