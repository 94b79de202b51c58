"""The agent's answers in writing for carriers that speak and listen themselves: keys and words in, a text out, in time.

A conversation belongs to the carrier's call. It is one of ``engine.written``: with its log, its session, its memory.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import gevent

from engine.agents.agent import Agent
from engine.carriers.normal import CarrierEvent
from engine.casting import Casting
from engine.config.carriers import CarriersOptions
from engine.errors import TrunklineError
from engine.service import Engine
from engine.web.ai import recorder_of
from engine.web.faults import casting_of
from engine.written.talks import Talks

log = logging.getLogger(__name__)

LATE = "I'm sorry, I'm having trouble processing your request."
FAULT = "An error occurred. Please try again."


@dataclass(frozen=True, slots=True)
class Said:
    """What the caller is to hear, in which language (ISO 639-1), and whether that is the end."""

    text: str
    language: str
    ended: bool = False


class CarrierTalk:
    """All of them of an engine."""

    def __init__(self, engine: Engine, options: CarriersOptions) -> None:
        """Nothing is said yet."""
        self._options = options
        self._casting: Callable[[], Casting] = lambda: casting_of(engine)
        writing = engine.config.writing
        # A turn that takes longer than the carrier waits is broken off, not awaited.
        self._talks = Talks(writing, options.answer_s, recorder=recorder_of(engine) if writing.record else None)
        engine.closing.append(self._talks.close)

    def greet(self, event: CarrierEvent, agent: str) -> Said:
        """What the agent says first. ``agent``: its name; "": as the called number says."""
        try:
            found = self._agent(event, agent)
        except TrunklineError as fault:
            log.error("call %s of %s: %s", event.call, event.carrier, fault)
            return self._sorry(None, "en", late=False)
        return Said(found.phrases().greeting, found.language)

    def answer(self, event: CarrierEvent, agent: str) -> Said:
        """The answer to the keys or words of ``event``, within ``answer_s``."""
        wanted = event.speech or self._options.dtmf_intents.get(event.digits, event.digits)
        found, language = None, "en"
        late = gevent.Timeout(self._options.answer_s)
        try:
            with late:
                found = self._agent(event, agent)
                language = found.language
                turn = self._talks.turn(self._casting(), event.carrier, wanted, session_id=event.call,
                                        agent=found.name, caller=event.caller)
                for _ in turn:
                    pass
        except gevent.Timeout as fault:
            if fault is not late:
                raise
            log.warning("call %s of %s: no answer within %g s", event.call, event.carrier, self._options.answer_s)
            return self._sorry(found, language, late=True)
        except TrunklineError as fault:
            log.error("call %s of %s: %s", event.call, event.carrier, fault)
            late_one = getattr(fault, "kind", "") == "timeout" or getattr(fault, "wrong", "") == "busy"
            return self._sorry(found, language, late_one)
        except Exception:
            log.exception("call %s of %s: no answer", event.call, event.carrier)
            return self._sorry(found, language, late=False)
        reply = turn.reply
        if not reply.text.strip():
            return self._sorry(found, reply.language, late=False)
        return Said(reply.text.strip(), reply.language, reply.ended)

    def over(self, event: CarrierEvent) -> None:
        """The call is over: its conversation is."""
        self._talks.end(event.carrier, event.call)

    def _agent(self, event: CarrierEvent, name: str) -> Agent:
        agents = self._casting().agents
        return agents.get(name) if name else agents.pick(did=event.called, caller=event.caller)

    def _sorry(self, agent: Agent | None, language: str, late: bool) -> Said:
        """There is no answer, or not in time: the operator's words, else English ones, else the agent's."""
        texts = self._options.late_texts if late else self._options.fault_texts
        if text := texts.get(language):
            return Said(text, language)
        if language == "en" or agent is None:
            return Said(texts.get("en") or (LATE if late else FAULT), "en")
        return Said(agent.phrases(language).apology, language)
