"""A dialog: what two user agents know of each other for the length of a call (RFC 3261, 12)."""

from dataclasses import dataclass, field

from engine.sip.errors import BadMessage
from engine.sip.fields import NameAddress, parse_name_address
from engine.sip.message import Headers, Request
from engine.sip.transaction import Hop
from engine.sip.uri import Uri, parse_uri


@dataclass(slots=True)
class Dialog:
    """Seen from the side that was called. ``hop`` is where the peer's requests come from."""

    call_id: str
    local: str
    """Our address with our tag: their To."""
    remote: str
    """Their address with their tag: their From."""
    local_tag: str
    remote_tag: str
    target: str
    """The peer's Contact: where our requests are meant for."""
    routes: list[str]
    """The way there, as the Record-Route of the INVITE has it."""
    remote_number: int
    hop: Hop
    local_number: int = 0
    allows: set[str] = field(default_factory=set)
    """Methods that the peer's Allow has, in small letters."""

    @property
    def contact(self) -> Uri | None:
        """The peer's Contact taken apart, None where it makes no sense."""
        try:
            return parse_uri(self.target)
        except BadMessage:
            return None

    def in_order(self, number: int) -> bool:
        """Whether a request of the peer's has a higher number than the one before it; the number is noted."""
        if number <= self.remote_number:
            return False
        self.remote_number = number
        return True

    def refresh(self, request: Request, hop: Hop) -> None:
        """A re-INVITE or UPDATE tells where the peer is now."""
        self.hop = hop
        contacts = request.headers.items_of("contact")
        if contacts:
            self.target = parse_name_address(contacts[0]).uri
        if "allow" in request.headers:
            self.allows = request.headers.tokens("allow")

    def request(self, method: str, via: str, contact: str) -> Request:
        """A request of ours, the next in order. ``via`` is the whole field."""
        self.local_number += 1
        uri, routes = self.target, list(self.routes)
        if routes and not _is_loose(routes[0]):
            # A strict router of RFC 2543 wants to find itself in the first line.
            uri = parse_name_address(routes.pop(0)).uri
            routes.append(f"<{self.target}>")
        headers = Headers([("Via", via), ("Max-Forwards", "70")])
        for route in routes:
            headers.add("Route", route)
        headers.add("From", self.local)
        headers.add("To", self.remote)
        headers.add("Call-ID", self.call_id)
        headers.add("CSeq", f"{self.local_number} {method}")
        headers.add("Contact", contact)
        return Request(method, uri, headers)

    def next_hop(self) -> Uri | None:
        """The URI to send our requests to: the first route, else the peer's Contact. None where it makes no sense."""
        try:
            return parse_uri(parse_name_address(self.routes[0]).uri if self.routes else self.target)
        except BadMessage:
            return None


def _is_loose(route: str) -> bool:
    return parse_uri(parse_name_address(route).uri).parameter("lr") is not None


def from_invite(request: Request, sender: NameAddress, number: int, tag: str, hop: Hop) -> Dialog:
    """The dialog that answering this INVITE begins; ``tag`` is ours. Raises ``BadMessage``."""
    headers = request.headers
    contacts = headers.items_of("contact")
    if not contacts:
        raise BadMessage("Missing Contact")
    target = parse_name_address(contacts[0]).uri
    parse_uri(target)
    routes = headers.items_of("record-route")
    for route in routes:
        parse_uri(parse_name_address(route).uri)
    return Dialog(
        call_id=headers.get("call-id"), local=f"{headers.get('to')};tag={tag}", remote=headers.get("from"),
        local_tag=tag, remote_tag=sender.tag, target=target, routes=routes, remote_number=number, hop=hop,
        allows=headers.tokens("allow"),
    )  # fmt: skip
