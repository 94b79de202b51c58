"""What a call's models asked of skills and what came of it: the one account that decides what runs and what is told.

Four things are kept apart. A ``Turn`` is one request to the brain: the same words of the caller may be thought about
several times, on speculation or anew. A ``Step`` is one answer of the model that calls skills; an ``Attempt`` is one of
these calls; a ``Run`` is a skill that really runs or ran. Attempts at the same thing share a run, so that it happens
once, whatever the caller interrupts. A run is *told* when the caller heard words that the model said knowing its
result; until then its result is given to the model again, and the same thing is not done again.

No clock, no socket: ``Run.done`` is all there is to wait for.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gevent.event import Event as Flag

from engine.dialog.model import Message, ToolCall
from engine.dialog.skills.result import Result, failed
from engine.dialog.skills.skill import Skill

History = Sequence[tuple[str, str]]

KEPT_STEPS = 100
"""Steps of one call that are kept; the oldest that are done and told go first."""

KEPT_GIVEN = 8
"""Turns that are looked at for whether the caller was told a result."""

FRESH_S = 30.0
"""How long the result of a skill that only reads is good for the same turn."""

WORDS_TOLD = 3
"""So many words after the result, or all there were, and the caller has been told."""

RUNNING = failed("running", "This is still being done. Its result will follow. Do not call it again for this.")
NOT_RUN = failed("not_run", "The caller spoke on before this began: it was not done.")


def _wanted(call_id: str, name: str, arguments: str) -> bool:
    """A reply that nobody takes back."""
    return True


def _untold(call_id: str, result: str, error: bool) -> None:
    """A reply to which no result is told."""


@dataclass(eq=False, slots=True)
class Turn:
    """One request. ``place``: the number of the caller's line in the history; ``decided(timeout_s)`` waits until the
    turn is; ``called`` and ``returned`` are ``tool_called`` and ``tool_returned`` of ``Request``; ``words``: those
    given to the voice so far."""

    generation: int
    place: int
    decided: Callable[[float], bool]
    called: Callable[[str, str, str], bool] = _wanted
    returned: Callable[[str, str, bool], None] = _untold
    words: int = 0
    kept: bool = False

    def let_go(self) -> None:
        """The reply is over: hold on to nothing of it."""
        self.called, self.returned = _wanted, _untold

    def is_decided(self) -> bool:
        """Whether the turn is decided by now. A turn that is stays so, and its reply is not held on to any longer."""
        if not self.kept and self.decided(0.0):
            self.kept, self.decided = True, lambda timeout_s: True
        return self.kept

    def wait(self, timeout_s: float) -> bool:
        """Wait, cooperatively, until it is; False: not within that time."""
        return self.is_decided() or (self.decided(timeout_s) and self.is_decided())


@dataclass(eq=False, slots=True)
class Run:
    """A skill that was started. ``identity`` is skill and arguments; ``given``: in which turns the model knew the
    result, and how many words had been said before; ``waiting`` are told the result."""

    skill: Skill
    identity: str
    turn: Turn
    key: str
    done: Flag = field(default_factory=Flag)
    result: Result | None = None
    finished: float = 0.0
    cited: list[dict[str, Any]] = field(default_factory=list)
    given: list[tuple[Turn, int]] = field(default_factory=list)
    told: bool = False
    waiting: list[Callable[[Result], None]] = field(default_factory=list)

    def finish(self, result: Result, now: float) -> None:
        """The result is there. The first one counts."""
        if self.result is None:
            self.result, self.finished = result, now
            self.done.set()
            waiting, self.waiting = self.waiting, []
            for tell in waiting:
                tell(result)


@dataclass(eq=False, slots=True)
class Attempt:
    """One call of the model. ``written``: the arguments as it wrote them; in ``call`` they are a JSON object for sure,
    because vendors refuse anything else. ``refusal``: why nothing was started for it."""

    call: ToolCall
    written: str
    turn: Turn
    run: Run | None = None
    refusal: Result | None = None
    repeated: bool = False

    @property
    def result(self) -> Result:
        """What there is to tell the model now."""
        if self.run is not None:
            return self.run.result or RUNNING
        return self.refusal or NOT_RUN


@dataclass(eq=False, slots=True)
class Step:
    """One answer of the model that called skills."""

    turn: Turn
    attempts: list[Attempt]


class Ledger:
    """That of one call."""

    def __init__(self, result_chars: int) -> None:
        """Nothing was asked. ``result_chars``: longest result for the model."""
        self.steps: list[Step] = []
        self._runs: list[Run] = []
        self._result_chars = result_chars
        self._ids: set[str] = set()
        self._asked: dict[str, Turn] = {}

    def begin(self, history: History, turn: Turn) -> None:
        """A new request: settle which earlier steps count and which results the caller has been told."""
        self.steps = [step for step in self.steps if step.turn.is_decided()]
        for step in self.steps:
            step.turn.let_go()
        for run in self._runs:
            run.given = [given for given in run.given if given[0].is_decided()]
            run.told = run.told or _needs_no_telling(run, turn) or any(_heard(history, *given) for given in run.given)
        in_steps = {attempt.run for step in self.steps for attempt in step.attempts}
        self._runs = [run for run in self._runs
                      if run in in_steps or run.result is None or run.turn.place == turn.place]
        spare = len(self.steps) - KEPT_STEPS
        if spare > 0:
            self.steps = [step for number, step in enumerate(self.steps) if number >= spare or not is_over(step)]

    def step(self, turn: Turn, calls: Sequence[ToolCall]) -> Step:
        """Write down what the model asked. Ids that are empty or were used before are made unique."""
        attempts = []
        for call in calls:
            unique, number = call.id or "call", 1
            while unique in self._ids:
                number += 1
                unique = f"{call.id or 'call'}_{number}"
            self._ids.add(unique)
            attempts.append(Attempt(ToolCall(unique, call.name, _object(call.arguments)), call.arguments, turn))
        step = Step(turn, attempts)
        self.steps.append(step)
        return step

    def find(self, skill: Skill, identity: str, turn: Turn, now: float) -> Run | None:
        """The run that already does, or did, this very thing for the caller; None: it is to be started."""
        for run in reversed(self._runs):
            if run.identity != identity:
                continue
            here = run.turn.place == turn.place
            if run.result is None:
                return run if skill.side_effect or here else None
            if skill.side_effect:
                # A failure that is sure has changed nothing: it may be tried again.
                if (run.result.success or not run.result.sure) and (here or not run.told):
                    return run
            elif here and run.result.success and now - run.finished < FRESH_S:
                return run
        return None

    def add(self, run: Run) -> None:
        """This one is about to start."""
        self._runs.append(run)

    def confirmed(self, identity: str, turn: Turn) -> bool:
        """Whether the caller has said something since it was asked to confirm this; else it counts as asked now."""
        asked = self._asked.get(identity)
        if asked is not None and asked.place < turn.place and asked.is_decided():
            return True
        if asked is None or not asked.is_decided():
            self._asked[identity] = turn
        return False

    def used(self, identity: str) -> None:
        """A confirmation is good for one time."""
        self._asked.pop(identity, None)

    def at(self, place: int) -> list[Step]:
        """The steps that came of the caller's line ``place``, in order."""
        return [step for step in self.steps if step.turn.place == place]

    def messages(self, step: Step, text: str = "") -> list[Message]:
        """A step for a model: the calls, each with what there is to tell of it now. ``text`` is what the model said
        before it called, within the same reply; later the history has what was heard of it."""
        found = [Message("assistant", text, tuple(attempt.call for attempt in step.attempts))]
        for attempt in step.attempts:
            limit = (attempt.run.skill.limit_chars if attempt.run else None) or self._result_chars
            found.append(Message("tool", attempt.result.as_text(limit), tool_call_id=attempt.call.id))
        return found

    def running(self) -> list[Run]:
        """Runs with side effects that have not ended."""
        return [run for run in self._runs if run.result is None and run.skill.side_effect]

    def give(self, steps: Sequence[Step], turn: Turn) -> None:
        """The model of ``turn`` is about to be given these steps."""
        for run in dict.fromkeys(attempt.run for step in steps for attempt in step.attempts):
            if run is not None and run.result is not None and not run.told:
                run.given = [*run.given[-KEPT_GIVEN:], (turn, turn.words)]


def _needs_no_telling(run: Run, turn: Turn) -> bool:
    """A skill that ends the turn is its own message: the caller was connected, and is back with something else."""
    return bool(run.skill.ends and run.result and run.result.success and run.turn.place < turn.place)


def _heard(history: History, turn: Turn, before: int) -> bool:
    """Whether the caller heard what the model said in ``turn`` after its first ``before`` words."""
    said_after = turn.words - before
    if said_after <= 0 or turn.place >= len(history) or history[turn.place][0] != "user":
        return False
    heard = 0
    for who, text in history[turn.place + 1 :]:
        if who == "user":
            break
        heard += len(text.split()) if who == "agent" else 0
    return heard >= before + min(WORDS_TOLD, said_after)


def _object(arguments: str) -> str:
    """The arguments if they are a JSON object, else an empty one."""
    try:
        return arguments if isinstance(json.loads(arguments), dict) else "{}"
    except ValueError:
        return "{}"


def is_over(step: Step) -> bool:
    """Whether the caller has been told all that was done in it; what was only read needs no telling."""
    runs = [attempt.run for attempt in step.attempts]
    return all(run is None or run.told or not run.skill.side_effect for run in runs)
