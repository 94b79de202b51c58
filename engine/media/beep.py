"""The beep of an answering machine: one steady tone, then nothing. Goertzel's filter over 20 ms frames.

A beep is a single frequency between 350 and 2500 Hz, 90 ms to 1.5 s long. Keys are two frequencies, voices many, and
ringing tones last longer.
"""

import math

import numpy as np

from engine.media.pcm import SAMPLE_BYTES

LOWEST_HZ, HIGHEST_HZ, STEP_HZ = 350, 2500, 25
SHARE = 0.8
"""Of a frame's power in its strongest frequency: 0.5 for a key (two tones), 0.1 to 0.6 for voice, above 0.9 for a beep
over a noisy line."""

QUIETEST = 150.0
"""Root mean square of int16 below which a frame is silence."""

SHORTEST_S, LONGEST_S = 0.09, 1.5
DRIFT_HZ = 40.0
"""A beep stays where it is; a whistle or a vowel does not."""


class BeepDetector:
    """Listens to one call. ``feed`` each frame; it is True once a beep has just ended."""

    def __init__(self, rate: int, frame_bytes: int) -> None:
        """``rate`` in Hz; frames of ``frame_bytes`` int16."""
        samples = frame_bytes // SAMPLE_BYTES
        self._frame_s = samples / rate
        self._frequencies = np.arange(LOWEST_HZ, HIGHEST_HZ + 1, STEP_HZ)
        turns = np.outer(self._frequencies, np.arange(samples)) * (2 * math.pi / rate)
        # Goertzel's recursion for all frequencies at once is one product with the frame.
        self._filters = np.exp(-1j * turns).astype(np.complex64)
        self._samples = samples
        self._frames = 0
        self._low = self._high = 0.0

    def feed(self, frame: bytes) -> bool:
        """The caller's next frame. True: a beep has ended with the frame before it."""
        hz = self._tone(np.frombuffer(frame, np.int16).astype(np.float32))
        if hz is not None and (not self._frames or max(self._high, hz) - min(self._low, hz) <= DRIFT_HZ):
            self._low, self._high = (min(self._low, hz), max(self._high, hz)) if self._frames else (hz, hz)
            self._frames += 1
            return False
        lasted = self._frames * self._frame_s
        self._frames = 0
        return hz is None and SHORTEST_S <= lasted <= LONGEST_S

    def _tone(self, pcm: np.ndarray) -> float | None:
        """The frequency of a frame that is a single tone."""
        power = float(pcm @ pcm)
        if power < QUIETEST**2 * self._samples:
            return None
        # A sine of amplitude a has power a²n/2, and its own filter's output the magnitude an/2.
        strength = np.abs(self._filters @ pcm)
        best = int(np.argmax(strength))
        share = 2 * float(strength[best]) ** 2 / (power * self._samples)
        return float(self._frequencies[best]) if share >= SHARE else None


__all__ = ["BeepDetector"]
