"""A request taken apart, and what we say of ourselves in answers."""

from engine.sip.errors import BadMessage
from engine.sip.fields import NameAddress, Via, parse_cseq, parse_name_address, parse_via
from engine.sip.message import Request
from engine.sip.transaction import Hop

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
        for name in ("From", "To", "Call-ID", "CSeq"):
            if not headers.get(name).strip():
                raise BadMessage(f"Missing {name}")
        self.number, method = parse_cseq(headers.get("cseq"))
        if method != request.method:
            raise BadMessage("CSeq names another method")
        self.caller: NameAddress = parse_name_address(headers.get("from"))
        self.callee: NameAddress = parse_name_address(headers.get("to"))


def reply_hop(asking: Asking) -> Hop:
    """Where the answer to a request goes: see ``reply_way``."""
    return reply_way(asking.via, asking.hop)


def reply_way(via: Via, hop: Hop) -> Hop:
    """Over TCP the same connection; over UDP the address it came from, at the port it came from where Via has
    ``rport`` (RFC 3581), else at the port of Via. Never another address: nobody is sent what he has not asked for."""
    if hop.reliable or any(name == "rport" for name, _ in via.parameters):
        return hop
    return Hop(hop.transport, hop.ip, via.port or 5060)
