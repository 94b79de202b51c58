"""Options of the SIP leg's audio: RTP between FreeSWITCH and the engine."""

from ipaddress import ip_network

from pydantic import Field, field_validator

from engine.config.base import Options


class RtpOptions(Options):
    """RTP with FreeSWITCH, where a call's audio comes by a SIP leg (and not by unicast)."""

    bind: str = ""
    """Address of the engine's RTP sockets. Empty: that of ``event_socket.host``, by which FreeSWITCH reaches the engine
    already."""

    port: int = Field(0, ge=0, le=65534)
    """Even port of RTP for all calls; RTCP is on the next one. 0 takes a free pair. A firewall between FreeSWITCH and
    the engine needs these two (UDP) and no range, because a call is told by FreeSWITCH's own port."""

    ports: int = Field(1, ge=1, le=500)
    """Pairs of ports, from ``port`` on. More than one is for a NAT between FreeSWITCH and the engine that changes
    ports: calls that begin at the same time are then told by ours."""

    nat_peers: tuple[str, ...] = ()
    """Networks behind a NAT, as ``203.0.113.0/28``: audio from there is taken although it comes from another address
    than the one agreed, the first time after each agreement. Empty: ``sip.peers``."""

    max_delay_ms: int = Field(200, ge=40, le=1000)
    """The longest that audio waits for packets that are late or lost. What comes later is left out."""

    watchdog_ms: int = Field(10_000, ge=500)
    """Neither RTP nor RTCP for so long while the call is not on hold: the audio path counts as lost. Not shorter than a
    caller may be silent whose telephone sends nothing then."""

    rtcp_interval_s: float = Field(5.0, ge=1, le=60)
    """Mean time between reports to FreeSWITCH; RFC 3550 says five seconds."""

    @field_validator("nat_peers")
    @classmethod
    def _networks(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for network in given:
            ip_network(network, strict=False)  # its error names what is wrong
        return given

    @field_validator("port")
    @classmethod
    def _even(cls, port: int) -> int:
        if port % 2:
            raise ValueError(f"{port} is odd: RTP has an even port, RTCP the next one")
        return port


__all__ = ["RtpOptions"]
