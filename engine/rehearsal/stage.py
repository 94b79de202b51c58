"""The call that skills act on in a rehearsal: hand-overs, languages and goodbyes are noted, not carried out."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.agents.agent import Agent
from engine.dialog.actions import Outcome, TransferMode
from engine.dialog.brain import Request
from engine.dialog.model import ToolCall
from engine.knowledge.base import KnowledgeBase
from engine.rehearsal.brain import ScriptedModel, Stopwatch
from engine.rehearsal.script import Script


@dataclass
class Stage:
    """A ``CallActions`` and the skills on it. ``note`` writes a line of the timeline; ``changed`` is told the new
    language; ``announce`` says something to the caller."""

    agent: Agent
    script: Script
    watch: Stopwatch
    knowledge: KnowledgeBase | None
    note: Callable[..., None]
    changed: Callable[[str], None]
    announce: Callable[[str], None]
    language: str
    handed_over: str = ""
    goodbye: bool = False
    faults: list[str] = field(default_factory=list)

    # ------------------------------------------------------------ the call

    def transfer(self, target: str, mode: TransferMode, *, summary: str = "", timeout_s: float = 30.0) -> Outcome:
        """See ``engine.dialog.actions.CallActions``. The script says which ones come to nothing."""
        if target not in self.agent.transfer:
            there = ", ".join(self.agent.transfer) or "none"
            return Outcome(False, f"there is no target '{target}'; there are {there}")
        self.announce(self.agent.announcement(target, self.language))
        why = self.script.transfers.get(target, "")
        self.note("transfer", target=target, mode=mode, summary=summary, ok=not why, why=why)
        if why:
            self.announce(self.agent.phrases(self.language).transfer_failed)
            return Outcome(False, why)
        self.handed_over = target
        return Outcome(True)

    def collect_digits(
        self, *, min_digits: int = 1, max_digits: int = 20, terminators: str = "#", timeout_s: float = 10.0,
        digit_timeout_s: float = 3.0, secret: bool = False,
    ) -> Outcome:
        """Nobody types here: give the call a ``result``."""
        return Outcome(False, "in a rehearsal, digits come from the result that is written down")

    def set_language(self, language: str) -> Outcome:
        """The agent's other languages only."""
        if language not in self.agent.languages:
            return Outcome(False, f"the agent speaks {', '.join(self.agent.languages)}, not '{language}'")
        self.language = language
        self.note("language", language=language)
        self.changed(language)
        return Outcome(True)

    def mask(self, on: bool) -> Outcome:
        """Nothing is recorded here."""
        return Outcome(True)

    def end_call(self, reason: str = "goodbye") -> Outcome:
        """The reply that is being made is the last one."""
        self.goodbye = True
        return Outcome(True)

    # ------------------------------------------------------------ skills

    def run_skill(self, model: ScriptedModel, call: ToolCall, request: Request) -> dict[str, Any]:
        """Run a skill that the model calls; the result in the shape that skills have."""
        written = model.written(call.id)
        arguments = json.loads(call.arguments)
        self.watch.spend(self.script.timings.skill_ms if written is None or written.ms is None else written.ms)
        offered = call.name in self.agent.options.skills
        self.note("skill", gen=request.generation, skill=call.name, arguments=arguments, offered=offered)
        if not offered:
            self.faults.append(f"the model called {call.name}, which is not among the agent's skills")
            return {"success": False, "error": "not_offered", "message": f"there is no skill {call.name}"}
        if written is not None and written.result is not None:
            return {"success": True, "data": written.result}
        outcome = self._built_in(call.name, arguments)
        return {"success": outcome.ok, "data": outcome.data, "message": outcome.why}

    def _built_in(self, name: str, arguments: dict[str, Any]) -> Outcome:
        if name == "search" and self.knowledge is not None:
            hits = self.knowledge.search(str(arguments.get("query", "")), 3)
            passages = [{"document": hit.citation.document, "text": hit.text} for hit in hits]
            return Outcome(bool(passages), data={"passages": passages})
        if name == "transfer_to_human":
            target = str(arguments.get("target") or next(iter(self.agent.transfer), ""))
            kind = self.agent.transfer[target].kind if target in self.agent.transfer else "blind"
            return self.transfer(target, kind, summary=str(arguments.get("summary", "")))
        if name == "set_language":
            return self.set_language(str(arguments.get("language", "")))
        if name == "end_call":
            return self.end_call()
        if name == "collect_digits":
            return self.collect_digits()
        return Outcome(True)
