"""Asking the app of a call that has just come in, before it is answered; and refusing the call in SIP's words."""

import time

from gevent.event import Event as Flag

from engine.apps.offer import Offer, Verdict
from engine.esl.control import CallControl
from engine.telemetry.eventlog import EventLog

REJECTED_S = 2.0
"""How long a refused call may take to be gone."""

CAUSES = {404: "UNALLOCATED_NUMBER", 480: "NO_USER_RESPONSE", 486: "USER_BUSY", 503: "NORMAL_TEMPORARY_FAILURE",
          600: "USER_BUSY"}
"""Hangup causes of statuses, for a call that was answered before and cannot be refused any more."""


def ask(session: CallControl, offer: Offer, leaving: Flag, events: EventLog) -> Verdict:
    """What the app says; the caller hears ringing meanwhile. Raises ``ConnectionLost`` when the caller hangs up."""
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


__all__ = ["ask", "refuse"]
