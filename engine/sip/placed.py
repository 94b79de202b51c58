"""A call that we make: the stand-in's side of the SIP leg, and what tests call with. Without I/O, on a told clock."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.sip.agreed import Address
from engine.sip.asking import ALLOW
from engine.sip.call import SDP, SipCall
from engine.sip.dialog import Dialog
from engine.sip.errors import BadMessage, BadSdp, NotAcceptable
from engine.sip.events import Confirmed
from engine.sip.fields import parse_name_address
from engine.sip.message import Headers, Request, Response
from engine.sip.offer import choose, make_offer
from engine.sip.sdp import parse_sdp
from engine.sip.transaction import COOKIE, Client, Hop, InviteClient
from engine.sip.uri import parse_uri

if TYPE_CHECKING:
    from engine.sip.uas import UserAgent

OF_CANCEL = ";cancel"
"""Tells the transaction of a CANCEL from that of its INVITE: both have one branch (RFC 3261, 9.1)."""


class PlacedCall(SipCall):
    """Made by ``UserAgent.place``. ``state``: ``calling``, ``cancelling``, ``up``, ``over``; ``status`` is the last
    answer's. Once it is up it is like a call that came in: re-INVITE, UPDATE and BYE of the peer are answered alike."""

    __slots__ = ("_client", "_invitation", "_provisional", "status")

    def __init__(
        self, agent: "UserAgent", uri: str, hop: Hop, local: Address, now: float, caller: str,
        headers: Sequence[tuple[str, str]],
    ) -> None:  # fmt: skip
        """Sends the INVITE."""
        tag = agent.new_tag()
        dialog = Dialog(
            call_id=f"{agent.new_tag()}@{local[0]}", local=f"{caller};tag={tag}", remote=f"<{uri}>", local_tag=tag,
            remote_tag="", target=uri, routes=[], remote_number=-1, hop=hop,
        )  # fmt: skip
        ends = parse_name_address(caller), parse_name_address(f"<{uri}>")
        super().__init__(agent, None, dialog, parse_uri(uri), *ends, None, now)
        self.state = "calling"
        self.status = 0
        self.local = local
        self._provisional = False
        self._version = 1
        branch = COOKIE + agent.new_tag()
        request = dialog.request("INVITE", agent.via(hop, branch), agent.contact_for(hop))
        for name, value in (("Allow", ALLOW), *headers, ("Content-Type", SDP)):
            request.headers.add(name, value)
        request.body = make_offer(local, agent.options.codecs).serialise()
        self.request = self._invitation = request
        data = request.serialise()
        self._client = InviteClient(agent.table, branch, data, hop, now, self._refusal_ack, self._on_answer)

    def hangup(self, now: float) -> None:
        """End it: CANCEL while it rings there, BYE in the call. Idempotent."""
        if self.state == "calling":
            self.state = "cancelling"
            if self._provisional:
                self._cancel(now)
        else:
            super().hangup(now)

    # ------------------------------------------------------------------ answers

    def _on_answer(self, response: Response | None, now: float) -> None:
        if response is None or response.status >= 300:
            self.status = response.status if response else 408
            self.end("hangup" if self.state == "cancelling" else "rejected", now)
        elif response.status < 200:
            self.status = response.status
            first, self._provisional = not self._provisional, True
            if first and self.state == "cancelling":
                self._cancel(now)
        elif self.state in ("calling", "cancelling"):
            self._taken(response, now)
        else:
            self._acknowledge()

    def _taken(self, response: Response, now: float) -> None:
        """The first 2xx: the dialog is there."""
        self.status = response.status
        self._drop_limit()
        cancelled = self.state == "cancelling"
        try:
            self._take_dialog(response)
            self.agreed = choose(parse_sdp(response.body), self._agent.options.codecs).agreed
        except (BadMessage, BadSdp, NotAcceptable):
            cancelled = True
        self.state = "up"
        self._acknowledge()
        if cancelled:
            super().hangup(now)
        else:
            self._tell(Confirmed(self))

    def _take_dialog(self, response: Response) -> None:
        dialog, headers = self.dialog, response.headers
        dialog.remote = headers.get("to")
        dialog.remote_tag = parse_name_address(dialog.remote).tag
        dialog.routes = headers.items_of("record-route")[::-1]
        dialog.allows = headers.tokens("allow")
        contacts = headers.items_of("contact")
        if contacts:
            target = parse_name_address(contacts[0]).uri
            parse_uri(target)
            dialog.target = target

    # ------------------------------------------------------------------ requests

    def _acknowledge(self) -> None:
        """ACK of a 2xx: a request of the dialog, with the number of the INVITE (RFC 3261, 13.2.2.4)."""
        dialog, agent = self.dialog, self._agent
        hop, number = agent.way_to(dialog), dialog.local_number
        dialog.local_number = 0
        try:
            ack = dialog.request("ACK", agent.via(hop, COOKIE + agent.new_tag()), agent.contact_for(hop))
        finally:
            dialog.local_number = number
        agent.send(ack.serialise(), hop)

    def _refusal_ack(self, response: Response) -> bytes:
        """ACK of a refusal: of the INVITE's transaction, so with its branch."""
        return self._same_branch("ACK", response.headers.get("to")).serialise()

    def _cancel(self, now: float) -> None:
        client, request = self._client, self._same_branch("CANCEL", self._invitation.headers.get("to"))
        key = client.branch + OF_CANCEL
        Client(self._agent.table, key, request.serialise(), client.hop, now, lambda response, when: None)
        self._drop_limit()
        self._limit = self._agent.timers.at(now + self._agent.options.clocks.limit, self._unanswered)

    def _same_branch(self, method: str, to: str) -> Request:
        ours = self._invitation.headers
        headers = Headers([(name, ours.get(name)) for name in ("Via", "Max-Forwards", "From")])
        headers.add("To", to)
        headers.add("Call-ID", self.call_id)
        headers.add("CSeq", f"1 {method}")
        return Request(method, self._invitation.uri, headers)

    def _unanswered(self, now: float) -> None:
        if self.state == "calling":
            self.hangup(now)
        elif self.state == "cancelling":  # 487 should have come (RFC 3261, 9.1)
            self._client.abandon(now)
            self.end("hangup", now)
