"""The caller's frames on their way to the upstream, and what its times mean in the call's."""

import base64
from collections.abc import Callable

from engine.media.pcm import SAMPLE_BYTES
from engine.speech.upsample import To24k
from engine.upstream.memory import Event

FRAMES = 2
"""Frames in one event: half the events for 20 ms more."""

APPEND: Event = {"type": "input_audio_buffer.append"}


class Uplink:
    """One call's. ``send(event, text)`` is the session's."""

    def __init__(self, rate: int, send: Callable[[Event, str], None]) -> None:
        """``rate`` of the frames in Hz; raises ``SpeechError`` for one that cannot be made 24 kHz."""
        self._rate = rate
        self._send = send
        self._to24k = To24k(rate)
        self._frames: list[bytes] = []
        self._fed = 0  # samples of the call so far
        self._left_out = 0  # of these, before the connection or never sent

    @property
    def fed(self) -> int:
        """Samples of the call so far."""
        return self._fed

    def feed(self, frame: bytes, sent: bool) -> None:
        """The next frame; ``sent`` false: it stays here."""
        samples = len(frame) // SAMPLE_BYTES
        self._fed += samples
        if not sent:
            self._left_out += samples
            return
        self._frames.append(frame)
        if len(self._frames) >= FRAMES:
            coded = base64.b64encode(self._to24k.feed(b"".join(self._frames))).decode()
            self._frames.clear()
            # By hand: there is nothing in it to escape.
            self._send(APPEND, f'{{"type":"input_audio_buffer.append","audio":"{coded}"}}')

    def reopened(self) -> None:
        """A new connection counts its audio from 0."""
        self._frames.clear()
        self._left_out = self._fed

    def sample(self, ms: float) -> int:
        """The sample of the call at so many ms of the connection's audio."""
        return self._left_out + round(ms * self._rate / 1000)


__all__ = ["Uplink"]
