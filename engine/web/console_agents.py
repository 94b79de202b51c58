"""Agents for the console: shown as a call gets them, checked, and tried with a line of text."""

import uuid
from collections.abc import Iterator
from time import monotonic
from typing import Any, Literal

import gevent
from pydantic import BaseModel, Field

from engine.agents.agent import Agent
from engine.agents.check import Finding, check, check_agent
from engine.agents.errors import NoSuchAgent
from engine.agents.known import Known
from engine.agents.load import Agents, load_agent
from engine.casting import Casting
from engine.config import Config
from engine.dialog.actions import CallContext, Outcome, TransferMode
from engine.dialog.agent_persona import prompt_of
from engine.dialog.brain import Brain, Farewell, Grounds, Request, Text
from engine.dialog.model_brain import ModelBrain
from engine.dialog.skills.registry import Registry
from engine.errors import TrunklineError
from engine.offhub import off_hub
from engine.service import Engine
from engine.web.errors import ApiError
from engine.web.route import Asked, Route

LONGEST_TRY_S = 60.0


class Said(BaseModel):
    """A line that was said before."""

    who: Literal["user", "agent"]
    text: str = Field(max_length=4000)


class TryBody(BaseModel):
    """What the caller says, and what was said before it."""

    text: str = Field(min_length=1, max_length=4000)
    language: str = Field("", max_length=20, description="one of the agent's; empty: its first")
    history: list[Said] = Field(default_factory=list, max_length=100)


def routes(engine: Engine) -> list[Route]:
    """Routes over the agents of ``engine``."""

    def listed(asked: Asked) -> dict[str, Any]:
        agents = _agents(engine)
        findings = off_hub(_checked, agents, engine.config)
        return {"agents": [_line(agent, agents.default, [one for one in findings if _is_of(one, agent)])
                           for agent in agents],
                "findings": [_finding(one) for one in findings if not any(_is_of(one, agent) for agent in agents)]}

    def show(asked: Asked) -> dict[str, Any]:
        return _shown(_named(engine, asked), engine.config)

    def checked(asked: Asked) -> dict[str, Any]:
        agent = _named(engine, asked)
        return {"agent": agent.name, "file": str(agent.file), "findings": off_hub(_from_file, agent, engine.config)}

    def tried(asked: Asked) -> dict[str, Any]:
        agent, casting = _named(engine, asked), engine.casting
        if casting is None:
            raise ApiError(409, "no_agents", "this engine was given its providers and has no agents to try")
        language = asked.body.language or agent.language
        if language not in agent.languages:
            raise ApiError(422, "invalid_value", f"{agent.name} speaks {', '.join(agent.languages)}, not '{language}'",
                           param="language")
        return Rehearsal(agent, language, casting).hear(asked.body)

    return [
        Route("GET", "/api/console/agents", listed, "All agents, each with what a check finds.", scope="read"),
        Route("GET", "/api/console/agents/<name>", show, "One agent as a call gets it.", scope="read"),
        Route("POST", "/api/console/agents/<name>/check", checked, "Read the agent's file again and check it; calls go "
              "on with what was loaded.", scope="read"),
        Route("POST", "/api/console/agents/<name>/try", tried, "What the agent would say to a line of text, and why. "
              "Skills that change something are not run.", scope="admin", body=TryBody),
    ]


# ---------------------------------------------------------------- view and check


def _agents(engine: Engine) -> Agents:
    return engine.casting.agents if engine.casting is not None else off_hub(Agents.of, engine.config.agents)


def _named(engine: Engine, asked: Asked) -> Agent:
    try:
        return _agents(engine).get(asked.path["name"])
    except NoSuchAgent as fault:
        raise ApiError(404, "not_found", str(fault), param="name") from fault


def _known(config: Config) -> Known:
    skills = tuple(Registry.open(config.skills).skills())
    return Known(skills, bool(config.skills.mcp_file), tuple(config.providers))


def _checked(agents: Agents, config: Config) -> list[Finding]:
    return check(agents, _known(config))


def _from_file(agent: Agent, config: Config) -> list[dict[str, Any]]:
    """What is wrong with the file as it is now; one that cannot be read has that wrong with it."""
    try:
        return [_finding(one) for one in check_agent(load_agent(agent.file), _known(config))]
    except TrunklineError as fault:
        problems = getattr(fault, "problems", ())
        return [_problem(one.where, one.text, True) for one in problems] or [
            {"file": str(agent.file), "line": 0, "text": str(fault), "serious": True}]


def _is_of(finding: Finding, agent: Agent) -> bool:
    return finding.problem.where.source == str(agent.file)


def _finding(one: Finding) -> dict[str, Any]:
    return _problem(one.problem.where, one.problem.text, one.serious)


def _problem(where: Any, text: str, serious: bool) -> dict[str, Any]:
    return {"file": where.source, "line": where.line, "text": text, "serious": serious}


def _line(agent: Agent, default: str, findings: list[Finding]) -> dict[str, Any]:
    options = agent.options
    return {
        "name": agent.name, "default": agent.name == default, "description": options.description,
        "languages": agent.languages, "dids": options.dids, "variants": list(options.variants),
        "thinks": f"{options.model.provider}/{options.model.name}".rstrip("/") if options.model else "",
        "collections": options.collections, "findings": [_finding(one) for one in findings],
    }  # fmt: skip


def _shown(agent: Agent, config: Config) -> dict[str, Any]:
    options, base = agent.options, config.turns.model_dump()
    turns = {name: value for name, value in agent.turns(config.turns).model_dump().items() if value != base[name]}
    return {
        **_line(agent, "", []), "file": str(agent.file), "skills": options.skills, "prompt": prompt_of(agent),
        "model": options.model.model_dump(mode="json") if options.model else None, "turns": turns,
        "transfer": {name: target.model_dump(mode="json") for name, target in agent.transfer.items()},
        "speaks": {language: {"voice": agent.speaks(language).voice, "recogniser": agent.speaks(language).recogniser,
                              "phrases": agent.phrases(language).model_dump(mode="json")}
                   for language in agent.languages},
    }  # fmt: skip


# ---------------------------------------------------------------- try


class Rehearsal:
    """One question to an agent, outside a call: nothing that a skill would change is changed."""

    def __init__(self, agent: Agent, language: str, casting: Casting) -> None:
        """``language`` is one of the agent's."""
        self._agent = agent
        self._language = language
        self._casting = casting
        self._lines: list[dict[str, Any]] = []

    def hear(self, body: TryBody) -> dict[str, Any]:
        """What the agent says to it. Raises ``ApiError`` where it cannot answer."""
        call_id = f"try-{uuid.uuid4()}"
        began = monotonic()
        try:
            with gevent.Timeout(LONGEST_TRY_S):
                brain = self._casting.thinks_for(self._agent, self._language, self)
                try:
                    found = self._collect(brain, self._request(body, call_id), began)
                finally:
                    if isinstance(brain, ModelBrain):
                        brain.call_ended(call_id)
        except gevent.Timeout:
            raise ApiError(504, "timeout", f"there was no answer within {LONGEST_TRY_S:g} s", type="server_error"
                           ) from None
        except TrunklineError as fault:
            raise ApiError(502, "agent_failed", str(fault), type="server_error") from fault
        return {**found, "language": self._language, "skills": self._skills(),
                "routing": self._named("provider_chosen")}

    def write(self, event: str, /, **fields: Any) -> None:
        """A line for the event log of the call that this is not."""
        self._lines.append({"event": event, **fields})

    def _request(self, body: TryBody, call_id: str) -> Request:
        context = CallContext(call_id, self._agent.name, self._language, "", "", _NoCall(), write=self.write)
        history = tuple((line.who, line.text) for line in body.history)
        # As on speculation, and the turn is never decided: what changes something waits for that, and is refused.
        return Request(body.text, history, 0, True, context=context, wait_decided=lambda seconds: False)

    @staticmethod
    def _collect(brain: Brain, request: Request, began: float) -> dict[str, Any]:
        texts: list[str] = []
        found: dict[str, Any] = {"decision": "", "score": None, "citations": [], "detail": {}, "ends_call": False}
        first_ms = None
        parts: Iterator[Any] = brain.reply(request)
        for part in parts:
            if isinstance(part, Text):
                first_ms = _ms(began) if first_ms is None else first_ms
                texts.append(part.text)
            elif isinstance(part, Grounds):
                found |= {"decision": part.decision, "score": round(part.score, 3),
                          "citations": list(part.citations), "detail": part.detail}
            elif isinstance(part, Farewell):
                found["ends_call"] = True
        return {"text": " ".join("".join(texts).split()), "first_ms": first_ms, "ms": _ms(began), **found}

    def _skills(self) -> list[dict[str, Any]]:
        """What was called: how it went; ``run`` says whether it was run at all."""
        results = {line.get("id"): line for line in self._named("tool_result")}
        return [{"skill": call.get("skill"), "arguments": call.get("arguments"),
                 "run": results.get(call.get("id"), {}).get("error") != "not_decided",
                 **{name: results.get(call.get("id"), {}).get(name) for name in ("success", "error", "ms", "result")}}
                for call in self._named("tool_call")]

    def _named(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self._lines if line["event"] == name]


def _ms(began: float) -> float:
    return round((monotonic() - began) * 1000, 1)


class _NoCall:
    """The ``CallActions`` of no call: nothing can be done with it."""

    def transfer(self, target: str, mode: TransferMode, *, summary: str = "", timeout_s: float = 30.0) -> Outcome:
        """Not here."""
        return _nothing()

    def collect_digits(
        self, *, min_digits: int = 1, max_digits: int = 20, terminators: str = "#", timeout_s: float = 10.0,
        digit_timeout_s: float = 3.0, secret: bool = False,
    ) -> Outcome:
        """Not here."""
        return _nothing()

    def set_language(self, language: str) -> Outcome:
        """Not here."""
        return _nothing()

    def mask(self, on: bool) -> Outcome:
        """Not here."""
        return _nothing()

    def end_call(self, reason: str = "goodbye") -> Outcome:
        """Not here."""
        return _nothing()


def _nothing() -> Outcome:
    return Outcome(False, "this is a try in the console, not a call")


