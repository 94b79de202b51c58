"""Makes the cast of every call: agents, providers, knowledge bases and skills of an engine, each made once and shared.

What an agent needs is made when its first call comes, or at the start for the default agent and those of the operator's
folder, so that what is missing is known before somebody calls.
"""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from gevent.lock import BoundedSemaphore

from engine import providers
from engine.agents.agent import Agent
from engine.agents.load import SHIPPED, VARIABLE, Agents
from engine.agents.options import ROUTED
from engine.apps import offer
from engine.arrival import Arrival
from engine.cast import AgentCast, effective
from engine.config import Config, KnowledgeOptions
from engine.config.providers import AzureChatOptions, Provider
from engine.config.routing import Capability
from engine.dialog.agent_persona import persona_of
from engine.dialog.brain import Brain
from engine.dialog.knowledge_brain import KnowledgeBrain
from engine.dialog.model import Model
from engine.dialog.model_brain import ModelBrain
from engine.dialog.persona import Persona
from engine.dialog.skills.setup import Skills
from engine.embedded import Providers, fixed_phrases
from engine.errors import TrunklineError
from engine.knowledge.base import KnowledgeBase
from engine.knowledge.several import Collections, as_one
from engine.knowledge.words import lexicon
from engine.offhub import off_hub
from engine.routing import routesfile
from engine.routing.connections import Connections
from engine.routing.dialect import region_dialect
from engine.routing.facts import Facts
from engine.routing.recogniser import RoutedRecogniser
from engine.routing.routed import RoutedModel, RoutedVoice
from engine.routing.router import CallRoute, Log, NoLog, Router
from engine.senses import Hearing, Senses
from engine.speech.ears import Ears
from engine.speech.interfaces import Recogniser, Voice
from engine.speech.stt.vocabulary import keyterms
from engine.speech.tts.phrases import PhraseCache
from engine.telemetry.eventlog import EventLog
from engine.timers import Timers
from engine.turns.endpointing import Score
from engine.upstream.model import SpeechModel, speech_model
from engine.upstream.service import open_upstream

log = logging.getLogger(__name__)

EMBEDDED_RECOGNISER = "pocketsphinx"

MOST = 256
"""Models, voices, and recognisers, that are made at most, each with its connections: programs may ask for any name."""


class CastError(TrunklineError):
    """An agent names somebody who is not there; the text says who, and what to do."""


class _Closable(Protocol):
    def close(self) -> None:
        """Free what it holds."""


class Casting:
    """One an engine. ``for_call`` is quick once an agent has had a call."""

    def __init__(
        self, config: Config, embedded: Providers, hearing: Hearing, timers: Timers, score: Score | None = None
    ) -> None:
        """``score``: see ``Senses``. Reads the agents' files and the routing file; raises ``TrunklineError`` with every
        problem in them."""
        self.config = config
        self.agents = Agents.of(config.agents)
        self._embedded = embedded
        self._hearing = hearing
        self._timers = timers
        self._score = score
        self._recognisers: dict[tuple[str, str, tuple[str, ...]], Recogniser] = {}
        self._voices: dict[str, Voice] = {}
        self._models: dict[tuple[str, str], Model] = {}
        self._bases: dict[KnowledgeOptions, KnowledgeBase] = {}
        self._skills: dict[tuple[KnowledgeOptions, ...], Skills] = {}
        self._brains: dict[tuple[str, str, str], Brain] = {}
        self.upstream = open_upstream(config, os.environ)
        """The speech-to-speech model behind the engine."""
        self._connections = Connections()
        self._transcriber: Recogniser | None = None
        self._making = BoundedSemaphore(1)
        self._router = self._make_router()

    def start(self) -> None:
        """Make what the default agent and the operator's own agents need. Raises ``TrunklineError`` for the default
        agent; others are only logged, because their calls are refused one by one."""
        for agent in self.agents:
            default = agent.name == self.agents.default
            if not default and agent.file.parent.resolve() == SHIPPED:
                continue
            try:
                if agent.options.app is not None:
                    offer.key(agent.options.app)
                self.speech(agent)
                for language in agent.languages:
                    self._warm(agent, language)
            except TrunklineError as fault:
                if default:
                    raise
                log.warning("agent %s cannot take calls: %s", agent.name, fault)

    def for_call(self, channel: Arrival, events: EventLog) -> AgentCast:
        """The cast of the call on ``channel``, or of another arrival. Raises ``TrunklineError`` where there is none."""
        agent = self.agents.pick(
            did=channel.destination, variable=channel.variables.get(VARIABLE) or "", caller=channel.caller_number
        )
        route = self._route(agent, channel, events)
        model = agent.options.model
        # A routed model belongs to its call, and so does the brain around it.
        own = self._model_brain(agent, RoutedModel(route)) if model and model.provider == ROUTED and route else None
        return AgentCast(agent, channel, events, lambda language: self._senses(agent, language, route, own), route,
                         self.speech(agent))

    def speech_for(self, arrival: Arrival) -> SpeechModel | None:
        """The speech-to-speech model for a client that is relayed, None where there is no upstream. Raises
        ``TrunklineError`` where there is no agent for it."""
        if self.upstream is None:
            return None
        agent = self.agents.pick(did=arrival.destination, variable=arrival.variables.get(VARIABLE) or "",
                                 caller=arrival.caller_number)
        return speech_model(agent, self.upstream, self._skills_for(agent))

    def speech(self, agent: Agent) -> SpeechModel | None:
        """The speech-to-speech model that holds the calls of ``agent``, None where it has none. Raises ``CastError``.
        """
        default = agent.name == self.agents.default
        if effective(self.config, agent, agent.language, is_default=default).agent.brain != "realtime":
            return None
        if self.upstream is None:
            raise CastError(f"agent {agent.name}: brain is realtime, and there is no upstream: name a provider in "
                            "upstream.provider")
        self.upstream.warm()
        return speech_model(agent, self.upstream, self._skills_for(agent))

    @property
    def router(self) -> Router | None:
        """Who chooses providers; None without a routing file."""
        return self._router

    def reload(self) -> list[str]:
        """Read the agents' files and the routing file anew, for the calls that begin from now on; the names of the
        agents that changed. Raises ``TrunklineError`` with every problem in the files; nothing has changed then.
        Collections need no reload: each question goes to their newest generation."""
        agents = off_hub(Agents.of, self.config.agents)
        routes = off_hub(routesfile.load, Path(self.config.routing.file)) if self._router is not None else None
        before = {agent.name: agent.options for agent in self.agents}
        after = {agent.name: agent.options for agent in agents}
        changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
        self.agents = agents
        if self._router is not None and routes is not None:
            self._router.routes = routes
        for key in [key for key in self._brains if key[0] in changed]:
            del self._brains[key]
        return changed

    def thinks_for(self, agent: Agent, language: str, log: Log) -> Brain:
        """What answers for ``agent`` outside a call; lines of its routing go to ``log``. A ``ModelBrain`` has to be
        told when the conversation is over. Raises ``TrunklineError`` where nobody can answer."""
        model = agent.options.model
        if model and model.provider == ROUTED and self._router:
            route = self._router.for_call(Facts(language=language, agent=agent.name), log)
            return self._model_brain(agent, RoutedModel(route))
        config = effective(self.config, agent, language, is_default=agent.name == self.agents.default)
        return self._brain(agent, language, config)

    def close(self) -> None:
        """End what was made. The embedded set is its maker's."""
        if self._transcriber is not None:
            self._transcriber.close()
        for skills in self._skills.values():
            skills.close()
        self._connections.close()
        if self.upstream is not None:
            self.upstream.close()
        made: Iterable[_Closable] = (*self._recognisers.values(), *self._voices.values(), *self._models.values())
        for one in made:
            try:
                one.close()
            except Exception:
                log.exception("%s failed while it was closed", type(one).__name__)

    # ------------------------------------------------------------ in writing, and for other programs

    def written(self, agent: Agent, language: str, route: CallRoute | None, more: str = "",
                limits: Mapping[str, Any] = MappingProxyType({})) -> Brain:
        """The brain of ``agent`` for one conversation in writing, in ``language`` (one with a model: in all its
        languages). ``more`` is put after its persona; ``limits`` are fields of ``Persona`` that are otherwise this
        once. Raises ``TrunklineError`` where it cannot be had."""
        model = agent.options.model
        if model is None:
            config = effective(self.config, agent, language, is_default=agent.name == self.agents.default)
            return KnowledgeBrain(self._answers_from(agent, config.knowledge), config.agent, language, spoken=False)
        if model.provider == ROUTED and route is None:
            raise CastError(f"agent {agent.name}: model.provider is {ROUTED}, which needs routing.file")
        thinks = RoutedModel(route) if model.provider == ROUTED and route else self.model(model.provider, model.name)
        persona = persona_of(agent)
        prompt = "\n\n".join(filter(None, (persona.prompt, more)))
        return self._model_brain(agent, thinks, replace(persona, prompt=prompt, written=True, **limits))

    def ears(self) -> Ears:
        """Ears of their own, for a recording: its frames come in bursts."""
        return Ears(self._embedded.vad, self.config.vad)

    def transcriber(self) -> Recogniser:
        """The embedded recogniser for recordings: processes of its own, so that no call waits behind them. Takes a
        second the first time. Raises ``TrunklineError``."""
        with self._making:
            if self._transcriber is None and self._embedded.transcriber is not None:
                self._transcriber = self._embedded.transcriber()
        return self._transcriber or self._embedded.recogniser

    def recogniser(self, name: str, language: str) -> Recogniser:
        """The recogniser called ``name`` under ``providers``, in ``language`` ("": any)."""
        key = (name, language, ())
        if key not in self._recognisers:
            _check_room(self._recognisers, name)
            self._recognisers[key] = providers.make_recogniser(name, self.config, language=language)
        return self._recognisers[key]

    def model_name(self, provider: str) -> str:
        """The model that the provider of this name is configured with."""
        options = providers.described(provider, self.config)
        return str(getattr(options, "deployment", "") or getattr(options, "model", ""))

    def knowledge(self, collection: str = "") -> KnowledgeBase:
        """The collection of this name, or that of ``knowledge.collection``. Raises ``KnowledgeError``."""
        options = self.config.knowledge
        return self._knowledge(options.model_copy(update={"collection": collection}) if collection else options)

    # ------------------------------------------------------------ senses

    def _senses(
        self, agent: Agent, language: str, route: CallRoute | None = None, brain: Brain | None = None
    ) -> Senses:
        config = effective(self.config, agent, language, is_default=agent.name == self.agents.default)
        speaks = agent.speaks(language)
        return Senses(
            config, self._hearing, self._recogniser(agent, speaks.recogniser, language, route),
            self._voice(speaks.voice, language, route), brain or self._brain(agent, language, config), self._timers,
            self._score,
        )

    def _warm(self, agent: Agent, language: str) -> None:
        model = agent.options.model
        # Who is routed is chosen in the call; here it is only looked whether there is anybody.
        route = self.router.for_call(Facts(language=language, agent=agent.name), NoLog()) if self.router else None
        brain = self._model_brain(agent, RoutedModel(route)) if model and model.provider == ROUTED and route else None
        senses = self._senses(agent, language, route, brain)
        if language in lexicon.LANGUAGES and senses.config.knowledge.gloss:
            off_hub(lexicon.lexicon_of, language)  # seconds, once a machine: not while a caller waits for an answer
        if isinstance(senses.voice, PhraseCache):
            senses.voice.warm(fixed_phrases(senses.config))

    def _recogniser(self, agent: Agent, name: str, language: str, route: CallRoute | None) -> Recogniser:
        if route is not None and _is_routed(name, "stt", route):
            return RoutedRecogniser(route)
        if name in ("", ROUTED, EMBEDDED_RECOGNISER):
            if language != self.config.speech.language:
                raise CastError(f"agent {agent.name}: the embedded recogniser hears {self.config.speech.language}, not "
                                f"{language}: name a provider in languages.{language}.recogniser")
            return self._embedded.recogniser
        key = (name, language, agent.options.collections)
        if key not in self._recognisers:
            self._recognisers[key] = providers.make_recogniser(
                name, self.config, language=language, vocabulary=self._vocabulary(agent, language)
            )
        return self._recognisers[key]

    def _vocabulary(self, agent: Agent, language: str) -> Sequence[str]:
        """Words of the agent's collections that a recogniser of this language should expect."""
        knowledge = as_one(self._collections(agent))
        if knowledge is None:
            return ()
        sentences, utterances = knowledge.language_material(language)
        return keyterms([*utterances, *sentences])

    def _voice(self, name: str, language: str, route: CallRoute | None) -> Voice:
        if route is not None and _is_routed(name, "tts", route):
            return RoutedVoice(route)
        if name in ("", ROUTED):
            own = language == self.config.speech.language
            return self._embedded.voice if own else self.voice(f"espeak-ng:{language}")
        return self.voice(name)

    def voice(self, name: str) -> Voice:
        """The voice called ``flite:VOICE``, ``espeak-ng:VOICE``, ``PROVIDER`` or ``PROVIDER:VOICE``; "": that of
        ``speech.voice``. Raises ``TrunklineError``."""
        if name in ("", self.config.speech.voice):
            return self._embedded.voice
        if name not in self._voices:
            _check_room(self._voices, name)
            provider, _, voice = name.partition(":")
            config, made = self.config, name
            if voice and provider in config.providers:
                config, made = _with(config, provider, voice=voice), provider
            self._voices[name] = PhraseCache(providers.make_voice(made, config), limit_mb=config.speech.phrase_cache_mb)
        return self._voices[name]

    # ------------------------------------------------------------ brains

    def _brain(self, agent: Agent, language: str, config: Config) -> Brain:
        model = agent.options.model
        # A model's brain keeps what a call's skills did: it is the same one in all languages.
        key = (agent.name, agent.variant, "" if model else language)
        if key not in self._brains:
            if model is None:
                brain: Brain = KnowledgeBrain(self._answers_from(agent, config.knowledge), config.agent, language)
            elif model.provider == ROUTED:
                raise CastError(f"agent {agent.name}: model.provider is {ROUTED}, which needs routing.file")
            else:
                brain = self._model_brain(agent, self.model(model.provider, model.name))
            self._brains[key] = brain
        return self._brains[key]

    def _model_brain(self, agent: Agent, model: Model, persona: Persona | None = None) -> ModelBrain:
        skills = self._skills_for(agent)
        return ModelBrain(persona or persona_of(agent), model, skills.executor, middleware=skills.registry.middleware)

    def model(self, name: str, model: str = "") -> Model:
        """The language model called ``name`` under ``providers``; ``model``: another one of that provider. Raises
        ``TrunklineError``."""
        if (name, model) not in self._models:
            _check_room(self._models, f"{name}/{model}")
            config = _with(self.config, name, model=model) if model else self.config
            self._models[name, model] = providers.make_model(name, config)
            self._models[name, model].warm()
        return self._models[name, model]

    def _knowledge(self, options: KnowledgeOptions) -> KnowledgeBase:
        if options not in self._bases:
            own = options == self.config.knowledge and self._embedded.knowledge
            self._bases[options] = own or KnowledgeBase.open(
                options=options, providers=self.config.providers, stores=self.config.vector_stores)
        return self._bases[options]

    def _answers_from(self, agent: Agent, options: KnowledgeOptions) -> Collections:
        """All collections of the agent; the one of the configuration where that wins over the agent's file."""
        own = agent.options.collections
        bases = self._collections(agent) if len(own) > 1 and options.collection == own[0] else []
        return as_one(bases) or self._knowledge(options)

    def _collections(self, agent: Agent) -> list[KnowledgeBase]:
        """All that the agent's file names, in its order."""
        options = agent.knowledge(self.config.knowledge)
        return [self._knowledge(options.model_copy(update={"collection": name})) for name in agent.options.collections]

    def _skills_for(self, agent: Agent) -> Skills:
        """Skills search the collections of their agent."""
        bases = self._collections(agent)
        own = tuple(base.options for base in bases)
        if own not in self._skills:
            skills = self._skills[own] = Skills.open(self.config.skills, as_one(bases))
            skills.start()
        return self._skills[own]

    # ------------------------------------------------------------ routing

    def _make_router(self) -> Router | None:
        options = self.config.routing
        if not options.file:
            return None
        for name in self.config.providers:
            self._connect(name)
        return Router(routesfile.load(Path(options.file)), options, self._connections)

    def _connect(self, name: str) -> None:
        """The provider called ``name``, as the router asks for it."""
        connections = self._connections
        connections.add_model(name, lambda choice: self.model(name, choice.model))
        connections.add_voice(name, lambda choice: self.voice(name))
        connections.add_recogniser(name, lambda choice, on_fault: providers.make_recogniser(
            name, self.config, language=choice.language, on_fault=on_fault))

    def _route(self, agent: Agent, channel: Arrival, events: EventLog) -> CallRoute | None:
        if self.router is None:
            return None
        now, dialect = datetime.now(), region_dialect(channel.caller_number)
        region = channel.variables.get("region") or ("kerala" if dialect else "")
        facts = Facts(
            language=agent.language, dialect=dialect if agent.language == "ml" else "", region=region, agent=agent.name,
            caller=channel.caller_number, called=channel.destination, hour=now.hour, weekday=now.isoweekday(),
        )
        return self.router.for_call(facts, events)


def _is_routed(name: str, capability: Capability, route: CallRoute) -> bool:
    """Whether the router chooses: it is asked to, or nobody is named and it has somebody."""
    return name == ROUTED or (not name and bool(route.order(capability).standing))


def _check_room(made: Mapping[Any, Any], name: str) -> None:
    if len(made) >= MOST:
        raise CastError(f"{name}: {MOST} others are in use already; a restart of the engine forgets them")


def _with(config: Config, name: str, *, model: str = "", voice: str = "") -> Config:
    """``config`` with another model or voice for the provider called ``name``."""
    options = providers.described(name, config)
    field = "deployment" if isinstance(options, AzureChatOptions) else "model" if model else "voice"
    if field not in type(options).model_fields:
        raise CastError(f"providers.{name}: a provider of kind {options.kind} has no {field} to choose")
    changed: Provider = options.model_copy(update={field: model or voice})
    return config.model_copy(update={"providers": {**config.providers, name: changed}})
