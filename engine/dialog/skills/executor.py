"""Runs skills: arguments checked, each in a greenlet of its own, with a deadline, once, whatever the caller does.

    executor = Executor(registry.skills, options, services)    one an engine
    skills = executor.open(context, persona)                   one a call
    skills.begin(request.history, turn)                        one a request to the brain
    step = skills.ask(turn, tool_calls)                        starts what may start; waits for the decision if need be
    step.attempts[0].run.done.wait(0.7)
    skills.close()                                             with the call

A reply that is interrupted is killed while it waits; the run goes on, and its result waits in the ledger for the next
turn.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from time import monotonic
from typing import Any

import gevent
from gevent.pool import Pool
from pydantic import BaseModel

from engine.config import SkillOptions
from engine.dialog.actions import CallContext
from engine.dialog.model import Tool, ToolCall
from engine.dialog.persona import Persona
from engine.dialog.skills.breaker import Breaker
from engine.dialog.skills.ledger import NOT_RUN, Attempt, History, Ledger, Run, Step, Turn
from engine.dialog.skills.result import Failed, Result, failed, result_of
from engine.dialog.skills.services import Services
from engine.dialog.skills.skill import ArgumentsWrong, Skill, SkillContext
from engine.dialog.skills.vault import Vault
from engine.errors import TrunklineError
from engine.telemetry import logs

log = logging.getLogger(__name__)

DECISION_S = 30.0
"""How long a side effect waits for the turn to be decided; no turn stays open so long."""

RUNNING_PER_CALL = 16
"""Runs of one call at the same time; more are refused."""

MASK = "***"


class Executor:
    """Shared by all calls of an engine. ``skills`` gives all that there are now, by name."""

    def __init__(
        self, skills: Callable[[], Mapping[str, Skill]], options: SkillOptions, services: Services,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """``clock``: seconds, for breakers and freshness; deadlines are the hub's."""
        self.skills = skills
        self.options = options
        self.services = services
        self.clock = clock
        self._pool: Pool = Pool(options.max_running)
        self._breakers: dict[str, Breaker] = {}

    def open(self, context: CallContext | None, persona: Persona) -> "CallSkills":
        """The skills of one call."""
        return CallSkills(self, context, persona)

    def breaker(self, name: str) -> Breaker:
        """That of one skill, for all calls."""
        return self._breakers.setdefault(name, Breaker(self.options.breaker_faults, self.options.breaker_rest_s))

    @property
    def full(self) -> bool:
        """Whether as many run as may."""
        return self._pool.free_count() <= 0

    def start(self, work: Callable[[], None]) -> gevent.Greenlet:
        """Run ``work`` in a greenlet of the executor's; not when it is ``full``."""
        greenlet = logs.spawn(work)
        self._pool.add(greenlet)
        return greenlet

    def close(self, timeout_s: float = 5.0) -> None:
        """Wait for what runs, then end it."""
        self._pool.join(timeout_s)
        self._pool.kill(timeout=1.0)


class CallSkills:
    """The skills of one call, and their ledger."""

    def __init__(self, executor: Executor, context: CallContext | None, persona: Persona) -> None:
        """Use ``Executor.open``."""
        self.context = context
        self.persona = persona
        self.ledger = Ledger(executor.options.result_chars)
        self.executor = executor
        self._vault = Vault()
        self._running: dict[Run, gevent.Greenlet] = {}
        self._last_alone: Run | None = None

    def begin(self, history: History, turn: Turn, context: CallContext | None = None) -> None:
        """A new request to the brain; ``context`` as it is now (the language may have changed)."""
        self.context = context or self.context
        self.ledger.begin(history, turn)

    @property
    def language(self) -> str:
        """The call's now."""
        return self.context.language if self.context else self.persona.language

    def offered(self) -> dict[str, Skill]:
        """The skills that the agent may use; one that needs a choice of the agent's only where there is one."""
        persona = self.persona
        return {name: skill for name, skill in self.executor.skills().items()
                if any(fnmatchcase(name, pattern) for pattern in persona.skills)
                and (skill.choices is None or all(skill.choices(persona).values()))}

    def tools(self) -> list[Tool]:
        """What to offer to the model."""
        return [skill.tool(self.persona) for skill in self.offered().values()]

    def ask(self, turn: Turn, calls: Sequence[ToolCall], allow: Callable[[Attempt], str] | None = None) -> Step:
        """The model calls skills. What only reads starts at once; for a side effect this waits,
        cooperatively, until the turn is decided. ``allow`` may refuse an attempt by giving a reason."""
        step = self.ledger.step(turn, calls)
        prepared = [(attempt, *self._prepare(attempt)) for attempt in step.attempts]
        later = []
        for attempt, skill, arguments in prepared:
            if skill is None or arguments is None:
                continue
            if allow is not None and (why := allow(attempt)):
                attempt.refusal = failed("refused", why)
                self._note_refused(attempt)
            elif skill.side_effect:
                later.append((attempt, skill, arguments))
            else:
                self._start(attempt, skill, arguments)
        for attempt, skill, arguments in later:
            if turn.wait(DECISION_S):
                self._start(attempt, skill, arguments)
            else:
                attempt.refusal = failed("not_decided", "The caller went on speaking: it was not done.")
                self._note_refused(attempt)
        return step

    def close(self) -> None:
        """The call is over: what only reads is ended; what changes something is finished within its deadline."""
        for run, greenlet in list(self._running.items()):
            if not run.skill.side_effect:
                greenlet.kill(block=False)

    # ------------------------------------------------------------ before a run

    def _prepare(self, attempt: Attempt) -> tuple[Skill | None, BaseModel | None]:
        """The skill and its arguments; without arguments, the attempt has been refused."""
        call = attempt.call
        offered = self.offered()
        skill = offered.get(call.name)
        if skill is None:
            names = ", ".join(offered) or "none"
            attempt.refusal = failed("unknown_skill", f"There is no skill '{call.name}'. There are: {names}.")
        else:
            try:
                arguments = skill.parse(attempt.written)
                self._check_choices(skill, arguments)
            except ArgumentsWrong as fault:
                attempt.refusal = failed("bad_arguments", f"{fault}. Mend the arguments, or ask the caller for them.")
            else:
                return skill, arguments
        self._note_refused(attempt)
        return skill, None

    def _check_choices(self, skill: Skill, arguments: BaseModel) -> None:
        for name, allowed in (skill.choices(self.persona) if skill.choices else {}).items():
            value = getattr(arguments, name)
            if value not in allowed:
                there_are = ", ".join(allowed) or "nothing, none is set up"
                raise ArgumentsWrong(f"{name}: one of {there_are}; not '{value}'")

    def _start(self, attempt: Attempt, skill: Skill, arguments: BaseModel) -> None:
        """Start a run, or join the one that does the same thing. No other greenlet runs meanwhile."""
        executor, turn = self.executor, attempt.turn
        now = executor.clock()
        identity = f"{skill.name} {json.dumps(arguments.model_dump(mode='json'), sort_keys=True)}"
        attempt.run = self.ledger.find(skill, identity, turn, now)
        if attempt.run is not None:
            attempt.repeated = True
            self._note_call(attempt, skill)
            if attempt.run.result is None and self._announce(attempt, skill):
                self._tell_result(attempt, attempt.run)
            return
        attempt.refusal = self._refusal(skill, identity, turn, now)
        self._note_call(attempt, skill)
        if attempt.refusal is None and not self._announce(attempt, skill):
            executor.breaker(skill.name).forget()
            attempt.refusal = NOT_RUN
        if attempt.refusal is not None:
            self._note_result(turn, attempt.call.id, skill.name, attempt.refusal, 0.0, skill.private)
            return
        call_id = self.context.call_id if self.context else ""
        key = hashlib.sha256(f"{call_id} {turn.place} {identity}".encode()).hexdigest()[:32]
        run = Run(skill, identity, turn, key)
        before, self._last_alone = self._last_alone, (self._last_alone if skill.parallel else run)
        wait_for = None if skill.parallel else before
        greenlet = executor.start(lambda: self._work(run, arguments, attempt.call.id, wait_for))
        attempt.run = run
        self._tell_result(attempt, run)
        self.ledger.add(run)
        self.ledger.used(identity)
        self._running[run] = greenlet
        greenlet.link(lambda _: self._ended(run))

    def _refusal(self, skill: Skill, identity: str, turn: Turn, now: float) -> Result | None:
        """Why it must not be started now; None if it may."""
        if skill.confirm and not self.ledger.confirmed(identity, turn):
            return failed("not_confirmed", "Not done yet. Tell the caller exactly what you are about to do and ask "
                          "whether that is right. Call this again with the same arguments only after a clear yes.")
        if self.executor.full or len(self._running) >= RUNNING_PER_CALL:
            return failed("busy", "Too much is being done at the moment. Try again in a minute.")
        if not self.executor.breaker(skill.name).allows(now):
            return failed("unavailable", "This does not work at the moment. Go on without it; say so if it matters.")
        return None

    def _announce(self, attempt: Attempt, skill: Skill) -> bool:
        """Tell the reply that it waits for a skill; False: it is not wanted any more."""
        arguments = json.dumps(masked(json.loads(attempt.call.arguments), skill.private), ensure_ascii=False)
        return attempt.turn.called(attempt.call.id, skill.name, arguments)

    def _tell_result(self, attempt: Attempt, run: Run) -> None:
        """Tell the reply when the skill is done, or who keeps its history when the reply is over."""
        returned, name = attempt.turn.returned, attempt.call.id
        limit = self.executor.options.result_chars

        def tell(result: Result) -> None:
            returned(name, _without(result, run.skill.private).as_text(limit), not result.success)

        run.waiting.append(tell)

    # ------------------------------------------------------------ a run, in its own greenlet

    def _work(self, run: Run, arguments: BaseModel, call_id: str, before: Run | None) -> None:
        skill = run.skill
        if before is not None and before.result is None:
            before.done.wait()  # it has a deadline of its own
        clock = self.executor.clock
        began = clock()
        result = Result(False, error="stopped", message="It was stopped.", sure=not skill.side_effect)
        try:
            result = self._call(run, arguments)
        finally:
            now = clock()
            breaker = self.executor.breaker(skill.name)
            if result.error == "stopped":
                breaker.forget()
            elif breaker.note(result.fault, now):
                log.warning("skill %s is left alone for %g s: it failed too often", skill.name,
                            self.executor.options.breaker_rest_s)
            run.finish(result, now)
            log.info("skill %s: %s in %d ms", skill.name, "done" if result.success else result.error,
                     (now - began) * 1000)
            self._note_result(run.turn, call_id, skill.name, result, (now - began) * 1000, skill.private)

    def _call(self, run: Run, arguments: BaseModel) -> Result:
        """Call the function; everything that can happen becomes a result."""
        skill, executor = run.skill, self.executor
        context = SkillContext(self.context, self.persona, executor.services, self.language, run.key,
                               self._vault.put, run.cited)
        revealed = type(arguments).model_construct(**self._vault.reveal(dict(arguments)))
        limit = gevent.Timeout(skill.timeout_s)
        try:
            with limit:
                if skill.thread:
                    pool = gevent.get_hub().threadpool
                    value = pool.apply(skill.run, (context, revealed, executor.options.mock))
                else:
                    value = skill.run(context, revealed, executor.options.mock)
            return result_of(value)
        except Failed as fault:
            return failed(fault.error, fault.message)
        except gevent.Timeout as fault:
            if fault is not limit:
                log.exception("skill %s (%s): a deadline of its own passed", skill.name, skill.source)
            return self._unknown(skill, "timeout", f"It took longer than {skill.timeout_s:g} s.")
        except TrunklineError as fault:
            log.warning("skill %s: %s", skill.name, fault)
            return self._unknown(skill, "unavailable", "It could not be reached.")
        except Exception:  # noqa: BLE001  a skill's bug is told to the model as a result, and to the log as it is
            log.exception("skill %s (%s) failed", skill.name, skill.source)
            return self._unknown(skill, "internal", "It failed for a reason of its own.")

    @staticmethod
    def _unknown(skill: Skill, error: str, what: str) -> Result:
        """A fault. If something may have been changed, the model is not to try again on its own."""
        if skill.side_effect:
            what += " Whether it was done is not known: do not try again, tell the caller that it is not confirmed."
        return Result(False, error=error, message=what, sure=not skill.side_effect, fault=True)

    def _ended(self, run: Run) -> None:
        """The greenlet is over. If it was killed before it began, nothing has been done."""
        self._running.pop(run, None)
        if run.result is None:
            self.executor.breaker(run.skill.name).forget()
        run.finish(failed("stopped", "It was stopped before it began."), self.executor.clock())

    # ------------------------------------------------------------ the event log

    def _note_call(self, attempt: Attempt, skill: Skill) -> None:
        if self.context is not None:
            self.context.write(
                "tool_call", gen=attempt.turn.generation, id=attempt.call.id, skill=skill.name,
                arguments=masked(json.loads(attempt.call.arguments), skill.private), repeated=attempt.repeated,
                speculative=not attempt.turn.kept, side=skill.side,
            )

    def _note_refused(self, attempt: Attempt) -> None:
        """An attempt for which there is no skill, or no arguments that fit."""
        if attempt.refusal is not None:
            skill = self.offered().get(attempt.call.name)
            if skill is not None:
                self._note_call(attempt, skill)
            private = skill.private if skill else frozenset[str]()
            self._note_result(attempt.turn, attempt.call.id, attempt.call.name, attempt.refusal, 0.0, private)

    def _note_result(self, turn: Turn, call_id: str, name: str, result: Result, ms: float, private: frozenset[str]
                     ) -> None:
        if self.context is not None:
            self.context.write("tool_result", gen=turn.generation, id=call_id, skill=name, success=result.success,
                               error=result.error, ms=ms, result=_without(result, private).as_dict())


def _without(result: Result, private: frozenset[str]) -> Result:
    """The result without what is private."""
    return replace(result, data=masked(result.data, private)) if private else result


def masked(value: Any, private: frozenset[str]) -> Any:
    """``value`` with the fields of these names hidden, at any depth."""
    if not private:
        return value
    if isinstance(value, dict):
        return {name: MASK if name in private else masked(item, private) for name, item in value.items()}
    return [masked(item, private) for item in value] if isinstance(value, list) else value
