"""What a channel's thread is doing while time passes: parked, playing, sleeping, bridged, connecting. Pure.

Activities lie on a stack: an application that is sent while another runs (without ``event-lock``) starts on top of it,
and the one below goes on when it has ended. That is why queued applications run in reverse.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.standin.unicast import Unicast

if TYPE_CHECKING:
    from engine.standin.channel import Channel
    from engine.standin.setup import Execution


class Activity:
    """Something that lasts. ``execution`` is the application it belongs to, if any."""

    execution: "Execution | None" = None
    locks = False
    """Whether it was sent with ``event-lock``: messages wait until it has ended."""

    cut = False
    """Whether it has to end at once."""

    def done(self, channel: "Channel") -> bool:
        """Whether it has ended by itself at ``channel.now``."""
        return False

    def leave(self, channel: "Channel", forced: bool) -> str | None:
        """It ends (``forced``: because the channel leaves); returns ``Application-Response``."""
        return None

    def sound(self, channel: "Channel") -> bytes | None:
        """One frame of L16 that it plays to the caller."""
        return None

    def hears(self, channel: "Channel", frame: bytes | None) -> None:
        """One frame of L16 of the caller; None where no RTP came."""


class Connecting(Activity):
    """``socket`` before a controller has accepted: the thread is blocked, the caller hears nothing."""

    def __init__(self) -> None:
        """Waiting for the edge's report."""
        self.over = False

    def done(self, channel: "Channel") -> bool:
        """When the edge has reported."""
        return self.over


class Park(Activity):
    """Parked: messages are taken once per frame, unicast runs. ``by_socket``: under the ``socket`` application, so
    that it ends when the controller goes."""

    def __init__(self, by_socket: bool) -> None:
        """Parked until something happens."""
        self.by_socket = by_socket
        self.unicast: Unicast | None = None
        """The activation that this park holds to its end, dead or alive: a second one does nothing here."""

    def done(self, channel: "Channel") -> bool:
        """When the controller, having been connected, has gone."""
        return self.by_socket and channel.controller_gone

    def leave(self, channel: "Channel", forced: bool) -> str | None:
        """Unicast ends with the park."""
        channel.stop_unicast()
        channel.emit("CHANNEL_UNPARK")
        return None


class Sleep(Activity):
    """``sleep``: no audio to the controller, then all goes on."""

    def __init__(self, until: float) -> None:
        """``until``: time in seconds."""
        self.until = until

    def done(self, channel: "Channel") -> bool:
        """When the time is over or it was broken."""
        return channel.now >= self.until or channel.take_break()


class Playback(Activity):
    """A prompt. ``pcm``: int16 at the channel's rate; ``loops`` -1 = for ever."""

    def __init__(self, pcm: NDArray[np.int16], loops: int, started: float) -> None:
        """``started``: time in seconds."""
        self.pcm, self.loops, self.started = pcm, loops, started

    def done(self, channel: "Channel") -> bool:
        """When all was played or it was broken."""
        return channel.take_break() or 0 <= self.loops * len(self.pcm) <= self._position(channel)

    def sound(self, channel: "Channel") -> bytes | None:
        """The next frame."""
        size, position = channel.codec.rate // 50, self._position(channel)
        frame = np.take(self.pcm, range(position, position + size), mode="wrap")
        if self.loops >= 0:
            frame[max(0, self.loops * len(self.pcm) - position) :] = 0
        return frame.astype("<i2").tobytes()

    def leave(self, channel: "Channel", forced: bool) -> str | None:
        """Sets what ``playback`` leaves behind."""
        position, rate = self._position(channel), channel.codec.rate
        milliseconds = position * 1000 // rate
        channel.variables.put_all({
            "playback_last_offset_pos": position % max(1, len(self.pcm)) or position,
            "playback_seconds": milliseconds // 1000, "playback_ms": milliseconds, "playback_samples": position,
        })  # fmt: skip
        return "PLAYBACK ERROR" if forced and not channel.cause else "FILE PLAYED"

    def _position(self, channel: "Channel") -> int:
        """Samples played: whole frames since the start."""
        return round((channel.now - self.started) * 50) * (channel.codec.rate // 50)


class Away(Activity):
    """The caller is with somebody else (a queue, a conference, ``echo``) until the channel leaves or it is broken."""

    def done(self, channel: "Channel") -> bool:
        """When it was broken."""
        return channel.take_break()
