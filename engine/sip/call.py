"""One call as SIP sees it, from INVITE to BYE, without I/O and on a told clock."""

from typing import TYPE_CHECKING

from engine.sip.agreed import Address, Agreed
from engine.sip.dialog import Dialog
from engine.sip.errors import BadSdp, CallOver, NotAcceptable
from engine.sip.events import Cause, Changed, Confirmed, Ended
from engine.sip.fields import NameAddress
from engine.sip.message import Request, Response
from engine.sip.offer import Chosen, choose, make_answer, make_offer
from engine.sip.sdp import Description, parse_sdp
from engine.sip.session_timer import SessionTimer
from engine.sip.transaction import InviteServer
from engine.sip.uri import Uri
from engine.timers import Timer

if TYPE_CHECKING:
    from engine.sip.uas import UserAgent

SDP = "application/sdp"


class SipCall:
    """A call that the peer has made. ``state``: ``ringing``, ``answered`` (our 2xx awaits its ACK), ``up``, ``over``.

    ``token`` is the user of the Request-URI: what the peer has asked for.
    """

    __slots__ = (
        "_again", "_agent", "_answer", "_bye_after_ack", "_interval", "_invite", "_limit", "_offer", "_our_offer",
        "_pending", "_version", "agreed", "caller", "callee", "dialog", "first_number", "local", "owner", "request",
        "state", "timer", "token", "uri",
    )  # fmt: skip

    def __init__(
        self, agent: "UserAgent", invite: InviteServer | None, dialog: Dialog, uri: Uri, caller: NameAddress,
        callee: NameAddress, offer: Description | None, now: float,
    ) -> None:  # fmt: skip
        """Made by the user agent; without ``invite`` where the call is ours."""
        self.state = "ringing"
        self.dialog = dialog
        self._invite = invite
        self.request = invite.request if invite else Request("INVITE", uri.text)
        self.uri = uri
        self.token = uri.user
        self.caller, self.callee = caller, callee
        self.agreed: Agreed | None = None
        self.local: Address | None = None
        self.timer: SessionTimer | None = None
        self.first_number = dialog.remote_number
        self.owner: object = None  # whoever wraps this call
        self._agent = agent
        self._offer = offer
        self._our_offer = False  # our 2xx had the offer: the answer comes with the ACK
        self._answer = b""  # our 2xx, while it awaits its ACK
        self._pending = 0  # number of the INVITE whose ACK is awaited
        self._interval = 0.0
        self._again: Timer | None = None
        self._limit: Timer | None = agent.timers.at(now + agent.options.answer_timeout_s, self._unanswered)
        self._bye_after_ack = False
        self._version = 0

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        return self.dialog.call_id

    @property
    def invite(self) -> InviteServer:
        """The peer's INVITE that is in work, or the last one."""
        assert self._invite is not None
        return self._invite

    @property
    def has_offer(self) -> bool:
        """Whether the INVITE said what audio the peer has; if not, ``answer`` makes the offer."""
        return self._offer is not None

    # ------------------------------------------------------------------ for the owner

    def ring(self, now: float, status: int = 180) -> None:
        """Say that it rings. Raises ``CallOver``."""
        self._must_ring()
        self.invite.respond(status, self._response(status).serialise(), now)

    def progress(self, local: Address, now: float) -> Agreed:
        """Early media: 183 with our description. Raises ``CallOver``, ``NotAcceptable`` (also without an offer)."""
        self._must_ring()
        if self._offer is None:
            raise NotAcceptable("early media needs an offer")
        response = self._response(183)
        response.body = self._describe(self._offer, local)
        response.headers.add("Content-Type", SDP)
        self.invite.respond(183, response.serialise(), now)
        assert self.agreed is not None
        return self.agreed

    def answer(self, local: Address, now: float) -> Agreed | None:
        """Take the call: 200 with our description. None where the INVITE had no offer: then ``Changed`` tells what is
        agreed once the ACK has come. Raises ``CallOver``; ``NotAcceptable`` or ``BadSdp`` where no audio of the offer
        suits: the call is refused with 488 then."""
        self._must_ring()
        try:
            body = self._describe(self._offer, local)
        except (NotAcceptable, BadSdp) as fault:
            self.reject(488, now, warning=str(fault))
            raise
        self._drop_limit()
        self.state = "answered"
        self._send_2xx(self.invite, body, now)
        return self.agreed

    def reject(self, status: int, now: float, *, warning: str = "", cause: Cause = "rejected") -> None:
        """Refuse the call. Raises ``CallOver`` once it has been answered."""
        self._must_ring()
        response = self._response(status)
        if warning:
            response.headers.add("Warning", self._agent.warning(warning))
        if status == 503:
            response.headers.add("Retry-After", str(self._agent.options.retry_after_s))
        self.invite.respond(status, response.serialise(), now)
        self.end(cause, now)

    def hangup(self, now: float) -> None:
        """End the call: BYE, or 480 while it rings. Idempotent."""
        if self.state == "ringing":
            self.reject(480, now, cause="hangup")
        elif self.state == "answered":
            # No BYE may go out before the ACK has come (RFC 3261, 15).
            self._bye_after_ack = True
            self._tell(Ended(self, "hangup"))
            self.state = "ending"
        elif self.state == "up":
            self._agent.send_bye(self, now)
            self.end("hangup", now)

    # ------------------------------------------------------------------ for the user agent

    def end(self, cause: Cause, now: float) -> None:
        """It is over, whoever ended it. Idempotent."""
        if self.state == "over":
            return
        told = self.state == "ending"
        self.state = "over"
        for timer in (self._again, self._limit):
            if timer:
                timer.cancel()
        if self.timer:
            self.timer.stop()
        self._agent.forget(self)
        if not told:
            self._tell(Ended(self, cause))

    @property
    def awaits_answer(self) -> bool:
        """Whether an offer of ours is open: another one would cross it (491)."""
        return self._our_offer and bool(self._answer)

    def acknowledged(self, request: Request, number: int, now: float) -> None:
        """An ACK within this dialog."""
        if not self._answer or number != self._pending:
            return
        self._stop_repeating()
        if self._bye_after_ack:
            self._agent.send_bye(self, now)
            self.end("hangup", now)
            return
        first, self.state = self.state == "answered", "up"
        if self._our_offer:
            self._our_offer = False
            try:
                self._take_over(choose(parse_sdp(request.body), self._agent.options.codecs))
            except (NotAcceptable, BadSdp):
                self._agent.send_bye(self, now)
                self.end("failed", now)
                return
        if first:
            self._tell(Confirmed(self))

    def check(self, offer: Description | None) -> None:
        """Whether a new offer suits. Raises ``NotAcceptable``, ``BadSdp`` (488: then all stays as it was)."""
        if offer is not None:
            choose(offer, self._agent.options.codecs)

    def reinvited(self, invite: InviteServer, offer: Description | None, now: float) -> None:
        """A re-INVITE with an offer that suits: answered at once, with the audio we have."""
        assert self.local is not None
        if self._answer:
            self._stop_repeating()  # its ACK was lost, or this request would not be
            if self.state == "answered":
                self.state = "up"
                self._tell(Confirmed(self))
        body = self._describe_anew(offer, self.local)
        self._invite = invite
        self._send_2xx(invite, body, now)

    def updated(self, offer: Description | None) -> bytes:
        """An UPDATE: the body of its answer, empty where it has no offer."""
        return b"" if offer is None or self.local is None else self._describe_anew(offer, self.local)

    # ------------------------------------------------------------------ inside

    def _must_ring(self) -> None:
        if self.state != "ringing":
            raise CallOver(f"call {self.call_id} is {self.state}: it can no longer be answered or refused")

    def _response(self, status: int) -> Response:
        return self._agent.respond_to(self.invite.request, status, self.dialog.local_tag, dialog=True)

    def _tell(self, event: Changed | Confirmed | Ended) -> None:
        self._agent.events.append(event)

    def _describe(self, offer: Description | None, local: Address) -> bytes:
        """Our description: the answer to ``offer``, or an offer of ours where there is none."""
        if offer is None:
            description = make_offer(local, self._agent.options.codecs, self.agreed)
            self._our_offer = True
        else:
            chosen = choose(offer, self._agent.options.codecs)
            description = make_answer(offer, chosen, local)
            self.agreed = chosen.agreed
            self._our_offer = False
        self.local = local
        self._version += 1
        description.session_id = str(int(self.dialog.local_tag[:8], 16))
        description.version = self._version
        return description.serialise()

    def _describe_anew(self, offer: Description | None, local: Address) -> bytes:
        before = self.agreed
        body = self._describe(offer, local)
        if self.agreed is not None and self.agreed != before:
            self._tell(Changed(self, self.agreed))
        return body

    def _take_over(self, chosen: Chosen) -> None:
        """The answer to an offer of ours."""
        if chosen.agreed != self.agreed:
            self.agreed = chosen.agreed
            self._tell(Changed(self, chosen.agreed))

    def _send_2xx(self, invite: InviteServer, body: bytes, now: float) -> None:
        """200 to an INVITE, again and again until its ACK comes (RFC 3261, 13.3.1.4): over TCP too, for beyond a proxy
        the way may be UDP."""
        response = self._response(200)
        response.headers.add("Content-Type", SDP)
        for name, value in self.timer.fields() if self.timer else ():
            response.headers.add(name, value)
        response.body = body
        self._answer = response.serialise()
        self._pending = self.dialog.remote_number
        self._interval = self._agent.options.clocks.t1
        invite.respond(200, self._answer, now)
        self._again = self._agent.timers.at(now + self._interval, self._repeat)
        self._limit = self._agent.timers.at(now + self._agent.options.clocks.limit, self._no_ack)
        if self.timer:
            self.timer.start(now)

    def _repeat(self, now: float) -> None:
        self._agent.send(self._answer, self.invite.hop)
        self._interval = min(2 * self._interval, self._agent.options.clocks.t2)
        self._again = self._agent.timers.at(now + self._interval, self._repeat)

    def _stop_repeating(self) -> None:
        self._answer = b""
        if self._again:
            self._again.cancel()
        self._drop_limit()

    def _drop_limit(self) -> None:
        if self._limit:
            self._limit.cancel()
            self._limit = None

    def _no_ack(self, now: float) -> None:
        self._stop_repeating()
        self._agent.send_bye(self, now)
        self.end("no_ack", now)

    def _unanswered(self, now: float) -> None:
        self.reject(480, now, cause="unanswered")
