"""Skills in a rehearsal: run by the executor of calls, with their arguments checked, but nothing outside is touched.

A result that is written down is given; without one, a built-in skill runs on sample data and an empty folder, and an
operator's own runs its mock.
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import ConfigDict, create_model

from engine.config import SkillOptions
from engine.dialog.skills.builtin import BUILTIN
from engine.dialog.skills.executor import Executor
from engine.dialog.skills.registry import Registry
from engine.dialog.skills.result import done, failed
from engine.dialog.skills.services import Services
from engine.dialog.skills.skill import Skill, SkillContext
from engine.knowledge.several import Collections
from engine.rehearsal.brain import Stopwatch
from engine.rehearsal.script import Call, Script

_BUILT_IN = frozenset(item.name for item in BUILTIN)
_ANYTHING = create_model("anything", __config__=ConfigDict(extra="allow"))


class RehearsedSkills:
    """The skills of one script. ``faults``: skills that cannot be rehearsed. Close it: it has a folder of its own."""

    def __init__(self, options: SkillOptions, script: Script, knowledge: Collections | None, watch: Stopwatch
                 ) -> None:
        """Raises ``SkillError`` where the operator's skills cannot be loaded."""
        self._written = [call for reply in script.model for call in reply.calls]
        self._watch, self._ms = watch, script.timings.skill_ms
        self._folder = tempfile.TemporaryDirectory(prefix="trunkline-rehearsal-")
        self.faults: list[str] = []
        away = {name: "" for name in SkillOptions.model_fields if name.endswith("_url")}
        alone = options.model_copy(update={**away, "mcp_file": "", "mock": True})
        known = Registry.open(alone).skills()
        for call in self._written:
            if call.skill not in known and call.result is not None:  # a tool of an MCP server
                known[call.skill] = Skill(call.skill, "Written down.", lambda **_: None, _ANYTHING)
        skills = {name: self._rehearsed(item) for name, item in known.items()}
        services = Services(alone, knowledge, Path(self._folder.name), lambda: script.now)
        self.executor = Executor(lambda: skills, alone, services)

    def __enter__(self) -> "RehearsedSkills":
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
                 ) -> None:
        """End what runs, remove the folder."""
        self.executor.close(1.0)
        self.executor.services.close()
        self._folder.cleanup()

    def _rehearsed(self, item: Skill) -> Skill:
        """The same skill, which takes virtual time and touches nothing."""
        own: Callable[..., Any] | None = item.function if item.name in _BUILT_IN else item.mock

        def run(context: SkillContext, **arguments: Any) -> Any:
            call = self._call(item.name, arguments)
            self._watch.spend(self._ms if call is None or call.ms is None else call.ms)
            if call is not None and call.result is not None:
                return done(call.result)
            if own is None:
                self.faults.append(f"the skill {item.name} has no mock: give its call a result")
                return failed("not_rehearsed", "This cannot be done now.")
            if item.context_parameter:
                arguments[item.context_parameter] = context
            return own(**arguments)

        parameter = item.context_parameter or "context"

        def function(**arguments: Any) -> Any:
            return run(arguments.pop(parameter), **arguments)

        return replace(item, function=function, mock=None, context_parameter=parameter, thread=False)

    def _call(self, name: str, arguments: Mapping[str, Any]) -> Call | None:
        """The call that is written down with these arguments, or else with that name."""
        calls = [call for call in self._written if call.skill == name]
        same = [call for call in calls if all(arguments.get(key) == value for key, value in call.arguments.items())]
        return next(iter(same or calls), None)
