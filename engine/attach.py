"""Attaching a leg to its call: the ``unicast`` command, and the proof that it worked, which is the first frame."""

import time

import gevent
from gevent.event import Event as Flag

from engine.esl.control import CallControl
from engine.media.errors import MediaError
from engine.media.unicast import UnicastLeg

TRIES = 2

FIRST_FRAME_TIMEOUT_S = 1.0
"""Unicast's first datagram comes 28 ms after the command on a real FreeSWITCH; a failed bind is silent."""

STALL_S = 0.1
"""Audio that comes back by itself within this had not died."""


def came_back(leg: UnicastLeg, lost: Flag) -> bool:
    """Whether frames come again by themselves: the machine had stalled, not unicast. To transfer all calls of a machine
    that has no time would take the rest of it. ``lost`` stays set where they do not."""
    lost.clear()
    back = leg.first_frame.wait(STALL_S)
    if not back:
        lost.set()
    return back


def attach(session: CallControl, leg: UnicastLeg, leaving: Flag) -> int | None:
    """Unicast to ``leg``, a second time from another address if no frame comes. Returns the ms that it took when the
    first frame is there; None as soon as ``leaving`` is set. Raises ``ConnectionLost`` when the call ends meanwhile,
    ``MediaError`` saying what may be wrong when no frame comes."""
    began, bad_before = time.monotonic(), leg.bad_frames
    for attempt in range(TRIES):
        if attempt:
            leg.reattach()
        session.unicast(leg.local_ip, leg.local_port, leg.remote_ip, leg.remote_port)
        gevent.wait([leg.first_frame, session.ended, leaving], timeout=FIRST_FRAME_TIMEOUT_S, count=1)
        session.raise_if_disconnected()
        if leaving.is_set():
            return None
        if leg.first_frame.is_set():
            return round((time.monotonic() - began) * 1000)
    if leg.bad_frames > bad_before:
        raise MediaError(
            f"FreeSWITCH's frames are not the {leg.frame_bytes} bytes of {leg.rate} Hz and media.frame_ms: the packets "
            "have another length; let the trunk offer the length of media.frame_ms alone"
        )
    raise MediaError(
        f"no audio from FreeSWITCH within {FIRST_FRAME_TIMEOUT_S:g} s of unicast, tried {TRIES} times; it must run on "
        f"this host, and port {leg.local_port} (media.switch_port) must be free on its address {leg.local_ip}"
    )
