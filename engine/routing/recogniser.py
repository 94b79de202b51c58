"""A recogniser that is several: when one is lost, the next hears the last seconds again and goes on.

A stream is lost when it raises, when its recogniser tells of a fault (``FaultSlot``), or when a final is overdue. The
caller's audio is kept meanwhile; positions stay those of the call.
"""

import logging
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import replace
from functools import partial

import gevent

from engine.errors import ProviderFault
from engine.routing.facts import Choice
from engine.routing.failover import as_fault
from engine.routing.opinion import SecondOpinion
from engine.routing.order import Standing
from engine.routing.replay import Again, Replay
from engine.routing.router import CallRoute, FaultSlot, Request
from engine.speech.interfaces import Heard, HearStream

log = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 2.0
"""Longest wait for a recogniser to open a stream."""

SILENCE_MS = 500
"""Voice for so long without a transcript makes us look whether the provider has failed otherwise."""

RETRY_S, RETRY_MAX_S = 1.0, 10.0
"""Pause before all recognisers are tried again after none could be had; doubles."""


class RoutedRecogniser:
    """``Recogniser`` over the router's candidates, for one call."""

    def __init__(self, route: CallRoute) -> None:
        """For one call."""
        self._route = route

    def open(self, rate: int, deliver: Callable[[Heard], None]) -> "RoutedStream":
        """As ``Recogniser.open``. Raises ``ProviderFault`` when there is no candidate at all."""
        if not self._route.order("stt").standing:
            raise self._route.nobody("stt", (), None)
        return RoutedStream(self._route, rate, deliver)

    def close(self) -> None:
        """Nothing: recognisers belong to the engine."""


class RoutedStream:
    """``HearStream`` over one recogniser after another. It owns the greenlet that changes over and the watch over
    overdue finals; both end with ``close``."""

    def __init__(self, route: CallRoute, rate: int, deliver: Callable[[Heard], None]) -> None:
        """Opens the first candidate's stream in a greenlet; audio until then is kept."""
        self._route = route
        self._rate = rate
        self._deliver = deliver
        self._replay = Replay(rate, route.options.replay_ms, whole=route.options.second_opinion_ms > 0)
        self._live: _Live | None = None
        self._closed = False
        self._watch: gevent.Greenlet | None = None
        self._unsure = 0
        self._doubted: set[str] = set()
        self._opinion: SecondOpinion | None = None
        # Greenlets of the frame clock and of recognisers bring about changes: they are logged under this call's name.
        self._context = copy_context()
        self._change = self._spawn_change("")

    # ------------------------------------------------------------ HearStream

    def feed(self, frame: bytes) -> None:
        """Take the next frame; never raises."""
        if self._closed:
            return
        self._replay.feed(frame)
        live = self._live
        if live is not None:
            try:
                live.stream.feed(frame)
            except Exception as fault:  # noqa: BLE001  whatever it is, this recogniser is of no use any more
                self._lost(live, as_fault(live.choice, fault))
            else:
                self._watch_silence(live)

    def voice_on(self, sample: int) -> None:
        """The caller's voice started. Here a change of the call's language takes effect."""
        self._replay.voice_on(sample)
        live = self._live
        if live is None:
            return
        # A final that was due may now come only with the end of this voice: recognisers may join the two.
        self._expect_nothing(live)
        facts = self._route.facts
        if (live.choice.language, live.choice.dialect) != (facts.language, facts.dialect):
            self._unsure = 0
            self._doubted.clear()
            self._leave(live)
            self._change_over(f"the call's language is {facts.language}")
        elif not self._left_for_better(live):
            self._tell(live, live.stream.voice_on, sample)

    def voice_off(self, sample: int) -> None:
        """The caller's voice stopped: the final is due."""
        self._replay.voice_off(sample)
        live = self._live
        if live is not None and not self._left_for_better(live):
            self._expect(live)
            self._tell(live, live.stream.voice_off, sample)

    def close(self) -> None:
        """End it. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._change.kill(block=False)
        if self._opinion is not None:
            self._opinion.close()
        if self._live is not None:
            self._leave(self._live)

    # ------------------------------------------------------------ the stream in use

    def _tell(self, live: "_Live", edge: Callable[[int], None], sample: int) -> None:
        try:
            edge(max(0, sample - live.offset))
        except Exception as fault:  # noqa: BLE001  as with a frame
            self._lost(live, as_fault(live.choice, fault))

    def _heard(self, live: "_Live", heard: Heard) -> None:
        """A transcript of ``live``, which may have been given up already."""
        if self._closed or live is not self._live:
            return
        fault = live.slot.take() if heard.final else None
        if fault is not None:
            # This final is only what was known of the stretch; the next recogniser hears it anew.
            (live.request or live.opening or self._route.begin(live.choice)).spoiled(fault)
            self._leave(live)
            self._change_over(str(fault))
            return
        live.told_at = self._replay.position
        heard = replace(heard, start=heard.start + live.offset, end=heard.end + live.offset)
        again = self._replay.again(whole=True) if heard.final and self._is_weak(heard) else None
        self._replay.heard(heard)
        if heard.final:
            self._came(live)
            if self._replay.overdue:
                self._expect(live)
        self._pass_on(live, heard, again)
        if heard.final:
            self._judge(live, heard)

    def _is_weak(self, heard: Heard) -> bool:
        """Whether the rule that holds wants more confidence than this."""
        return bool(heard.text) and 0 <= heard.confidence < self._route.order("stt").plan.min_confidence

    def _pass_on(self, live: "_Live", heard: Heard, again: Again | None) -> None:
        """To the call, in order; a weak final (``again`` is its audio) after a second opinion, where one can be had."""
        if self._opinion is not None:
            self._opinion.settle()
            self._opinion = None
        other = None
        if again is not None and again.items and self._route.options.second_opinion_ms:
            other = next((one for one in self._others(live) if one.choice.provider not in self._doubted), None)
        if other is None or again is None:
            self._give(heard)
        else:
            self._opinion = SecondOpinion(self._route, self._rate, heard, again, other, self._give, self._context)

    def _give(self, heard: Heard) -> None:
        """To the call, whose faults are not the recogniser's."""
        if self._closed:
            return
        try:
            self._deliver(heard)
        except Exception:
            log.exception("a transcript could not be delivered; the call is heard on")

    def _expect(self, live: "_Live") -> None:
        """A final is due: measure it, and do not wait for ever."""
        if live.request is None:
            live.request = self._route.begin(live.choice)
            self._stop_watch()
            self._watch = gevent.spawn_later(self._route.options.final_ms / 1000, self._overdue, live)

    def _came(self, live: "_Live") -> None:
        """A final has come."""
        if live.request is not None:
            live.request.first()
            live.request.good()
        if live.opening is not None:
            live.opening.good()
            live.opening = None
        self._expect_nothing(live)

    def _expect_nothing(self, live: "_Live") -> None:
        """No final is due now."""
        self._stop_watch()
        if live.request is not None:
            live.request.dropped()
            live.request = None

    def _overdue(self, live: "_Live") -> None:
        self._watch = None  # it is this greenlet
        if self._closed or live is not self._live:
            return
        if self._others(live):
            waited = self._route.options.final_ms
            self._lost(live, ProviderFault(live.choice.provider, "timeout", f"no final after {waited} ms of silence"))

    def _judge(self, live: "_Live", heard: Heard) -> None:
        """Transcripts that the recogniser itself doubts, one after the other, are a reason to take another one."""
        if not heard.text or heard.confidence < 0:
            return
        self._unsure = self._unsure + 1 if self._is_weak(heard) else 0
        if self._unsure < self._route.options.low_confidence_finals:
            return
        self._unsure = 0
        self._doubted.add(live.choice.provider)
        others = [one for one in self._others(live) if one.choice.provider not in self._doubted]
        if others and live is self._live:
            self._route.avoid(live.choice, self._route.options.avoid_s)
            self._leave(live)
            self._change_over("confidence below min_confidence")

    def _watch_silence(self, live: "_Live") -> None:
        """In the middle of the caller's voice without a transcript: is the provider still there?"""
        owed, position = self._replay.owed, self._replay.position
        if owed and position - max(live.told_at, owed[0].start) > self._rate * SILENCE_MS // 1000:
            live.told_at = position
            self._left_for_better(live)

    def _left_for_better(self, live: "_Live") -> bool:
        """Whether ``live`` was left, because its provider has been failing in other calls or cannot be connected to."""
        state = self._route.health.vitals(live.choice, self._route.now).state
        if state != "open" or not self._others(live):
            return False
        self._leave(live)
        self._change_over("its breaker is open")
        return True

    def _others(self, live: "_Live") -> list[Standing]:
        """Other providers that are ready, best first."""
        return [one for one in self._route.order("stt").standing
                if one.ready and one.choice.provider != live.choice.provider]

    # ------------------------------------------------------------ changing over

    def _lost(self, live: "_Live", fault: ProviderFault) -> None:
        """``live`` is of no use any more."""
        if live is not self._live or self._closed:
            return
        self._failed(live, fault, begun=live.fed_from < self._replay.position)
        self._leave(live)
        self._change_over(str(fault))

    def _failed(self, live: "_Live", fault: ProviderFault, begun: bool) -> None:
        (live.request or live.opening or self._route.begin(live.choice)).bad(fault, begun)

    def _leave(self, live: "_Live") -> None:
        """Close ``live`` and account for it."""
        self._live = None
        self._expect_nothing(live)
        if live.opening is not None:
            live.opening.dropped()
        self._route.account.heard(live.choice, (self._replay.position - live.offset) / self._rate)
        live.close()

    def _change_over(self, why: str) -> None:
        self._change.kill(block=False)
        self._change = self._spawn_change(why)

    def _spawn_change(self, why: str) -> gevent.Greenlet:
        return gevent.spawn(self._context.copy().run, self._take_over, why)

    def _take_over(self, why: str) -> None:
        """Find a recogniser that opens a stream; while there is none, the caller's audio waits."""
        pause_s = RETRY_S
        while not self._closed:
            tried: set[str] = set()
            while True:
                decision = self._route.order("stt")
                standing = next((one for one in decision.standing if one.choice.provider not in tried
                                 and one.vitals.resting_s <= 0), None)
                if standing is None:
                    break
                tried.add(standing.choice.provider)
                live = self._open(standing)
                if live is None:
                    continue
                again = self._replay.again()
                self._route.chosen(standing.choice, decision, why)
                if self._begin(live, again):
                    return
                live.close()
                if self._closed:
                    return
            for final in self._replay.give_up():
                self._give(final)
            log.warning("no recogniser can be had; next try in %g s", pause_s)
            gevent.sleep(pause_s)
            pause_s = min(pause_s * 2, RETRY_MAX_S)

    def _open(self, standing: Standing) -> "_Live | None":
        choice = standing.choice
        request = self._route.begin(choice)
        late = gevent.Timeout.start_new(OPEN_TIMEOUT_S)
        try:
            recogniser, slot = self._route.router.connectors.recogniser(choice)
            slot.count = partial(self._route.router.told, choice)
            live = _Live(choice, slot, request)
            live.stream = recogniser.open(self._rate, lambda heard: self._heard(live, heard))
        except (Exception, gevent.Timeout) as fault:  # noqa: BLE001  the next one may do better
            request.bad(as_fault(choice, fault), begun=False)
            return None
        except BaseException:
            request.dropped()
            raise
        finally:
            late.close()
        return live

    def _begin(self, live: "_Live", again: Again) -> bool:
        """Give ``live`` what it must hear again; from then on it is in use. False: it broke at that."""
        if again.settled is not None:
            self._replay.settle(again.settled)
            self._give(again.settled)
        if self._closed:
            return False
        live.offset, live.fed_from = again.offset, self._replay.position
        self._live = live
        try:
            for item in again.items:
                if item.kind == "frame":
                    live.stream.feed(item.frame)
                elif item.kind == "on":
                    live.stream.voice_on(max(0, item.sample - again.offset))
                else:
                    self._expect(live)
                    live.stream.voice_off(max(0, item.sample - again.offset))
                if live is not self._live:
                    return True  # lost already, and dealt with
        except Exception as fault:  # noqa: BLE001  as with a frame
            if live is not self._live:
                return True
            self._live = None
            self._stop_watch()
            self._failed(live, as_fault(live.choice, fault), begun=False)
            return False
        return True

    def _stop_watch(self) -> None:
        if self._watch is not None:
            self._watch.kill(block=False)
            self._watch = None


class _Live:
    """The stream in use: its sample 0 is the call's sample ``offset``; it has been the one since ``fed_from``, and told
    something, or was looked after, at ``told_at``.

    ``opening`` is the request to open it, which is good when the first final has come; ``request`` that for a final.
    """

    stream: HearStream

    def __init__(self, choice: Choice, slot: FaultSlot, opening: Request) -> None:
        self.choice = choice
        self.slot = slot
        self.opening: Request | None = opening
        self.request: Request | None = None
        self.offset = 0
        self.fed_from = 0
        self.told_at = 0

    def close(self) -> None:
        try:
            self.stream.close()
        except Exception:
            log.exception("the recogniser %s failed while its stream was closed", self.choice.name)
