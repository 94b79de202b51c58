"""A request taken apart, and what we say of ourselves in answers."""

import re

from engine.sip.errors import BadMessage
from engine.sip.fields import NameAddress, Via, parse_cseq, parse_name_address, parse_via
from engine.sip.message import Request
from engine.sip.transaction import Hop

_RPORT = re.compile(r";\s*rport\b(?:\s*=\s*[0-9]*)?", re.IGNORECASE)

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE"
SUPPORTED = "timer"


class Asking:
    """A request with the fields that every handler needs, taken apart. Raises ``BadMessage`` where one is missing or
    makes no sense."""

    __slots__ = ("callee", "caller", "hop", "method", "number", "request", "via")

    def __init__(self, request: Request, hop: Hop) -> None:
        """``hop`` is where it came from."""
        self.request, self.hop, self.method = request, hop, request.method
        headers = request.headers
        vias = headers.items_of("via")
        if not vias:
            raise BadMessage("Missing Via")
        self.via: Via = parse_via(vias[0])
        headers.replace("Via", [stamped(self.via, hop), *vias[1:]])
        for name in ("From", "To", "Call-ID", "CSeq"):
            if not headers.get(name).strip():
                raise BadMessage(f"Missing {name}")
        self.number, method = parse_cseq(headers.get("cseq"))
        if method != request.method:
            raise BadMessage("CSeq names another method")
        self.caller: NameAddress = parse_name_address(headers.get("from"))
        self.callee: NameAddress = parse_name_address(headers.get("to"))


def stamped(via: Via, hop: Hop) -> str:
    """The peer's Via with the address that it really came from, which its answers must show (RFC 3261, 18.2.1) and, if
    it asks with ``rport``, the port (RFC 3581, 4)."""
    text = via.text
    if any(name == "rport" for name, _ in via.parameters):
        text = _RPORT.sub(f";rport={hop.port};received={hop.ip}", text, count=1)
    elif via.host != hop.ip:
        text += f";received={hop.ip}"
    return text


def reply_hop(asking: Asking) -> Hop:
    """Where the answer to a request goes: see ``reply_way``."""
    return reply_way(asking.via, asking.hop)


def reply_way(via: Via, hop: Hop) -> Hop:
    """Over TCP the same connection; over UDP the address it came from, at the port it came from where Via has
    ``rport`` (RFC 3581), else at the port of Via. Never another address: nobody is sent what he has not asked for."""
    if hop.reliable or any(name == "rport" for name, _ in via.parameters):
        return hop
    return Hop(hop.transport, hop.ip, via.port or 5060)
