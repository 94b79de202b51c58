"""Runs the skills that a speech-to-speech model calls: beside the reading of its events, once, bounded, every failure
an output that the model can read.

    tools = Tools(skills, lambda: session.memory.lines(), done)
    tools.run("call_1", "search", '{"query": "hours"}')      -> done(Answered(...)), from a greenlet of its own
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gevent

from engine.dialog.model import ToolCall
from engine.dialog.skills.executor import CallSkills
from engine.dialog.skills.ledger import WORDS_TOLD, Attempt, Turn
from engine.telemetry import logs
from engine.upstream.memory import Line

log = logging.getLogger(__name__)

LONGEST_S = 3700.0
"""A skill ends by its own deadline; this one is for what does not."""

REPORT = "report_grounding"
SHOWN = ("chunk_id", "title", "chunk")
"""What clients see of a source."""

FAILED = '{"success": false, "error": "internal", "message": "It failed for a reason of its own."}'


@dataclass(frozen=True, slots=True)
class Answered:
    """A function has run. ``output``: for the model; ``shown``: for a client, None for nothing; ``ends``: what ends
    with it (``call``, ``turn``, or nothing); ``data``: what it gave, where it succeeded."""

    call_id: str
    name: str
    output: str
    shown: dict[str, Any] | None = None
    ends: str = ""
    data: Any = None


class Tools:
    """Those of one session. ``close`` it with the session."""

    def __init__(
        self, skills: CallSkills, lines: Callable[[], Sequence[Line]], done: Callable[[Answered], None]
    ) -> None:
        """``lines``: the conversation so far, from which it is known what the caller has been told."""
        self._skills = skills
        self._lines = lines
        self._done = done
        self._running: set[gevent.Greenlet] = set()
        self._closed = False

    def described(self) -> tuple[dict[str, Any], ...]:
        """The skills as functions of the Realtime protocol."""
        return described(self._skills)

    def run(self, call_id: str, name: str, arguments: str, generation: int = 0) -> None:
        """Run one; ``done`` is told what came of it. ``generation``: of the reply that it is for. Returns at once."""
        if not self._closed:
            greenlet = logs.spawn(self._run, ToolCall(call_id, name, arguments), generation)
            self._running.add(greenlet)
            greenlet.link(self._running.discard)

    @property
    def running(self) -> int:
        """How many have not ended."""
        return len(self._running)

    def close(self) -> None:
        """Nobody waits any more. What changes something is finished all the same. Idempotent."""
        self._closed = True
        gevent.killall([one for one in self._running if one is not gevent.getcurrent()], timeout=1.0)
        self._skills.close()

    def _run(self, call: ToolCall, generation: int) -> None:
        try:
            answered = self._answer(call, generation)
        except Exception:
            log.exception("the function %s could not be run", call.name)
            answered = Answered(call.id, call.name, FAILED)
        if not self._closed:
            self._done(answered)

    def _answer(self, call: ToolCall, generation: int) -> Answered:
        said = [(line.who if line.who != "system" else "note", line.text) for line in self._lines()]
        place = max((number for number, (who, _) in enumerate(said) if who == "user"), default=len(said))
        turn = Turn(generation, place, lambda timeout_s: True)
        self._skills.begin(said, turn)
        step = self._skills.ask(turn, [call])
        attempt = step.attempts[0]
        if attempt.run is not None:
            attempt.run.done.wait(LONGEST_S)
        # Three words after it was given, and the caller has been told.
        self._skills.ledger.give([step], turn)
        turn.words += WORDS_TOLD
        return self._answered(call, attempt)

    def _answered(self, call: ToolCall, attempt: Attempt) -> Answered:
        result, run = attempt.result, attempt.run
        skill = run.skill if run is not None else None
        limit = (skill.limit_chars if skill else None) or self._skills.executor.options.result_chars
        output, shown = result.as_text(limit), None
        if result.success and isinstance(result.data, str):
            output = result.data[:limit] or result.message
        if call.name == REPORT and run is not None:
            used = [source for source in run.cited if source.get("reported")]
            shown = {"sources": [{name: source[name] for name in SHOWN if name in source} for source in used]}
            output = result.message  # empty where all ids were right: there is nothing to add to the answer
        ends = skill.ends if skill is not None and result.success else ""
        return Answered(call.id, call.name, output, shown, ends, result.data if result.success else None)


def described(skills: CallSkills) -> tuple[dict[str, Any], ...]:
    """Skills as functions of the Realtime protocol."""
    return tuple({"type": "function", "name": tool.name, "description": tool.description,
                  "parameters": dict(tool.parameters)} for tool in skills.tools())


__all__ = ["Answered", "Tools", "described"]
