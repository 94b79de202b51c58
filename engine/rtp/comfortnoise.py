"""Comfort noise (RFC 3389): a sender that falls silent says how loud its background is, and sends nothing.

Only the level is used: the noise goes to a recogniser and a recording, where its spectrum is of no use. None is sent:
the engine's silence is sent as audio.
"""

from functools import lru_cache

import numpy as np

from engine.rtp.errors import Malformed

LOUDEST = 30
"""Noise louder than this (in -dBov) is no background; what says so is taken at this level."""

_FULL_SCALE = 32767.0


def level(payload: bytes) -> int:
    """Level of the noise in -dBov, 0 (loudest) to 127. Raises ``Malformed`` for an empty payload."""
    if not payload:
        raise Malformed("an empty payload is no comfort noise, whose first byte is the level")
    return payload[0] & 0x7F


def noise(dbov: int, rate: int, samples: int, at: int) -> bytes:
    """So many samples (int16) of noise of that level, from sample ``at`` of a stream that repeats every second."""
    made = _made(max(dbov, LOUDEST), rate)
    start = 2 * (at % rate)
    piece = made[start : start + 2 * samples]
    while len(piece) < 2 * samples:
        piece += made[: 2 * samples - len(piece)]
    return piece


@lru_cache(maxsize=64)
def _made(dbov: int, rate: int) -> bytes:
    """A second of it. The level is that of a full-scale square wave (RFC 3389, 3): its root mean square."""
    loudness = _FULL_SCALE * 10 ** (-dbov / 20)
    return np.clip(np.random.default_rng(dbov).normal(0, loudness, rate), -32768, 32767).astype(np.int16).tobytes()


__all__ = ["LOUDEST", "level", "noise"]
