"""One call's audio by RTP, as FreeSWITCH speaks it to a SIP endpoint: the leg of ``media.backend: sip``.

What is settled about the audio (``Agreed``) may change in mid-call: the leg's own rate, playout, ledger and the call's
audio clock do not. Codec, packet length, addresses and hold are taken up by ``change``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from secrets import randbits
from typing import TYPE_CHECKING

from gevent.event import Event

from engine.media import rtpreport
from engine.media.datagram import Address
from engine.media.errors import MediaError
from engine.media.leg import Ear
from engine.media.pcm import SAMPLE_BYTES
from engine.media.playout import Playout
from engine.media.resample import STREAM_RATES
from engine.media.rtpin import Frame, Incoming
from engine.media.rtpout import Outgoing
from engine.media.timeline import Timeline
from engine.rtp import packet as wire
from engine.rtp import rtcp
from engine.rtp.dtmf import Key, KeyReceiver, KeySender
from engine.rtp.errors import Malformed
from engine.rtp.reports import Received, Reports
from engine.rtp.sending import Sending
from engine.sip.agreed import Agreed

if TYPE_CHECKING:
    from engine.media.rtplegs import RtpLegs, RtpPort

STARTS_AFTER_S = 0.5
"""A caller whose telephone sends nothing while they are silent is spoken to after so long all the same."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told what happens on the line. All are called from the frame clock, so they must not wait."""

    lost: Callable[[int], None] = lambda silent_ms: None
    """``lost(silent_ms)``: nothing came for ``rtp.watchdog_ms``, although the call is not on hold. Once, until
    something comes again."""

    held: Callable[[bool], None] = lambda held: None
    """``held(True)``: the other side has put the call on hold and hears nothing; ``held(False)``: it listens again."""

    key: Callable[[Key], None] = lambda key: None
    """``key(key)``: the caller pressed a key. FreeSWITCH tells it by the event socket, too: use one of them."""


class RtpLeg:
    """Implements ``Leg``; ticked by the frame clock. Made by ``RtpLegs.open``; silent until ``change`` says with whom
    it talks. ``local`` is what our session description names.

    ``alive``: the other side is there, and is spoken to; ``first_frame`` is set then.
    """

    __slots__ = (
        "_agreed_at", "_ahead", "_began", "_closed", "_figures", "_idle", "_in", "_in_next", "_keys", "_keys_out",
        "_lead", "_legs", "_lost", "_out", "_port", "_reports", "_rtp", "_sending", "_sendto", "_slot", "_ticked",
        "_told", "agreed", "alive", "bad_packets", "ear", "far", "far_rtcp", "first_frame", "frame_bytes", "frames_in",
        "frames_out", "heard_from", "keys_in", "last_in", "local", "mouth", "packets_in", "packets_out", "playout",
        "rate", "send_errors", "silence", "timeline", "unheard", "__weakref__",
    )  # fmt: skip

    def __init__(self, legs: "RtpLegs", port: "RtpPort", rate: int, told: Told) -> None:
        """Made by ``RtpLegs.open``."""
        if rate not in STREAM_RATES:
            raise MediaError(f"no RTP leg at {rate} Hz: its rate must be one of {STREAM_RATES}")
        options, self._rtp = legs.options, legs.rtp
        self.rate = rate
        self.frame_bytes = rate * options.frame_ms // 1000 * SAMPLE_BYTES
        self.silence = bytes(self.frame_bytes)
        self._idle = options.idle == "silence"
        self.playout = Playout(rate, self.frame_bytes, fade_out=self._idle)
        self.playout.wake = self._kick
        self.first_frame = Event()
        self.timeline: Timeline | None = None  # a frame every tick, whatever comes
        self.unheard = 0  # FreeSWITCH cannot let go of what it was sent
        self.frames_in = self.frames_out = self.packets_in = self.packets_out = 0
        self.bad_packets = self.send_errors = 0
        self.mouth: Callable[[bytes, int], None] | None = None
        """``mouth(frame, slot)``: speech was sent, to be played ``slot`` frames after the caller's first."""
        self.local: Address = port.address
        self.agreed: Agreed | None = None
        self.far: Address = ("", 0)
        self.far_rtcp: Address = ("", 0)
        self.heard_from: Address | None = None
        """Where the audio comes from; not where it was agreed, behind a NAT."""
        self.alive = False
        self.last_in = 0.0
        self._legs, self._port, self._told = legs, port, told
        self._sendto = port.send
        self.ear: Ear = _deaf
        self._in: Incoming | None = None
        self._in_next: Incoming | None = None  # agreed, and not come yet
        self._out: Outgoing | None = None
        self._sending = Sending(randbits)
        self._reports: Reports | None = None
        self._keys: KeyReceiver | None = None
        self._keys_out: KeySender | None = None
        self.keys_in = 0
        self._lead = options.lead_frames
        self._slot = 0  # frames of time since the leg was opened
        self._began: int | None = None  # the slot of the caller's first frame
        self._ticked = False
        self._ahead = 0  # frames that were sent before they play
        self._agreed_at: float | None = None
        self._lost = False
        self._closed = False
        self._figures: list[Incoming] = []

    # ------------------------------------------------------------------ the owner's side

    def attach(self, ear: Ear) -> None:
        """Deliver frames to this ear from now on."""
        self.ear = ear

    @property
    def bad_frames(self) -> int:
        """What came and was no audio of this leg."""
        return self.bad_packets

    @property
    def on_hold(self) -> bool:
        """Whether the other side hears nothing of us."""
        return self.agreed is not None and not self.agreed.may_send

    def change(self, agreed: Agreed) -> None:
        """This holds from now on: the first time, and after each re-INVITE. What comes by the terms before is still
        understood until something comes by the new ones. Raises ``MediaError`` for a codec that is not here; then
        nothing has changed."""
        if self._closed:
            return
        now, before = self._legs.clock_time(), self.agreed
        if before is None or _audio_of(before) != _audio_of(agreed):
            self._take_up(agreed, now)
        self.agreed = agreed
        if before is None or before.telephone_event_pt != agreed.telephone_event_pt:
            self._keys = KeyReceiver(agreed.telephone_event_rate) if agreed.telephone_event_pt is not None else None
        if before is None or before.remote != agreed.remote:
            self.far, self.far_rtcp, self.heard_from = agreed.remote, agreed.remote_rtcp, None
        self._port.expect(self, agreed)
        self.last_in = now
        if before is None:
            self._agreed_at = now
            if not self._ticked:
                self._ticked = True
                self._legs.clock.add(self)
        if agreed.may_send != (before is None or before.may_send):
            self._ahead = 0
            self._told.held(not agreed.may_send)
        self._kick()

    def _take_up(self, agreed: Agreed, now: float) -> None:
        """Make what receives and sends by these terms."""
        before, frame_ms, delay = self._in, self._legs.options.frame_ms, self._rtp.max_delay_ms / 1000
        incoming = Incoming(agreed, self.rate, frame_ms, max_delay_s=delay)
        sending = self._sending
        if self._out is not None and self._out.agreed.clock_rate != agreed.clock_rate:
            sending = Sending(randbits)  # timestamps of another clock are another source's (RFC 7160)
        out = Outgoing(agreed, self.rate, frame_ms, sending)
        self._in_next = None
        if before is None or before.agreed.payload_type == agreed.payload_type:
            self._swap(incoming)
        else:
            self._in_next = incoming
        self._out, self._sending, self._keys_out = out, sending, None
        if self._reports is None or self._reports.ssrc != sending.ssrc:
            self._reports = Reports(sending.ssrc, self._legs.cname, self._rtp.rtcp_interval_s, now,
                                    self._legs.wall_time(), self._legs.random)

    def _swap(self, incoming: Incoming) -> None:
        if self._in is not None:
            self._figures.append(self._in)
            del self._figures[:-8]
            incoming.buffer.start(self._in.buffer.due_at)
        self._in, self._in_next = incoming, None

    def press(self, digits: str, *, key_ms: int = 100) -> None:
        """Send keys; what is said waits meanwhile. Raises ``MediaError`` where none were agreed, ``ValueError`` for a
        key that there is not."""
        agreed = self.agreed
        if agreed is None or agreed.telephone_event_pt is None or self._closed:
            raise MediaError("keys cannot be sent: the other side has not agreed to telephone events")
        if self._keys_out is None:
            frame_ms = self._legs.options.frame_ms
            self._keys_out = KeySender(agreed.telephone_event_rate * frame_ms // 1000, agreed.telephone_event_rate)
        self._keys_out.press(digits, key_ms=key_ms)

    def part(self) -> None:
        """The other side has left; another may come. Nothing is sent to where it was (FreeSWITCH gives its port to
        another call), nothing is missed; the caller's time goes on in silence. The next ``change`` ends this. What was
        sent ahead is said again. Idempotent."""
        if self._closed or self.agreed is None:
            return
        self._goodbye()
        self._port.leave(self)
        self.agreed = self._in_next = self.heard_from = None
        if self.alive:
            self.alive = False
            self.first_frame.clear()
            self.playout.unwrite(self._lead)
        self._ahead = 0

    def close(self) -> None:
        """Stop both directions. Idempotent."""
        if self._closed:
            return
        self._goodbye()
        self._closed = True
        self.alive = False
        self.ear = _deaf
        self._port.forget(self)
        self._legs.clock.remove(self)
        self.playout.wake = None
        self.playout.clear()

    # ------------------------------------------------------------------ out: the clock's side

    def tick(self, slots: int) -> None:
        """Send what the lead allows; a frame of silence where there is nothing to say."""
        slot = self._slot = self._slot + slots
        out = self._out
        if out is None or self.agreed is None or not self.agreed.may_send:
            return
        if self._keys_out is not None and self._keys_out.busy:
            self._ahead = 0
            if slots:
                self._tick_key(out, slot)
            return
        ahead = max(0, self._ahead - slots)
        lead = self._lead
        while ahead < lead:
            frame = self.playout.next_frame() if self.alive else None
            if frame is not None:
                if self.mouth:
                    self.mouth(frame, slot - (self._began or 0) + ahead)
                packets = out.audio(frame, slot + ahead)
            elif ahead == 0 and self._idle:
                packets = out.silent(slot)
                lead = 0  # silence needs none
            else:
                break
            for data in packets:
                self._send(data)
            self.frames_out += 1
            ahead += 1
        self._ahead = ahead

    def _tick_key(self, out: Outgoing, slot: int) -> None:
        assert self._keys_out is not None and self.agreed is not None and self.agreed.telephone_event_pt is not None
        event = self._keys_out.next(self._sending.timestamp(out.tick(slot)))
        if event is not None:
            timestamp, payload, first = event
            self._send(self._sending.named(self.agreed.telephone_event_pt, payload, timestamp, marker=first))

    def _send(self, data: bytes) -> None:
        try:
            self._sendto(data, self.far)
            self.packets_out += 1
        except OSError:  # what the kernel does not take is lost, as on any network
            self.send_errors += 1

    def _kick(self) -> None:
        if self._out is not None and not self._closed:
            self._legs.clock.kick(self)

    # ------------------------------------------------------------------ in: the port's side

    def take(self, data: bytes, now: float) -> list[Frame]:
        """A datagram from this call's peer; the frames that are due with it."""
        incoming, agreed = self._in, self.agreed
        if incoming is None or agreed is None:
            return []
        try:
            if wire.is_rtcp(data):
                self.take_report(data, now)
                return []
            packet = wire.parse(data)
        except Malformed:
            self.bad_packets += 1
            return []
        kind = packet.payload_type
        if self._in_next is not None and kind == self._in_next.agreed.payload_type:
            incoming = self._in_next
            self._swap(incoming)
        if kind == incoming.agreed.payload_type:
            frames = incoming.audio(packet, now)
        elif kind == agreed.telephone_event_pt and self._keys is not None:
            keys, ticks = self._keys.put(packet.timestamp, packet.payload, now)
            frames = incoming.silence(packet, now, ticks * agreed.clock_rate // self._keys.rate)
            self._tell_keys(keys)
        elif kind == agreed.comfort_noise_pt:
            frames = incoming.comfort_noise(packet, now)
        else:
            self.bad_packets += 1
            return []
        self.packets_in += 1
        self.last_in = now
        self._lost = False
        if not self.alive:
            self._come_alive()
        return frames

    def is_mine(self, data: bytes) -> bool:
        """Whether a datagram from an unknown address may be this call's: RTP with a payload type that was agreed."""
        agreed = self.agreed
        if agreed is None or len(data) < 12 or data[0] >> 6 != 2:
            return False
        return data[1] & 0x7F in (agreed.payload_type, agreed.telephone_event_pt, agreed.comfort_noise_pt)

    def take_report(self, data: bytes, now: float) -> None:
        """RTCP from this call's peer. Raises ``Malformed``."""
        parts = rtcp.parse(data)
        if self._reports is not None:
            self._reports.heard(parts, now)
        self.last_in = now
        self._lost = False

    def move(self, source: Address) -> None:
        """The other side is behind a NAT, and its audio comes from there: so is ours sent there."""
        self.far, self.heard_from = source, source
        muxed = self.agreed is not None and self.agreed.rtcp_mux
        self.far_rtcp = source if muxed else (source[0], source[1] + 1)

    def _come_alive(self) -> None:
        self.alive = True
        if self._began is None:
            self._began = self._slot
        self._ahead = 0
        self.first_frame.set()

    # ------------------------------------------------------------------ in: what time brings

    def pass_time(self, now: float) -> list[Frame]:
        """Every frame: the frames of packets that did not come, keys whose end was lost, reports, the watchdog."""
        incoming, agreed = self._in, self.agreed
        if incoming is None or self._closed:
            return []
        if agreed is None:
            return incoming.due(now)
        if not self.alive:
            if self._agreed_at is None or now - self._agreed_at < STARTS_AFTER_S:
                return []
            incoming.buffer.start(now)
            self._come_alive()
        if self._keys is not None and self._keys.busy:
            self._tell_keys(self._keys.due(now))
        if self._reports is not None and now >= self._reports.due_at:
            self._report(now)
        if not self._lost and agreed.may_receive and (now - self.last_in) * 1000 >= self._rtp.watchdog_ms:
            self._lost = True
            self._told.lost(round((now - self.last_in) * 1000))
        return incoming.due(now)

    def _tell_keys(self, keys: list[Key]) -> None:
        self.keys_in += len(keys)
        for key in keys:
            self._told.key(key)

    def _goodbye(self) -> None:
        if self._reports is not None and self._sending.packets:
            self._report(self._legs.clock_time(), bye=True)

    def _report(self, now: float, *, bye: bool = False) -> None:
        assert self._reports is not None
        came = None
        if self._in is not None and self._in.buffer.ssrc is not None:
            buffer = self._in.buffer
            came = Received(buffer.ssrc or 0, buffer.highest, buffer.expected, buffer.received,
                            int(buffer.jitter * buffer.rate))
        sent = None
        if self._out is not None and self._sending.packets:
            sent = (self._sending.timestamp(self._out.tick(self._slot)), self._sending.packets, self._sending.octets)
        data = self._reports.compose(now, sent, came, bye=bye)
        if self.far_rtcp[1] and self.agreed is not None:
            self._port.send_report(data, self.far_rtcp, muxed=self.agreed.rtcp_mux)

    # ------------------------------------------------------------------ figures

    def figures(self) -> dict[str, object]:
        """The call's audio in numbers: the fields of the event ``rtp_report``."""
        streams = [*self._figures, *([self._in] if self._in is not None else [])]
        return {
            "codec": None if self._out is None else self._out.agreed.codec,
            "packets_in": self.packets_in, "packets_out": self.packets_out,
            "bad_packets": self.bad_packets + sum(stream.bad for stream in streams),
            **rtpreport.heard(streams, self._reports, self._legs.options.frame_ms / 1000),
        }  # fmt: skip


def _audio_of(agreed: Agreed) -> tuple[str, int, int, int]:
    return agreed.codec, agreed.clock_rate, agreed.payload_type, agreed.ptime_ms


def _deaf(frame: bytes, silent: bool) -> None:
    """Nobody listens."""


__all__ = ["STARTS_AFTER_S", "RtpLeg", "Told"]
