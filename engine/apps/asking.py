"""Asking the app of a call that has just come in, before it is answered; and refusing the call in SIP's words."""

import time

from gevent.event import Event as Flag

from engine.apps.errors import AppError
from engine.apps.offer import Offer, Verdict
from engine.esl.control import CallControl
from engine.telemetry.eventlog import EventLog

REJECTED_S = 2.0
"""How long a refused call may take to be gone."""

REFER_S = 12.0
"""How long a trunk may take over a REFER."""

REFER_POLL_S = 0.25

CAUSES = {404: "UNALLOCATED_NUMBER", 480: "NO_USER_RESPONSE", 486: "USER_BUSY", 503: "NORMAL_TEMPORARY_FAILURE",
          600: "USER_BUSY"}
"""Hangup causes of statuses, for a call that was answered before and cannot be refused any more."""


def ask(session: CallControl, offer: Offer, leaving: Flag, events: EventLog) -> Verdict:
    """What the app says; the caller hears ringing meanwhile, and is refused where it rejects them. Raises
    ``ConnectionLost`` when the caller hangs up."""
    began = time.monotonic()
    events.write("app_asked", id=offer.event_id)
    offer.start()
    if session.answer_state not in ("answered", "early"):
        session.execute_nowait("ring_ready")
    verdict = offer.verdict([session.ended, leaving])
    ms = round((time.monotonic() - began) * 1000)
    why = "" if verdict.kind == "accepted" else verdict.why
    events.write("app_answered", verdict=verdict.kind, why=why, status=verdict.status, ms=ms)
    session.raise_if_disconnected()
    if verdict.kind == "rejected" and not leaving.is_set():
        refuse(session, verdict.status)
    return verdict


def refuse(session: CallControl, status: int) -> None:
    """End the call with this SIP status; returns when it is over."""
    if session.answer_state == "answered":
        session.kill(CAUSES.get(status, "CALL_REJECTED"))
    else:
        session.execute_nowait("respond", str(int(status)))
    if not session.ended.wait(REJECTED_S):
        session.kill(CAUSES.get(status, "CALL_REJECTED"))
        session.ended.wait(REJECTED_S)


def refer(session: CallControl, target: str) -> None:
    """Ask the trunk, by a SIP REFER, to call ``target`` instead; returns when the caller is there, or nothing was heard
    for ``REFER_S``. Raises ``AppError`` where the trunk refuses or nobody answers there; the call goes on then.

    By itself FreeSWITCH would stop the audio for 10 s and then hang up, whatever the trunk says; with
    ``sip_refer_continue_after_reply`` the call goes on until the other side ends it (mod_sofia.c)."""
    session.setvar("sip_refer_continue_after_reply", "true")
    session.execute("deflect", target, lock=False, timeout=REFER_S)
    until = time.monotonic() + REFER_S
    while not session.ended.wait(REFER_POLL_S) and time.monotonic() < until:
        asked, there = _status(session, "sip_refer_status_code"), _status(session, "sip_refer_target_status_code")
        if 200 <= there < 300:
            session.kill("BLIND_TRANSFER")
            return
        if max(asked, there) >= 300:
            raise AppError(f"the caller was not sent to {target}: SIP status {max(asked, there)}")


def _status(session: CallControl, variable: str) -> int:
    text = session.getvar(variable) or ""
    return int(text) if text.isascii() and text.isdigit() else 0


__all__ = ["ask", "refer", "refuse"]
