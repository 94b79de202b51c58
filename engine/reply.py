"""One reply on its way to the caller: the brain's text becomes clauses, clauses become audio, audio goes to playout.

Brain and voice run in a greenlet each, so that the brain's stream is read while a clause is being rendered. A reply
that is still speculative renders its first clause only; the rest follows when it is released.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from time import monotonic
from typing import Any, Protocol

import gevent
import numpy as np
from gevent.event import Event as Flag
from gevent.queue import Queue

from engine.dialog.brain import Brain, ClientCall, Farewell, Grounds, Request, Used
from engine.dialog.clauses import ClauseSplitter
from engine.dialog.errors import DialogError
from engine.errors import TrunklineError
from engine.media.ledger import TimedWord, words_at_rate
from engine.media.playout import Playout
from engine.media.resample import STREAM_RATES, Resampler, resample
from engine.speech.interfaces import Pcm, Voice
from engine.speech.spoken import Speaker, Spoken
from engine.telemetry import logs
from engine.turns.events import Event, ReplyDone, ReplyFailed, ReplyReady, ToolCalled, ToolReturned

log = logging.getLogger(__name__)

CLAUSES_AHEAD = 64
"""Clauses that may wait for the voice; then the brain's stream waits."""

ROOM_TIMEOUT_S = 120.0
"""A reply longer than playout holds waits for the caller to hear the beginning, so long at most."""

OFF_HUB_SAMPLES = 240_000
"""Longer audio is resampled in the hub's thread pool: ten seconds take 4 ms, a trip to the pool a tenth of one."""


@dataclass(frozen=True, slots=True)
class Clause:
    """The next clause of reply ``generation`` has audio: it may be heard from now on, as soon as the reply may."""

    generation: int
    text: str


@dataclass(frozen=True, slots=True)
class OfReply:
    """A part of reply ``generation`` that is not spoken."""

    generation: int
    part: Grounds | ClientCall | Used


Shown = Clause | OfReply


def _unseen(shown: Shown) -> None:
    """Nobody looks."""


class Log(Protocol):
    """Where a reply writes its lines."""

    def write(self, event: str, /, **fields: Any) -> None:
        """One line of the call's event log."""


class Reply:
    """Generation ``generation``; events of its progress go to ``tell``, lines to ``log``. ``rate`` is the leg's, in Hz.

    It owns its two greenlets, which end by themselves, or by ``cancel``.
    """

    def __init__(
        self,
        generation: int,
        voice: Voice,
        playout: Playout,
        rate: int,
        tell: Callable[[Event], None],
        log: Log,
        language: str = "en",
        show: Callable[[Shown], None] = _unseen,
    ) -> None:
        """Stage the reply in playout; nothing is heard before ``playout.release``. Numbers, money and so on are spoken
        as in ``language``; the account of what was heard stays in the words that were written. ``show`` is told what
        the reply is made of."""
        self.generation = generation
        self._voice = voice
        self._playout = playout
        self._rate = rate
        self._tell = tell
        self._log = log
        self._show = show
        self._speaker = Speaker(language)
        self._clauses: Queue = Queue(CLAUSES_AHEAD)
        self._some_of_it = Flag()
        self._all_of_it = Flag()
        self._farewell = False
        self._splitter = ClauseSplitter()
        self._words = 0
        self._greenlets: list[gevent.Greenlet] = []
        self._stopped = False
        self._asked = monotonic()
        self._texted = self._asked
        playout.open(generation)

    def think(self, brain: Brain, request: Request, early: bool = False) -> None:
        """Have ``brain`` answer; a speculative request renders only its first clause until ``decide``, an ``early`` one
        nothing until ``render``."""
        if not request.speculative:
            self._all_of_it.set()
        if not early:
            self._some_of_it.set()
        self._greenlets = [
            logs.spawn(self._guard, self._think, brain, request),
            logs.spawn(self._guard, self._speak),
        ]

    def say(self, text: str) -> None:
        """Speak a fixed text, as one clause, so that a cached phrase is found."""
        self._some_of_it.set()
        self._all_of_it.set()
        self._clauses.put(text)
        self._clauses.put(None)
        self._greenlets = [logs.spawn(self._guard, self._speak)]

    def render(self) -> None:
        """The caller has stopped talking for now: render the first clause."""
        self._some_of_it.set()

    def decide(self) -> None:
        """The turn is decided: render the rest, too, and let tools with effects run."""
        self._some_of_it.set()
        self._all_of_it.set()

    def wait_decided(self, timeout_s: float) -> bool:
        """Wait, cooperatively, until the turn is decided; False: not within that time."""
        return self._all_of_it.wait(timeout_s)

    def tool_called(self, call_id: str, name: str, arguments: str) -> bool:
        """The brain is about to run a tool: what it has said so far is spoken. False: the reply is not wanted any more.
        """
        if self._stopped:
            return False
        for clause in self._splitter.flush():
            self._put(clause)
        self._tell(ToolCalled(self.generation, call_id, name, arguments, self._words))
        return not self._stopped

    def tool_returned(self, call_id: str, result: str, error: bool) -> None:
        """The tool is done, whatever has become of the reply."""
        self._tell(ToolReturned(call_id, result, error))

    def cancel(self) -> None:
        """Stop brain and voice. What is staged is playout's to drop. Idempotent; may be called from one of the two,
        which then ends at its next step."""
        self._stopped = True
        for greenlet in self._greenlets:
            if greenlet is not gevent.getcurrent():
                greenlet.kill(block=False)

    def join(self, timeout_s: float) -> None:
        """Wait until both greenlets have ended."""
        gevent.joinall([g for g in self._greenlets if g is not gevent.getcurrent()], timeout=timeout_s)

    def _guard(self, work: Callable[..., None], *args: object) -> None:
        try:
            work(*args)
        except TrunklineError as fault:
            self._fail(str(fault))
        except (Exception, gevent.Timeout) as fault:  # a provider's bug must not leave the caller in silence
            log.exception("a fault of the brain or the voice in reply %d", self.generation)
            self._fail(f"{type(fault).__name__}: {fault}")

    def _fail(self, reason: str) -> None:
        if self._stopped:
            return  # nobody wants it any more, or it has failed already
        self.cancel()
        self._playout.done(self.generation)
        self._log.write("reply_failed", gen=self.generation, reason=reason)
        self._tell(ReplyFailed(self.generation, reason))

    def _think(self, brain: Brain, request: Request) -> None:
        first = True
        for part in brain.reply(request):
            if self._stopped:
                return
            if isinstance(part, Grounds | ClientCall | Used):
                self._show(OfReply(self.generation, part))
            if isinstance(part, ClientCall):
                self._log.write("client_call", gen=self.generation, id=part.call_id, name=part.name,
                                arguments=part.arguments)
            if isinstance(part, ClientCall | Used):
                continue
            if isinstance(part, Grounds):
                self._log.write(
                    "grounds",
                    gen=self.generation,
                    decision=part.decision,
                    score=round(part.score, 3),
                    citations=part.citations,
                    ms=self._ms_since(self._asked),
                    detail=part.detail,
                )
                continue
            if isinstance(part, Farewell):
                self._farewell = True
                continue
            if first:
                first = False
                self._texted = monotonic()
                self._log.write("first_text", gen=self.generation, ms=self._ms_since(self._asked))
            for clause in self._splitter.feed(part.text):
                self._put(clause)
        for clause in self._splitter.flush():
            self._put(clause)
        self._clauses.put(None)

    def _put(self, clause: str) -> None:
        self._words += len(clause.split())
        self._clauses.put(clause)

    def _speak(self) -> None:
        clauses = 0
        samples = 0
        for clause in iter(self._clauses.get, None):
            self._some_of_it.wait()
            if clauses == 1:
                self._all_of_it.wait()
            spoken = self._speaker.say(clause)
            if not spoken.text:
                continue  # a ruler, an emoji, code: nothing that a voice could say
            clauses += 1
            differs = {} if spoken.text == clause else {"spoken": spoken.text}
            self._log.write("clause", gen=self.generation, text=clause, **differs)
            for pcm in self._stage(spoken):
                if not samples:
                    self._log.write("first_audio", gen=self.generation, ms=self._ms_since(self._texted))
                samples += len(pcm)
                self._tell(ReplyReady(self.generation, samples / self._rate))
                if self._stopped:
                    return
        if clauses and not samples:
            raise DialogError("the voice gave no audio for the text")
        self._playout.done(self.generation)
        self._log.write(
            "reply_done", gen=self.generation, clauses=clauses, audio_ms=round(samples * 1000 / self._rate)
        )
        self._tell(ReplyDone(self.generation, not samples, samples / self._rate, self._farewell))

    def _stage(self, clause: Spoken) -> Iterator[Pcm]:
        """Render a clause into playout; yields each piece that went in."""
        started = False
        for pcm, words in self._render(clause.text):
            if not len(pcm):
                continue
            if not self._playout.wait_room(ROOM_TIMEOUT_S):
                raise DialogError(f"the reply is too long: nothing of it was heard for {ROOM_TIMEOUT_S:g} s")
            if started:
                self._playout.extend(self.generation, pcm, words)
            else:
                started = True
                self._playout.add(self.generation, pcm, clause.written, words, clause)
                self._show(Clause(self.generation, clause.written))
            yield pcm
        self._playout.clause_done(self.generation)

    def _render(self, clause: str) -> Iterator[tuple[Pcm, Sequence[TimedWord]]]:
        """The clause's audio and word times at the leg's rate."""
        stream: Resampler | None = None
        for chunk in self._voice.render(clause):
            if not len(chunk.pcm):
                continue
            if chunk.rate == self._rate:
                yield chunk.pcm, chunk.words
                continue
            if stream is None and chunk.rate in STREAM_RATES:
                stream = Resampler(chunk.rate, self._rate)
                held_back = np.zeros(ceil(stream.delay_ms * chunk.rate / 1000), np.int16)
            convert = stream.process if stream else partial(resample, rate_from=chunk.rate, rate_to=self._rate)
            if len(chunk.pcm) >= OFF_HUB_SAMPLES:
                pcm = gevent.get_hub().threadpool.apply(convert, (chunk.pcm,))
            else:
                pcm = convert(chunk.pcm)
            yield pcm, words_at_rate(chunk.words, chunk.rate, self._rate)
        if stream is not None:
            yield stream.process(held_back), ()

    def _ms_since(self, then: float) -> float:
        return round((monotonic() - then) * 1000, 1)
