"""Audio of Realtime clients and audio of the engine: 16-bit PCM at 24, 16 or 8 kHz, µ-law and A-law at 8 kHz."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from engine.media import g711
from engine.media.pcm import SAMPLE_BYTES, Pcm
from engine.media.resample import Resampler

RATE = 16000
"""Samples per second inside, in Hz: what recognisers want, and as much as most voices have."""


def rate_of(form: Mapping[str, Any]) -> int:
    """Samples per second of a session's format, in Hz."""
    return int(form.get("rate") or 24000) if form["type"] == "audio/pcm" else 8000


class Decoder:
    """A client's audio to samples at ``RATE``, with state: any cut of the same audio gives the same samples."""

    def __init__(self, form: Mapping[str, Any]) -> None:
        """``form``: the session's input format."""
        self._kind = form["type"]
        self._resampler = Resampler(rate_of(form), RATE)

    def decode(self, audio: bytes) -> Pcm:
        """The next samples. ``audio`` has whole samples."""
        if self._kind == "audio/pcm":
            pcm = np.frombuffer(audio, "<i2")
        else:
            codes = np.frombuffer(audio, np.uint8)
            pcm = g711.ulaw_decode(codes) if self._kind == "audio/pcmu" else g711.alaw_decode(codes)
        return self._resampler.process(pcm)


class Encoder:
    """Samples at ``RATE`` to a client's audio, reply by reply."""

    def __init__(self, form: Mapping[str, Any]) -> None:
        """``form``: the session's output format."""
        self._kind = form["type"]
        self._rate = rate_of(form)
        self.begin()

    def begin(self) -> None:
        """What comes now has nothing to do with what came before."""
        self._resampler = Resampler(RATE, self._rate)

    def encode(self, pcm: Pcm) -> tuple[bytes, float]:
        """The next audio, and its length in ms."""
        samples = self._resampler.process(pcm)
        ms = len(samples) * 1000 / self._rate
        if self._kind == "audio/pcm":
            return samples.astype("<i2", copy=False).tobytes(), ms
        codes = g711.ulaw_encode(samples) if self._kind == "audio/pcmu" else g711.alaw_encode(samples)
        return codes.tobytes(), ms

    def end(self) -> tuple[bytes, float]:
        """What the filter has kept back, and its length in ms."""
        held_back = -(-int(self._resampler.delay_ms * RATE) // 1000)
        return self.encode(np.zeros(held_back, np.int16)) if held_back else (b"", 0.0)


__all__ = ["RATE", "SAMPLE_BYTES", "Decoder", "Encoder", "rate_of"]
