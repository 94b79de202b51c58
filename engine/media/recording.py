"""The recording of a call: a stereo WAV, caller left, agent right, written while the call goes on.

Every half second goes to the disk, audio first and then the sizes in the header, so that the file is a valid WAV at any
moment, whatever happens to the process. The caller's frames are the time line; the agent's are placed by the slot in
which they play, which knows nothing of the bursts in which they are written.
"""

import struct
from pathlib import Path

import numpy as np

from engine.disk import DiskWriter
from engine.media.pcm import SAMPLE_BYTES

FLUSH_FRAMES = 25
"""Frames written to disk at once."""

HOLD_FRAMES = 10
"""Newest frames kept back because the agent's frame for that time may still come."""

_HEADER_BYTES = 44
_MAX_BYTES = 0xFFFFFFFF - _HEADER_BYTES  # what a WAV can say: 37 hours at 8 kHz


class Recorder:
    """Writes one call. Give ``caller`` each frame of the ear and ``agent`` to the leg as its mouth."""

    def __init__(self, writer: DiskWriter, path: Path, rate: int, frame_bytes: int) -> None:
        """Opens ``path``; ``rate`` in Hz of both sides, ``frame_bytes`` of one frame of one side."""
        self.path = path
        self.rate = rate
        self.late = 0
        self.masked = False
        """Whether silence is written for both sides instead of what they say."""

        self._frame_bytes = frame_bytes
        self._silence = bytes(frame_bytes)
        self._left: list[bytes] = []
        self._right: dict[int, bytes] = {}
        self._first = 0  # slot of _left[0]
        self._audio_bytes = 0
        self._closed = False
        self._file = writer.open(path)
        self._file.write(_header(rate, 0))

    @property
    def error(self) -> str | None:
        """Why nothing is written any more (a full disk); the call goes on."""
        return self._file.error

    @property
    def dropped(self) -> int:
        """Bytes that are missing in the file."""
        return self._file.dropped

    def caller(self, frame: bytes) -> None:
        """The caller's next frame."""
        left = self._left
        left.append(self._silence if self.masked else frame)
        if len(left) >= FLUSH_FRAMES + HOLD_FRAMES:
            self._flush(FLUSH_FRAMES)

    def agent(self, frame: bytes, slot: int) -> None:
        """A frame of the agent, which plays together with the caller's frame number ``slot`` (from 0)."""
        if self.masked:
            return
        if slot < self._first:
            self.late += 1
        elif slot < self._first + 500:  # ten seconds ahead of the caller: no recording of a call that is not heard
            self._right[slot] = frame

    def close(self) -> None:
        """Write the rest and close the file. Idempotent."""
        if self._closed:
            return
        self._closed = True
        ahead = max(self._right, default=-1) + 1 - self._first - len(self._left)
        self._left.extend([self._silence] * ahead)
        self._flush(len(self._left))
        self._file.close()

    def _flush(self, frames: int) -> None:
        right = self._right
        stereo = np.empty((frames * self._frame_bytes // SAMPLE_BYTES, 2), dtype=np.int16)
        stereo[:, 0] = np.frombuffer(b"".join(self._left[:frames]), dtype=np.int16)
        if right:
            slots = range(self._first, self._first + frames)
            stereo[:, 1] = np.frombuffer(b"".join([right.pop(n, self._silence) for n in slots]), dtype=np.int16)
        else:
            stereo[:, 1] = 0
        del self._left[:frames]
        self._first += frames
        if self._audio_bytes + stereo.nbytes > _MAX_BYTES or not frames:
            return
        self._audio_bytes += stereo.nbytes
        self._file.write(stereo.tobytes())
        self._file.write(_header(self.rate, self._audio_bytes), at=0)


def _header(rate: int, audio_bytes: int) -> bytes:
    """RIFF header of 16-bit stereo PCM."""
    block = 2 * SAMPLE_BYTES
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", _HEADER_BYTES - 8 + audio_bytes, b"WAVE",
        b"fmt ", 16, 1, 2, rate, rate * block, block, 16,
        b"data", audio_bytes,
    )  # fmt: skip


__all__ = ["Recorder"]
