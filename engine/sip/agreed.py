"""What offer and answer have settled about a call's audio: all that its RTP needs to know."""

from dataclasses import dataclass
from typing import Literal

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Agreed:
    """The audio of one call as both sides have settled it (RFC 3264). A later one replaces it wholly."""

    codec: str
    """``PCMU``, ``PCMA``, ``G722`` or ``L16``, always in capitals."""

    clock_rate: int
    """Rate of the RTP timestamps in Hz: 8000, or 16000 for L16 at 16 kHz. G.722 has 8000 although its audio has 16000
    (RFC 3551, 4.5.2): see ``sample_rate``."""

    payload_type: int
    """The codec's, in both directions."""

    ptime_ms: int
    """Length of the packets the peer wants, and that we told it to send."""

    remote: Address
    """Where to send RTP: what the peer's description says. Behind NAT the packets come from elsewhere."""

    remote_rtcp: Address
    """Where to send RTCP: ``remote`` with ``rtcp_mux``, else the port that ``a=rtcp`` names, or the next one."""

    direction: Direction = "sendrecv"
    """Ours: ``recvonly`` and ``inactive`` mean that the peer has put us on hold and nothing may be sent."""

    rtcp_mux: bool = False
    """RTCP comes and goes on the port of RTP (RFC 5761)."""

    telephone_event_pt: int | None = None
    """Payload type of keys as RFC 4733 has them, or None where they come by INFO or not at all."""

    telephone_event_rate: int = 8000
    """Clock of the events' durations, in Hz."""

    comfort_noise_pt: int | None = None
    """Payload type of comfort noise (RFC 3389) where both sides have it."""

    @property
    def sample_rate(self) -> int:
        """Rate of the audio in Hz."""
        return 16000 if self.codec == "G722" else self.clock_rate

    @property
    def may_send(self) -> bool:
        """Whether audio may be sent; False while the peer holds the call."""
        return self.direction in ("sendrecv", "sendonly") and self.remote[1] != 0

    @property
    def may_receive(self) -> bool:
        """Whether audio is to be expected; False means that silence on the line is no fault."""
        return self.direction in ("sendrecv", "recvonly")
