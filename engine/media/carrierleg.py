"""The audio of a call that a carrier streams over a WebSocket, both ways: a leg like any other, on the frame clock.

In: see ``engine/media/messageleg.py``. Out: frames are sent ahead of time into the carrier's buffer, a little and no
more; marks tell what of it was heard (``engine/media/remotebuffer.py``). At a pause and a cut the buffer is cleared, so
that the caller is heard out at once, and what was not heard goes back to playout. The recording has what was heard.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from engine.media.linecodec import LineCodec
from engine.media.messageleg import MessageLeg, MessageLegs
from engine.media.pcm import SAMPLE_BYTES
from engine.media.playout import KEEP_MS, Playout
from engine.media.remotebuffer import RemoteBuffer

MOST_UNHEARD_MS = KEEP_MS - 100
"""No more is sent while so much is not heard: playout can take back no more."""

NEARLY_DRY_FRAMES = 2
"""With no more than that left to play, a piece that is shorter than it should be is sent all the same."""

SLACK_FRAMES = 3
"""So much later a stretch of speech is recorded, so that the next of its marks may be late without a hole."""


class Line(Protocol):
    """The carrier's side of the socket. None of these waits or raises."""

    def play(self, audio: bytes) -> None:
        """Audio of the line's encoding."""

    def mark(self, name: str) -> None:
        """A mark behind all audio that was sent."""

    def clear(self) -> None:
        """Drop what was not played."""


@dataclass(frozen=True, slots=True)
class Sending:
    """How audio is sent. ``lead_ms``: how far ahead of what is played, at most; ``piece_ms``: length of a message;
    ``whole_pieces``: shorter ones are filled up with silence; ``pace``: seconds that a second of audio takes to be sent
    while the lead grows (1: the whole lead at once)."""

    lead_ms: int
    piece_ms: int
    whole_pieces: bool = False
    pace: float = 1.0


class CarrierLeg(MessageLeg):
    """One call's audio; implements ``Leg``, is ``Beyond`` of its playout, and is ticked while there is audio."""

    def __init__(self, legs: MessageLegs, codec: LineCodec, line: Line, sending: Sending,
                 now: Callable[[], float] = monotonic) -> None:
        """``now``: seconds, on the frame clock's own clock."""
        frame_ms = legs.frame_ms
        frame_bytes = codec.rate * frame_ms // 1000 * SAMPLE_BYTES
        super().__init__(legs, codec.rate, Playout(codec.rate, frame_bytes, fade_out=False))
        self.playout.beyond = Beyond(self)
        self.unheard = 0  # playout itself takes back what was not heard
        self.buffer = RemoteBuffer(frame_ms / 1000)
        self._codec = codec
        self._line = line
        self._now = now
        self._lead = max(1, sending.lead_ms // frame_ms)
        self._piece = -(-sending.piece_ms // frame_ms)
        self._lead = max(self._lead, self._piece)
        self._whole = sending.whole_pieces
        self._gain = 1 / sending.pace - 1
        self._most = MOST_UNHEARD_MS // frame_ms
        self._quiet = codec.encode(bytes(frame_bytes))
        self._grant = 0.0
        self._ahead = 0.0
        self._unsent: list[bytes] = []
        self._out: deque[bytes] = deque()  # frames that were sent and are not heard yet; empty ones are filling
        self._heard_now: list[bytes] = []  # heard since the last tick of the grid, for the recording
        self._taped = 0  # frames from now that the recording has already

    def take_line(self, audio: bytes) -> None:
        """The caller's next audio, as the line has it."""
        self.take(self._codec.decode(audio), self._now())

    def marked(self, name: str) -> None:
        """A mark came back."""
        if self.buffer.returned(name):
            self._wake()

    def close(self) -> None:
        """See ``Leg``."""
        self._tape()
        super().close()
        self._unsent.clear()
        self._out.clear()

    # ------------------------------------------------------------ Beyond

    def waiting(self) -> int:
        """Frames that playout gave and that were not heard yet."""
        return len(self._unsent) + sum(map(bool, self._out))

    def take_back(self) -> int:
        """The caller hears nothing more of what was given; how many frames that were."""
        self._settle()
        back = self.waiting()
        self._unsent.clear()
        if self._out:
            self._out.clear()
            self.buffer.clear(self._now())
            self._line.clear()
        self._ahead = self._grant = 0.0
        return back

    # ------------------------------------------------------------ out

    def tick(self, slots: int) -> None:
        """Take what the lead allows; send it when there is enough of it, or no more comes."""
        self._taped = max(0, self._taped - slots)
        self._ahead = max(0.0, self._ahead - slots)
        self._settle()
        if slots:
            self._tape()
        first = float(self._piece if self._gain else self._lead)
        self._grant = max(first, min(self._grant + slots * self._gain, self._lead)) if self._ahead else first
        dry = False
        while self._ahead < self._grant and self.waiting() < self._most:
            frame = self.playout.next_frame()
            if frame is None:
                dry = True
                break
            self._unsent.append(frame)
            self.frames_out += 1
            self._ahead += 1
            if len(self._unsent) >= self._piece:
                self._send()
        if self._unsent and dry and self._no_more_in_time():
            self._send()
        if dry and not self._out and not self._heard_now and self.playout.still():
            self._rest_now()

    def _no_more_in_time(self) -> bool:
        """Whether a piece that is not full is better sent than kept: nothing follows, or it would come too late."""
        if not self._whole or not self.playout.still():
            return True
        return self._ahead - len(self._unsent) <= NEARLY_DRY_FRAMES

    def _send(self) -> None:
        frames, self._unsent = self._unsent, []
        now = self._now()
        filling = self._piece - len(frames) if self._whole else 0
        self._line.play(b"".join([self._codec.encode(frame) for frame in frames]) + self._quiet * filling)
        self._ahead += filling
        self._out.extend(frames)
        self._out.extend([b""] * filling)
        self.buffer.sent(len(frames) + filling, now)
        self._line.mark(self.buffer.mark())

    def _settle(self) -> None:
        """What was heard since the last time."""
        heard = len(self._out) - self.buffer.unheard(self._now())
        for _ in range(heard):
            self._heard_now.append(self._out.popleft())

    def _tape(self) -> None:
        """Record what was heard: a frame a slot, one after the other, where marks tell of several at once and come now
        a little earlier, now later."""
        heard, self._heard_now = self._heard_now, []
        if self.mouth is None or not heard:
            return
        if not self._taped:
            self._taped = SLACK_FRAMES
        for frame in heard:
            if frame:
                self.mouth(frame, self._taped)
            self._taped += 1


class Beyond:
    """A carrier's buffer, as playout sees it."""

    def __init__(self, leg: CarrierLeg) -> None:
        """Of this leg."""
        self._leg = leg

    @property
    def unheard(self) -> int:
        """See ``engine.media.playout.Beyond``."""
        return self._leg.waiting()

    def take_back(self) -> int:
        """See ``engine.media.playout.Beyond``."""
        return self._leg.take_back()


__all__ = ["CarrierLeg", "Line", "Sending"]
