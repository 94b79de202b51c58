"""Would there be audio: codecs that both sides have, and ports for it. Pure.
"""

import re
from collections.abc import Iterator, Mapping

from engine.trunks.carriers import Carrier
from engine.trunks.finding import Finding, failed, passed, skipped, warned

PORTS_A_CALL = 2


def codecs(carrier: Carrier, offered: tuple[str, ...], transport: str, secured: str) -> Iterator[Finding]:
    """``offered``: what calls by the gateway offer, in order (``PCMA@20i``). ``secured``: its ``rtp_secure_media``."""
    names = tuple(dict.fromkeys(name.partition("@")[0].upper() for name in offered if name))
    listed = ", ".join(names)
    if not names:
        yield skipped("codecs", "FreeSWITCH does not tell what it offers", "sofia status profile shows it")
    elif not carrier.codecs:
        yield passed("codecs", f"{listed} are offered; what the carrier takes is not known here")
    elif not (common := [name for name in names if name in carrier.codecs]):
        yield failed("codecs", f"{listed} are offered, {carrier.name} takes {' and '.join(carrier.codecs)}: 488",
                     f'<variable name="absolute_codec_string" value="{",".join(carrier.codecs)}" '
                     'direction="outbound"/> in the gateway')
    else:
        yield passed("codecs", f"{listed} are offered, {', '.join(common)} are common with {carrier.name}")
    if carrier.codecs and transport == "tls" and secured and secured.startswith("forbidden"):
        yield failed("codecs", f"SRTP is forbidden; {carrier.name} refuses calls over TLS without it",
                     '<variable name="rtp_secure_media" value="mandatory:AES_CM_128_HMAC_SHA1_80" '
                     'direction="outbound"/>')


def ports(span: tuple[str, str], taken: Mapping[int, str], max_calls: int, from_where: str) -> Iterator[Finding]:
    """``span``: first and last port as FreeSWITCH has them. ``taken``: ports that must not be in it, with whose they
    are. ``from_where``: the carrier's own addresses and ports."""
    if not all(re.fullmatch(r"[0-9]{1,5}", text) for text in span):
        yield skipped("rtp", "the range of RTP ports is not known",
                      "rtp_start_port and rtp_end_port as variables in vars.xml, used in switch.conf.xml")
        return
    first, last = int(span[0]), int(span[1])
    room = (last - first) // PORTS_A_CALL
    todo = "rtp_start_port and rtp_end_port in vars.xml, and a restart"
    inside = [f"{port} ({whose})" for port, whose in sorted(taken.items()) if first <= port <= last]
    text = f"UDP {first} to {last}, room for {room} calls"
    if not 1024 <= first < last <= 65535:
        yield failed("rtp", f"UDP {first} to {last} is no range", todo)
    elif inside:
        yield failed("rtp", f"{text}; {', '.join(inside)} lies in it", todo)
    elif room < max_calls:
        yield warned("rtp", f"{text}, and the engine takes {max_calls}", todo + "; or lower event_socket.max_calls")
    elif from_where:
        yield passed("rtp", f"{text}; the firewall must let in {from_where} (cannot be seen from here)")
    else:
        yield passed("rtp", f"{text}; the firewall must let it in from the carrier (cannot be seen from here)")


__all__ = ["codecs", "ports"]
