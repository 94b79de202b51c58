"""Who the agent is, as far as a brain with a language model needs to know: plain data, filled from the agent's file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from engine.agents import phrases
from engine.config import AgentOptions
from engine.dialog.actions import TransferMode


@dataclass(frozen=True, slots=True)
class HandoverChoice:
    """Where a caller may be handed to. ``when`` tells the model when; numbers and names of queues stay elsewhere."""

    when: str
    mode: TransferMode = "blind"
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Phrases:
    """What is said without asking the model, in one language. ``fillers``: while a skill takes its time, in order."""

    not_heard: str
    apology: str
    goodbye: str
    fillers: tuple[str, ...]

    @classmethod
    def of(cls, said: AgentOptions) -> "Phrases":
        """Out of all that an agent says word for word."""
        return cls(said.not_heard, said.apology, said.goodbye, (said.filler, said.busy))


@lru_cache(maxsize=64)
def shipped(language: str) -> Phrases | None:
    """The phrases that come with Trunkline in ``language`` (ISO 639-1); None where there are none."""
    said = phrases.of(language)
    return Phrases.of(AgentOptions(**said)) if said else None


@dataclass(frozen=True)
class Persona:
    """``prompt`` is who the agent is and what it is for; rules for speaking on a telephone are added to it.

    ``skills``: names or patterns (``crm_*``) that the agent may use; nothing else is offered. (``report_grounding``
    makes citations exact and costs a round of the model before each answer.) ``transfer``: targets by name.
    ``grounding``: ``skill``: the model searches when it wants to; ``prompt``: passages are put before every question
    (one step less to wait, more tokens). ``max_tokens`` and ``temperature`` None: the model's own.
    """

    name: str
    prompt: str
    language: str = "en"
    languages: tuple[str, ...] = ("en",)
    skills: tuple[str, ...] = ("search", "end_call")
    transfer: Mapping[str, HandoverChoice] = field(default_factory=dict)
    grounding: Literal["skill", "prompt"] = "skill"
    passages: int = 4
    """Passages that a search gives at most."""
    max_steps: int = 5
    """Answers of the model within one reply: each round of skills needs another one."""
    max_tokens: int | None = 300
    """Of one answer: half a minute of speech is more than anybody listens to."""
    temperature: float | None = None
    history_tokens: int = 3000
    """What goes before the caller's turn; the oldest turns are left out first."""
    not_heard_below: float = 0.2
    """Confidence of the recogniser below which the caller is asked to repeat, without asking the model."""
    unsure_below: float = 0.5
    """Confidence below which the model is told that the words may be wrong."""
    written: bool = False
    """The conversation is in writing: the model is not told to speak, and nothing is said to cover a wait."""
    phrases: Mapping[str, Phrases] = field(default_factory=dict)
    """The agent's own, by language; those that come with Trunkline where it has none."""

    def phrases_in(self, language: str) -> Phrases:
        """The fixed phrases in ``language`` (``fr`` or ``fr-CA``), else in the agent's own, else in English."""
        for wanted in (language, language[:2], self.language, "en"):
            if found := self.phrases.get(wanted) or shipped(wanted):
                return found
        raise KeyError("phrases.yaml has no English")
