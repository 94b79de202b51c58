"""What a call needs of its media back-end, whichever it is.

A ``Backend`` carries the audio of one FreeSWITCH, and opens a ``Line`` for each channel. A line is a leg and what
FreeSWITCH has to be told so that the leg is connected: when the channel is ours, when it goes to somebody else, when it
comes back. The leg goes on through all of that; conversation, ledger and recording never change it.
"""

from collections.abc import Callable
from typing import Protocol

from gevent.event import Event as Flag

from engine.esl.channel import Channel
from engine.esl.control import CallControl
from engine.esl.inbound import InboundClient
from engine.media.leg import Leg

Lost = Callable[[str, int], None]
"""``lost(why, silent_ms)``: FreeSWITCH does not carry the audio any more. Called from the frame clock or a reader, so
it may not wait. ``silent_ms``: for how long nothing had come, 0 where that is not how it was noticed."""

FIRST_FRAME_TIMEOUT_S = 1.0
"""The first frame comes 28 ms after ``unicast``, 41 ms after ``bridge``, on a real FreeSWITCH; what fails is silent."""

STALL_S = 0.1
"""Audio that comes back by itself within this had not died."""

Mouth = Callable[[bytes, int], None]
"""``mouth(frame, slot)``: a frame of speech was written, and plays ``slot`` frames after the caller's first one."""


class SwitchLeg(Leg, Protocol):
    """A leg whose other end is a channel of FreeSWITCH."""

    first_frame: Flag
    """Set while FreeSWITCH's audio comes."""

    mouth: Mouth | None
    """Is given what the agent says, for the recording."""

    frames_out: int
    """Frames written so far, silence among them."""

    @property
    def bad_frames(self) -> int:
        """What came and was no frame of this leg."""


class Line(Protocol):
    """One channel's audio. Made by ``Backend.open``; ``close`` it with the call."""

    backend: str
    """Which back-end it is, for the log: ``unicast``, ``sip`` or ``websocket``."""

    in_place: bool
    """Audio that was lost is attached again on the same connection. Where this is false the channel has to be
    transferred to its own extension first."""

    @property
    def leg(self) -> SwitchLeg:
        """The leg: the same for the whole call."""

    @property
    def address(self) -> str:
        """By what the call's audio can be found in a trace of the network."""

    def attach(self, session: CallControl, leaving: Flag) -> int | None:
        """Connect the leg to the answered channel of ``session``. Returns the ms that it took when the first frame is
        there; None as soon as ``leaving`` is set. Raises ``ConnectionLost`` when the call ends meanwhile,
        ``MediaError`` saying what may be wrong when no frame comes."""

    def attach_other(self, client: InboundClient, uuid: str) -> None:
        """The same for a parked channel that the inbound event socket controls. Returns at once: wait for the leg's
        ``first_frame``, with a deadline. Raises ``EslError``."""

    def came_back(self, lost: Flag) -> bool:
        """Whether audio that was lost is there again by itself. ``lost`` stays set where it is not."""

    def rejoin(self, channel: Channel) -> None:
        """The channel has come back on a new connection, and ``attach`` follows. Raises ``MediaError`` where the leg
        cannot go on with what the channel has become."""

    def let_go(self, session: CallControl) -> None:
        """Somebody else has the channel, or is about to: leave nothing on it that would be in their way."""

    def leave(self, session: CallControl) -> None:
        """The engine is about to close ``session``, and the dialplan to go on."""

    def keep(self, session: CallControl) -> None:
        """They do not have it after all."""

    def figures(self) -> dict[str, object]:
        """The audio in numbers, as the event ``rtp_report`` has them; empty where nothing is measured."""

    def close(self) -> None:
        """Stop both directions. Idempotent."""


class Backend(Protocol):
    """The back-end for the channels of one FreeSWITCH."""

    def open(self, channel_rate: int, codec: str, lost: Lost) -> Line:
        """A line for a channel whose caller has ``codec`` (its name in FreeSWITCH) at ``channel_rate`` Hz, not attached
        yet. Raises ``MediaError`` for what cannot be carried."""


def nothing_lost(why: str, silent_ms: int) -> None:
    """For lines whose loss is nobody's concern."""


__all__ = ["FIRST_FRAME_TIMEOUT_S", "STALL_S", "Backend", "Line", "Lost", "Mouth", "SwitchLeg", "nothing_lost"]
