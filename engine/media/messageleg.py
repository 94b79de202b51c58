"""The audio of callers that comes in messages, not in frames: the half of a leg that listens.

Audio comes as its sender likes, in chunks of any length, in bursts, with gaps, faster than it was spoken. Frames that
lie in the past are heard at once; what is ahead of time is heard four times as fast as it was spoken. Silence is made
up only while ``open_voice()`` says that a voice is open and nothing comes: so a turn ends although the sender has
stopped. It is no part of the sender's audio (``written_ms``).
"""

import logging
from bisect import bisect_right
from collections import deque
from collections.abc import Callable

from engine.media.clock import Batch, FrameClock, is_worth_a_line
from engine.media.leg import Ear
from engine.media.pcm import SAMPLE_BYTES
from engine.media.playout import Playout
from engine.media.timeline import Timeline

log = logging.getLogger(__name__)

SLACK_S = 0.06
"""Audio may be so much ahead of time before it counts as faster than real time: clients send chunks of up to that."""

GAP_S = 0.3
"""Audio that is later than this is not late: the client had stopped sending."""

FILL_AFTER_S = 0.24
"""Nothing for so long while a voice is open: silence is made up."""

MOST_WAITING_S = 120.0
"""Audio that may wait to be heard; beyond, the oldest is dropped."""

FRAMES_A_DRAIN = 12
"""Frames of one leg that are heard at once: a long backlog must not hold the hub."""

FEW = 6
"""Legs whose audio is heard in each pass of the frame clock; that of more is gathered for a frame's time."""


class MessageLegs:
    """All such legs of one kind in a process: a source of the frame clock."""

    def __init__(self, clock: FrameClock, frame_ms: int) -> None:
        """Drained by ``clock`` from now on."""
        self.clock = clock
        self.frame_ms = frame_ms
        self.faults = 0
        self._drained = 0.0
        self._busy: dict[MessageLeg, None] = {}
        clock.add_source(self)

    def close(self) -> None:
        """Drained no more."""
        self.clock.remove_source(self)

    def drain(self, now: float, hear: Callable[[Batch], None]) -> None:
        """Deliver what is due: to each leg's ear, then as a batch to ``hear``."""
        if not self._busy or now - self._drained < self._pause_s():
            return
        self._drained = now
        heard = [(leg, self._due(leg, now)) for leg in tuple(self._busy)]
        while heard := [(leg, frames) for leg, frames in heard if frames]:
            hear([(leg, *frames.popleft()) for leg, frames in heard])

    def _pause_s(self) -> float:
        """They send when they like. Where many do, what comes within a frame's time is heard in one go: the detector
        of voices costs as much for one frame as for many."""
        return 0.0 if len(self._busy) <= FEW else self.frame_ms / 1000 - 0.001

    def _due(self, leg: "MessageLeg", now: float) -> deque[tuple[bytes, bool]]:
        try:
            return leg.due(now)
        except Exception:  # noqa: BLE001 - one call's fault must not deafen the others
            self.faults += 1
            if is_worth_a_line(self.faults):
                log.exception("who listens to a caller failed (%d such faults); the call goes on", self.faults)
            return deque()

    def busy(self, leg: "MessageLeg", on: bool) -> None:
        """Whether this leg is to be looked after in every drain."""
        if on:
            self._busy[leg] = None
        else:
            self._busy.pop(leg, None)


class MessageLeg:
    """One caller's audio. Whoever makes a leg of it adds the half that speaks: ``tick``, and ``unheard``."""

    def __init__(self, legs: MessageLegs, rate: int, playout: Playout) -> None:
        """``rate`` of both directions in Hz; ``playout`` asks the frame clock for ticks where it has something."""
        self.rate = rate
        self.frame_bytes = rate * legs.frame_ms // 1000 * SAMPLE_BYTES
        self.playout = playout
        playout.wake = self._wake
        self.timeline: Timeline | None = Timeline(rate)
        self.frames_in = self.frames_out = self.bad_frames = 0
        self.mouth: Callable[[bytes, int], None] | None = None
        """``mouth(frame, ahead)``: this frame of the agent is played so many frames from now."""
        self.open_voice: Callable[[], bool] = bool
        self.paced = True
        """Whether audio that is ahead of time waits; off where nobody minds when it was said."""
        self._legs = legs
        self._ear: Ear = _deaf
        self._silence = bytes(self.frame_bytes)
        self._rest = b""
        self._waiting: deque[bytes | Callable[[], None]] = deque()
        self._most = int(MOST_WAITING_S * 1000) // legs.frame_ms
        self._heard = 0  # samples delivered, made up ones too
        self._made_up: list[tuple[int, int]] = []  # (samples delivered, of them made up), where that changed
        self._came_at = 0.0
        self._ticking = False
        self._closed = False

    # ------------------------------------------------------------ Leg

    def attach(self, ear: Ear) -> None:
        """See ``Leg``."""
        self._ear = ear

    def close(self) -> None:
        """See ``Leg``."""
        if not self._closed:
            self._closed = True
            self._ear = _deaf
            self._waiting.clear()
            self._legs.busy(self, False)
            self._legs.clock.remove(self)
            self.playout.wake = None
            self.playout.clear()

    # ------------------------------------------------------------ in

    def take(self, pcm: bytes, now: float) -> None:
        """The caller's next audio, at ``RATE``, which came at ``now``."""
        if self._closed:
            return
        whole, self._rest = frames(self._rest + pcm, self.frame_bytes)
        self._waiting.extend(whole)
        self._came_at = now
        while len(self._waiting) > self._most:
            self._waiting.popleft()
            self.bad_frames += 1
        self._legs.busy(self, True)

    def mark(self, reached: Callable[[], None]) -> None:
        """Call ``reached`` once all audio that came so far was heard; at once where it was."""
        if self._rest:
            self._waiting.append(self._rest.ljust(self.frame_bytes, b"\0"))
            self._rest = b""
        if self._waiting and not self._closed:
            self._waiting.append(reached)
            self._legs.busy(self, True)
        else:
            reached()

    def forget(self) -> None:
        """What came and was not heard yet was not meant."""
        self._rest = b""
        self._waiting = deque(item for item in self._waiting if callable(item))

    def written_ms(self, sample: int) -> int:
        """Milliseconds of the sender's own audio before this sample of what was heard."""
        index = bisect_right(self._made_up, sample, key=_first) - 1
        made_up = 0
        if index >= 0:
            at, made_up = self._made_up[index]
            if index + 1 < len(self._made_up):
                # Between two points either all samples are made up or none is.
                later, then = self._made_up[index + 1]
                made_up = then - (later - sample) if then - made_up == later - at else made_up
        return max(0, sample - made_up) * 1000 // self.rate

    def due(self, now: float) -> deque[tuple[bytes, bool]]:
        """Deliver to the ear what is due at ``now``; the frames, with whether they are made up."""
        heard: deque[tuple[bytes, bool]] = deque()
        line, samples = self.timeline, self.frame_bytes // SAMPLE_BYTES
        assert line is not None
        for _ in range(FRAMES_A_DRAIN):
            waiting = self._waiting
            if not waiting:
                break
            if callable(waiting[0]):
                waiting.popleft()()  # type: ignore[operator]
                continue
            length = len(waiting) * samples / self.rate
            if not line or now - line.at(self._heard) > GAP_S + length:
                line.gap(self._heard, now - length)
            if line.at(self._heard + samples) > now + SLACK_S:
                if self.paced and heard:
                    break
                line.hurry(self._heard, self._heard + samples, now)
            self._hear(waiting.popleft(), False, heard)  # type: ignore[arg-type]
        if not self._waiting:
            self._fill(now, heard)
        return heard

    def _fill(self, now: float, heard: deque[tuple[bytes, bool]]) -> None:
        """Nothing comes: make up silence while a voice is open."""
        line, samples = self.timeline, self.frame_bytes // SAMPLE_BYTES
        assert line is not None
        if not self.open_voice():
            self._legs.busy(self, False)
            return
        if now - self._came_at < FILL_AFTER_S:
            return
        while len(heard) < FRAMES_A_DRAIN and line.at(self._heard + samples) <= now:
            self._note_made_up(samples)
            self._hear(self._silence, True, heard)

    def _note_made_up(self, samples: int) -> None:
        before = self._made_up[-1][1] if self._made_up else 0
        if not self._made_up or self._made_up[-1][0] != self._heard:
            self._made_up.append((self._heard, before))
            del self._made_up[:-64]
        self._made_up.append((self._heard + samples, before + samples))

    def _hear(self, frame: bytes, silent: bool, heard: deque[tuple[bytes, bool]]) -> None:
        self._heard += len(frame) // SAMPLE_BYTES
        self.frames_in += 1
        heard.append((frame, silent))
        self._ear(frame, silent)

    # ------------------------------------------------------------ the clock

    def tick(self, slots: int) -> None:
        """See ``engine.media.clock.Ticked``."""
        raise NotImplementedError

    def _wake(self) -> None:
        if self._closed:
            return
        if not self._ticking:
            self._ticking = True
            self._legs.clock.add(self)
        self._legs.clock.kick(self)

    def _rest_now(self) -> None:
        """Nothing is to be said: no ticks until there is."""
        if self._ticking:
            self._ticking = False
            self._legs.clock.remove(self)


def frames(pcm: bytes, size: int) -> tuple[list[bytes], bytes]:
    """Whole frames of ``size`` bytes, and the rest."""
    whole = len(pcm) - len(pcm) % size
    return [pcm[at : at + size] for at in range(0, whole, size)], pcm[whole:]


def _deaf(frame: bytes, silent: bool) -> None:
    """Nobody listens."""


def _first(point: tuple[int, int]) -> int:
    return point[0]


__all__ = ["MessageLeg", "MessageLegs", "frames"]
