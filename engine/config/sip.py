"""Options of the engine's SIP endpoint, to which FreeSWITCH bridges calls (``media.backend: sip``)."""

from ipaddress import ip_network

from pydantic import Field, field_validator

from engine.config.base import Options


class SipOptions(Options):
    """The engine as a SIP endpoint of FreeSWITCH. Its audio is RTP: see ``rtp``."""

    bind: str = ""
    """Address that SIP listens on, UDP and TCP. Empty: that of ``event_socket.host``, by which FreeSWITCH reaches the
    engine already."""

    port: int = Field(0, ge=0, le=65535)
    """Its port. 0 takes a free one: FreeSWITCH is told with every call. A firewall in between needs a fixed one."""

    advertise: str = ""
    """The address by which FreeSWITCH reaches the engine, in SIP and for RTP, where that is not the one it is bound to
    (a container, NAT). Empty: the address that FreeSWITCH's event socket connection came to."""

    profile: str = Field("external", pattern=r"^[A-Za-z0-9_.-]+$")
    """Profile of mod_sofia that calls the engine. Its ``sip-ip`` must be able to reach ``bind``."""

    peers: tuple[str, ...] = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
    """Networks whose SIP messages are read; others get no answer. A call is taken only with the token that its own
    event socket connection was told, so these need not be exact."""

    connect_timeout_s: float = Field(3.0, ge=1, le=30)
    """How long FreeSWITCH may take to reach the engine by SIP before the call goes to the dialplan's next action."""

    silent_engine_ms: int = Field(5000, ge=1000)
    """When FreeSWITCH has had no RTP of the engine for so long, it ends the engine's leg: the engine hangs, or its
    host is gone. It looks every 5 s, so more counts as the next multiple of 5000, and less as 5000. (An engine that
    ends or is killed is noticed at once, by its event socket.) Needs ``media.idle: silence``."""

    rescue: str = Field("trunkline_failover", pattern=r"^[A-Za-z0-9_.+*#-]*$")
    """Extension of the call's own context to which FreeSWITCH then transfers the caller by itself. Empty: they wait
    until the engine is back, or its connection breaks."""

    @field_validator("peers")
    @classmethod
    def _networks(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for network in given:
            ip_network(network)  # its error names what is wrong
        return given


__all__ = ["SipOptions"]
