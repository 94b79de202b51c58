"""Replies that are not spoken on the conversation's floor: written ones, and those beside the conversation.

Each runs in a greenlet of its own; so many at a time, more wait. Audio of one beside the conversation is sent as it is
rendered: nobody waits for their turn there.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import gevent
from gevent.lock import BoundedSemaphore

from engine.dialog.actions import CallContext
from engine.dialog.brain import ClientCall, Grounds, Request, Text, Used
from engine.dialog.clauses import ClauseSplitter
from engine.dialog.model_brain import ModelBrain
from engine.errors import TrunklineError
from engine.following import Account
from engine.media.resample import resample
from engine.realtime import happenings as happen
from engine.realtime.behind import Behind
from engine.realtime.formats import RATE, Encoder
from engine.senses import Senses
from engine.speech.interfaces import Voice
from engine.speech.spoken import Speaker
from engine.telemetry import logs
from engine.written.record import TurnLines

log = logging.getLogger(__name__)

FIRST = 1_000_000
"""Numbers of these replies begin here: those of the turn engine stay below."""

END_S = 1.0

Tell = Callable[[happen.Happening], None]
Voiced = Callable[[Senses, Mapping[str, Any]], Voice]


class Aside:
    """One reply: ``response_id`` of the ``Respond`` that asked for it; empty: it answers a turn of the caller."""

    def __init__(self, number: int, response_id: str, account: Account, session: Mapping[str, Any], *,
                 beside: bool) -> None:
        """Nothing is asked yet. ``beside``: it is no part of the conversation."""
        self.number = number
        self.response_id = response_id
        self.account = account
        self.session = session
        self.beside = beside
        self.text = ""
        self.lines: TurnLines | None = None
        """Of the call's log; None beside the conversation."""

        self.input_tokens = self.output_tokens = 0
        self.incomplete = ""
        self.greenlet: gevent.Greenlet | None = None

    @property
    def audible(self) -> bool:
        """Whether it is spoken."""
        return bool(self.session["output_modalities"] == ["audio"])


class Asides:
    """Those of one session."""

    def __init__(self, talk: Callable[[], Behind], tell: Tell, item_of: Callable[[int], str], most: int,
                 voice: Voiced | None = None) -> None:
        """``talk()`` is the call behind the session; ``item_of(number)`` the id of what a reply says; ``most`` run at a
        time; ``voice(senses, session)`` speaks them, or the senses' own."""
        self._talk = talk
        self._voice = voice or (lambda senses, session: senses.voice)
        self._tell = tell
        self._item_of = item_of
        self._places = BoundedSemaphore(most)
        self._numbers = count(FIRST)
        self._running: dict[int, Aside] = {}

    def start(self, response_id: str, account: Account, session: Mapping[str, Any], *, beside: bool) -> None:
        """Have it made."""
        aside = Aside(next(self._numbers), response_id, account, session, beside=beside)
        self._running[aside.number] = aside
        self._tell(happen.ReplyBegun(aside.number, response_id))
        aside.greenlet = logs.spawn(self._run, aside)

    def cancel(self, response_id: str) -> bool:
        """The client wants it no more. False: it is none of these."""
        found = [aside for aside in self._running.values() if aside.response_id == response_id and response_id]
        for aside in found:
            self._stop(aside, "client_cancelled")
        return bool(found)

    def interrupt(self, by: str = "turn_detected") -> bool:
        """The caller speaks: what is being written for the conversation ends."""
        found = [aside for aside in self._running.values() if not aside.beside]
        for aside in found:
            self._stop(aside, by)
        return bool(found)

    def close(self) -> None:
        """The session is over."""
        greenlets = [aside.greenlet for aside in self._running.values() if aside.greenlet is not None]
        self._running.clear()
        gevent.killall([one for one in greenlets if one is not gevent.getcurrent()], timeout=END_S)

    def _stop(self, aside: Aside, by: str) -> None:
        if self._running.pop(aside.number, None) is not None:
            if aside.greenlet is not None:
                aside.greenlet.kill(block=False)
            self._tell(happen.ReplyCut(aside.number, by, "", 0))
            self._write_down(aside, interrupted=True)

    def _run(self, aside: Aside) -> None:
        try:
            with self._places:
                self._make(aside)
        except TrunklineError as fault:
            code = "rate_limit_exceeded" if getattr(fault, "kind", "") == "rate_limit" else "server_error"
            self._end(aside, happen.ReplyFailed(aside.number, code, str(fault)))
        except Exception as fault:  # noqa: BLE001  a provider's bug ends one reply, and its client is told
            log.exception("a fault of the brain or the voice in reply %d", aside.number)
            self._end(aside, happen.ReplyFailed(aside.number, "server_error", f"{type(fault).__name__}: {fault}"))
        else:
            self._end(aside, happen.ReplyEnded(aside.number, aside.input_tokens, aside.output_tokens,
                                               aside.incomplete))

    def _end(self, aside: Aside, happening: happen.Happening) -> None:
        if self._running.pop(aside.number, None) is not None:
            self._tell(happening)
            failed = isinstance(happening, happen.ReplyFailed)
            if isinstance(happening, happen.ReplyFailed) and aside.lines is not None:
                aside.lines.failed(happening.message)
            self._write_down(aside, interrupted=failed)

    def _write_down(self, aside: Aside, *, interrupted: bool) -> None:
        if aside.lines is not None:
            aside.lines.answered(aside.text.strip(), interrupted, self._item_of(aside.number))

    def _make(self, aside: Aside) -> None:
        talk, account, number = self._talk(), aside.account, aside.number
        senses = talk.cast.senses
        context = talk.conversation.context
        if not aside.beside:
            aside.lines = TurnLines(talk.events, number)
            aside.lines.thinks(account.text)
        own = context is not None and aside.beside
        if own:
            assert context is not None
            context = replace(context, call_id=f"{context.call_id}/{number}")
        request = Request(
            account.text, account.history, number, False, context=context, terms=account.terms,
            tool_called=lambda call_id, name, arguments: self._called(aside, call_id, name, arguments),
            tool_returned=lambda call_id, result, error: self._tell(
                happen.ServerToolReturned(call_id, result, result if error else "")),
        )
        voice = _Spoken(senses, self._voice(senses, aside.session), aside, self._tell) if aside.audible else None
        try:
            for part in senses.brain.reply(request):
                if isinstance(part, Text) and voice is not None:
                    voice.say(part.text)
                elif isinstance(part, Text):
                    if aside.lines is not None and not aside.text:
                        aside.lines.first()
                    aside.text += part.text
                    self._tell(happen.ReplyWords(number, part.text))
                else:
                    self._part(aside, part)
            if voice is not None:
                voice.end()
        finally:
            if own and isinstance(senses.brain, ModelBrain):
                _forget(senses.brain, context)

    def _called(self, aside: Aside, call_id: str, name: str, arguments: str) -> bool:
        self._tell(happen.ServerToolCalled(aside.number, call_id, name, arguments))
        return aside.number in self._running

    def _part(self, aside: Aside, part: object) -> None:
        if aside.lines is not None:
            aside.lines.part(part)
        if isinstance(part, Grounds) and part.citations:
            self._tell(happen.ReplyCited(aside.number, part.citations))
        elif isinstance(part, ClientCall):
            self._tell(happen.ClientToolCalled(aside.number, part.call_id, part.name, part.arguments))
        elif isinstance(part, Used):
            aside.input_tokens += part.input_tokens
            aside.output_tokens += part.output_tokens
            aside.incomplete = part.incomplete


class _Spoken:
    """The voice of a reply beside the conversation."""

    def __init__(self, senses: Senses, voice: Voice, aside: Aside, tell: Tell) -> None:
        self._voice = voice
        self._aside = aside
        self._tell = tell
        self._splitter = ClauseSplitter()
        self._speaker = Speaker(senses.config.speech.language)
        self._encoder = Encoder(aside.session["audio"]["output"]["format"])
        self._said = False

    def say(self, text: str) -> None:
        """More text."""
        self._render(self._splitter.feed(text))

    def end(self) -> None:
        """That was all of it."""
        self._render(self._splitter.flush())
        audio, ms = self._encoder.end()
        if self._said and audio:
            self._tell(happen.ReplyAudio(self._aside.number, audio, ms))

    def _render(self, clauses: Iterable[str]) -> None:
        for clause in clauses:
            spoken = self._speaker.say(clause)
            if not spoken.text:
                continue
            self._tell(happen.ReplyWords(self._aside.number, f" {clause}" if self._said else clause))
            self._said = True
            for chunk in self._voice.render(spoken.text):
                pcm = chunk.pcm if chunk.rate == RATE else resample(chunk.pcm, chunk.rate, RATE)
                audio, ms = self._encoder.encode(pcm)
                if audio:
                    self._tell(happen.ReplyAudio(self._aside.number, audio, ms))


def _forget(brain: ModelBrain, context: CallContext | None) -> None:
    if context is not None:
        brain.call_ended(context.call_id)


__all__ = ["Asides"]
