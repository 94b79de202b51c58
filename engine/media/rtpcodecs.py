"""The codecs of RTP: payload to samples and back, at the codec's own rate.

PCMU, PCMA and L16 are always there. G.722 is there where the package ``G722`` is installed (extra ``g722``): 13 µs for
20 ms each way, where pure Python would take milliseconds.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from engine.media import g711
from engine.media.errors import MediaError

NAMES = ("L16/16000", "PCMU", "PCMA", "L16/8000", "G722")
"""All that is known, best first, as ``SipOptions.codecs`` names them."""


class Codec:
    """One direction's state of one call. ``rate``: of the audio, in Hz; ``clock_rate``: of the timestamps;
    ``bytes_a_tick``: of payload for a tick of that clock; ``stateful``: a payload depends on those before."""

    __slots__ = (
        "bytes_a_tick", "clock_rate", "decode", "encode", "rate", "stateful",
    )  # fmt: skip

    def __init__(
        self, clock_rate: int, rate: int, bytes_a_tick: int,
        decode: Callable[[bytes], bytes], encode: Callable[[bytes], bytes], *, stateful: bool = False,
    ) -> None:
        """Made by ``codec``. ``decode(payload)`` and ``encode(samples)`` are of int16 samples in native order."""
        self.clock_rate, self.rate, self.bytes_a_tick = clock_rate, rate, bytes_a_tick
        self.decode, self.encode, self.stateful = decode, encode, stateful


def available() -> tuple[str, ...]:
    """The names of ``NAMES`` that can be used here, best first: for ``SipOptions.codecs``."""
    return NAMES if _g722() is not None else NAMES[:-1]


def codec(name: str, clock_rate: int) -> Codec:
    """A codec by its name in SDP, for one direction of one call. Raises ``MediaError`` for one that is not here."""
    if name == "PCMU" and clock_rate == 8000:
        return Codec(8000, 8000, 1, _from_ulaw, _to_ulaw)
    if name == "PCMA" and clock_rate == 8000:
        return Codec(8000, 8000, 1, _from_alaw, _to_alaw)
    if name == "L16" and clock_rate in (8000, 16000, 24000, 48000):
        return Codec(clock_rate, clock_rate, 2, _from_network, _to_network)
    if name == "G722" and clock_rate == 8000:
        made = _g722()
        if made is None:
            raise MediaError("G722 was agreed, but the package G722 is not installed: pip install 'trunkline[g722]'")
        state = made.G722(16000, 64000)
        return Codec(8000, 16000, 1, lambda payload: state.decode(payload).tobytes(),
                     lambda pcm: bytes(state.encode(np.frombuffer(pcm, np.int16))), stateful=True)
    raise MediaError(f"no codec {name}/{clock_rate} here; there are {', '.join(available())}")


def _g722() -> Any:  # noqa: ANN401  an optional package without types
    try:
        import G722
    except ImportError:
        return None
    return G722


def _from_ulaw(payload: bytes) -> bytes:
    return g711.ulaw_decode(np.frombuffer(payload, np.uint8)).tobytes()


def _to_ulaw(pcm: bytes) -> bytes:
    return g711.ulaw_encode(np.frombuffer(pcm, np.int16)).tobytes()


def _from_alaw(payload: bytes) -> bytes:
    return g711.alaw_decode(np.frombuffer(payload, np.uint8)).tobytes()


def _to_alaw(pcm: bytes) -> bytes:
    return g711.alaw_encode(np.frombuffer(pcm, np.int16)).tobytes()


def _from_network(payload: bytes) -> bytes:
    """L16 is in network order (RFC 3551, 4.5.11)."""
    return np.frombuffer(payload, ">i2").astype(np.int16).tobytes()


def _to_network(pcm: bytes) -> bytes:
    return np.frombuffer(pcm, np.int16).astype(">i2").tobytes()


__all__ = ["NAMES", "Codec", "available", "codec"]
