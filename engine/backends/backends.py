"""Which back-end carries the audio of a channel, and what the back-ends of an engine share."""

import logging
import socket
from functools import lru_cache

from engine.backends.backend import Backend
from engine.backends.unicast import UnicastBackend
from engine.config import Config
from engine.esl.control import CallControl
from engine.media.clock import FrameClock
from engine.media.unicast import UnicastSocket

log = logging.getLogger(__name__)


class Backends:
    """Those of one engine; ``close`` them with it."""

    def __init__(self, config: Config, clock: FrameClock) -> None:
        """Opens what ``media.backend`` may need. Raises ``MediaError`` where a port is in use."""
        self._config = config
        self._clock = clock
        self._unicast = UnicastSocket(config.media, clock)

    def of(self, session: CallControl) -> Backend:
        """The back-end for the FreeSWITCH at the other end of this connection."""
        return UnicastBackend(self._unicast)

    @property
    def lines(self) -> int:
        """Lines that are open."""
        return len(self._unicast)

    def counts(self) -> dict[str, int]:
        """What came that nobody wanted, in words; for ``/health``."""
        return {"datagrams of strangers": self._unicast.refused, "frames of a wrong size": self._unicast.bad_frames,
                "frames on which a call failed": self._unicast.ear_faults}

    def close(self) -> None:
        """Close all lines and sockets. Idempotent."""
        self._unicast.close()


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
