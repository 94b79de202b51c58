"""What the user agent tells its owner. Each has the call it is about."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from engine.sip.agreed import Agreed
    from engine.sip.call import SipCall

Cause = Literal["bye", "cancelled", "hangup", "rejected", "no_ack", "expired", "unanswered", "failed"]
"""Why a call ended: the peer hung up · gave up while it rang · we hung up · we refused · it never acknowledged our
answer · its session timer ran out (RFC 4028) · nobody here answered in time · it no longer knows the call."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A new call rings. Answer, reject or ring it."""

    call: "SipCall"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The peer has acknowledged our answer."""

    call: "SipCall"


@dataclass(frozen=True, slots=True)
class Changed:
    """The audio goes otherwise from now on: another codec, another address, hold or its end."""

    call: "SipCall"
    agreed: "Agreed"


@dataclass(frozen=True, slots=True)
class Digit:
    """A key, told by INFO. Keys by RFC 4733 come in the RTP."""

    call: "SipCall"
    digit: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over, told once."""

    call: "SipCall"
    cause: Cause


Event = Incoming | Confirmed | Changed | Digit | Ended
