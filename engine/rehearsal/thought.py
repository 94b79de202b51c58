"""A brain's answer on the virtual clock: it runs in a greenlet until it is done or waits for the turn to be decided."""

from collections.abc import Callable

import gevent
from gevent.event import Event as Flag

from engine.dialog.brain import Brain, ReplyPart, Request, Text
from engine.rehearsal.brain import Stopwatch

REAL_TIMEOUT_S = 60.0
"""A brain that does not come to an end in real time."""


class Thought:
    """One question to a brain. ``parts`` are ``(virtual ms since the question, part)``, as far as it is."""

    def __init__(self, brain: Brain, make: Callable[[Callable[[float], bool]], Request], watch: Stopwatch) -> None:
        """``make`` makes the request, given its ``wait_decided``."""
        self.parts: list[tuple[float, ReplyPart]] = []
        self.fault: Exception | None = None
        self.done = False
        self.decided = False
        self._watch = watch
        self._began_ms = watch.ms
        self._stopped = Flag()
        self._go_on = Flag()
        self._waits = False
        request = make(self._wait)
        self.decided = not request.speculative
        self._greenlet = gevent.Greenlet(self._run, brain, request)

    @property
    def ms(self) -> float:
        """Virtual time that it has taken."""
        return self._watch.ms - self._began_ms

    @property
    def waits(self) -> bool:
        """Whether it waits for the decision."""
        return self._waits

    def say(self, text: str) -> None:
        """Something that a skill says, as a clause of its own."""
        self.parts.append((self.ms, Text(f"\n{text}\n")))

    def run(self) -> None:
        """Let it run until it is done or waits."""
        self._stopped.clear()
        if self._waits:
            self._waits = False
            self._go_on.set()
        else:
            self._greenlet.start()
        if not self._stopped.wait(REAL_TIMEOUT_S):
            self.cancel()
            self.fault, self.done = TimeoutError(f"the brain has not answered for {REAL_TIMEOUT_S:g} s"), True

    def cancel(self) -> None:
        """End it. Idempotent."""
        self._greenlet.kill(timeout=1.0)

    def _run(self, brain: Brain, request: Request) -> None:
        try:
            for part in brain.reply(request):
                self.parts.append((self.ms, part))
        except Exception as fault:  # noqa: BLE001  as in a call, whatever it is becomes an apology; the report names it
            self.fault = fault
        self.done = True
        self._stopped.set()

    def _wait(self, timeout_s: float) -> bool:
        if not self.decided and timeout_s > 0:
            self._waits = True
            self._go_on.clear()
            self._stopped.set()
            self._go_on.wait()
        return self.decided
