"""An agent as a call gets it: its file, with the variant that this caller gets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from engine.agents import phrases as shipped
from engine.agents.options import AgentFile, LanguageOptions, Transfer, Variant
from engine.agents.yamlfile import Places
from engine.config import AgentOptions, KnowledgeOptions, TransferTarget, TurnOptions
from engine.config.base import Options

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PREFIX = "Value error, "


@dataclass(frozen=True)
class Agent:
    """``options`` is the file with the variant's changes in it; ``variant`` is empty where there are none. ``why`` is
    the reason why it was picked."""

    name: str
    file: Path
    options: AgentFile
    places: Places
    variant: str = ""
    why: str = ""

    @property
    def language(self) -> str:
        """Its first language, that of the greeting."""
        return next(iter(self.options.languages))

    @property
    def languages(self) -> tuple[str, ...]:
        """All of them (ISO 639), the first one first."""
        return tuple(self.options.languages)

    @property
    def transfer(self) -> Mapping[str, Transfer]:
        """Whom it may hand callers over to, by name."""
        return self.options.transfer

    def speaks(self, language: str = "") -> LanguageOptions:
        """How it speaks a language; one that it does not speak is its first."""
        return self.options.languages.get(language) or self.options.languages[self.language]

    def phrases(self, language: str = "") -> AgentOptions:
        """What it says word for word: its own phrases over those that come with Trunkline for the language."""
        language = language if language in self.options.languages else self.language
        own = self.speaks(language)
        texts: dict[str, Any] = {**shipped.of(language), **own.phrases}
        return AgentOptions(brain=self.options.brain, greeting=own.greeting,
                            greeting_interruptible=own.greeting_interruptible, **texts)

    def missing_phrases(self, language: str) -> list[str]:
        """Phrases that neither its file nor Trunkline has in this language: they would be said in English."""
        given = {**shipped.of(language), **self.speaks(language).phrases}
        return [name for name in shipped.NAMES if name not in given]

    def turns(self, base: TurnOptions) -> TurnOptions:
        """Its turn-taking: what the file says, over ``base``."""
        options: TurnOptions = _over(base, self.options.turns)
        return options

    def knowledge(self, base: KnowledgeOptions) -> KnowledgeOptions:
        """Its knowledge options over ``base``; the collection is its first one."""
        options = _over(base, self.options.knowledge)
        return options.model_copy(update={"collection": self.options.collections[0]}) if self.options.collections \
            else options

    def announcement(self, target: str, language: str = "") -> str:
        """What the caller is told before being handed over to ``target``."""
        language = language if language in self.options.languages else self.language
        return self.transfer[target].announcement.get(language) or self.phrases(language).transferring

    def targets(self, language: str = "", variables: Mapping[str, str] = MappingProxyType({})
                ) -> tuple[dict[str, TransferTarget], list[str]]:
        """Whom a call may be handed over to, ``${name}`` in destinations replaced by the call's channel variables; and
        why others are left out: a variable that is not set, or that would mean more to FreeSWITCH than a number (a
        caller may have a say in it)."""
        found: dict[str, TransferTarget] = {}
        without: list[str] = []
        for name, target in self.transfer.items():
            try:
                destination = _VARIABLE.sub(lambda match: variables[match[1]], target.destination)
                found[name] = TransferTarget(
                    kind="queue" if target.kind == "queue" else "human", destination=destination,
                    number=target.number, timeout_s=target.timeout_s, announcement=self.announcement(name, language),
                    hold_music=target.hold_music, failed=self.phrases(language).transfer_failed,
                )  # fmt: skip
            except KeyError as missing:
                without.append(f"transfer.{name}: the channel variable {missing} is not set")
            except ValidationError as fault:
                without.append(f"transfer.{name}: the destination {fault.errors()[0]['msg'].removeprefix(_PREFIX)}")
        return found, without

    def as_variant(self, name: str, why: str = "") -> "Agent":
        """This agent as one of its variants (empty: as the file has it), with the reason."""
        options = _varied(self.options, self.options.variants[name]) if name else self.options
        return Agent(self.name, self.file, options, self.places, name, why)

    def picked(self, language: str = "") -> dict[str, str]:
        """The fields of the event ``agent_picked``."""
        return {"name": self.name, "variant": self.variant, "why": self.why, "language": language or self.language}


def _over(base: Any, given: Options) -> Any:
    """``base`` with the options that are given."""
    return base.model_copy(update=given.model_dump(exclude_none=True))


def _varied(options: AgentFile, variant: Variant) -> AgentFile:
    languages = dict(options.languages)
    for language, change in variant.languages.items():
        own = languages[language]
        update = change.model_dump(exclude_none=True, exclude={"phrases"})
        languages[language] = own.model_copy(update={**update, "phrases": {**own.phrases, **change.phrases}})
    update = {"languages": languages, "turns": _over(options.turns, variant.turns)}
    if variant.persona:
        update["persona"] = variant.persona
    if variant.model is not None:
        update["model"] = variant.model
    return options.model_copy(update=update)
