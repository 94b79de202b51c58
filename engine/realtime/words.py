"""Words of items that the client has ended itself, and responses that wait for them."""

import logging
from collections import deque
from collections.abc import Callable
from time import monotonic

import gevent
from gevent.event import Event as Flag

from engine.errors import TrunklineError
from engine.media.pcm import Pcm
from engine.realtime import happenings as happen
from engine.realtime.formats import RATE
from engine.speech.interfaces import Heard, Recogniser
from engine.telemetry import logs
from engine.timers import Timer, Timers

log = logging.getLogger(__name__)

FRAME = RATE // 50
LONGEST_S = 30.0
"""An item's audio that is not recognised by then has failed."""

Tell = Callable[[happen.Happening], None]


class AwaitedWords:
    """Those of one session. Final transcripts come in the order of what was committed."""

    def __init__(self, timers: Timers, wait_s: float, tell: Tell) -> None:
        """A response waits ``wait_s`` at most."""
        self._timers = timers
        self._wait_s = wait_s
        self._tell = tell
        self._awaited: deque[str] = deque()  # ids of items; "": of none, its words are not wanted
        self._others: dict[str, gevent.Greenlet] = {}
        self._then: tuple[str, Callable[[], None]] | None = None
        self._late = ""
        self._timer: Timer | None = None

    def wait_for(self, item_id: str) -> None:
        """The next final transcript is this item's; empty: nobody's."""
        self._awaited.append(item_id)

    def came(self, text: str) -> None:
        """A final transcript came."""
        if self._awaited:
            item_id = self._awaited.popleft()
            if item_id:
                self._tell(happen.Transcribed(text, True, item_id=item_id))
            self._go_on()

    def then(self, response_id: str, act: Callable[[], None]) -> None:
        """``act`` once all words are there, at once where they are, or when it has taken too long."""
        if not self._awaited and not self._others:
            act()
            return
        self._then, self._late = (response_id, act), response_id
        self._timer = self._timers.at(monotonic() + self._wait_s, lambda _: self._act())

    def never_mind(self, response_id: str) -> bool:
        """This response is not wanted any more. False: it does not wait here."""
        if self._then is None or self._then[0] != response_id:
            return False
        self._then = None
        return True

    def were_awaited(self, response_id: str) -> bool:
        """Whether this response had to wait, so that items have words now that they had not when it was asked for."""
        return self._late == response_id

    def transcribe(self, item_id: str, recogniser: Recogniser, pcm: Pcm) -> None:
        """Have the audio of an item recognised that did not come through the input buffer."""
        self._others[item_id] = logs.spawn(self._recognise, item_id, recogniser, pcm)

    def close(self) -> None:
        """The session is over."""
        self._then = None
        if self._timer is not None:
            self._timer.cancel()
        gevent.killall(list(self._others.values()), timeout=1.0)
        self._others.clear()

    def _go_on(self) -> None:
        if not self._awaited and not self._others:
            self._act()

    def _act(self) -> None:
        waiting, self._then = self._then, None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if waiting is not None:
            waiting[1]()

    def _recognise(self, item_id: str, recogniser: Recogniser, pcm: Pcm) -> None:
        done = Flag()
        found: list[str] = []

        def heard(heard: Heard) -> None:
            if heard.final:
                found.append(heard.text)
                done.set()

        try:
            stream = recogniser.open(RATE, heard)
            try:
                stream.voice_on(0)
                for at in range(0, len(pcm) - FRAME + 1, FRAME):
                    stream.feed(pcm[at : at + FRAME].tobytes())
                stream.voice_off(len(pcm) // FRAME * FRAME)
                done.wait(LONGEST_S)
            finally:
                stream.close()
        except TrunklineError as fault:
            log.warning("the audio of item %s could not be recognised: %s", item_id, fault)
        self._others.pop(item_id, None)
        self._tell(happen.Transcribed(" ".join(found), True, item_id=item_id))
        self._go_on()


__all__ = ["AwaitedWords"]
