"""A call's RTP to the caller's frames: packets put in order, decoded, holes concealed, at the leg's rate and length.

One codec agreement's worth of state; the leg makes a new one when another codec is agreed. Told the time.
"""

import numpy as np

from engine.media.pcm import SAMPLE_BYTES
from engine.media.resample import Resampler
from engine.media.rtpcodecs import codec
from engine.rtp import comfortnoise
from engine.rtp.conceal import Concealer
from engine.rtp.errors import Malformed
from engine.rtp.items import Item, Kind
from engine.rtp.jitterbuffer import JitterBuffer
from engine.rtp.packet import Packet
from engine.sip.agreed import Agreed

LONGEST_MS = 200
"""Longest packet that is taken."""

Frame = tuple[bytes, bool]
"""A frame of the leg, and whether no audio came for its time."""


class Incoming:
    """Packets of one agreement to frames. ``bad`` counts packets that cannot be what was agreed."""

    __slots__ = (
        "_concealer", "_frame_bytes", "_frame_ticks", "_longest", "_made", "_noise", "_resampler", "_rest",
        "_rest_made", "_samples_a_tick", "agreed", "bad", "buffer", "codec",
    )  # fmt: skip

    def __init__(self, agreed: Agreed, rate: int, frame_ms: int, *, max_delay_s: float) -> None:
        """``rate`` and ``frame_ms`` of the leg. Raises ``MediaError`` for a codec that is not here."""
        self.agreed = agreed
        self.bad = 0
        self.codec = codec(agreed.codec, agreed.clock_rate)
        frame_ticks = agreed.clock_rate * frame_ms // 1000
        self.buffer = JitterBuffer(agreed.clock_rate, frame_ticks, bytes_a_tick=self.codec.bytes_a_tick,
                                   max_delay_s=max_delay_s)
        self._frame_ticks = frame_ticks
        self._frame_bytes = rate * frame_ms // 1000 * SAMPLE_BYTES
        self._samples_a_tick = self.codec.rate // agreed.clock_rate
        self._longest = agreed.clock_rate * LONGEST_MS // 1000 * self.codec.bytes_a_tick
        self._concealer = Concealer(self.codec.rate)
        self._resampler = None if self.codec.rate == rate else Resampler(self.codec.rate, rate)
        self._noise: int | None = None  # -dBov, while the caller's side sends comfort noise
        self._made = 0
        self._rest = b""
        self._rest_made = True

    def audio(self, packet: Packet, now: float) -> list[Frame]:
        """A packet of the codec; the frames that are whole with it."""
        if self.buffer.take_next(packet, now):
            self._noise = None
            pcm = self._concealer.heard(self.codec.decode(packet.payload))
            if self._resampler is None and len(pcm) == self._frame_bytes and not self._rest:
                return [(pcm, False)]
            return self._framed([(pcm, False)])
        size = len(packet.payload)
        if size > self._longest or size % self.codec.bytes_a_tick:
            self.bad += 1
            return []
        self._noise = None
        items = self.buffer.put(packet, now)
        return self._frames(items) if items else []

    def silence(self, packet: Packet, now: float, ticks: int) -> list[Frame]:
        """A packet that stands for so many ticks without audio: a key."""
        return self._frames(self.buffer.put(packet, now, audio=False, ticks=ticks))

    def comfort_noise(self, packet: Packet, now: float) -> list[Frame]:
        """The other side is silent from here on, and how loud that is."""
        try:
            self._noise = comfortnoise.level(packet.payload)
        except Malformed:
            self.bad += 1
            return []
        return self.silence(packet, now, self._frame_ticks)

    def due(self, now: float) -> list[Frame]:
        """The frames that are due because time passed."""
        items = self.buffer.due(now)
        return self._frames(items) if items else []

    def _frames(self, items: list[Item]) -> list[Frame]:
        return self._framed([(self._pcm(item), item.kind is not Kind.AUDIO) for item in items])

    def _framed(self, pieces: list[Frame]) -> list[Frame]:
        """Audio of any length and the codec's rate to frames of the leg."""
        frames: list[Frame] = []
        for pcm, made in pieces:
            if self._resampler is not None:
                pcm = self._resampler.process(np.frombuffer(pcm, np.int16)).tobytes()
            if not self._rest and len(pcm) == self._frame_bytes:
                frames.append((pcm, made))
            else:
                self._cut(pcm, made, frames)
        return frames

    def _pcm(self, item: Item) -> bytes:
        """Samples of the codec's rate."""
        if item.kind is Kind.AUDIO:
            return self._concealer.heard(self.codec.decode(item.payload))
        samples = item.ticks * self._samples_a_tick
        if item.kind is Kind.LOST:
            return self._concealer.missing(samples)
        self._concealer.silent()
        if self._noise is None:
            return bytes(samples * SAMPLE_BYTES)
        self._made += samples
        return comfortnoise.noise(self._noise, self.codec.rate, samples, self._made - samples)

    def _cut(self, pcm: bytes, made: bool, frames: list[Frame]) -> None:
        """Packets of another length than a frame. A frame is made up where all of it is."""
        size, whole = self._frame_bytes, self._rest + pcm
        end = len(whole) - len(whole) % size
        for at in range(0, end, size):
            frames.append((whole[at : at + size], made and (at > 0 or self._rest_made)))
        if end:
            self._rest_made = True
        self._rest = whole[end:]
        self._rest_made = self._rest_made and made if self._rest else True


__all__ = ["Frame", "Incoming"]
