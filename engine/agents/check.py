"""What can be known of agents without calling anybody: names that nobody knows, phrases that are missing, numbers that
never reach their agent."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import combinations
from pathlib import Path

from engine import paths
from engine.agents import known
from engine.agents.agent import Agent
from engine.agents.dids import Did
from engine.agents.known import Known
from engine.agents.load import Agents
from engine.agents.options import ModelOptions
from engine.configfile import Place, Problem
from engine.errors import TrunklineError
from engine.knowledge.filling.ingest import BUILT_IN, folder_of


@dataclass(frozen=True, slots=True)
class Finding:
    """``serious``: a call would fail on it; else it is merely strange."""

    problem: Problem
    serious: bool = True

    def __str__(self) -> str:
        """One line."""
        return f"{'error' if self.serious else 'warning'}: {self.problem}"


def check(agents: Agents, there: Known | None = None) -> list[Finding]:
    """What is wrong with the agents, and with their numbers among each other. ``there`` is what this machine has."""
    found = [finding for agent in agents for finding in check_agent(agent, there)]
    numbers = _numbers(agents)
    if not agents.default and len(agents):
        text = "no agent is the default: calls for other numbers go to the dialplan's next action (default: true)"
        numbers.append(Finding(Problem(Place("the agents"), text), serious=False))
    return found + numbers + _instead(agents)


def check_agent(agent: Agent, there: Known | None = None) -> list[Finding]:
    """What is wrong with one agent by itself."""
    there = there or Known()
    checks = (_languages, _voices, _recognisers, _models, _collections, _skills, _transfers)
    return [finding for check_one in checks for finding in check_one(agent, there)]


def _finding(agent: Agent, path: Sequence[int | str], text: str, serious: bool = True) -> Finding:
    where = ".".join(map(str, path))
    return Finding(Problem(agent.places.of(tuple(path)), f"{where}: {text}"), serious)


def _languages(agent: Agent, there: Known) -> list[Finding]:
    found = []
    for language, options in agent.options.languages.items():
        missing = agent.missing_phrases(language)
        if missing:
            found.append(_finding(agent, ("languages", language, "phrases"), "these phrases would be said in English: "
                                  f"{', '.join(missing)}"))
        if not options.greeting.strip():
            found.append(_finding(agent, ("languages", language, "greeting"),
                                  "is empty: the caller has to speak first", serious=False))
    return found


def _voices(agent: Agent, there: Known) -> list[Finding]:
    found = []
    for language, options in agent.options.languages.items():
        path = ("languages", language, "voice")
        provider, _, voice = options.voice.partition(":")
        if not options.voice:
            if language not in known.EMBEDDED_LANGUAGES:
                found.append(_finding(agent, path, f"is not given, and the default voice does not speak '{language}'",
                                      serious=False))
        elif (problem := there.provider(provider, known.VOICES))[0]:
            found.append(_finding(agent, path, *problem))
        elif not voice and provider in known.VOICES:
            found.append(_finding(agent, path, f"names no voice: write {provider}:NAME"))
        elif known.VOICES.get(provider) and voice not in known.VOICES[provider]:
            found.append(_finding(agent, path, f"{provider} has no voice '{voice}'; it has "
                                  f"{', '.join(known.VOICES[provider])}"))
        elif provider == "flite" and language != "en":
            found.append(_finding(agent, path, f"flite speaks English only, not '{language}'"))
    return found


def _recognisers(agent: Agent, there: Known) -> list[Finding]:
    found = []
    for language, options in agent.options.languages.items():
        path, name = ("languages", language, "recogniser"), options.recogniser
        if name and (problem := there.provider(name, known.RECOGNISERS))[0]:
            found.append(_finding(agent, path, *problem))
        elif name in ("", "pocketsphinx") and language not in known.EMBEDDED_LANGUAGES:
            found.append(_finding(agent, path, f"the embedded recogniser does not hear '{language}': name another one",
                                  serious=bool(name)))
    return found


def _models(agent: Agent, there: Known) -> list[Finding]:
    options = agent.options
    given: list[tuple[tuple[str, ...], ModelOptions | None]] = [(("model",), options.model)]
    given += [(("variants", name, "model"), variant.model) for name, variant in options.variants.items()]
    found = []
    for where, model in given:
        if model is not None and (problem := there.provider(model.provider))[0]:
            found.append(_finding(agent, (*where, "provider"), *problem))
    if options.model is None:
        for name in ("persona", "skills", "transfer"):
            if getattr(options, name):
                found.append(_finding(agent, (name,), "is for a model, and the agent has none", serious=False))
        if not options.collections:
            found.append(_finding(agent, ("model",), "the agent has neither a model nor collections: it cannot answer"))
    elif not agent.options.persona.strip():
        found.append(_finding(agent, ("persona",), "is missing: the model is not told who it is", serious=False))
    return found


def _collections(agent: Agent, there: Known) -> list[Finding]:
    found = []
    for number, name in enumerate(agent.options.collections):
        path = ("collections", number)
        try:
            missing = not any(folder_of(name).glob("*"))
        except TrunklineError as fault:
            found.append(_finding(agent, path, str(fault)))
            continue
        if missing:
            source = name if name in BUILT_IN else "FOLDER"
            found.append(_finding(agent, path, f"there is no collection '{name}' in {paths.knowledge()}; make it: "
                                  f"trunkline ingest {source} --collection {name}"))
    return found


def _skills(agent: Agent, there: Known) -> list[Finding]:
    options, found = agent.options, []
    for number, name in enumerate(options.skills):
        path = ("skills", number)
        if not any(fnmatchcase(skill, name) for skill in there.skills):
            text = f"there is no skill '{name}'; known are {', '.join(there.skills)}"
            found.append(_finding(agent, path, text, serious=not there.more_skills))
        elif name in options.skills[:number]:
            found.append(_finding(agent, path, f"'{name}' is given twice", serious=False))
        elif name == "search" and not options.collections:
            found.append(_finding(agent, path, "search needs collections"))
        elif name == "transfer_to_human" and not options.transfer:
            found.append(_finding(agent, path, "transfer_to_human needs a target below transfer"))
        elif name == "set_language" and len(options.languages) == 1:
            found.append(_finding(agent, path, "set_language needs a second language", serious=False))
    return found


def _transfers(agent: Agent, there: Known) -> list[Finding]:
    options, found = agent.options, []
    if options.transfer and options.model and "transfer_to_human" not in options.skills:
        found.append(_finding(agent, ("transfer",), "is never used: the skill transfer_to_human is missing", False))
    for name, target in options.transfer.items():
        if target.hold_music and not Path(target.hold_music).is_file():
            found.append(_finding(agent, ("transfer", name, "hold_music"), f"there is no file {target.hold_music}"))
        for language in target.announcement:
            if language not in options.languages:
                found.append(_finding(agent, ("transfer", name, "announcement", language),
                                      f"the agent does not speak '{language}'", serious=False))
    return found


def _instead(agents: Agents) -> list[Finding]:
    """Who takes calls that an app does not take."""
    names = {agent.name for agent in agents} | {"", "next"}
    return [_finding(agent, ("app", "else"), f"there is no agent '{agent.options.app.otherwise}'")
            for agent in agents if agent.options.app is not None and agent.options.app.otherwise not in names]


def _numbers(agents: Agents) -> list[Finding]:
    """Patterns that never win, and pairs of which none is the more specific."""
    found = []
    all_of_them = [(agent, number, Did(pattern, agent.name)) for agent in agents
                   for number, pattern in enumerate(agent.options.dids)]
    for (one, _, first), (other, number, second) in combinations(all_of_them, 2):
        if one.name == other.name or first.literals != second.literals or not first.overlaps(second):
            continue
        same = first.covers(second) and second.covers(first)
        text = (f"{second.pattern} never reaches '{other.name}': '{one.name}' has the same number" if same else
                f"{second.pattern} overlaps with {first.pattern} of '{one.name}', which wins by its name alone")
        found.append(_finding(other, ("dids", number), text, serious=same))
    return found

