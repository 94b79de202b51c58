"""Where the other side is told to send answers and audio, and whether it could. Pure."""

import ipaddress
from collections.abc import Iterator, Sequence

from engine.trunks.finding import Finding, failed, passed, warned
from engine.trunks.sofia import Profile

TODO = "external_ip in vars.xml (ext-sip-ip and ext-rtp-ip of the profile): the public address, not a name"


def judge(profile: Profile, trunk: Sequence[str]) -> Iterator[Finding]:
    """``trunk``: the addresses that the gateway leads to."""
    told_sip = profile.ext_sip_ip or profile.sip_ip
    told_rtp = profile.ext_rtp_ip or profile.rtp_ip
    text = f"SIP at {profile.sip_ip} told as {told_sip}, audio as {told_rtp}"
    kinds = [_kind(address) for address in trunk]
    public = "public" in kinds
    sip, rtp = _kind(told_sip), _kind(told_rtp)
    if "name" in (sip, rtp):
        yield failed("address", f"{text}: a name where an address must stand", TODO)
    elif kinds and set(kinds) != {"loopback"} and _kind(profile.sip_ip) == "loopback":
        yield failed("address", f"{text}: FreeSWITCH listens on loopback only, where no trunk reaches it",
                     "sip_ip in vars.xml: the address of the network card")
    elif public and rtp != "public":
        yield failed("address", f"{text}: the trunk is on the internet and sends its audio to nowhere", TODO)
    elif public and sip != "public":
        yield failed("address", f"{text}: requests within a call, the hang-up among them, do not arrive", TODO)
    elif told_sip != told_rtp:
        yield warned("address", f"{text}: two addresses", "one, unless a separate media address is meant")
    else:
        yield passed("address", text)


def _kind(address: str) -> str:
    """``name``, ``loopback``, ``private`` or ``public``."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "name"
    if parsed.is_loopback:
        return "loopback"
    return "public" if parsed.is_global else "private"


__all__ = ["judge"]
