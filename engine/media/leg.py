"""What a call needs of its audio path, whatever carries it."""

from collections.abc import Callable
from typing import Protocol

from engine.media.playout import Playout
from engine.media.timeline import Timeline

Ear = Callable[[bytes, bool], None]
"""``ear(frame, silent)``: the caller's next frame, one ``frame_ms`` long, in order; ``silent`` when no audio came from
the caller for that time and the frame is made up."""


class Leg(Protocol):
    """One call's audio, both ways. Frames in by direct call to the ear, out of ``playout`` by the frame clock."""

    rate: int
    """Samples per second of both directions, in Hz."""

    frame_bytes: int
    """Bytes of one frame, both directions: rate * frame_ms / 1000 * 2."""

    playout: Playout
    """What goes to the caller; the leg's clock takes one frame at a time out of it."""

    timeline: Timeline | None
    """When each sample of the caller was heard, where their audio is no steady stream; None: one frame a tick."""

    @property
    def unheard(self) -> int:
        """Frames taken out of ``playout`` that can still be taken back: whoever plays them has not come to them yet and
        lets go of them when speech is cut. 0 where what is written is heard."""

    frames_in: int
    """Caller frames delivered to the ear so far: the call's audio clock."""

    def attach(self, ear: Ear) -> None:
        """Deliver frames to this ear from now on."""

    def close(self) -> None:
        """Stop both directions. Idempotent."""
