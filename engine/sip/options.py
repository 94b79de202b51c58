"""How the user agent behaves. Times in seconds."""

from dataclasses import dataclass, field
from ipaddress import ip_network

from engine.sip.errors import SipError
from engine.sip.offer import CODECS, KNOWN_CODECS
from engine.sip.transaction import Clocks


@dataclass(frozen=True, slots=True)
class SipOptions:
    """Everything has a default that suits one FreeSWITCH on the same host."""

    peers: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    """Networks whose messages are read. Others get no answer, so nobody can use us as a mirror."""
    codecs: tuple[str, ...] = CODECS
    """Codecs that are agreed to: of PCMU, PCMA, G722, L16/8000, L16/16000. The order of the offerer counts."""
    max_calls: int = 1000
    """Calls at a time; an INVITE beyond is answered 503."""
    max_transactions: int = 50_000
    """Requests remembered at a time: 32 s of them. Beyond, a new call is answered 503 and other requests are not
    remembered."""
    retry_after_s: int = 5
    """What 503 tells the peer to wait."""
    answer_timeout_s: float = 60.0
    """A call that nobody here answers is refused with 480 after this time."""
    session_expires_s: int = 1800
    """A peer that can (RFC 4028) is asked to say within this time that the call lives, half of it is when it does so;
    the call of a dead peer ends then. A longer interval is shortened to it. 0: only who asks for one has it. At least
    90."""
    clocks: Clocks = field(default_factory=Clocks)
    """The timers of RFC 3261."""
    server: str = "Trunkline"
    """The Server and User-Agent header; "" leaves it out."""

    def __post_init__(self) -> None:
        """Raises ``SipError`` for a network or codec that is none."""
        for peer in self.peers:
            try:
                ip_network(peer, strict=False)
            except ValueError as fault:
                raise SipError(f"peers: {peer!r} is no network; write it as 10.0.0.0/24 or 10.0.0.5") from fault
        unknown = [codec for codec in self.codecs if codec not in KNOWN_CODECS]
        if unknown or not self.codecs:
            raise SipError(f"codecs: {', '.join(unknown) or 'none'}; there are {', '.join(KNOWN_CODECS)}")
