"""A call without a connection: between two of its own, or while its caller is with somebody else."""

import time
from collections.abc import Callable

import gevent
from gevent.event import Event as Flag

from engine.esl.event import Event
from engine.esl.handlers import Handler
from engine.telephony.switch import Switch


class Absence:
    """``moving``: the call's next connection is expected. ``gone``: the caller has hung up meanwhile."""

    def __init__(self, uuid: str, switch: Switch | None, expect: Callable[[str, bool], None]) -> None:
        """The call ``uuid`` has its connection. ``expect``: see ``Surroundings``."""
        self.moving = False
        self.gone = Flag()
        self._uuid = uuid
        self._switch = switch
        self._expect = expect
        self._back = Flag()
        self._given_at: float | None = None
        self._unwatch: Callable[[], None] | None = None

    def begin(self, go: Callable[[], object], on_hangup: Handler | None = None) -> None:
        """Have ``go`` take the channel away. With ``on_hangup`` the caller is with somebody else, and it is told when
        they hang up there. Raises what ``go`` raises; the call is as before then."""
        self._back.clear()
        self.moving = True
        if on_hangup is not None:
            self._given_at = time.monotonic()
            self._watch(on_hangup)
        else:
            self._expect(self._uuid, True)
        try:
            go()
        except BaseException:
            self.end()
            raise

    def wait(self, leaving: Flag, seconds: float) -> bool:
        """Wait for the end, for ``leaving``, or so long. True: the call has a connection again."""
        gevent.wait([self._back, leaving, self.gone], timeout=seconds, count=1)
        return self._back.is_set()

    def hang_up(self) -> None:
        """End the call of a caller who is with somebody else. Waits for FreeSWITCH."""
        if self._given_at is not None and self.moving and self._switch is not None:
            self._switch.kill(self._uuid)

    def end(self) -> None:
        """The call has a connection again, or is over. Idempotent."""
        self.moving = False
        self._expect(self._uuid, False)
        self._back.set()
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None

    def take_seconds(self) -> float | None:
        """How long the caller was with somebody else, once; None where they were not."""
        given_at, self._given_at = self._given_at, None
        return None if given_at is None else time.monotonic() - given_at

    def _watch(self, on_hangup: Handler) -> None:
        def told(event: Event) -> None:
            if event.name == "CHANNEL_HANGUP_COMPLETE" and event.uuid == self._uuid:
                on_hangup(event)
                self.gone.set()

        if self._switch is not None:
            self._unwatch = self._switch.watch(self._uuid, told)
