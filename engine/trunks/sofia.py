"""FreeSWITCH's account of its gateways and profiles, from ``sofia xmlstatus``. Pure.

Read line by line and not as XML: the ``to`` and ``proxy`` of a gateway are written without escaping (``mod_sofia.c``,
``xml_gateway_status``), so a gateway with an ampersand there would spoil the whole document.
"""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass

_FIELD = re.compile(r"^\s*<([a-z0-9-]+)>(.*)</\1>\s*$", re.MULTILINE)
_GATEWAY = re.compile(r"<gateway>\n(.*?)\n\s*</gateway>", re.DOTALL)
_URI = re.compile(r"<?(?P<scheme>sips?):(?:[^@;>]*@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^:;>\s]+)(?::(?P<port>\d{1,5}))?")
_TRANSPORT = re.compile(r";transport=(\w+)", re.IGNORECASE)

SERVING = frozenset({"REGED", "NOREG"})
"""States of a gateway that takes calls: registered, or one that does not register."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """One gateway. ``port`` is None where the configuration names none; ``ping_every_s`` is 0 where pings are off."""

    name: str
    profile: str
    host: str
    port: int | None
    transport: str
    state: str
    status: str
    ping_every_s: int
    ping_ms: float
    calls_in: int
    calls_out: int
    failed_in: int
    failed_out: int

    @property
    def in_service(self) -> bool:
        """Whether FreeSWITCH would send a call there."""
        return self.state in SERVING and self.status != "DOWN"

    @property
    def proxy(self) -> str:
        """``host`` or ``host:port``."""
        return f"{self.host}:{self.port}" if self.port else self.host


@dataclass(frozen=True, slots=True)
class Profile:
    """What a profile tells of itself: its addresses, and the codecs that it offers, in order."""

    name: str
    sip_ip: str
    sip_port: int | None
    ext_sip_ip: str
    rtp_ip: str
    ext_rtp_ip: str
    tls: bool
    codecs: tuple[str, ...]


def gateways(text: str) -> list[Gateway]:
    """All in the answer of ``sofia xmlstatus gateway``; none for an answer that has none."""
    return [_gateway(_fields(block)) for block in _GATEWAY.findall(text)]


def profile(text: str) -> Profile | None:
    """From the answer of ``sofia xmlstatus profile NAME``; None where it is no profile."""
    fields = _fields(text)
    if "sip-ip" not in fields:
        return None
    _, port = host_and_port(fields.get("url", ""))
    return Profile(
        name=fields.get("name", ""), sip_ip=fields["sip-ip"], sip_port=port,
        ext_sip_ip=_unless_none(fields.get("ext-sip-ip", "")), rtp_ip=fields.get("rtp-ip", ""),
        ext_rtp_ip=_unless_none(fields.get("ext-rtp-ip", "")), tls=fields.get("tls-url", "").startswith("sip"),
        codecs=tuple(filter(None, re.split(r"[,\s]+", fields.get("outbound-codecs", "")))),
    )  # fmt: skip


def host_and_port(uri: str) -> tuple[str, int | None]:
    """``sip:user@host:5070;x=y`` -> ("host", 5070). ("", None) for what is no SIP URI; IPv6 without its brackets."""
    found = _URI.match(uri)
    if not found:
        return "", None
    return found["host"].strip("[]"), int(found["port"]) if found["port"] else None


def _gateway(fields: Mapping[str, str]) -> Gateway:
    host, port = host_and_port(fields.get("proxy", ""))
    transport = _TRANSPORT.search(fields.get("contact", ""))
    return Gateway(
        name=fields.get("name", ""), profile=fields.get("profile", ""), host=host, port=port,
        transport=transport[1].lower() if transport else "udp", state=fields.get("state", ""),
        status=fields.get("status", ""), ping_every_s=_number(fields, "pingfreq"),
        ping_ms=_fraction(fields.get("pingtime", "")), calls_in=_number(fields, "calls-in"),
        calls_out=_number(fields, "calls-out"), failed_in=_number(fields, "failed-calls-in"),
        failed_out=_number(fields, "failed-calls-out"),
    )  # fmt: skip


def _fields(text: str) -> dict[str, str]:
    """The first value of each name."""
    found: dict[str, str] = {}
    for name, value in _FIELD.findall(text):
        found.setdefault(name, html.unescape(value).strip())
    return found


def _unless_none(text: str) -> str:
    return "" if text in ("N/A", "(null)") else text


def _number(fields: Mapping[str, str], name: str) -> int:
    text = fields.get(name, "")
    return int(text) if re.fullmatch(r"[0-9]{1,12}", text) else 0


def _fraction(text: str) -> float:
    return float(text) if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text) else 0.0


__all__ = ["SERVING", "Gateway", "Profile", "gateways", "host_and_port", "profile"]
