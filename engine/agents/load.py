"""All agents of an engine, and which of them a call gets.

    agents = Agents.of(config.agents)
    agent = agents.pick(did="0471 2518000", variable="", caller="+919447000001")
    agent.phrases("ml"), agent.turns(config.turns), agent.why
"""

import hashlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from engine import paths
from engine.agents.agent import Agent
from engine.agents.dids import Did, digits
from engine.agents.errors import AgentError, NoSuchAgent
from engine.agents.options import AgentFile
from engine.agents.yamlfile import read
from engine.config import AgentsOptions
from engine.configfile import Place, Problem

SHIPPED = (Path(__file__).parent / "shipped").resolve()
"""The agents that come with Trunkline."""

VARIABLE = "trunkline_agent"
"""The channel variable that names a call's agent. It wins over the DID."""

SAME_CALLER_DIGITS = 9
"""How many digits of a number make a caller: with country code, with 0 or without, it is the same one."""


class Agents:
    """Agents by name; they do not change."""

    def __init__(self, agents: Mapping[str, Agent], default: str = "") -> None:
        """``default`` names the agent of calls that no other is for; empty: the one whose file says so."""
        self._agents = dict(agents)
        self._default = default or next((name for name, agent in self._agents.items() if agent.options.default), "")
        self._dids = sorted((Did(pattern, agent.name) for agent in self for pattern in agent.options.dids),
                            key=lambda did: (-did.literals, did.owner))

    @classmethod
    def load(cls, *folders: Path, default: str = "") -> "Agents":
        """The agents of the folders; of two of one name the later folder's counts. Raises ``AgentError`` with every
        problem of every file."""
        found: dict[str, Agent] = {}
        problems: list[Problem] = []
        for folder in folders:
            if not folder.is_dir():
                problems.append(Problem(Place(str(folder)), "there is no such folder (agents.folder)"))
                continue
            mine: dict[str, Agent] = {}
            for file in files(folder):
                try:
                    agent = load_agent(file)
                    mine[agent.name] = agent
                except AgentError as fault:
                    problems += fault.problems
            # The default of a later folder takes the place of an earlier one's.
            if any(agent.options.default for agent in mine.values()):
                found = {name: _not_default(agent) for name, agent in found.items()}
            problems += _two_defaults(list(mine.values()))
            found |= mine
        if problems:
            raise AgentError("the agents", problems)
        if default and default not in found:
            there = ", ".join(sorted(found)) or "none"
            raise NoSuchAgent(f"agents.default: there is no agent '{default}'; there are {there}")
        return cls(found, default)

    @classmethod
    def of(cls, options: AgentsOptions) -> "Agents":
        """The shipped ones and those of the operator's folder. Raises ``AgentError``, ``NoSuchAgent``."""
        own = paths.home() / (options.folder or "agents")
        folders = ([SHIPPED] if options.shipped else []) + ([own] if options.folder or own.is_dir() else [])
        return cls.load(*folders, default=options.default)

    def __iter__(self) -> Iterator[Agent]:
        """All of them, by name."""
        return iter(sorted(self._agents.values(), key=lambda agent: agent.name))

    def __len__(self) -> int:
        """How many."""
        return len(self._agents)

    @property
    def default(self) -> str:
        """The agent of calls that no other is for; empty: there is none."""
        return self._default

    def get(self, name: str) -> Agent:
        """The agent of this name, as its file has it. Raises ``NoSuchAgent``."""
        if name not in self._agents:
            raise NoSuchAgent(f"there is no agent '{name}'; there are {', '.join(sorted(self._agents)) or 'none'}")
        return self._agents[name]

    def pick(self, *, did: str = "", variable: str = "", caller: str = "") -> Agent:
        """Who answers: the agent that ``variable`` (the channel's ``trunkline_agent``) names, else the one of the
        number that was called, else the default; as the variant of this caller. ``agent.why`` says so. Raises
        ``NoSuchAgent`` where there is no default either."""
        name, why = self._chosen(did, variable.strip())
        agent = self.get(name)
        if not agent.options.variants:
            return agent.as_variant("", why)
        return agent.as_variant(variant_of(agent, caller), f"{why}; variant by the caller's number")

    def _chosen(self, did: str, variable: str) -> tuple[str, str]:
        if variable in self._agents:
            return variable, f"{VARIABLE} is {variable}"
        unknown = f"{VARIABLE} is {variable!r}, which is no agent; " if variable else ""
        number = digits(did)
        matching = next((known for known in self._dids if number and known.matches(number)), None)
        if matching is not None:
            return matching.owner, f"{unknown}{did} is one of its numbers ({matching.pattern})"
        if not self._default:
            raise NoSuchAgent(f"{unknown}no agent has the number {did!r}, and none is the default")
        return self._default, f"{unknown}the default: no agent has the number {did!r}"


def files(folder: Path) -> list[Path]:
    """The files of agents in a folder, tests left out."""
    return [file for file in sorted(folder.glob("*.yaml")) if not file.name.endswith(".tests.yaml")]


def load_agent(file: Path) -> Agent:
    """The agent of one file; its name is the file's. Raises ``AgentError``."""
    what = f"the agent {file.stem}"
    options, places = read(file, AgentFile, what)
    problems = []
    if options.persona_file:
        path = file.parent / options.persona_file
        try:
            options = options.model_copy(update={"persona": path.read_text(encoding="utf-8")})
        except (OSError, UnicodeDecodeError) as fault:
            problems.append(Problem(places.of(("persona_file",)), f"persona_file: {path} cannot be read: {fault}"))
    for variant, change in options.variants.items():
        problems += [
            Problem(places.of(("variants", variant, "languages", language)),
                    f"variants.{variant}: the agent does not speak '{language}'")
            for language in change.languages if language not in options.languages
        ]  # fmt: skip
    if problems:
        raise AgentError(what, problems)
    return Agent(file.stem, file, options, places)


def variant_of(agent: Agent, caller: str) -> str:
    """The variant of a caller: by the number alone, so it is always the same, and when a weight changes only as many
    callers change as must (weighted rendezvous hashing: Schindelhauer and Schomaker, 2005)."""
    who = digits(caller)[-SAME_CALLER_DIGITS:] or caller

    def worth(name: str) -> float:
        found = hashlib.sha256(f"{agent.name}|{name}|{who}".encode()).digest()
        share = (int.from_bytes(found[:8], "big") + 1) / (2**64 + 2)
        return -agent.options.variants[name].weight / math.log(share)

    return max(sorted(agent.options.variants), key=worth)


def _not_default(agent: Agent) -> Agent:
    return Agent(agent.name, agent.file, agent.options.model_copy(update={"default": False}), agent.places)


def _two_defaults(agents: list[Agent]) -> list[Problem]:
    those = [agent for agent in agents if agent.options.default]
    return [Problem(agent.places.of(("default",)), f"default: {those[0].name} is the default already")
            for agent in those[1:]]
