"""A second opinion: a transcript that its recogniser doubts is asked of another one, within a deadline."""

import logging
from collections.abc import Callable
from contextvars import Context
from dataclasses import replace

import gevent
from gevent.event import Event

from engine.routing.failover import as_fault
from engine.routing.order import Standing
from engine.routing.replay import Again
from engine.routing.router import CallRoute, FaultSlot
from engine.speech.interfaces import Heard, HearStream

log = logging.getLogger(__name__)

NEAR_END_MS = 400
"""Finals that reach so near to the end of the voice are the whole of it."""


class SecondOpinion:
    """``doubted`` is held back until another recogniser has heard the same, ``settle`` is called, or time is up; then
    the surer of the two goes to ``deliver``. It owns its greenlet."""

    def __init__(
        self, route: CallRoute, rate: int, doubted: Heard, again: Again, standing: Standing,
        deliver: Callable[[Heard], None], context: Context,
    ) -> None:
        """``doubted`` in positions of the call; ``again`` is its audio."""
        self._route = route
        self._rate = rate
        self._doubted = doubted
        self._again = again
        self._choice = standing.choice
        self._deliver = deliver
        self._slot: FaultSlot | None = None
        self._parts: list[Heard] = []
        self._complete = Event()
        self._open = True
        self._greenlet = gevent.spawn(context.copy().run, self._ask)

    def settle(self) -> None:
        """Do not wait any more: what was doubted counts. Idempotent."""
        if self._end():
            self._deliver(self._doubted)

    def close(self) -> None:
        """The call is over. Idempotent."""
        self._end()

    def _end(self) -> bool:
        """Whether it was still open."""
        was, self._open = self._open, False
        if was and self._greenlet is not gevent.getcurrent():
            self._greenlet.kill(block=False)
        return was

    def _ask(self) -> None:
        began, choice = self._route.now, self._choice
        request, stream = self._route.begin(choice), None
        late = gevent.Timeout.start_new(self._route.options.second_opinion_ms / 1000)
        try:
            recogniser, self._slot = self._route.router.connectors.recogniser(choice)
            stream = recogniser.open(self._rate, self._heard)
            self._tell(stream)
            self._complete.wait()
            request.first()
            request.good()
        except gevent.Timeout as fault:
            request.dropped()  # the deadline is ours, and short
            if fault is not late:
                raise
        except Exception as fault:  # noqa: BLE001  an opinion that cannot be had is none
            request.bad(as_fault(choice, fault), begun=False)
        except BaseException:
            request.dropped()
            raise
        finally:
            late.close()
            self._leave(stream)
        if self._end():
            better = self._better()
            self._route.note_opinion(choice, self._doubted, better, (self._route.now - began) * 1000)
            self._deliver(better or self._doubted)

    def _tell(self, stream: HearStream) -> None:
        offset = self._again.offset
        for item in self._again.items:
            if item.kind == "frame":
                stream.feed(item.frame)
            elif item.kind == "on":
                stream.voice_on(max(0, item.sample - offset))
            else:
                stream.voice_off(max(0, item.sample - offset))

    def _heard(self, heard: Heard) -> None:
        if heard.final and self._slot is not None and self._slot.take():
            self._parts.clear()  # only what was known when it failed
            self._complete.set()
            return
        if heard.final and heard.text:
            self._parts.append(heard)
        near = self._rate * NEAR_END_MS // 1000
        if heard.final and heard.end + self._again.offset >= self._doubted.end - near:
            self._complete.set()

    def _better(self) -> Heard | None:
        """What the other one heard, if all of it is there and it is surer."""
        if not self._complete.is_set() or not self._parts:
            return None
        confidence = min(part.confidence for part in self._parts)
        if confidence <= self._doubted.confidence:
            return None
        return replace(self._doubted, text=" ".join(part.text for part in self._parts), confidence=confidence)

    def _leave(self, stream: HearStream | None) -> None:
        if stream is None:
            return
        frames = sum(len(item.frame) for item in self._again.items)
        self._route.account.heard(self._choice, frames / 2 / self._rate)
        try:
            stream.close()
        except Exception:
            log.exception("the recogniser %s failed while its stream was closed", self._choice.name)
