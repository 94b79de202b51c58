"""What FreeSWITCH is told to play, in order, and to stop: one greenlet a channel, so that a stop cannot overtake a
file, nor a file come after the stop that was meant for it.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from uuid import uuid4

import gevent
from gevent.event import Event as Flag

from engine.esl import command
from engine.esl.command import Command
from engine.esl.errors import EslError
from engine.esl.wire import Message
from engine.media.playedfiles import PlayedFiles

log = logging.getLogger(__name__)

Sender = Callable[[Command], Message]
"""Sends a command and returns its reply."""

MOST_WAITING = 64
"""Files that may wait to be told; a leg has three on the way."""


class Playing:
    """The files of one channel. ``close`` it when the channel is streamed no more."""

    def __init__(self, send: Sender, uuid: str, files: PlayedFiles, told: bool = True) -> None:
        """``told``: the applications' events come, to ``began`` and ``ended``."""
        self._send = send
        self._uuid = uuid
        self._files = files
        self._told = told
        self._waiting: deque[tuple[str, str]] = deque(maxlen=MOST_WAITING)
        self._names: dict[str, str] = {}  # of pieces that FreeSWITCH was told to play, by Event-UUID
        self._stopped: set[str] = set()  # Event-UUIDs of those that the last stop was for
        self._stop = ""
        self._work = Flag()
        self._greenlet = gevent.spawn(self._run)

    @property
    def busy(self) -> bool:
        """Whether FreeSWITCH was told to play what it has not finished."""
        return bool(self._names)

    def play(self, name: str, path: str) -> None:
        """The piece ``name`` is in the file ``path`` of FreeSWITCH's host. Returns at once."""
        if self._files.current(name):
            self._waiting.append((name, path))
            self._work.set()

    def stop(self) -> None:
        """Nothing that was told so far is heard any more. Returns at once."""
        self._waiting.clear()
        if self._names:
            self._stopped = set(self._names)
            self._names.clear()
            self._stop = " all"
            self._work.set()

    def began(self, uuid: str, now: float) -> None:
        """The application with this ``Event-UUID`` began. Those that are none of ours say nothing. One that was to be
        stopped has slipped through: FreeSWITCH forgets a break while it begins an application."""
        name = self._names.get(uuid)
        if name is not None:
            self._files.started(name, now)
        elif uuid in self._stopped:
            self._stop = self._stop or " "
            self._work.set()

    def ended(self, uuid: str) -> str:
        """It ended; the name of its piece, "" where it is none of ours."""
        return self._names.pop(uuid, "")

    def close(self) -> None:
        """Tell nothing more. What plays goes on. Idempotent."""
        self._waiting.clear()
        self._names.clear()
        self._greenlet.kill(block=False)

    def _run(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            try:
                while self._stop or self._waiting:
                    self._next()
            except EslError as fault:
                log.debug("the agent's files cannot be played: %s", fault)  # the call is over, or its line notices

    def _next(self) -> None:
        if self._stop:
            which, self._stop = self._stop, ""
            self._send(command.api("uuid_break", f"{self._uuid}{which}".rstrip()))
            return
        name, path = self._waiting.popleft()
        uuid = str(uuid4())
        if self._told:
            self._names[uuid] = name
        else:
            self._names = {uuid: name}
            self._files.queued(name, time.monotonic())
        self._send(command.execute("playback", path, event_uuid=uuid, lock=True, uuid=self._uuid))


__all__ = ["Playing", "Sender"]
