"""Runs the scripts of a file: its agent, its collection, its recordings; a result for each."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from engine.agents.agent import Agent
from engine.agents.load import Agents, load_agent
from engine.agents.yamlfile import Places
from engine.config import Config
from engine.configfile import Place
from engine.errors import TrunklineError
from engine.knowledge.base import LOCAL, KnowledgeBase
from engine.knowledge.embedding import choose
from engine.knowledge.errors import CollectionMissing
from engine.knowledge.filling.ingest import BUILT_IN, ingest
from engine.knowledge.several import Collections, as_one
from engine.offhub import off_hub
from engine.rehearsal.errors import RehearsalError
from engine.rehearsal.expect import Failure, judge
from engine.rehearsal.listen import Listener, Recording
from engine.rehearsal.play import Played, play
from engine.rehearsal.script import SUFFIX, Script, ScriptFile, load


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is not as it should be, and the line of the script that says how it should be."""

    where: Place
    text: str

    def __str__(self) -> str:
        """``file:line:column: text``."""
        return f"{self.where}: {self.text}"


@dataclass
class Result:
    """What became of a script. ``skipped``: why it could not be run here; ``seconds`` of real time."""

    script: Script
    where: Place
    wrong: list[Wrong] = field(default_factory=list)
    played: Played | None = None
    skipped: str = ""
    seconds: float = 0.0

    @property
    def status(self) -> str:
        """``passed``, ``failed`` or ``skipped``."""
        return "skipped" if self.skipped else "failed" if self.wrong else "passed"


class Rehearsals:
    """The scripts of one file, ready to be run."""

    def __init__(self, path: Path, config: Config) -> None:
        """Read the file and its agent. Raises ``TrunklineError`` saying what is wrong and where."""
        self.path = path
        self.file: ScriptFile
        self.places: Places
        self.file, self.places = load(path)
        self.agent = _agent(path, self.file, config)
        self._config = config.model_copy(update={"knowledge": self.agent.knowledge(config.knowledge)})
        self._knowledge = _knowledge(self.agent, self._config)
        self._listener = Listener(self._config, self._knowledge)

    def names(self) -> list[str]:
        """The names of its scripts."""
        return [script.name for script in self.file.tests]

    def run(self, only: str = "") -> Iterator[Result]:
        """Run all scripts, or those with ``only`` in their name, one after the other."""
        for number, script in enumerate(self.file.tests):
            if only.casefold() in script.name.casefold():
                began = time.perf_counter()
                result = self._run(number, script)
                result.seconds = time.perf_counter() - began
                yield result

    def close(self) -> None:
        """End the recogniser."""
        self._listener.close()

    def _run(self, number: int, script: Script) -> Result:
        path = ("tests", number)
        result = Result(script, self.places.of(path))
        if script.variant and script.variant not in self.agent.options.variants:
            result.wrong.append(Wrong(self.places.of((*path, "variant")), f"no variant is called '{script.variant}'"))
            return result
        agent = self.agent.as_variant(script.variant)
        if script.language and script.language not in agent.languages:
            result.wrong.append(Wrong(self.places.of((*path, "language")), f"{agent.name} does not speak it"))
            return result
        for target in script.transfers:
            if target not in agent.transfer:
                result.wrong.append(Wrong(self.places.of((*path, "transfers", target)), "the agent has no such target"))
        result.wrong += self._not_offered(path, script, agent)
        try:
            recordings = self._recordings(script, agent)
        except RehearsalError as fault:
            result.skipped = str(fault)
            return result
        try:
            result.played = play(script, agent, self._config, self._knowledge, recordings)
        except TrunklineError as fault:
            result.wrong.append(Wrong(result.where, str(fault)))
            return result
        result.wrong += self._wrong(path, script, result.played)
        return result

    def _not_offered(self, path: tuple[int | str, ...], script: Script, agent: Agent) -> list[Wrong]:
        """Calls of skills that the agent may not use: a script must not show what the agent's file forbids."""
        return [
            Wrong(self.places.of((*path, "model", number, "calls", place)),
                  f"{agent.name} may not use the skill {call.skill}")
            for number, reply in enumerate(script.model) for place, call in enumerate(reply.calls)
            if not any(fnmatchcase(call.skill, pattern) for pattern in agent.options.skills)
        ]  # fmt: skip

    def _recordings(self, script: Script, agent: Agent) -> dict[int, Recording]:
        language = script.language or agent.language
        return {number: self._listener.hear(self.path.parent / step.wav, step.says, language)
                for number, step in enumerate(script.steps) if step.wav}

    def _wrong(self, path: tuple[int | str, ...], script: Script, played: Played) -> list[Wrong]:
        found = [Wrong(self.places.of((*path, "model")), fault) for fault in played.faults]
        first = script.steps[0]
        # The greeting is the first moment; it is the first step's if that one listens.
        skip = 0 if played.moments and played.moments[0].step is first else 1
        for number in range(skip, len(played.moments)):
            step = number - skip
            found += [self._failed(path, failure) for failure in judge(played, number, step)]
        for step in range(len(played.moments) - skip, len(script.steps)):
            why = f"the call was over before ({played.run.ended or 'nothing happened any more'})"
            found.append(Wrong(self.places.of((*path, "steps", step)), f"step {step + 1} was never begun: {why}"))
        return found

    def _failed(self, path: tuple[int | str, ...], failure: Failure) -> Wrong:
        where = self.places.of((*path, "steps", failure.step, "expect", failure.key))
        return Wrong(where, f"{failure.key}: expected {failure.expected}; happened: {failure.happened}")


def _agent(path: Path, file: ScriptFile, config: Config) -> Agent:
    name = file.agent or path.name.removesuffix(SUFFIX)
    beside = path.parent / (name if name.endswith(".yaml") else f"{name}.yaml")
    return load_agent(beside) if beside.is_file() else Agents.of(config.agents).get(name)


def _knowledge(agent: Agent, config: Config) -> Collections | None:
    """The agent's collections. A built-in one that is not there yet is ingested."""
    return as_one([_collection(name, config) for name in agent.options.collections])


def _collection(name: str, config: Config) -> KnowledgeBase:
    try:
        return KnowledgeBase.open(name, config.knowledge, providers=config.providers, stores=config.vector_stores)
    except CollectionMissing:
        if name not in BUILT_IN or config.knowledge.store != LOCAL:
            raise
    model = off_hub(choose.embedder, config.knowledge, config.providers)
    ingest([BUILT_IN[name]], name, model, options=config.knowledge)
    return KnowledgeBase.open(name, config.knowledge, model)
