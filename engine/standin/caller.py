"""The caller's phone: what it says, frame by frame, and what reaches FreeSWITCH of it. Pure."""

import random
from collections import deque

import numpy as np
from numpy.typing import NDArray

from engine.standin.errors import StandInError

Pcm = NDArray[np.int16]


class CallerAudio:
    """One caller. Frame ``n`` is the 20 ms from ``n * 0.02`` seconds after the call was placed.

    ``rate`` in Hz. ``loss`` is the share (0 to 1) of RTP packets lost, ``jitter_s`` the longest delay of one; either
    shows as a frame of no RTP, for FreeSWITCH reads one packet every 20 ms and takes what is there.
    """

    def __init__(self, rate: int, dice: random.Random) -> None:
        """Silent, on a perfect line."""
        self.rate, self.size = rate, rate // 50
        self.loss = self.jitter_s = 0.0
        self.on_hold = False
        self.muted_until = 0
        """No speech before this frame: a phone sends silence while it sends a digit."""

        self._dice = dice
        self._track: Pcm = np.zeros(0, np.int16)
        self._loop: list[bytes] = []
        self._loop_from = 0
        self._arrivals: deque[tuple[float, bytes]] = deque()
        self._last_arrival = 0.0
        self._silence = bytes(self.size * 2)

    def say(self, pcm: Pcm, frame: int) -> int:
        """Speak ``pcm`` (int16 at ``rate``) from frame ``frame`` on, over what is said there already. Returns the
        frame after the last."""
        if pcm.dtype != np.int16 or pcm.ndim != 1:
            raise StandInError(f"say() needs mono int16 samples, not {pcm.dtype} of shape {pcm.shape}")
        start, end = frame * self.size, frame * self.size + len(pcm)
        if end > len(self._track):
            whole = -(-end // self.size) * self.size
            grown = np.zeros(max(whole, 2 * len(self._track)), np.int16)
            grown[: len(self._track)] = self._track
            self._track = grown
        mixed = self._track[start:end].astype(np.int32) + pcm
        self._track[start:end] = np.clip(mixed, -32768, 32767)
        return -(-end // self.size)

    def loop(self, frames: list[bytes], offset: int) -> None:
        """Say these frames round and round, beginning with frame ``offset``; they are shared, not copied."""
        self._loop, self._loop_from = frames, offset

    def silence(self, frame: int) -> None:
        """Say nothing from ``frame`` on of what was planned."""
        self._track[frame * self.size :] = 0

    def said(self, frames: int) -> Pcm:
        """What was said in the first ``frames`` frames."""
        said = np.zeros(frames * self.size, np.int16)
        part = self._track[: len(said)]
        said[: len(part)] = part
        return said

    def frame(self, number: int) -> bytes | None:
        """What FreeSWITCH reads at frame ``number``: L16 LE, or None when no RTP was there. To be called once per
        frame, in order."""
        if self._loop:
            return self._loop[(number + self._loop_from) % len(self._loop)]
        if self.on_hold:
            return None
        start = number * self.size
        spoken = self._track[start : start + self.size]
        if len(spoken) < self.size or number < self.muted_until:
            packet = self._silence
        else:
            packet = spoken.astype("<i2").tobytes()
        if self.loss and self._dice.random() < self.loss:
            return None
        return self._delayed(packet, number) if self.jitter_s or self._arrivals else packet

    def _delayed(self, packet: bytes, number: int) -> bytes | None:
        due = number * 0.02
        self._last_arrival = max(self._last_arrival, due + self._dice.uniform(0, self.jitter_s))
        self._arrivals.append((self._last_arrival, packet))
        return self._arrivals.popleft()[1] if self._arrivals[0][0] <= due else None


class Heard:
    """What the caller hears, on the same timeline; gaps are silence."""

    def __init__(self, rate: int) -> None:
        """Nothing heard yet."""
        self.size = rate // 50
        self._track: Pcm = np.zeros(rate * 10, np.int16)
        self._end = 0

    def put(self, number: int, audio: bytes) -> None:
        """Audio that went to the caller at frame ``number``. More than a frame lasts longer and pushes back what
        follows, as in a phone; less is followed by silence."""
        samples = np.frombuffer(audio[: len(audio) & ~1], "<i2")
        start = max(number * self.size, self._end)
        end = start + len(samples)
        if end > len(self._track):
            self._track = np.concatenate([self._track, np.zeros(max(len(self._track), end), np.int16)])
        self._track[start:end] = samples
        self._end = end

    def until(self, frames: int) -> Pcm:
        """The first ``frames`` frames (a view)."""
        if frames * self.size > len(self._track):
            self._track = np.concatenate([self._track, np.zeros(frames * self.size, np.int16)])
        return self._track[: max(frames * self.size, self._end)]
