"""What carriers take, as far as a trunk can be held against it. Pure.

Sources: twilio.com/docs/sip-trunking with its pages ip-addresses, secure-trunking and origination;
developer.exotel.com/docs/sip-trunking (tcp-integration, tls-integration, network-firewall, errors-troubleshooting).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

E164 = r"\+[1-9][0-9]{6,14}"


@dataclass(frozen=True, slots=True)
class Carrier:
    """One carrier's rules. ``ports``: transport -> port where the gateway names none; empty ``codecs``: not known."""

    name: str
    domains: tuple[str, ...] = ()
    ports: Mapping[str, int] = field(default_factory=lambda: {"udp": 5060, "tcp": 5060, "tls": 5061})
    codecs: tuple[str, ...] = ()
    caller_id: str = r"\+?[0-9]{2,20}"
    caller_id_form: str = "digits, with or without a plus before them"
    media: str = ""
    """Where its audio comes from: networks, and the ports there."""

    needs_name: bool = False
    """An address instead of the trunk's name in the request is refused."""

    answers_options: bool = True
    """Whether it is known to answer OPTIONS."""

    shortest_ping_s: int = 5
    registers: bool = True

    def takes_caller_id(self, number: str) -> bool:
        """Whether the number has the form that this carrier takes. Whether it is one of the account, only it knows."""
        return re.fullmatch(self.caller_id, number) is not None


TWILIO = Carrier(
    "twilio", domains=("pstn.twilio.com",), codecs=("PCMU", "PCMA"), caller_id=E164,
    caller_id_form="E.164 with a plus, a number of the account or one that is verified (else 400)",
    media="168.86.128.0/18, UDP 10000-60000", needs_name=True, shortest_ping_s=15, registers=False,
)  # fmt: skip
EXOTEL = Carrier(
    "exotel", domains=("exotel.com",), ports={"tcp": 5070, "tls": 443}, codecs=("PCMA", "PCMU"), caller_id=E164,
    caller_id_form="an Exophone of the account as E.164, +91 and ten digits (else 403)",
    media="the addresses that onboarding names, UDP 10000-40000", answers_options=False, registers=False,
)  # fmt: skip
ANY = Carrier("any carrier")


def carrier_of(gateway: str, host: str) -> Carrier:
    """By the host that is called, else by the name of the gateway; ``ANY`` for the rest."""
    host = host.lower().rstrip(".")
    for carrier in (TWILIO, EXOTEL):
        if any(host == domain or host.endswith(f".{domain}") for domain in carrier.domains):
            return carrier
    for carrier in (TWILIO, EXOTEL):
        if re.match(rf"{carrier.name}([._-]|$)", gateway.lower()):
            return carrier
    return ANY


__all__ = ["ANY", "EXOTEL", "TWILIO", "Carrier", "carrier_of"]
