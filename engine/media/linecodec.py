"""Audio as a carrier's stream has it, and as a leg does: µ-law or 16-bit little-endian samples, at 8, 16 or 24 kHz.

Recognisers and detectors of voices know 8 and 16 kHz, so that a line of 24 kHz is a leg of 16.
"""

from typing import Literal

import numpy as np

from engine.media import g711
from engine.media.errors import MediaError
from engine.media.resample import Resampler

Encoding = Literal["mulaw", "pcm"]

RATES = (8000, 16000, 24000)
"""Rates of lines in Hz."""


class LineCodec:
    """Both directions of one line. Any cut of the same audio gives the same samples."""

    def __init__(self, encoding: Encoding, rate: int) -> None:
        """``rate`` of the line in Hz. Raises ``MediaError`` for another than ``RATES``, or µ-law at more than 8 kHz."""
        if rate not in RATES or encoding == "mulaw" and rate != 8000:
            raise MediaError(f"no line of {encoding} at {rate} Hz; there are mulaw at 8000, pcm at 8000, 16000, 24000")
        self.encoding = encoding
        self.line_rate = rate
        self.rate = min(rate, 16000)
        """Of the leg, in Hz."""
        self._down, self._up = Resampler(rate, self.rate), Resampler(self.rate, rate)

    def line_bytes(self, frame_ms: int) -> int:
        """Bytes of a frame on the line."""
        return self.line_rate * frame_ms // 1000 * (1 if self.encoding == "mulaw" else 2)

    def decode(self, audio: bytes) -> bytes:
        """The line's next audio (whole samples) for the leg."""
        if self.encoding == "mulaw":
            return g711.ulaw_decode(np.frombuffer(audio, np.uint8)).tobytes()
        if self.rate == self.line_rate:
            return audio
        return self._down.process(np.frombuffer(audio, "<i2")).tobytes()

    def encode(self, pcm: bytes) -> bytes:
        """The leg's next audio for the line."""
        if self.encoding == "mulaw":
            return g711.ulaw_encode(np.frombuffer(pcm, np.int16)).tobytes()
        if self.rate == self.line_rate:
            return pcm
        return self._up.process(np.frombuffer(pcm, np.int16)).astype("<i2", copy=False).tobytes()


__all__ = ["RATES", "Encoding", "LineCodec"]
