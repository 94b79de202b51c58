"""What the upstream says on a call: its answers in playout, paused while it is not clear whether the caller interrupts,
cut when they do; and the lines of it in the call's log."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.media.leg import Leg
from engine.media.playout import Heard
from engine.telemetry.eventlog import EventLog
from engine.timers import Timer, Timers
from engine.upstream.saying import Part, Saying

DECIDE_S = 1.0
"""So long the agent pauses for a voice at most: by then the model has said whether it takes it for one."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What was not heard of an item: ``ms`` of it and ``text`` were."""

    part: Part
    ms: int
    text: str


class Mouth:
    """That of one call. ``finished(saying)`` is told when an answer was heard to its end, from the frame clock."""

    def __init__(
        self, leg: Leg, events: EventLog, timers: Timers, clock: Callable[[], float], began: float,
        finished: Callable[[Saying], None],
    ) -> None:
        """``clock``: call time; ``began``: its 0, on the monotonic clock."""
        # The leg's own may be another one while the caller hears hold music.
        self._leg, self._playout = leg, leg.playout
        self._events = events
        self._timers = timers
        self._clock = clock
        self._began = began
        self._finished = finished
        self._sayings: dict[int, Saying] = {}
        self._timer: Timer | None = None
        self._holds = 0
        self.generation = 0
        """The last number that was given."""
        self.voice_to: float | None = None
        """Call time at which the caller's voice stopped last."""
        self._playout.on_started = self._started
        self._playout.on_finished = self._ended

    @property
    def saying(self) -> Saying | None:
        """What is being heard, or about to be."""
        return next(iter(self._sayings.values()), None)

    @property
    def last(self) -> Saying | None:
        """What was begun last and is not over."""
        return next(reversed(self._sayings.values()), None) if self._sayings else None

    def find(self, response_id: str) -> Saying | None:
        """The answer of this response, while it is not over."""
        return next((one for one in self._sayings.values() if one.response_id == response_id), None)

    def begin(self, response_id: str) -> Saying:
        """Another answer begins."""
        self.generation += 1
        saying = self._sayings[self.generation] = Saying(self.generation, response_id, self._playout)
        return saying

    def pause(self, onset: float, decide: bool = True) -> None:
        """The caller's voice, from ``onset``: be silent until it is clear whether they interrupt."""
        if self._playout.generation is not None and self._playout.pause():
            after = round((self._clock() - onset) * 1000)
            self._events.write("pause", gen=self._playout.generation, at=self._clock(), after_onset_ms=after)
            if decide:
                self.resume_in(DECIDE_S)

    def resume_in(self, seconds: float) -> None:
        """It was noise if nobody has said otherwise by then. An earlier moment that was set holds."""
        when = self._began + self._clock() + seconds
        if self._playout.paused and not self._holds and (self._timer is None or not self._timer.waiting
                                                         or self._timer.when > when):
            self._cancel()
            self._timer = self._timers.at(when, lambda _: self._resume())

    def hold(self, on: bool) -> None:
        """Somebody wants silence, for longer; they count."""
        self._holds += 1 if on else -1
        self._cancel()
        if on:
            self._playout.pause()
        elif not self._holds:
            self._resume()

    def cut(self) -> list[Cut]:
        """Stop all that is said or about to be; what was not heard of it."""
        self._cancel()
        found: list[Cut] = []
        for saying in list(self._sayings.values()):
            del self._sayings[saying.generation]
            saying.stop()
            begun = self._playout.generation == saying.generation
            if begun and self._leg.unheard:
                self._playout.unwrite(self._leg.unheard)
            heard = self._playout.cut(saying.generation)
            self._note_cut(saying, heard, begun)
            found += [Cut(*unheard) for unheard in saying.unheard(heard.samples, heard.text)]
        return found

    def _note_cut(self, saying: Saying, heard: Heard, begun: bool) -> None:
        if begun:
            self._events.write("cut", gen=saying.generation, at=self._clock(), heard=heard.text)
        else:
            self._events.write("cancel", gen=saying.generation)
        if heard.text:
            self._events.write("agent_said", gen=saying.generation, text=heard.text, interrupted=True)

    def close(self) -> None:
        """Say nothing more. Idempotent."""
        self._cancel()
        for saying in self._sayings.values():
            saying.stop()
        self._sayings.clear()
        self._playout.clear()

    # ------------------------------------------------------------ told by playout and the timers

    def _started(self, generation: int) -> None:
        now = self._clock()
        waited = None if self.voice_to is None else round((now - self.voice_to) * 1000)
        self._events.write("on_wire", gen=generation, at=now, after_voice_ms=waited)

    def _ended(self, generation: int, heard: Heard) -> None:
        self._events.write("playout_finished", gen=generation, at=self._clock())
        saying = self._sayings.pop(generation, None)
        if heard.text:
            self._events.write("agent_said", gen=generation, text=heard.text, interrupted=False)
        if saying is not None:
            self._finished(saying)

    def _resume(self) -> None:
        if not self._holds and self._playout.resume():
            self._events.write("resume", gen=self._playout.generation, at=self._clock())

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


__all__ = ["Cut", "Mouth"]
