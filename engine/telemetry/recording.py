"""Reads a call's recording for the page: tolerant of the header that a crash leaves, and of nothing else.

A recording is a WAV of 16-bit PCM; two channels are caller (left) and agent (right). While a call goes on, and after a
crash, the lengths in the header may be 0, too small or too large: the audio then is what stands in the file.
"""

import base64
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.telemetry.errors import TelemetryError


@dataclass(frozen=True, slots=True)
class Recording:
    """``samples`` is int16 of shape (length, channels), mapped from the file; ``rate`` in Hz."""

    path: Path
    rate: int
    samples: npt.NDArray[np.int16]

    @property
    def seconds(self) -> float:
        """Length."""
        return len(self.samples) / self.rate

    @property
    def wav_bytes(self) -> int:
        """Size as a WAV file."""
        return 44 + self.samples.nbytes

    @property
    def header(self) -> bytes:
        """The header of a WAV file, right also where that of the file is not."""
        channels = self.samples.shape[1]
        size = self.samples.nbytes
        return struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, channels, self.rate,
                           self.rate * channels * 2, channels * 2, 16, b"data", size)

    def data_uri(self) -> str:
        """The whole recording as a ``data:`` URI."""
        return "data:audio/wav;base64," + base64.b64encode(self.header + self.samples.tobytes()).decode("ascii")

    def wav(self, start: int, end: int) -> bytes:
        """Bytes ``start`` to ``end`` (not included) of it as a WAV file."""
        header = self.header
        samples = self.samples.reshape(-1).view(np.uint8)
        from_data, to_data = max(start - len(header), 0), max(end - len(header), 0)
        return header[start:end] + samples[from_data:to_data].tobytes()

    def peaks(self, columns: int) -> npt.NDArray[np.int16]:
        """Lowest and highest sample of each of ``columns`` stretches; shape (channels, columns, 2)."""
        length, channels = self.samples.shape
        peaks = np.zeros((channels, columns, 2), np.int16)
        if length < columns:
            columns = length
        if not length:
            return peaks
        starts = np.arange(columns, dtype=np.int64) * length // columns
        peaks[:, :columns, 0] = np.minimum.reduceat(self.samples, starts, axis=0).T
        peaks[:, :columns, 1] = np.maximum.reduceat(self.samples, starts, axis=0).T
        return peaks


def read(path: Path) -> Recording:
    """The recording at ``path``. Raises ``TelemetryError`` that says what is wrong with it."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as fault:
        raise TelemetryError(f"{path}: cannot be read: {fault.strerror or fault}") from fault
    rate, channels, offset, length = _layout(path, head)
    if length == 0 or offset + length > size:
        length = size - offset  # the header was never finished
    frames = length // (2 * channels)
    if frames <= 0:
        return Recording(path, rate, np.zeros((0, channels), np.int16))
    samples = np.memmap(path, "<i2", "r", offset, (frames, channels))
    return Recording(path, rate, samples)


def _layout(path: Path, head: bytes) -> tuple[int, int, int, int]:
    """Rate, channels, offset and length of the data, from the chunks at the start of the file."""
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        raise TelemetryError(f"{path}: not a WAV file")
    at, rate, channels = 12, 0, 0
    while at + 8 <= len(head):
        name, length = struct.unpack_from("<4sI", head, at)
        if name == b"fmt " and at + 24 <= len(head):
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", head, at + 8)
            if kind not in (1, 0xFFFE) or bits != 16 or not 1 <= channels <= 2 or not 1000 <= rate <= 192000:
                raise TelemetryError(f"{path}: not 16-bit PCM with one or two channels")
        elif name == b"data":
            if not rate:
                break
            return rate, channels, at + 8, length
        at += 8 + length + length % 2
    raise TelemetryError(f"{path}: a WAV file without audio format or data")
