"""``idle_timeout_ms`` of a Realtime session: nobody has spoken for so long since the end of what was heard last."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from engine.realtime import happenings as happen
from engine.realtime.socketcall import SocketCall
from engine.timers import Timer, Timers
from engine.turns import events as turn

IDLE = "!idle"
"""``Respond.asked`` of a reply that the session itself asks for."""


class Silence:
    """One session's. ``watch`` after everything that happens; ``close`` at the end."""

    def __init__(self, timers: Timers, frame_ms: int, quiet: Callable[[], bool],
                 tell: Callable[[happen.Happening], None]) -> None:
        """``quiet()``: no response is running and no turn of the caller either."""
        self._timers = timers
        self._frame_ms = frame_ms
        self._quiet = quiet
        self._tell = tell
        self._timer: Timer | None = None
        self._from_ms = 0

    def watch(self, talk: SocketCall | None, detection: Mapping[str, Any] | None) -> None:
        """Count anew, or not at all. What the client still has to play is no silence."""
        self.close()
        idle_ms = detection.get("idle_timeout_ms") if detection is not None else None
        if not idle_ms or talk is None or not self._quiet():
            return
        self._from_ms = talk.leg.written_ms(talk.conversation.listening.fed)
        wait_s = (idle_ms + talk.leg.unheard * self._frame_ms) / 1000
        self._timer = self._timers.at(time.monotonic() + wait_s, lambda _: self._nobody_spoke(talk))

    def close(self) -> None:
        """Nobody is waited for. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _nobody_spoke(self, talk: SocketCall) -> None:
        self._timer = None
        if self._quiet():
            now_ms = talk.leg.written_ms(talk.conversation.listening.fed)
            self._tell(happen.TurnEnded(now_ms, self._from_ms, "", idle=True))
            talk.conversation.tell(turn.Respond(IDLE))


__all__ = ["Silence"]
