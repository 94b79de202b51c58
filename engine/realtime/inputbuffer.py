"""The audio that a client has written to a session: how much, and the last of it. Pure."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from engine.realtime.config import bytes_per_ms


class InputBuffer:
    """Milliseconds count all audio written in the session, whatever its format was. ``keep_bytes`` bounds what is kept
    of the audio itself; the count goes on."""

    def __init__(self, form: Mapping[str, Any], keep_bytes: int) -> None:
        """``form``: the session's input format."""
        self._keep = keep_bytes
        self._chunks: deque[bytes] = deque()
        self._kept = 0
        self._odd = b""
        self._whole_ms = 0.0
        self.ms = 0.0
        self.set_format(form)

    def set_format(self, form: Mapping[str, Any]) -> None:
        """What comes from now on is in this format; what is kept in another is dropped."""
        self._rate = bytes_per_ms(form)
        self._width = 2 if form["type"] == "audio/pcm" else 1
        self._chunks.clear()
        self._kept, self._odd = 0, b""

    @property
    def waiting_ms(self) -> float:
        """Audio that is not committed."""
        return self.ms - self._whole_ms

    def append(self, audio: bytes) -> bytes:
        """The audio in whole samples: half a sample at the end waits for the next call."""
        audio = self._odd + audio
        whole = len(audio) - len(audio) % self._width
        audio, self._odd = audio[:whole], audio[whole:]
        if not audio:
            return audio
        self.ms += len(audio) / self._rate
        self._chunks.append(audio[-self._keep:] if len(audio) > self._keep else audio)
        self._kept += len(self._chunks[-1])
        while self._kept > self._keep:
            self._kept -= len(self._chunks.popleft())
        return audio

    def committed(self, from_ms: float, to_ms: float) -> bytes:
        """What is kept between two times. What lies before ``to_ms`` is not in the buffer any more."""
        first = self.ms - self._kept / self._rate
        audio = b"".join(self._chunks)
        start, end = (self._offset(at, first) for at in (from_ms, to_ms))
        self._chunks.clear()
        rest = audio[end:]
        if rest:
            self._chunks.append(rest)
        self._kept = len(rest)
        self._whole_ms = min(self.ms, max(self._whole_ms, to_ms))
        return audio[start:end]

    def clear(self) -> None:
        """What is not committed was not meant."""
        self._chunks.clear()
        self._kept, self._odd = 0, b""
        self._whole_ms = self.ms

    def _offset(self, at_ms: float, first_ms: float) -> int:
        bytes_in = round((at_ms - first_ms) * self._rate)
        return max(0, min(self._kept, bytes_in - bytes_in % self._width))
