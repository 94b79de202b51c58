"""Which back-end carries the audio of a channel, and what the back-ends of an engine share."""

import logging
import socket
from functools import lru_cache

from engine.backends.backend import Backend
from engine.backends.sip import SipLines
from engine.backends.unicast import UnicastBackend
from engine.config import Config
from engine.esl.control import CallControl
from engine.media.clock import FrameClock
from engine.media.errors import MediaError
from engine.media.unicast import UnicastSocket

log = logging.getLogger(__name__)


class Backends:
    """Those of one engine; ``close`` them with it. Each is opened when the first call needs it, or at once where it is
    certain that one will."""

    def __init__(self, config: Config, clock: FrameClock) -> None:
        """Raises ``MediaError`` where a port is in use."""
        self._config = config
        self._clock = clock
        self._unicast: UnicastSocket | None = None
        self._sip: SipLines | None = None
        backend = config.media.backend
        if backend == "unicast" or backend == "auto" and is_ours(config.event_socket.host):
            self._open_unicast()
        if backend == "sip":
            self._open_sip()

    def of(self, session: CallControl) -> Backend:
        """The back-end for the FreeSWITCH at the other end of this connection. Raises ``MediaError`` where it cannot be
        opened, or the connection is gone."""
        try:
            here, there = str(session.sock.getsockname()[0]), str(session.sock.getpeername()[0])
        except OSError as fault:
            raise MediaError(f"no audio: the event socket is gone ({fault.strerror})") from fault
        backend = self._config.media.backend
        if backend == "auto":
            backend = "unicast" if is_ours(there) else "sip"
        if backend == "unicast":
            return UnicastBackend(self._open_unicast())
        return self._open_sip().backend(here)

    @property
    def lines(self) -> int:
        """Lines that are open."""
        unicast, sip = self._unicast, self._sip
        return (len(unicast) if unicast is not None else 0) + (len(sip.legs) if sip is not None else 0)

    def counts(self) -> dict[str, int]:
        """What came that nobody wanted, in words; for ``/health``."""
        counts = {"datagrams of strangers": 0, "frames of a wrong size": 0, "frames on which a call failed": 0,
                  "SIP calls that nobody expected": 0}
        if self._unicast is not None:
            counts["datagrams of strangers"] += self._unicast.refused
            counts["frames of a wrong size"] += self._unicast.bad_frames
            counts["frames on which a call failed"] += self._unicast.ear_faults
        if self._sip is not None:
            counts["datagrams of strangers"] += self._sip.legs.refused
            counts["frames on which a call failed"] += self._sip.legs.ear_faults
            counts["SIP calls that nobody expected"] += self._sip.refused
        return counts

    def close(self) -> None:
        """Close all lines and sockets. Idempotent."""
        for part in (self._unicast, self._sip):
            if part is not None:
                part.close()

    def _open_unicast(self) -> UnicastSocket:
        if self._unicast is None:
            self._unicast = UnicastSocket(self._config.media, self._clock)
        return self._unicast

    def _open_sip(self) -> SipLines:
        if self._sip is None:
            self._sip = SipLines(self._config, self._clock)
            log.info("SIP endpoint of FreeSWITCH's calls: %s:%d", *self._sip.endpoint.address)
        return self._sip


@lru_cache(maxsize=256)
def is_ours(ip: str) -> bool:
    """Whether ``ip`` is an address of this host: only those can be bound."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((ip, 0))
    except OSError:
        return False
    return True


__all__ = ["Backends", "is_ours"]
