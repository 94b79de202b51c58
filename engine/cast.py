"""Who hears, thinks and speaks in a call: what its agent's file names, else the router's choice, else the embedded set.

A ``Cast`` is one call's. ``AgentCast`` goes by an agent's file; ``FixedCast`` is the same for all calls (benchmarks,
tests). A call begins with the senses of its agent's first language and may change them (``AgentCast.change``).
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from engine.agents.agent import Agent
from engine.agents.options import AppOptions
from engine.arrival import Arrival
from engine.config import Config, TransferTarget
from engine.dialog.actions import CallContext, Outcome
from engine.dialog.model_brain import ModelBrain
from engine.dialog.prompt import LANGUAGES
from engine.errors import TrunklineError
from engine.routing.dialect import DialectTracker, region_dialect
from engine.routing.language import LanguageTracker
from engine.routing.router import CallRoute
from engine.senses import Senses
from engine.speech.interfaces import Heard, Voice
from engine.talk import Talk
from engine.telemetry.eventlog import EventLog
from engine.turns.events import SayRequest
from engine.upstream.model import SpeechModel

log = logging.getLogger(__name__)

LANGUAGE = "trunkline_language"
"""Channel variable: the ISO 639 code of the language that a call begins in."""


class Actions(Protocol):
    """What the call can do, as far as its cast needs it; ``TelephonyActions`` are those of a telephone call."""

    language: Callable[[str], Outcome] | None
    """Who switches the language."""

    def context(self) -> CallContext:
        """What brains may know of the call."""

    def speak(self, voice: Voice, targets: Mapping[str, TransferTarget]) -> None:
        """Announce with this voice, hand over to these."""


class Cast(Protocol):
    """Who takes part in one call besides the caller."""

    senses: Senses
    """How the conversation begins."""

    speech: SpeechModel | None
    """Who holds it instead, as long as there is a connection."""

    targets: Mapping[str, TransferTarget]
    """Whom the caller may be handed over to, by name."""

    @property
    def app(self) -> AppOptions | None:
        """A program that is asked whether it takes the call."""

    def join(self, talk: Talk, actions: Actions) -> None:
        """The conversation is about to start: take part in it."""

    def close(self) -> None:
        """The call is over. Idempotent."""


class FixedCast:
    """The same senses for every call, whoever is called."""

    def __init__(
        self, senses: Senses, targets: Mapping[str, TransferTarget], speech: SpeechModel | None = None,
        app: AppOptions | None = None,
    ) -> None:
        """Nothing is chosen."""
        self.senses = senses
        self.app = app
        self.speech = speech
        self.targets = targets

    def join(self, talk: Talk, actions: Actions) -> None:
        """See ``Cast``."""
        talk.context = actions.context()

    def close(self) -> None:
        """See ``Cast``."""


class AgentCast:
    """The cast of ``agent`` for the call on ``channel``. ``senses_in(language, route)`` makes its senses."""

    def __init__(
        self, agent: Agent, channel: Arrival, events: EventLog, senses_in: Callable[[str], Senses],
        route: CallRoute | None = None, speech: SpeechModel | None = None,
    ) -> None:
        """Picked, and written into the log. Raises ``TrunklineError`` where the agent cannot speak or hear."""
        self.agent = agent
        self.language = _begins_in(agent, channel)
        """The call's of the moment."""

        self._channel = channel
        self._events = events
        self._senses_in = senses_in
        self._route = route
        self._talk: Talk | None = None
        self._actions: Actions | None = None
        self._dialects = DialectTracker(region_dialect(channel.caller_number))
        events.write("agent_picked", **agent.picked())
        self.app = agent.options.app
        self.senses = self._first_senses()
        self._tracker = LanguageTracker(agent.languages, self.language) if len(agent.languages) > 1 else None
        self.targets = self._targets()
        self.speech = speech

    def join(self, talk: Talk, actions: Actions) -> None:
        """See ``Cast``."""
        self._talk, self._actions = talk, actions
        actions.language = self.change
        talk.context = self._context()
        talk.transcripts = self._heard
        talk.spare_keys = self._key
        if self._route is not None:
            self._route.on_wait = lambda seconds: talk.tell(SayRequest(self.senses.config.agent.busy))

    def change(self, language: str) -> Outcome:
        """Hear, think and speak in ``language`` from the next words on: somebody asked for it."""
        code = language.lower().partition("-")[0]
        if code not in self.agent.languages:
            return Outcome(False, f"{self.agent.name} speaks {', '.join(self.agent.languages)}, not {language}")
        if not self._speak(code, "asked for"):
            return Outcome(False, f"{LANGUAGES.get(code, code)} cannot be spoken at the moment")
        if self._tracker is not None:
            self._tracker.choose(code, "asked for")
        return Outcome(True, data={"language": code})

    def close(self) -> None:
        """See ``Cast``."""
        if isinstance(self.senses.brain, ModelBrain):
            self.senses.brain.call_ended(self._channel.uuid)
        route, self._route = self._route, None
        if route is not None:
            route.close()

    # ------------------------------------------------------------ inside

    def _first_senses(self) -> Senses:
        """In the language that the dialplan has chosen, where that can be had; else in the agent's first. Raises
        ``TrunklineError`` where not even that can be had."""
        first, chosen = self.agent.language, self.language
        if chosen != first:
            if self._route is not None:
                self._route.set_facts(language=chosen)
            try:
                senses = self._senses_in(chosen)
            except TrunklineError as fault:
                self._events.write("error", where="language", message=f"the call begins in {first}: {fault}")
                self.language = first
                if self._route is not None:
                    self._route.set_facts(language=first)
            else:
                self._events.write("language", language=chosen, before=first, why=f"{LANGUAGE} is {chosen}")
                return senses
        return self._senses_in(first)

    def _heard(self, heard: Heard) -> None:
        """What the caller said may be in another language than the call's, and in a dialect of it."""
        if self._tracker is not None:
            code = _code(heard.language)
            change = self._tracker.hear(heard.text, {code: 1.0} if code else None)
            if change.changed and not self._speak(change.language, change.why):
                self._tracker.choose(self.language, f"{change.language} cannot be spoken")
        if self.language == "ml" and self._route is not None:
            before, dialect = self._route.facts.dialect, self._dialects.hear(heard.text)
            if dialect.name != before:
                self._route.set_facts(dialect=dialect.name)
                self._events.write("dialect", dialect=dialect.name, confidence=dialect.confidence, why=dialect.why)

    def _key(self, digit: str) -> bool:
        """A key that nobody asked for may choose a language."""
        chosen = next((code for code, options in self.agent.options.languages.items() if options.key == digit), None)
        if chosen is None or self._talk is None:
            return False
        if chosen != self.language and self.change(chosen).ok:
            self._talk.tell(SayRequest(self.senses.config.agent.language_changed))
        return True

    def _speak(self, language: str, why: str) -> bool:
        """Whether the call is in this language now. It stays in its own where nobody is there who hears, thinks and
        speaks in the other."""
        if language == self.language or self._talk is None:
            return True
        before = self.language
        if self._route is not None:
            self._route.set_facts(language=language)
        try:
            self.senses = self._senses_in(language)
        except TrunklineError as fault:
            if self._route is not None:
                self._route.set_facts(language=before)
            self._events.write("error", where="language", message=f"the call stays in {before}: {fault}")
            return False
        self.language = language
        self._events.write("language", language=language, before=before, why=why)
        self._talk.change(self.senses)
        self._talk.context = self._context()
        if self._actions is not None:
            self._actions.speak(self.senses.voice, self._targets())
        return True

    def _targets(self) -> Mapping[str, TransferTarget]:
        targets, left_out = self.agent.targets(self.language, self._channel.variables)
        for why in left_out:
            log.warning("agent %s: %s; this call cannot be handed over there", self.agent.name, why)
        return targets

    def _context(self) -> CallContext:
        assert self._actions is not None
        variables = self._channel.variables
        known = {name: value for name in self.agent.options.variables if (value := variables.get(name))}
        return replace(
            self._actions.context(), agent=self.agent.name, language=self.language, attributes=known,
            write=self._events.write,
        )


def _begins_in(agent: Agent, channel: Arrival) -> str:
    """The language that the dialplan has asked for (a menu), where the agent speaks it; else the agent's first."""
    wanted = (channel.variables.get(LANGUAGE) or "").strip().lower().partition("-")[0]
    if wanted and wanted not in agent.languages:
        log.warning("%s is '%s', which %s does not speak", LANGUAGE, wanted, agent.name)
    return wanted if wanted in agent.languages else agent.language


def _code(language: str) -> str:
    """The code of a language as a recogniser names it: ``ml``, ``ml-IN`` or ``malayalam``; empty for an empty one."""
    named = language.lower()
    return next((code for code, name in LANGUAGES.items() if name.lower() == named), named.partition("-")[0][:3])


def effective(config: Config, agent: Agent, language: str, *, is_default: bool) -> Config:
    """The options of a call with ``agent`` in ``language``: the agent's file over the configuration. For the default
    agent the configuration wins where it says something: ``knowledge.collection``, and in the agent's first language
    the phrases of ``agent:``."""
    phrases, knowledge = agent.phrases(language), agent.knowledge(config.knowledge)
    if is_default and "collection" in config.knowledge.model_fields_set:
        knowledge = knowledge.model_copy(update={"collection": config.knowledge.collection})
    if is_default and language == agent.language:
        said = {name: getattr(config.agent, name) for name in config.agent.model_fields_set}
        phrases = phrases.model_copy(update=said)
    return config.model_copy(update={
        "agent": phrases,
        "turns": agent.turns(config.turns),
        "speech": config.speech.model_copy(update={"language": language}),
        "knowledge": knowledge,
    })
