"""The audio of one Realtime client, both ways: a leg like a telephone's, on the same frame clock.

In: audio comes as the client sends it, in chunks of any length, in bursts, with gaps, faster than it was spoken. Frames
that lie in the past are heard at once; what is ahead of time is heard four times as fast as it was spoken. Silence is
made up only while ``open_voice()`` says that a voice is open and nothing comes: so a turn ends although the client has
stopped sending. It is no part of the client's audio (``written_ms``).

Out: the frame clock takes frames from playout, ``lead`` ahead of what the client plays by then, and gives them on in
deltas. What the client has not come to yet can be taken back: ``unheard``.
"""

import logging
from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from engine.media.clock import Batch, FrameClock, is_worth_a_line
from engine.media.ledger import Ledger
from engine.media.leg import Ear
from engine.media.pcm import SAMPLE_BYTES
from engine.media.playout import Playout
from engine.media.timeline import Timeline
from engine.realtime.formats import RATE, frames

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
"""Clients whose audio is heard in each pass of the frame clock; that of more is gathered for a frame's time."""

KEPT_LEDGERS = 16
"""Replies whose words can still be counted when the client says how much of them was heard."""


@dataclass(slots=True)
class _Sent:
    """What was sent of one reply: where in the reply each stretch of it began, in samples sent and samples of the
    reply. They part where a paused reply went on from a word's beginning."""

    ledger: Ledger
    samples: int
    at_sent: list[int]
    at_reply: list[int]

    def position(self, sent: int) -> int:
        """Samples of the reply that were heard with the first ``sent`` that went out: the furthest of them."""
        sent = min(sent, self.samples)
        index = bisect_right(self.at_sent, sent)
        furthest = 0
        for number in range(index):
            until = self.at_sent[number + 1] if number + 1 < index else sent
            furthest = max(furthest, self.at_reply[number] + until - self.at_sent[number])
        return furthest


class SocketLegs:
    """The legs of all clients of a process: a source of the frame clock."""

    def __init__(self, clock: FrameClock, frame_ms: int) -> None:
        """Drained by ``clock`` from now on."""
        self.clock = clock
        self.frame_ms = frame_ms
        self.faults = 0
        self._drained = 0.0
        self._busy: dict[SocketLeg, None] = {}
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
        """Clients send when they like. Where many do, what comes within a frame's time is heard in one go: the detector
        of voices costs as much for one frame as for many."""
        return 0.0 if len(self._busy) <= FEW else self.frame_ms / 1000 - 0.001

    def _due(self, leg: "SocketLeg", now: float) -> deque[tuple[bytes, bool]]:
        try:
            return leg.due(now)
        except Exception:  # noqa: BLE001 - one session's fault must not deafen the others
            self.faults += 1
            if is_worth_a_line(self.faults):
                log.exception("who listens to a client failed (%d such faults); the session goes on", self.faults)
            return deque()

    def busy(self, leg: "SocketLeg", on: bool) -> None:
        """Whether this leg is to be looked after in every drain."""
        if on:
            self._busy[leg] = None
        else:
            self._busy.pop(leg, None)


Deliver = Callable[[int, bytes], None]
"""``deliver(generation, pcm)``: the next audio of a reply, at ``RATE``."""


class SocketLeg:
    """One client's audio; implements ``Leg`` and is ticked by the frame clock while there is something to do."""

    def __init__(self, legs: SocketLegs, *, lead_ms: int, delta_ms: int, deliver: Deliver) -> None:
        """``lead_ms``: audio that the client may hold; ``delta_ms``: least length of what is given to ``deliver`` while
        more is to come."""
        self.rate = RATE
        self.frame_bytes = RATE * legs.frame_ms // 1000 * SAMPLE_BYTES
        self.playout = Playout(RATE, self.frame_bytes, fade_out=False)
        self.playout.wake = self._wake
        self.timeline: Timeline | None = Timeline(RATE)
        self.frames_in = self.frames_out = self.bad_frames = 0
        self.mouth: Callable[[bytes, int], None] | None = None
        """``mouth(frame, ahead)``: a frame was taken that is played so many frames from now."""
        self.open_voice: Callable[[], bool] = bool
        self.ticked: Callable[[], None] | None = None
        """Called after each tick in which something was sent, or a reply ended."""
        self.sending = False
        """A tick is under way: what happens now comes after the audio that it sends."""
        self._legs = legs
        self._lead = max(1, lead_ms // legs.frame_ms)
        self._delta = max(1, delta_ms // legs.frame_ms)
        self._deliver = deliver
        self._ear: Ear = _deaf
        self._silence = bytes(self.frame_bytes)
        self._rest = b""
        self._waiting: deque[bytes | Callable[[], None]] = deque()
        self._most = int(MOST_WAITING_S * 1000) // legs.frame_ms
        self.paced = True
        """Whether audio that is ahead of time waits; off where nobody minds when it was said."""
        self._heard = 0  # samples delivered, made up ones too
        self._made_up: list[tuple[int, int]] = []  # (samples delivered, of them made up), where that changed
        self._came_at = 0.0
        self._began: float | None = None
        # out
        self._ahead = 0
        self._ticking = False
        self._idle_ticks = 0
        self._unsent: list[bytes] = []
        self._unsent_of: int | None = None
        self._sent: OrderedDict[int, _Sent] = OrderedDict()
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

    @property
    def unheard(self) -> int:
        """See ``Leg``."""
        return self._ahead

    # ------------------------------------------------------------ in

    def take(self, pcm: bytes, now: float) -> None:
        """The client's next audio, at ``RATE``, which came at ``now``."""
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
        """Milliseconds of the client's own audio before this sample of what was heard."""
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
        """The client sends nothing: make up silence while a voice is open."""
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

    # ------------------------------------------------------------ out

    def tick(self, slots: int) -> None:
        """Take what the lead allows; give it on when there is enough of it, or no more comes."""
        self.sending = True
        try:
            self._send(slots)
        finally:
            self.sending = False
        if self.ticked is not None:
            self.ticked()

    def _send(self, slots: int) -> None:
        ahead = max(0, self._ahead - slots)
        playout = self.playout
        dry = False
        while ahead < self._lead:
            generation, position = playout.generation, playout.position
            frame = playout.next_frame()
            if frame is None:
                dry = True
                break
            if generation is None:
                generation, position = playout.newest, 0
            if generation is None:
                break
            self._note_sent(generation, position)
            if self._unsent and generation != self._unsent_of:
                self._flush()
            self._unsent_of = generation
            self._unsent.append(frame)
            if self.mouth is not None:
                self.mouth(frame, ahead)
            self.frames_out += 1
            ahead += 1
        self._ahead = ahead
        if self._unsent and (dry or len(self._unsent) >= self._delta or playout.generation != self._unsent_of):
            self._flush()
        self._idle_ticks = self._idle_ticks + 1 if dry and not ahead else 0
        if self._idle_ticks and playout.still() and self._ticking:
            self._ticking = False
            self._legs.clock.remove(self)

    def _flush(self) -> None:
        pcm, self._unsent = b"".join(self._unsent), []
        if pcm and self._unsent_of is not None and not self._closed:
            self._deliver(self._unsent_of, pcm)

    def drop(self) -> None:
        """Speech was cut: what was not given on is not, and the client plays nothing any more."""
        self._unsent = []
        self._ahead = 0

    def _note_sent(self, generation: int, position: int) -> None:
        sent = self._sent.get(generation)
        if sent is None:
            return
        expected = sent.at_reply[-1] + sent.samples - sent.at_sent[-1] if sent.at_sent else -1
        if position != expected:
            sent.at_sent.append(sent.samples)
            sent.at_reply.append(position)
        sent.samples += self.frame_bytes // SAMPLE_BYTES

    def _wake(self) -> None:
        if self._closed:
            return
        if not self._ticking:
            self._ticking = True
            self._legs.clock.add(self)
        self._legs.clock.kick(self)

    # ------------------------------------------------------------ the account of what was heard

    def follow(self, generation: int, ledger: Ledger) -> None:
        """This reply may be heard from now on: keep its account."""
        self._sent[generation] = _Sent(ledger, 0, [], [])
        while len(self._sent) > KEPT_LEDGERS:
            self._sent.popitem(last=False)

    def heard(self, generation: int, ms: int) -> str | None:
        """The whole words within the first ``ms`` that were sent of a reply; None: it is not known any more."""
        sent = self._sent.get(generation)
        return None if sent is None else sent.ledger.heard(sent.position(ms * self.rate // 1000))

    def sent_ms(self, generation: int) -> int:
        """How much of a reply was sent, and not taken back."""
        sent = self._sent.get(generation)
        return 0 if sent is None else max(0, sent.samples * 1000 // self.rate - self._ahead * self._legs.frame_ms)


def _deaf(frame: bytes, silent: bool) -> None:
    """Nobody listens."""


def _first(point: tuple[int, int]) -> int:
    return point[0]


__all__ = ["SocketLeg", "SocketLegs"]
