"""The page `/` and the element `<trunkline-talk>` for other sites: whom one can talk to, and a secret to do so.

    GET  /             the page
    GET  /api/agents   agents that may be chosen
    POST /api/talk     an ephemeral secret, for one of them

Talking itself is the Realtime protocol (``engine/web/realtime.py``).
"""

import time

from pydantic import BaseModel, ConfigDict, Field

from engine.agents import known
from engine.agents.agent import Agent
from engine.agents.errors import NoSuchAgent
from engine.agents.load import Agents
from engine.config import Config
from engine.config.web import TalkOptions
from engine.offhub import off_hub
from engine.service import Engine
from engine.web import pages
from engine.web.errors import ApiError
from engine.web.realtime import GUEST, server_of
from engine.web.route import Asked, Route

SECRET_S = 60
"""How long a visitor's secret opens a session: the page uses it at once, and gets another one when it reconnects."""


class AgentAnswer(BaseModel):
    """Somebody to talk to."""

    name: str
    description: str
    languages: list[str]
    """ISO 639; the first is that of the greeting. Those that it has ears and a voice for."""

    default: bool
    ready: bool
    """Whether the providers that it names are configured; where not, it cannot be talked to."""


class AgentsAnswer(BaseModel):
    """All whom the visitor may talk to."""

    agents: list[AgentAnswer]


class TalkBody(BaseModel):
    """Whom a visitor wants to talk to."""

    model_config = ConfigDict(extra="forbid")

    agent: str = Field("", max_length=100)
    """Empty: the default one, or the first that is offered."""

    language: str = Field("", max_length=20)
    """One of the agent's; empty: its first."""


class TalkAnswer(BaseModel):
    """What opens the session."""

    secret: str
    """For the sub-protocol ``openai-insecure-api-key.SECRET`` of ``/v1/realtime``."""

    expires_at: int
    agent: str
    language: str


def routes(engine: Engine, options: TalkOptions) -> list[Route]:
    """The page and what it asks for."""

    def page(asked: Asked) -> object:
        return pages.page(asked, "talk/index.html")

    def listed(asked: Asked) -> AgentsAnswer:
        _check_visitor(asked, options)
        agents = _agents(engine)
        return AgentsAnswer(agents=[_line(agent, agents.default, engine.config) for agent in _offered(agents, options)])

    def talk(asked: Asked) -> TalkAnswer:
        _check_visitor(asked, options)
        agents = _agents(engine)
        body: TalkBody = asked.body
        agent = _chosen(agents, _offered(agents, options), body.agent)
        if body.language and body.language not in agent.languages:
            raise ApiError(422, "invalid_value", f"{agent.name} speaks {', '.join(agent.languages)}, not "
                           f"'{body.language}'", param="language")
        language = body.language or agent.language
        value, secret = server_of(engine).secrets.make({"type": "realtime"}, SECRET_S, time.time(),
                                                       {"agent": agent.name, "language": language, GUEST: "yes"})
        return TalkAnswer(secret=value, expires_at=secret.expires_at, agent=agent.name, language=language)

    return [
        Route("GET", "/", page, "The page on which anyone can talk to an agent.", produces=("text/html",)),
        Route("GET", "/api/agents", listed, "Agents that one can talk to. Needs the scope talk, unless http.talk.open.",
              answer=AgentsAnswer),
        Route("POST", "/api/talk", talk, "An ephemeral secret for a conversation with one agent, valid for a minute. "
              "Needs the scope talk, unless http.talk.open.", body=TalkBody, answer=TalkAnswer),
    ]


def _check_visitor(asked: Asked, options: TalkOptions) -> None:
    """Whoever has a key that may, and everybody where the page is open."""
    if options.open:
        return
    if asked.key is None:
        raise ApiError(401, "invalid_api_key", "this page needs an API key with the scope talk; http.talk.open lets "
                       "visitors in without one", type="authentication_error", headers={"WWW-Authenticate": "Bearer"})
    if "talk" not in asked.key.scopes:
        raise ApiError(403, "missing_scope", f"the key {asked.key.name} has not the scope talk",
                       type="permission_error")
    if asked.key.ephemeral:  # it would make others that last longer and open more
        raise ApiError(403, "ephemeral_secret", "an ephemeral secret opens conversations; this needs an API key",
                       type="permission_error")


def _agents(engine: Engine) -> Agents:
    return engine.casting.agents if engine.casting is not None else off_hub(Agents.of, engine.config.agents)


def _offered(agents: Agents, options: TalkOptions) -> list[Agent]:
    """Those of the configuration, or all: the default one first."""
    if not options.agents:
        return sorted(agents, key=lambda agent: (agent.name != agents.default, agent.name))
    try:
        return [agents.get(name) for name in options.agents]
    except NoSuchAgent as fault:
        raise ApiError(500, "wrong_configuration", f"http.talk.agents: {fault}", "http.talk.agents",
                       type="server_error") from fault


def _chosen(agents: Agents, offered: list[Agent], name: str) -> Agent:
    found = [agent for agent in offered if agent.name == (name or agents.default)]
    if not found and name or not offered:
        there = ", ".join(agent.name for agent in offered) or "nobody"
        raise ApiError(404, "not_found", f"there is no agent '{name}' to talk to; there is {there}", param="agent")
    return (found or offered)[0]


def _line(agent: Agent, default: str, config: Config) -> AgentAnswer:
    there = known.Known(providers=tuple(config.providers))
    model = agent.options.model
    spoken = [language for language in agent.languages if _is_spoken(agent, language, there)]
    ready = agent.language in spoken and (model is None or not there.provider(model.provider)[0])
    return AgentAnswer(name=agent.name, description=agent.options.description, default=agent.name == default,
                       languages=spoken if ready else list(agent.languages), ready=ready)


def _is_spoken(agent: Agent, language: str, there: known.Known) -> bool:
    """Whether it has ears and a voice for the language."""
    speaks, embedded = agent.speaks(language), language in known.EMBEDDED_LANGUAGES
    voice, ears = speaks.voice.partition(":")[0], speaks.recogniser
    return (not there.provider(voice, known.VOICES)[0] if voice else embedded) and (
        not there.provider(ears, known.RECOGNISERS)[0] if ears else embedded)
