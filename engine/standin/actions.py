"""What the pure channel asks of its edges."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.standin.sipleg import SipLeg
from engine.standin.unicast import Unicast

if TYPE_CHECKING:
    from engine.standin.session import Session


@dataclass(frozen=True, slots=True)
class Connect:
    """The ``socket`` application: try these hosts from left to right, then report ``connected`` or ``refused``."""

    hosts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes for one controller connection."""

    session: "Session"
    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """End one controller connection."""

    session: "Session"


@dataclass(frozen=True, slots=True)
class StartUnicast:
    """Bind ``unicast.local``; when that fails, report ``unicast_failed``."""

    unicast: Unicast


@dataclass(frozen=True, slots=True)
class StopUnicast:
    """Close the socket."""

    unicast: Unicast


@dataclass(frozen=True, slots=True)
class StartSip:
    """Call the endpoint."""

    leg: SipLeg


@dataclass(frozen=True, slots=True)
class StopSip:
    """End that call."""

    leg: SipLeg


@dataclass(frozen=True, slots=True)
class Crash:
    """FreeSWITCH would abort here: every call of it dies."""

    why: str


Action = Connect | Send | Close | StartUnicast | StopUnicast | StartSip | StopSip | Crash
