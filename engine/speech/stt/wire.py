"""Frames on a recogniser worker's standard input. Back come lines of JSON.

A frame is a header (length of the payload, number of the utterance, kind) and the payload. Answers name their
utterance: ``{"utterance": 7, "final": true, "text": "...", "confidence": 0.9, "cmn": [...]}``; ``{"ready": true}``
says that the first decoder is loaded, ``error`` in a final that the utterance could not be decoded.
"""

import struct
from collections.abc import Iterator

PREPARE = 0  # JSON {"model": folder}: have a decoder of it ready
START = 1  # JSON {"model", "rate", "cmn", "grammar"}: an utterance begins
AUDIO = 2  # int16 samples of it
END = 3  # it is over: answer with a final
CANCEL = 4  # forget it, no answer

_HEADER = struct.Struct("<IIB")
MAX_PAYLOAD = 1 << 22


def frame(utterance: int, kind: int, payload: bytes = b"") -> bytes:
    """One frame."""
    return _HEADER.pack(len(payload), utterance, kind) + payload


class Frames:
    """Bytes in, whole frames out."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """(utterance, kind, payload) of every frame that is whole now. Raises ``ValueError`` for a senseless length."""
        self._data += data
        while len(self._data) >= _HEADER.size:
            length, utterance, kind = _HEADER.unpack_from(self._data)
            if length > MAX_PAYLOAD:
                raise ValueError(f"a frame of {length} bytes")
            end = _HEADER.size + length
            if len(self._data) < end:
                return
            payload = bytes(self._data[_HEADER.size:end])
            del self._data[:end]
            yield utterance, kind, payload
