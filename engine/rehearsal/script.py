"""A file of scripted conversations (``NAME.tests.yaml``): what the caller does, what is expected of the agent."""

import re
import unicodedata
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from engine.agents.errors import AgentError
from engine.agents.options import Language, TurnsGiven
from engine.agents.yamlfile import Places, read
from engine.config.base import Options
from engine.configfile import Problem

SUFFIX = ".tests.yaml"


def _listed(value: Any) -> Any:
    """One where several may be."""
    return value if value is None or isinstance(value, list | tuple) else [value]


def _pattern(text: str) -> str:
    compiled(text)
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]
"""A text that must be contained, whatever the case; ``/.../`` is a regular expression."""

Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(_listed)]


@lru_cache(maxsize=1024)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression. Raises ``ValueError``."""
    text = plain(pattern, fold=False)
    try:
        if len(text) > 2 and text[0] == text[-1] == "/":
            return re.compile(text[1:-1], re.IGNORECASE)
        return re.compile(re.escape(text.casefold()), re.IGNORECASE)
    except re.error as fault:
        raise ValueError(f"not a regular expression: {fault}") from fault


def plain(text: str, fold: bool = True) -> str:
    """What is compared: one kind of apostrophe and blank, composed letters, no case."""
    text = unicodedata.normalize("NFC", text.replace("\u2019", "'"))
    text = " ".join(text.split())
    return text.casefold() if fold else text


def found(pattern: str, text: str) -> bool:
    """Whether the pattern is in the text."""
    return compiled(pattern).search(plain(text)) is not None


class SkillCall(Options):
    """A call of a skill that is expected; arguments that are not named may be anything."""

    name: str
    arguments: dict[str, Any] = {}


def _skill_calls(value: Any) -> Any:
    return [{"name": item} if isinstance(item, str) else item for item in _listed(value) or ()]


class Expect(Options):
    """What must hold of a step. What is not given is not looked at."""

    said: Patterns = ()
    """In what the caller heard of the agent in this step, all of these."""

    not_said: Patterns = ()
    """None of these."""

    within_ms: int | None = Field(None, ge=0)
    """From the caller's last voiced frame to the agent's first frame, at most."""

    decision: str | None = None
    """Of the knowledge base: ``answer``, ``ask_back``, ``unknown`` or ``courtesy``."""

    cites: str | None = None
    """The document that the answer stands on."""

    asked_back: bool | None = None
    """Whether the agent asked which of two things was meant; with a model: whether it ended with a question."""

    skill: Annotated[tuple[SkillCall, ...], BeforeValidator(_skill_calls)] = ()
    """Skills that ran in this step."""

    no_skill: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    """Skills that did not; ``any`` is none at all."""

    language: Language | None = None
    """What is spoken after the step."""

    transferred: str | None = None
    """The target that the caller was handed over to; ``no``: to none."""

    ended: str | None = None
    """``yes`` or ``no``: whether the call is over after the step; or how: ``goodbye``, ``away``, ``max_call``,
    ``fault``, ``transferred``."""

    interrupted: bool | None = None
    """Of a step over the agent's speech: whether it stopped, for good."""

    heard: Patterns = ()
    """Of a step over the agent's speech: what the caller heard of that speech, in all."""

    not_heard: Patterns = ()
    """What the caller did not hear of it."""

    stops_within_ms: int | None = Field(None, ge=0)
    """Of a step over the agent's speech: from the caller's first voiced frame to the agent's last frame."""


class Step(Options):
    """One thing the caller does. None of the actions: the caller listens."""

    caller: str = ""
    """Says this."""

    wav: str = ""
    """Plays this recording (relative to the file), through voice detection and recogniser."""

    says: str = ""
    """What is said in ``wav``, for machines without the recogniser."""

    digits: str = Field("", pattern=r"^[0-9*#A-D]*$")
    """Presses these keys, one every 300 ms."""

    noise_ms: int | None = Field(None, ge=20, le=60_000)
    """Makes a noise without words."""

    silence_s: float | None = Field(None, ge=0, le=3600)
    """Says nothing for so long."""

    hangup: bool = False

    over_agent_ms: int | None = Field(None, ge=0, le=60_000)
    """Begins so long after the agent's first frame, while it speaks, instead of waiting until it is silent."""

    after_ms: int = Field(500, ge=0, le=5000)
    """Begins so long after the agent is silent."""

    stt_ms: int | None = Field(None, ge=0, le=10_000)
    """The final transcript comes so long after the voice."""

    final: bool = True
    """No final transcript comes, if false."""

    expect: Expect = Expect()

    @property
    def action(self) -> str:
        """Its kind: the name of the field that is given, or ``listen``."""
        return next((name for name in ACTIONS if getattr(self, name) not in ("", None, False)), "listen")

    @model_validator(mode="after")
    def _one_action(self) -> "Step":
        given = [name for name in ACTIONS if getattr(self, name) not in ("", None, False)]
        if len(given) > 1:
            raise ValueError(f"a step is one action, this has {' and '.join(given)}")
        if self.says and not self.wav:
            raise ValueError("says belongs to wav; what a caller says without a recording is caller")
        over = ("interrupted", "heard", "not_heard", "stops_within_ms")
        wrong = [name for name in over if getattr(self.expect, name) not in (None, ())]
        if wrong and self.over_agent_ms is None:
            raise ValueError(f"expect.{wrong[0]} needs over_agent_ms: nobody is interrupted")
        return self


ACTIONS = ("caller", "wav", "digits", "noise_ms", "silence_s", "hangup")


class Call(Options):
    """A skill that the scripted model calls. ``result`` is what the skill gives back; without it, built-in skills are
    played (a search searches, a hand-over hands over) and others succeed."""

    skill: str
    arguments: dict[str, Any] = {}
    result: Any = None
    ms: int | None = Field(None, ge=0, le=60_000)


class Reply(Options):
    """What the scripted model answers in one turn: ``first`` is said before the calls, ``reply`` after them. After a
    hand-over that worked and after ``end_call`` the model is not asked again: ``first`` is the last it says."""

    when: Pattern = ""
    """Answers the turns whose words have this; without it, the next turn that no other answer is for."""

    first: str = ""
    calls: tuple[Call, ...] = ()
    reply: str = ""
    fails: bool = False
    first_ms: int | None = Field(None, ge=0, le=60_000)
    done_ms: int | None = Field(None, ge=0, le=60_000)


class Timings(Options):
    """How long the simulated providers take."""

    stt_ms: int = Field(200, ge=0)
    """From the end of the voice to the final transcript."""

    search_ms: int = Field(30, ge=0)
    """The knowledge base's answer."""

    first_ms: int = Field(250, ge=0)
    """The model's first word."""

    done_ms: int = Field(600, ge=0)
    """The model's last word."""

    skill_ms: int = Field(300, ge=0)
    """A skill."""

    voice_ms: int = Field(150, ge=0)
    """The first audio of a clause."""

    word_ms: int = Field(330, ge=50)
    """A word of the caller's."""


class Script(Options):
    """One conversation."""

    name: str = Field(min_length=1)
    caller: str = "+15550199"
    called: str = ""
    language: Language | None = None
    """What is spoken at the start; default: the agent's first language."""

    now: datetime = datetime(2026, 1, 5, 10, 0, tzinfo=timezone.utc)
    """Day and time of the call, for the model and its skills: a Monday morning."""

    variant: str = ""
    timings: Timings = Timings()
    turns: TurnsGiven = TurnsGiven()  # type: ignore[valid-type]
    model: tuple[Reply, ...] = ()
    """What the model answers. Without it the knowledge base answers in its place."""

    transfers: dict[str, str] = {}
    """Hand-overs that come to nothing: target, and why."""

    steps: tuple[Step, ...] = Field(min_length=1)


class ScriptFile(Options):
    """The whole of a file."""

    agent: str = ""
    """Name of the agent, or its file; default: the file beside this one, ``NAME.yaml`` for ``NAME.tests.yaml``."""

    tests: tuple[Script, ...] = Field(min_length=1)


def load(path: Path) -> tuple[ScriptFile, Places]:
    """A file of scripts, and where its lines are. Raises ``AgentError`` with every problem."""
    what = f"the tests {path.name}"
    file, places = read(path, ScriptFile, what, typed=("arguments", "result"))
    names = [script.name for script in file.tests]
    twice = [Problem(places.of(("tests", number, "name")), f"there are two tests of the name '{name}'")
             for number, name in enumerate(names) if name in names[:number]]
    if twice:
        raise AgentError(what, twice)
    return file, places
