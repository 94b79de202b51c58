"""What is done for a call beside its conversation: phones that stop ringing, people who are called and briefed."""

from collections.abc import Callable
from typing import Any

import gevent
from gevent.pool import Group

from engine.telemetry import logs

FINISH_S = 1.0
"""What is under way when the call ends gets so long: a live FreeSWITCH hangs up a phone within 10 ms."""


class Errands:
    """The greenlets of one call's telephony that nobody waits for. ``close`` it with the call."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self._group = Group()

    def start(self, work: Callable[..., None], *args: Any) -> gevent.Greenlet:
        """Do this beside everything else; its log lines name the call."""
        greenlet = logs.spawn(work, *args)
        self._group.add(greenlet)
        return greenlet

    def close(self) -> None:
        """Let what is under way finish for a moment, then end it. Idempotent."""
        current = gevent.getcurrent()
        if isinstance(current, gevent.Greenlet):
            self._group.discard(current)
        self._group.join(FINISH_S)
        self._group.kill(timeout=FINISH_S)


__all__ = ["Errands"]
