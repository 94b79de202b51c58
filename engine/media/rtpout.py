"""A leg's frames to RTP packets of one agreement: encoded, at the codec's rate, of the length that was agreed."""

import numpy as np

from engine.media.pcm import SAMPLE_BYTES
from engine.media.resample import Resampler
from engine.media.rtpcodecs import codec
from engine.rtp.sending import Sending
from engine.sip.agreed import Agreed


class Outgoing:
    """Frames, each with the slot in which it plays, to datagrams."""

    __slots__ = (
        "_bytes_a_tick", "_encode", "_packet_ticks", "_resampler", "_silence", "_silent_frame", "_ticks",
        "_waiting", "_waiting_from", "_whole", "agreed", "sending",
    )  # fmt: skip

    def __init__(self, agreed: Agreed, rate: int, frame_ms: int, sending: Sending) -> None:
        """``rate`` and ``frame_ms`` of the leg. Raises ``MediaError`` for a codec that is not here."""
        self.agreed, self.sending = agreed, sending
        made = codec(agreed.codec, agreed.clock_rate)
        self._encode = made.encode
        self._resampler = None if made.rate == rate else Resampler(rate, made.rate)
        self._ticks = agreed.clock_rate * frame_ms // 1000  # of a frame
        self._packet_ticks = agreed.clock_rate * agreed.ptime_ms // 1000
        self._bytes_a_tick = made.bytes_a_tick
        self._whole = self._packet_ticks == self._ticks
        self._waiting = b""  # payload of a packet that is not whole yet
        self._waiting_from = 0
        silence = bytes(made.rate * frame_ms // 1000 * SAMPLE_BYTES)
        # Silence needs no encoder, unless its state must go on.
        self._silence = None if made.stateful else made.encode(silence)
        self._silent_frame = bytes(rate * frame_ms // 1000 * SAMPLE_BYTES)

    def tick(self, slot: int) -> int:
        """The tick at which a slot begins."""
        return slot * self._ticks

    def audio(self, frame: bytes, slot: int) -> list[bytes]:
        """The datagrams that are whole with this frame of speech."""
        if self._resampler is not None:
            frame = self._resampler.process(np.frombuffer(frame, np.int16)).tobytes()
        return self._packets(self._encode(frame), slot * self._ticks)

    def silent(self, slot: int) -> list[bytes]:
        """The same of a frame of silence."""
        if self._silence is None:
            return self.audio(self._silent_frame, slot)
        return self._packets(self._silence, slot * self._ticks)

    def _packets(self, payload: bytes, tick: int) -> list[bytes]:
        sending, kind = self.sending, self.agreed.payload_type
        if self._whole:
            return [sending.audio(kind, payload, tick, self._ticks)]
        packets: list[bytes] = []
        if self._waiting and tick != self._waiting_from + len(self._waiting) // self._bytes_a_tick:
            packets.append(self._short())  # slots were left out
        if not self._waiting:
            self._waiting_from = tick
        self._waiting += payload
        size = self._packet_ticks * self._bytes_a_tick
        while len(self._waiting) >= size:
            packets.append(sending.audio(kind, self._waiting[:size], self._waiting_from, self._packet_ticks))
            self._waiting, self._waiting_from = self._waiting[size:], self._waiting_from + self._packet_ticks
        return packets

    def _short(self) -> bytes:
        payload, self._waiting = self._waiting, b""
        ticks = len(payload) // self._bytes_a_tick
        return self.sending.audio(self.agreed.payload_type, payload, self._waiting_from, ticks)


__all__ = ["Outgoing"]
