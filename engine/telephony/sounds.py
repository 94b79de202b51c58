"""What somebody hears who is not talking to the agent: announcements, hold music, a briefing; by our own audio, because
FreeSWITCH's ``playback`` would end unicast for good."""

import logging
from collections import deque
from functools import lru_cache

import gevent
import numpy as np

from engine.errors import TrunklineError
from engine.media.leg import Leg
from engine.media.playout import Heard, Playout
from engine.media.resample import resample
from engine.media.waves import read_sound_at
from engine.speech.interfaces import Pcm, Voice

log = logging.getLogger(__name__)

RENDER_TIMEOUT_S = 5.0
"""An announcement that takes longer is left out: hold music says as much."""

PIECE_S = 5
"""Music goes to playout in pieces so long."""


class Sounds:
    """Plays one sound after the other, and the last ones again and again when nothing else waits."""

    def __init__(self, playout: Playout) -> None:
        """Takes over ``playout``, whose replies nobody else may open."""
        self._playout = playout
        self._queue: deque[Pcm] = deque()
        self._loop: deque[Pcm] = deque()
        self._generation = 0
        self._playing = False
        playout.on_finished = self._finished

    @property
    def waiting(self) -> bool:
        """Whether sounds given to ``play`` have not been heard to their end."""
        return bool(self._queue) or self._playing and not self._looping

    def play(self, pcm: Pcm) -> None:
        """Next, once."""
        self._queue.append(pcm)
        if not self._playing:
            self._next()

    def loop(self, pcm: Pcm) -> None:
        """Whenever nothing else waits, from the beginning."""
        size = self._playout.rate * PIECE_S
        self._loop = deque(pcm[start : start + size] for start in range(0, len(pcm), size))
        if not self._playing:
            self._next()

    def _next(self) -> None:
        self._looping = not self._queue
        if self._queue:
            pcm = self._queue.popleft()
        elif self._loop:
            pcm = self._loop[0]
            self._loop.rotate(-1)
        else:
            return
        self._playing = True
        self._generation += 1
        self._playout.open(self._generation)
        self._playout.add(self._generation, pcm, "")
        self._playout.done(self._generation)
        self._playout.release(self._generation)

    def _finished(self, generation: int, heard: Heard) -> None:
        self._playing = False
        self._next()


class OnHold:
    """A caller who does not hear the agent but what is given to ``sounds``, until ``close``."""

    def __init__(self, leg: Leg) -> None:
        """From now on. What the agent was saying waits."""
        self._leg = leg
        self._agents = leg.playout
        own = Playout(leg.rate, leg.frame_bytes)
        own.wake, own.beyond = self._agents.wake, self._agents.beyond
        self.sounds = Sounds(own)
        leg.playout = own

    def close(self) -> None:
        """The caller hears the agent again. Idempotent."""
        if self._leg.playout is not self._agents:
            self._leg.playout.wake = None
            self._leg.playout = self._agents


def spoken(voice: Voice, text: str, rate: int) -> Pcm:
    """``text`` in ``voice`` at ``rate`` Hz; empty where that fails or takes too long, which is logged."""
    parts: list[Pcm] = []
    try:
        with gevent.Timeout(RENDER_TIMEOUT_S):
            for chunk in voice.render(text) if text.strip() else ():
                parts.append(chunk.pcm if chunk.rate == rate else resample(chunk.pcm, chunk.rate, rate))
    except gevent.Timeout:
        log.warning("an announcement is left out: it was not rendered within %g s: %r", RENDER_TIMEOUT_S, text)
        return np.zeros(0, np.int16)
    except TrunklineError as fault:
        log.warning("an announcement is left out: %s", fault)
        return np.zeros(0, np.int16)
    return np.concatenate(parts) if parts else np.zeros(0, np.int16)


def music(path: str, rate: int) -> Pcm:
    """The hold music in a file, at ``rate`` Hz; a soft ringing tone where there is none or it cannot be read."""
    if path:
        try:
            return gevent.get_hub().threadpool.apply(_file, (path, rate))
        except TrunklineError as fault:
            log.warning("hold music: %s; callers hear a ringing tone", fault)
    return ringing(rate)


@lru_cache(maxsize=16)
def _file(path: str, rate: int) -> Pcm:
    return read_sound_at(path, rate)


@lru_cache(maxsize=4)
def ringing(rate: int) -> Pcm:
    """Three seconds: two soft rings of 400 and 450 Hz, then a pause."""
    time = np.arange(int(0.4 * rate)) / rate
    ring = (np.sin(2 * np.pi * 400 * time) + np.sin(2 * np.pi * 450 * time)) * 900
    ring *= np.minimum(1, np.minimum(time, time[::-1]) / 0.02)
    pause, rest = np.zeros(int(0.2 * rate)), np.zeros(2 * rate)
    return np.concatenate([ring, pause, ring, rest]).astype(np.int16)


__all__ = ["OnHold", "Sounds", "music", "ringing", "spoken"]
