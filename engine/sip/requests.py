"""What each kind of request is answered (RFC 3261, 8.2; RFC 3311, 3262, 6086, 3515)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.sip.asking import ALLOW, SUPPORTED, Asking
from engine.sip.call import SDP, SipCall
from engine.sip.dialog import from_invite
from engine.sip.errors import BadMessage, BadSdp, NotAcceptable
from engine.sip.events import Digit
from engine.sip.info import DTMF_TYPES, read_key
from engine.sip.message import Response
from engine.sip.sdp import Description, parse_sdp
from engine.sip.session_timer import MIN_SE, SessionTimer, TooShort, wanted
from engine.sip.uri import parse_uri

if TYPE_CHECKING:
    from engine.sip.uas import UserAgent

EXTENSIONS = {"timer"}
"""Option tags that may be required of us. Not ``100rel``: provisional answers are not sent reliably."""

NOT_HERE = {"MESSAGE", "NOTIFY", "PRACK", "PUBLISH", "REGISTER", "SUBSCRIBE"}
"""Known methods that nobody here has a use for: 405. What nobody has heard of is 501."""

CROSSED_S = 3
"""What a peer is told to wait whose request crossed another one."""


def handle(agent: UserAgent, asking: Asking, now: float) -> None:
    """Answer a new request, one that is neither ACK nor a repetition."""
    if asking.method == "CANCEL":
        _cancel(agent, asking, now)
        return
    if _is_refused(agent, asking, now):
        return
    if asking.method == "OPTIONS" and not asking.callee.tag:
        _options(agent, asking, now)
        return
    if asking.method == "INVITE" and not asking.callee.tag:
        _invite(agent, asking, now)
        return
    if asking.method == "REFER":
        agent.answer(asking, 603, now)
        return
    within = _WITHIN.get(asking.method)
    if within is None:
        known = asking.method in NOT_HERE
        agent.answer(asking, 405 if known else 501, now, ("Allow", ALLOW))
        return
    call = agent.call_of(asking)
    if call is None or call.state == "ending" and asking.method != "BYE":
        _refuse(agent, asking, 481, now)
    elif not call.dialog.in_order(asking.number):
        _refuse(agent, asking, 500, now)  # RFC 3261, 12.2.2
    else:
        within(agent, call, asking, now)


# ---------------------------------------------------------------------- outside a call


def _is_refused(agent: UserAgent, asking: Asking, now: float) -> bool:
    """The checks that come before the method counts (RFC 3261, 8.2.2 and 16.3)."""
    headers = asking.request.headers
    uri = parse_uri(asking.request.uri)
    if uri.scheme != "sip":
        _refuse(agent, asking, 416, now)  # sips too: nothing here is encrypted
        return True
    if uri.headers:
        raise BadMessage("Headers in the Request-URI")
    # OPTIONS with 0 asks whoever it has reached who that is (RFC 3261, 11): us.
    if asking.method != "OPTIONS" and headers.get("max-forwards").strip() == "0":
        _refuse(agent, asking, 483, now)
        return True
    unknown = sorted(headers.tokens("require") - EXTENSIONS)
    if unknown:
        _refuse(agent, asking, 420, now, ("Unsupported", ", ".join(unknown)))
        return True
    return False


def _refuse(agent: UserAgent, asking: Asking, status: int, now: float, *more: tuple[str, str]) -> None:
    if asking.method == "INVITE":
        agent.refuse_invite(asking, status, now, *more)
    else:
        agent.answer(asking, status, now, *more)


def _retry_after(agent: UserAgent) -> tuple[str, str]:
    return "Retry-After", str(agent.options.retry_after_s)


def _options(agent: UserAgent, asking: Asking, now: float) -> None:
    """Answered as an INVITE would be (RFC 3261, 11.2), so that a load balancer sees who has room."""
    if agent.busy:
        agent.answer(asking, 503, now, _retry_after(agent))
    else:
        agent.answer(asking, 200, now, ("Allow", ALLOW), ("Accept", SDP), ("Supported", SUPPORTED))


def _cancel(agent: UserAgent, asking: Asking, now: float) -> None:
    invite = agent.invite_of(asking)
    if invite is None:
        agent.answer(asking, 481, now)
        return
    call = agent.call_with(invite)
    agent.answer(asking, 200, now, dialog=call.dialog.local_tag if call else "")
    if call and call.state == "ringing":
        call.reject(487, now, cause="cancelled")


def _invite(agent: UserAgent, asking: Asking, now: float) -> None:
    """A new call: refused, or told to the owner, who answers it."""
    if agent.merged(asking):
        agent.refuse_invite(asking, 482, now)
        return
    if agent.busy:
        agent.refuse_invite(asking, 503, now, _retry_after(agent))
        return
    refusal = _content_refusal(asking)
    if refusal:
        agent.refuse_invite(asking, refusal[0], now, *refusal[1])
        return
    try:
        offer = _offer_of(asking)
    except BadSdp as fault:
        agent.refuse_invite(asking, 488, now, ("Warning", agent.warning(str(fault))))
        return
    try:
        timer = wanted(asking.request, agent.options.session_expires_s)
    except TooShort:
        agent.refuse_invite(asking, 422, now, ("Min-SE", str(MIN_SE)))
        return
    dialog = from_invite(asking.request, asking.caller, asking.number, agent.new_tag(), asking.hop)
    uri = parse_uri(asking.request.uri)
    call = SipCall(agent, agent.begin(asking), dialog, uri, asking.caller, asking.callee, offer, now)
    if timer:
        call.timer = _session_timer(agent, call, *timer)
    agent.take(call, asking, now)


def _content_refusal(asking: Asking) -> tuple[int, list[tuple[str, str]]] | None:
    """Why the body of a request that may bring an offer cannot be taken (RFC 3261, 8.2.3)."""
    headers = asking.request.headers
    encodings = headers.tokens("content-encoding") - {"identity"}
    if asking.request.body and encodings:
        return 415, [("Accept-Encoding", "identity")]
    kind = headers.get("content-type").partition(";")[0].strip().lower()
    if asking.request.body and kind != SDP:
        return 415, [("Accept", SDP)]
    if "accept" in headers:
        accepted = {item.partition(";")[0].strip() for item in headers.tokens("accept")}
        if not accepted & {SDP, "application/*", "*/*"}:
            return 406, [("Accept", SDP)]
    return None


def _offer_of(asking: Asking) -> Description | None:
    return parse_sdp(asking.request.body) if asking.request.body else None


def _session_timer(agent: UserAgent, call: SipCall, interval_s: int, ours: bool, supported: bool) -> SessionTimer:
    def expired(now: float) -> None:
        agent.send_bye(call, now)
        call.end("expired", now)

    def refresh(now: float) -> None:
        timer = call.timer
        if timer:
            fields = [("Supported", SUPPORTED), ("Session-Expires", f"{timer.interval_s};refresher=uac")]
            agent.send_in_dialog(call.dialog, "UPDATE", now, refreshed, *fields)

    def refreshed(response: Response | None, now: float) -> None:
        if call.state != "up" or call.timer is None:
            return
        if response is None or response.status in (408, 481):
            agent.send_bye(call, now)
            call.end("failed", now)
        elif response.status < 300:
            call.timer.start(now)

    return SessionTimer(agent.timers, interval_s, ours, supported, expired, refresh)


# ---------------------------------------------------------------------- within a call


def _reinvite(agent: UserAgent, call: SipCall, asking: Asking, now: float) -> None:
    if call.state == "ringing":
        agent.refuse_invite(asking, 500, now, ("Retry-After", str(CROSSED_S)))  # RFC 3261, 14.2
        return
    if call.awaits_answer:
        agent.refuse_invite(asking, 491, now)
        return
    refusal = _content_refusal(asking)
    if refusal:
        agent.refuse_invite(asking, refusal[0], now, *refusal[1])
        return
    invite = agent.begin(asking)
    try:
        offer = _offer_of(asking)
        call.check(offer)
        _refresh(agent, call, asking, now)
        call.reinvited(invite, offer, now)
    except (NotAcceptable, BadSdp) as fault:
        agent.refuse_invite(asking, 488, now, ("Warning", agent.warning(str(fault))), invite=invite)
    except TooShort:
        agent.refuse_invite(asking, 422, now, ("Min-SE", str(MIN_SE)), invite=invite)
    except BadMessage:
        agent.refuse_invite(asking, 400, now, invite=invite)


def _update(agent: UserAgent, call: SipCall, asking: Asking, now: float) -> None:
    """Like a re-INVITE without an ACK; most often only a sign of life."""
    if asking.request.body and (call.state == "ringing" or call.awaits_answer):
        status = 500 if call.state == "ringing" else 491  # RFC 3311, 5.2
        agent.answer(asking, status, now, *[("Retry-After", str(CROSSED_S))] * (status == 500))
        return
    refusal = _content_refusal(asking)
    if refusal:
        agent.answer(asking, refusal[0], now, *refusal[1])
        return
    try:
        offer = _offer_of(asking)
        call.check(offer)
        _refresh(agent, call, asking, now)
        body = call.updated(offer)
    except (NotAcceptable, BadSdp) as fault:
        agent.answer(asking, 488, now, ("Warning", agent.warning(str(fault))))
        return
    except TooShort:
        agent.answer(asking, 422, now, ("Min-SE", str(MIN_SE)))
        return
    fields = [("Content-Type", SDP)] if body else []
    if call.timer:
        fields += call.timer.fields()
        call.timer.start(now)
    agent.answer(asking, 200, now, *fields, body=body, dialog=call.dialog.local_tag)


def _refresh(agent: UserAgent, call: SipCall, asking: Asking, now: float) -> None:
    """Where the peer is now and how often it gives a sign of life. Raises ``BadMessage``, ``TooShort``."""
    timer = wanted(asking.request, agent.options.session_expires_s)
    call.dialog.refresh(asking.request, asking.hop)
    if call.timer:
        call.timer.stop()
    call.timer = _session_timer(agent, call, *timer) if timer else None


def _bye(agent: UserAgent, call: SipCall, asking: Asking, now: float) -> None:
    agent.answer(asking, 200, now, dialog=call.dialog.local_tag)
    if call.state == "ringing":
        call.reject(487, now, cause="bye")
    else:
        call.end("bye", now)


def _info(agent: UserAgent, call: SipCall, asking: Asking, now: float) -> None:
    """A key (``application/dtmf-relay``, ``application/dtmf``), or nothing (RFC 6086, 4.2.1)."""
    request = asking.request
    if not request.body:
        agent.answer(asking, 200, now, dialog=call.dialog.local_tag)
        return
    kind = request.headers.get("content-type").partition(";")[0].strip().lower()
    if kind not in DTMF_TYPES:
        agent.answer(asking, 415, now, ("Accept", ", ".join(DTMF_TYPES)))
        return
    key = read_key(kind, request.body)
    if key is None:
        agent.answer(asking, 400, now, reason="Malformed key")
        return
    agent.answer(asking, 200, now, dialog=call.dialog.local_tag)
    agent.events.append(Digit(call, *key))


def _options_within(agent: UserAgent, call: SipCall, asking: Asking, now: float) -> None:
    """Asks whether the call is still there."""
    agent.answer(asking, 200, now, ("Accept", SDP), dialog=call.dialog.local_tag)


_WITHIN: dict[str, Callable[[UserAgent, SipCall, Asking, float], None]] = {
    "INVITE": _reinvite, "UPDATE": _update, "BYE": _bye, "INFO": _info, "OPTIONS": _options_within,
}  # fmt: skip
