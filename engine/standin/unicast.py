"""Unicast as FreeSWITCH does it, without sockets: the caller's frames out, the controller's datagrams in. Pure."""

from collections import deque
from dataclasses import dataclass, field

QUEUE_DATAGRAMS = 168
"""Datagrams that wait: a burst of 1000 frames of 320 B delivered 168, the rest was lost without a word (the kernel's
default receive buffer, 212992 B). The queue cannot be flushed."""

MAX_DATAGRAM = 8192
"""FreeSWITCH's frame buffer (switch_ivr.h:51)."""

NO_RTP = 0xFF
"""What fills a frame when the caller sends no RTP."""

DEFAULT_LOCAL_PORT, DEFAULT_REMOTE_PORT = 8025, 8026


@dataclass(slots=True)
class Unicast:
    """One activation. Addresses are (host, port); ``frame_bytes`` is one 20 ms frame of L16, ``native`` the law of
    ``flags: native`` (``PCMU``, ``PCMA`` or empty)."""

    local: tuple[str, int]
    remote: tuple[str, int]
    frame_bytes: int
    native: str = ""
    queue: deque[bytes] = field(default_factory=deque)
    lost: int = 0
    """Datagrams that found the queue full."""

    odd: int = 0
    """Datagrams played that were not exactly one frame."""

    deaf: bool = False
    """An empty datagram ended the write thread: nothing is played any more."""

    @property
    def silence(self) -> bytes:
        """The frame that the controller gets when the caller sends no RTP; in native mode it has the wrong size,
        as in FreeSWITCH."""
        return bytes([NO_RTP]) * self.frame_bytes

    def arrived(self, datagram: bytes) -> None:
        """A datagram for the caller, from whomever."""
        if self.deaf:
            return
        if len(self.queue) >= QUEUE_DATAGRAMS:
            self.lost += 1
        else:
            self.queue.append(datagram[:MAX_DATAGRAM])

    def next(self) -> bytes | None:
        """What goes to the caller in this 20 ms: one datagram, whatever its size (one datagram is one RTP packet)."""
        if not self.queue or self.deaf:
            return None
        datagram = self.queue.popleft()
        if not datagram:
            self.deaf = True
            self.queue.clear()
            return None
        if len(datagram) != (self.frame_bytes // 2 if self.native else self.frame_bytes):
            self.odd += 1
        return datagram
