"""The user agent: datagrams in; datagrams and events out, on a told clock and without I/O (RFC 3261, 8 and 13 to 16).

``receive(data, hop, now)`` takes what has come, ``advance(now)`` lets time pass. After each of the two, and after each
order to a call, what is to be sent lies in ``outbox`` and what the owner should know in ``events``: take both away.
"""

import secrets
from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network

from engine.sip import requests
from engine.sip.agreed import Address
from engine.sip.asking import ALLOW, SUPPORTED, Asking, reply_hop, reply_way
from engine.sip.call import SipCall
from engine.sip.dialog import Dialog
from engine.sip.errors import BadMessage, SipError
from engine.sip.events import Event, Incoming
from engine.sip.fields import parse_name_address, parse_via
from engine.sip.message import REASONS, Broken, Headers, Request, Response, parse
from engine.sip.options import SipOptions
from engine.sip.placed import OF_CANCEL, PlacedCall
from engine.sip.sdp import is_address
from engine.sip.transaction import COOKIE, Client, Hop, InviteServer, Remembered, Table, key_of
from engine.timers import Timers

TRYING_S = 0.2
KNOWN_PEERS = 4096
"""Addresses whose permission is remembered."""


class UserAgent:
    """All calls of one SIP address. ``contact(peer_ip)`` says by which host and port a peer reaches us."""

    def __init__(
        self, options: SipOptions, contact: Callable[[str], tuple[str, int]],
        make_tag: Callable[[], str] = lambda: secrets.token_hex(8), reaches: Callable[[Hop], bool] = lambda hop: True,
    ) -> None:  # fmt: skip
        """``make_tag`` gives 16 random hexadecimal digits; ``reaches`` says whether a TCP connection still stands."""
        self.options = options
        self.timers = Timers()
        self.table = Table(self.timers, self.send, options.clocks, options.max_transactions)
        self.outbox: list[tuple[bytes, Hop]] = []
        self.events: list[Event] = []
        self.draining = False
        self.strangers = 0
        self.malformed = 0
        self.calls: dict[str, SipCall] = {}  # by our tag
        self._contact = contact
        self._make_tag = make_tag
        self._reaches = reaches
        self._networks = [ip_network(peer, strict=False) for peer in options.peers]
        self._permitted: dict[str, bool] = {}
        self._begun: dict[tuple[str, str, int], SipCall] = {}  # by what the branches of a fork have in common

    # ------------------------------------------------------------------ the edge's side

    def permits(self, ip: str) -> bool:
        """Whether messages from this address are read."""
        known = self._permitted.get(ip)
        if known is None:
            address = ip_address(ip.partition("%")[0])
            mapped = getattr(address, "ipv4_mapped", None)
            known = any((mapped or address) in network for network in self._networks)
            if len(self._permitted) >= KNOWN_PEERS:
                self._permitted.clear()
            self._permitted[ip] = known
        return known

    def receive(self, data: bytes, hop: Hop, now: float) -> None:
        """One message. Whatever it is, it raises nothing."""
        if not self.permits(hop.ip):
            self.strangers += 1
            return
        if not data.strip(b"\r\n\0 "):
            return  # keeps a way through a NAT open (RFC 5626, 4.4.1)
        request: Request | None = None
        try:
            message = parse(data.lstrip(b"\r\n"))
            if isinstance(message, Response):
                self._receive_response(message, now)
            else:
                request = message
                self._receive_request(Asking(message, hop), now)
        except BadMessage as fault:
            self.malformed += 1
            if isinstance(fault, Broken):
                request = fault.request
            if request is not None:
                self._refuse_broken(request, fault, hop)

    def advance(self, now: float) -> None:
        """Do what is due, also what that makes due: after a stall a repetition may be late by more than one."""
        while self.timers.next_due is not None and self.timers.next_due <= now:
            self.timers.run(now)

    @property
    def next_due(self) -> float | None:
        """When ``advance`` has something to do next; None while nothing waits."""
        return self.timers.next_due

    @property
    def idle(self) -> bool:
        """Whether nothing is remembered any more: no call, no transaction, no timer."""
        return not self.calls and not len(self.table) and not self._begun and self.next_due is None

    # ------------------------------------------------------------------ for calls and handlers

    def send(self, data: bytes, hop: Hop) -> None:
        """Put bytes into the outbox."""
        self.outbox.append((data, hop))

    @property
    def busy(self) -> bool:
        """Whether a new call is refused."""
        return self.draining or len(self.calls) >= self.options.max_calls or self.table.full

    def warning(self, text: str) -> str:
        """A Warning field (RFC 3261, 20.43)."""
        return f'399 trunkline "{text}"'

    def contact_for(self, hop: Hop) -> str:
        """Our Contact as that peer reaches us."""
        host, port = self._contact(hop.ip)
        host = f"[{host}]" if ":" in host else host
        return f"<sip:{host}:{port}{'' if hop.transport == 'UDP' else ';transport=tcp'}>"

    def respond_to(self, request: Request, status: int, tag: str = "", *, dialog: bool = False) -> Response:
        """An answer with the fields it must repeat. ``tag`` is put to To where there is none; ``dialog``: it makes or
        keeps a dialog, so it has Contact, Allow and the route."""
        headers = Headers()
        for via in request.headers.all("via"):
            headers.add("Via", via)
        if dialog:
            for route in request.headers.all("record-route"):
                headers.add("Record-Route", route)
        headers.add("From", request.headers.get("from"))
        to = request.headers.get("to")
        if status > 100 and tag and not _tag_of(to):
            to += f";tag={tag}"
        headers.add("To", to)
        headers.add("Call-ID", request.headers.get("call-id"))
        headers.add("CSeq", request.headers.get("cseq"))
        if dialog:
            call = self.calls.get(tag)
            if call:
                headers.add("Contact", self.contact_for(call.dialog.hop))
            headers.add("Allow", ALLOW)
            headers.add("Supported", SUPPORTED)
        if self.options.server:
            headers.add("Server", self.options.server)
        return Response(status, REASONS.get(status, "Unknown"), headers)

    def answer(
        self, asking: Asking, status: int, now: float, *more: tuple[str, str], body: bytes = b"", dialog: str = "",
        reason: str = "",
    ) -> None:  # fmt: skip
        """Answer a request other than INVITE once and for all; ``dialog`` is our tag in it."""
        response = self.respond_to(asking.request, status, dialog or self._make_tag(), dialog=bool(dialog))
        response.reason = reason or response.reason
        for name, value in more:
            response.headers.add(name, value)
        response.body = body
        Remembered(self.table, key_of(asking.request, asking.via), response.serialise(), reply_hop(asking), now)

    def refuse_invite(
        self, asking: Asking, status: int, now: float, *more: tuple[str, str], invite: InviteServer | None = None
    ) -> None:
        """Refuse an INVITE for which there is no call; repeated until its ACK."""
        response = self.respond_to(asking.request, status, self._make_tag())
        for name, value in more:
            response.headers.add(name, value)
        if self.table.full and invite is None:
            self.send(response.serialise(), reply_hop(asking))
            return
        invite = invite or self.begin(asking)
        invite.respond(status, response.serialise(), now)

    def begin(self, asking: Asking) -> InviteServer:
        """A transaction for an INVITE."""
        return InviteServer(self.table, key_of(asking.request, asking.via), asking.request, reply_hop(asking))

    def take(self, call: SipCall, asking: Asking, now: float) -> None:
        """A new call is in the table from now on. It is told that we try if nobody has said more within 200 ms (RFC
        3261, 17.2.1)."""
        self.calls[call.dialog.local_tag] = call
        self._begun[_fork(asking)] = call
        self.events.append(Incoming(call))
        trying = self.respond_to(asking.request, 100).serialise()
        self.timers.at(now + TRYING_S, lambda when: call.invite.try_(trying, when))

    def forget(self, call: SipCall) -> None:
        """A call is over."""
        self.calls.pop(call.dialog.local_tag, None)
        dialog = call.dialog
        self._begun.pop((dialog.call_id, dialog.remote_tag, call.first_number), None)

    def new_tag(self) -> str:
        """A tag that no call has."""
        return self._make_tag()

    def via(self, hop: Hop, branch: str) -> str:
        """The Via of a request of ours."""
        host, port = self._contact(hop.ip)
        host = f"[{host}]" if ":" in host else host
        return f"SIP/2.0/{hop.transport} {host}:{port};rport;branch={branch}"

    def place(
        self, uri: str, hop: Hop, local: Address, now: float, *, caller: str = "",
        headers: Sequence[tuple[str, str]] = (),
    ) -> PlacedCall:  # fmt: skip
        """Call ``uri`` at ``hop``, with our RTP at ``local``. ``Confirmed`` tells that it was answered, ``Ended`` that
        it was not. Raises ``SipError`` where no more calls are taken."""
        if self.busy:
            raise SipError("no room for another SIP call")
        call = PlacedCall(self, uri, hop, local, now, caller or self.contact_for(hop), headers)
        self.calls[call.dialog.local_tag] = call
        return call

    def send_bye(self, call: SipCall, now: float) -> None:
        """BYE, and what is answered to it matters to nobody."""
        self.send_in_dialog(call.dialog, "BYE", now, lambda response, when: None)

    def send_in_dialog(
        self, dialog: Dialog, method: str, now: float, on_answer: Callable[[Response | None, float], None],
        *more: tuple[str, str],
    ) -> None:  # fmt: skip
        """A request of ours within a dialog."""
        hop = self.way_to(dialog)
        branch = COOKIE + self._make_tag()
        try:
            request = dialog.request(method, self.via(hop, branch), self.contact_for(hop))
        except BadMessage:
            return
        for name, value in more:
            request.headers.add(name, value)
        if self.options.server:
            request.headers.add("User-Agent", self.options.server)
        Client(self.table, branch, request.serialise(), hop, now, on_answer)

    def way_to(self, dialog: Dialog) -> Hop:
        """Where our requests go: the first route or the peer's Contact if that is an address of a permitted peer, else
        where its last request came from. A TCP connection that stands is used in any case."""
        hop, uri = dialog.hop, dialog.next_hop()
        if hop.reliable and self._reaches(hop):
            return hop
        if uri is None or not is_address(uri.host) or not self.permits(uri.host):
            return hop
        return Hop(hop.transport, uri.host, uri.port or 5060)

    # ------------------------------------------------------------------ inside

    def _receive_response(self, response: Response, now: float) -> None:
        vias = response.headers.items_of("via")
        if len(vias) != 1:
            return
        branch = parse_via(vias[0]).branch
        cancel = response.headers.get("cseq").endswith(" CANCEL")  # it has the branch of the INVITE
        client = self.table.clients.get(branch + OF_CANCEL if cancel else branch)
        if client:
            client.receive(response, now)

    def _receive_request(self, asking: Asking, now: float) -> None:
        known = self.table.servers.get(key_of(asking.request, asking.via))
        if asking.method == "ACK":
            if isinstance(known, InviteServer) and known.state == "completed":
                known.acknowledge(now)
                return
            call = self.call_of(asking)
            if call:
                call.acknowledged(asking.request, asking.number, now)
            return
        if known:
            known.repeat()
            return
        requests.handle(self, asking, now)

    def call_of(self, asking: Asking) -> SipCall | None:
        """The call that a request within a dialog belongs to."""
        call = self.calls.get(asking.callee.tag)
        if call is None:
            return None
        dialog = call.dialog
        same = dialog.call_id == asking.request.headers.get("call-id") and dialog.remote_tag == asking.caller.tag
        return call if same else None

    def merged(self, asking: Asking) -> bool:
        """Whether this INVITE has reached us by another way already (RFC 3261, 8.2.2.2): a fork or a loop."""
        return _fork(asking) in self._begun

    def invite_of(self, asking: Asking) -> InviteServer | None:
        """The INVITE that a CANCEL is about."""
        key = key_of(asking.request, asking.via)
        known = self.table.servers.get((*key[:-1], "INVITE"))
        return known if isinstance(known, InviteServer) else None

    def call_with(self, invite: InviteServer) -> SipCall | None:
        """The call whose INVITE this is."""
        headers = invite.request.headers
        number = int(headers.get("cseq").partition(" ")[0])
        call = self._begun.get((headers.get("call-id"), _tag_of(headers.get("from")), number))
        return call if call and call.invite is invite else None

    def _refuse_broken(self, request: Request, fault: BadMessage, hop: Hop) -> None:
        """Tell the sender of a request what is wrong with it, if it says enough to be told. Nothing is remembered."""
        if request.method == "ACK":
            return
        try:
            via = parse_via(request.headers.items_of("via")[0])
        except (BadMessage, IndexError):
            return
        if not all(request.headers.get(name) for name in ("from", "to", "call-id", "cseq")):
            return
        response = self.respond_to(request, fault.status, self._make_tag())
        response.reason = fault.reason
        if fault.status == 416:
            response.reason = REASONS[416]
        self.send(response.serialise(), reply_way(via, hop))


def _fork(asking: Asking) -> tuple[str, str, int]:
    return asking.request.headers.get("call-id"), asking.caller.tag, asking.number


def _tag_of(address: str) -> str:
    try:
        return parse_name_address(address).tag
    except BadMessage:
        return "?"

