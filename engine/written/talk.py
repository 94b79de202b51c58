"""One conversation in writing: what was written, by whom, and the next turn of it.

    talk = Talk(casting, agent, "s1", "en", route)
    turn = talk.turn("when do you open")
    for words in turn: ...
    turn.reply.citations
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from time import monotonic
from types import MappingProxyType
from typing import Any

import gevent
from gevent.event import Event as Flag
from gevent.lock import BoundedSemaphore

from engine.agents.agent import Agent
from engine.casting import Casting
from engine.dialog.actions import CallContext, Outcome
from engine.dialog.brain import Brain, Farewell, Grounds, PastTool, Request, Text
from engine.dialog.model_brain import ModelBrain
from engine.errors import ProviderFault, TrunklineError
from engine.language.identify import identify
from engine.routing.dialect import DialectTracker
from engine.routing.facts import Facts
from engine.routing.language import LanguageTracker
from engine.routing.router import CallRoute, Log, NoLog
from engine.written.actions import WritingActions
from engine.written.errors import WritingError
from engine.written.record import Record, TurnLines, told_of_change
from engine.written.reply import Reply, ToolUse

Clock = Callable[[], float]


class Talk:
    """One turn at a time: who comes meanwhile waits in ``turn``'s iterator for at most its ``turn_s``."""

    def __init__(
        self, casting: Casting, agent: Agent, talk_id: str, language: str, *, dialect: str = "", region: str = "",
        history: Sequence[tuple[str, str]] = (), more: str = "", limits: Mapping[str, Any] = MappingProxyType({}),
        turn_s: float = 120.0, clock: Clock = monotonic, record: Record | None = None,
    ) -> None:
        """Nothing is asked yet. ``history``: ``(who, text)`` of what was written before, who ``user`` or ``agent``.
        ``more`` and ``limits``: see ``Casting.written``. ``turn_s``: longest turn, the wait for its beginning included.
        ``record``: what is left of the conversation; who gives it closes it.
        """
        self.id = talk_id
        self.agent = agent
        self.language = language
        self.dialect = dialect
        self.turns = 0
        self.busy = BoundedSemaphore(1)
        self.log: Log = record.events if record is not None else NoLog()
        """Of the conversation; lines of one without a record are not kept."""

        self.log.write("agent_picked", **agent.picked(language))
        self.route: CallRoute | None = None
        if casting.router is not None:
            now = datetime.now()
            facts = Facts(language=language, dialect=dialect, region=region, agent=agent.name, hour=now.hour,
                          weekday=now.isoweekday())
            self.route = casting.router.for_call(facts, self.log)
        self._casting = casting
        self._more, self._limits, self._turn_s, self._clock = more, limits, turn_s, clock
        self._lines: list[tuple[str, str]] = list(history)
        self._tools: list[PastTool] = []
        self._brains: dict[str, Brain] = {}
        self._tracker = LanguageTracker(agent.languages, language) if len(agent.languages) > 1 else None
        self._dialects = DialectTracker(dialect)
        self._actions = WritingActions(self._change, record.mask if record is not None else _nothing_to_hide)
        try:
            self._brain()  # what is missing is told now
        except TrunklineError as fault:
            raise WritingError("cast", f"agent {agent.name} cannot answer: {fault}") from fault

    @property
    def history(self) -> tuple[tuple[str, str], ...]:
        """What was written so far, ``(who, text)``."""
        return tuple(self._lines)

    def turn(self, text: str, *, language: str = "", dialect: str = "", region: str = "") -> "Turn":
        """The answer to ``text``, on its way. ``language`` "": found out from the text, among those of the agent.
        Raises ``WritingError`` for a language that the agent does not speak."""
        if language and language not in self.agent.languages:
            raise WritingError("language", f"{self.agent.name} speaks {', '.join(self.agent.languages)}, not "
                                           f"{language}")
        return Turn(self, text, language, {"dialect": dialect, "region": region})

    def close(self) -> None:
        """It is over: skills that only read are ended, those that change something still finish."""
        for brain in self._brains.values():
            if isinstance(brain, ModelBrain):
                brain.call_ended(self.id)
        self._brains.clear()
        if self.route is not None:
            self.route.close()

    # ------------------------------------------------------------ for its turns

    def begin(self, text: str, language: str, facts: Mapping[str, str]) -> None:
        """``text`` was written: its language and dialect hold from here on."""
        before, why = (self.language, self.dialect), "asked for"
        if language:
            self._change(language)
        elif self._tracker is not None:
            change = self._tracker.hear(text)
            self.language, why = change.language, change.why
        if facts.get("dialect"):
            self.dialect = facts["dialect"]
        elif self.language == "ml":
            dialect = self._dialects.hear(text)
            self.dialect, why = dialect.name or self.dialect, dialect.why
        told_of_change(self.log, before, (self.language, self.dialect), why)
        if self.route is not None:
            now = self.route.facts
            region = facts.get("region") or now.region
            if (self.language, self.dialect, region) != (now.language, now.dialect, now.region):
                self.route.set_facts(language=self.language, dialect=self.dialect, region=region,
                                     code_mixed=identify(text).mixed > 0)

    def parts(self, text: str, number: int, reply: Reply) -> Iterator[object]:
        """The parts of the agent's answer. Skills that run are noted in ``reply`` and for the turns to come."""
        history = tuple(self._lines)
        self._lines.append(("user", text))

        def called(call_id: str, name: str, arguments: str) -> bool:
            reply.tools.append(ToolUse(call_id, name, arguments))
            self._tools.append(PastTool(len(history) + 1, call_id, name, arguments, None, False))
            return True

        def returned(call_id: str, result: str, error: bool) -> None:
            for tool in reply.tools:
                if tool.id == call_id:
                    tool.result, tool.error = result, error
            self._tools = [PastTool(each.after, each.call_id, each.name, each.arguments, result, error)
                           if each.call_id == call_id else each for each in self._tools]

        context = CallContext(self.id, self.agent.name, self.language, "", "", self._actions, write=self.log.write)
        request = Request(text, history, number, False, context=context, tool_called=called, tool_returned=returned,
                          tools=tuple(self._tools))
        return self._brain().reply(request)

    def answered(self, text: str, tools: bool) -> None:
        """The turn is over with this answer. One of which nothing came, and that ran no skill, did not happen."""
        if text:
            self._lines.append(("agent", text))
        elif not tools:
            self._lines.pop()

    def thinker(self) -> tuple[str, str]:
        """Who answered last: provider and model."""
        options = self.agent.options.model
        if options is None:
            return "knowledge", ", ".join(self.agent.options.collections) or self._casting.config.knowledge.collection
        if self.route is not None and (used := self.route.used("llm")) is not None:
            return used.provider, used.model
        return options.provider, options.name or self._casting.model_name(options.provider)

    @property
    def turn_s(self) -> float:
        """Longest turn, in seconds."""
        return self._turn_s

    @property
    def clock(self) -> Clock:
        """Seconds."""
        return self._clock

    def _brain(self) -> Brain:
        """Of the language now; one with a model keeps what its skills did, in all languages."""
        key = "" if self.agent.options.model else self.language
        if key not in self._brains:
            self._brains[key] = self._casting.written(self.agent, self.language, self.route, self._more, self._limits)
        return self._brains[key]

    def _change(self, language: str) -> Outcome:
        """Somebody asked for this language: it stays until another one is asked for."""
        code = language.lower().partition("-")[0]
        if code not in self.agent.languages:
            return Outcome(False, f"{self.agent.name} speaks {', '.join(self.agent.languages)}, not {language}")
        self.language = code
        if self._tracker is not None:
            self._tracker.choose(code, "asked for")
        return Outcome(True, data={"language": code})


class Turn:
    """One turn: iterate for the words of its answer, once; ``reply`` grows with them."""

    def __init__(self, talk: Talk, text: str, language: str, facts: Mapping[str, str]) -> None:
        """Use ``Talk.turn``."""
        self.talk = talk
        self.reply = Reply(talk.id, talk.agent.name, talk.language)
        self.failed = False
        """There was no whole answer: the same request may be made again."""

        self._text, self._language, self._facts = text, language, facts
        self._begun, self._over = False, Flag()

    def __iter__(self) -> Iterator[str]:
        """The words as they come; who iterates again gets them at once, when they are all there. Closing the iterator
        breaks the answer off; skills that were started finish. Raises ``WritingError`` when the turn before does not
        end in time, ``TrunklineError`` when there is no answer."""
        talk = self.talk
        began = talk.clock()
        if self._begun:
            if not self._over.wait(talk.turn_s) or self.failed:
                raise WritingError("busy", f"session {talk.id}: the same request was made before and not answered")
            yield self.reply.text
            return
        self._begun, whole = True, False
        try:
            if not talk.busy.acquire(timeout=talk.turn_s):
                raise WritingError("busy", f"session {talk.id} is still answering the turn before")
            try:
                yield from self._answer(began)
                whole = True
            finally:
                talk.busy.release()
        finally:
            self.failed = not whole
            self._over.set()

    def _answer(self, began: float) -> Iterator[str]:
        talk, reply, whole = self.talk, self.reply, False
        talk.begin(self._text, self._language, self._facts)
        talk.turns += 1
        lines = TurnLines(talk.log, talk.turns, talk.clock)
        lines.asked(self._text)
        spent = talk.route.account.total if talk.route else 0.0
        try:
            with closing(talk.parts(self._text, talk.turns, reply)) as parts:  # type: ignore[type-var]
                while (part := self._next(parts, began)) is not None:
                    if isinstance(part, Text):
                        words = part.text if reply.text else part.text.lstrip()
                        if words and reply.first_ms is None:
                            reply.first_ms = (talk.clock() - began) * 1000
                            lines.first()
                        if words:
                            reply.text += words
                            yield words
                    elif isinstance(part, Grounds):
                        lines.part(part)
                        reply.decision, reply.citations = part.decision, [dict(one) for one in part.citations]
                        reply.confidence = part.score if part.citations or part.decision != "model" else None
                    elif isinstance(part, Farewell):
                        reply.ended = True
            whole = True
        except Exception as fault:
            lines.failed(str(fault))
            raise
        finally:
            lines.answered(reply.text.strip(), not whole)
            talk.answered(reply.text.strip(), bool(reply.tools))
            reply.language, reply.dialect = talk.language, talk.dialect
            reply.provider, reply.model = talk.thinker()
            reply.cost = (talk.route.account.total if talk.route else 0.0) - spent
            reply.latency_ms = (talk.clock() - began) * 1000

    def _next(self, parts: Iterator[object], began: float) -> object:
        talk = self.talk
        left = max(0.01, talk.turn_s - (talk.clock() - began))
        late = gevent.Timeout(left)
        try:
            with late:
                return next(parts, None)
        except gevent.Timeout as fault:
            if fault is not late:
                raise
            raise ProviderFault(talk.agent.name, "timeout", f"the answer took longer than {talk.turn_s:g} s") from None


def _nothing_to_hide(on: bool) -> None:
    """``mask`` of a conversation that leaves no record."""
