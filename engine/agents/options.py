"""What an agent's file may hold. Every field with its reason; the reader adds file and line to every error."""

import re
from typing import Annotated, Any, Literal, Optional

from pydantic import Field, StringConstraints, create_model, field_validator, model_validator

from engine.config import AgentOptions, KnowledgeOptions, TurnOptions
from engine.config.base import Options
from engine.config.telephony import OUTSIDE_NUMBER

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
"""Names of agents, targets and variants: they stand in file names, logs and channel variables."""

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
"""ISO 639."""

DidPattern = Annotated[str, StringConstraints(pattern=r"^\+?[0-9x]*\*?$", min_length=1)]
"""A number as the trunk gives it; ``x`` is one digit, ``*`` at the end any more of them."""

PHRASES = tuple(name for name in AgentOptions.model_fields if name != "brain" and not name.startswith("greeting"))
PhraseName = Literal[PHRASES]  # type: ignore[valid-type]

ROUTED = "auto"
"""Name of a provider that leaves the choice to the router (``routing.file``)."""

_PLACES = {"ask_back": {"first", "second"}, "brief": {"summary"}, "position": {"position"}}
_MORE_PLACES = {"brief": {"accept", "refuse", "caller"}}
_NOT_IN_A_DESTINATION = frozenset(" \t\r\n\0,|'\"\\<>{}[]")


def overrides(group: type[Options], leave_out: tuple[str, ...] = ()) -> type[Options]:
    """``group`` with every option optional: what is given wins over the configuration."""
    fields: dict[str, Any] = {}
    for name, field in group.model_fields.items():
        if name not in leave_out:
            kind: Any = field.annotation
            for limit in field.metadata:
                kind = Annotated[kind, limit]
            fields[name] = (Optional[kind], None)  # noqa: UP045
    return create_model(f"{group.__name__}Given", __base__=Options, **fields)


TurnsGiven = overrides(TurnOptions)
KnowledgeGiven = overrides(KnowledgeOptions, leave_out=("collection",))


class ModelOptions(Options):
    """The language model that thinks for an agent, and its limits."""

    provider: str = Field(min_length=1)
    """Name of a configured provider (``openai``, ``anthropic`` ...), or ``auto``: the router chooses."""

    name: str = Field(min_length=1)
    """The provider's name of the model."""

    temperature: float | None = Field(None, ge=0, le=2)
    max_tokens: int = Field(300, ge=16, le=8192)
    """Longest answer. 300 tokens are about a minute of speech, and nobody listens longer."""

    history_tokens: int = Field(3000, ge=200, le=200_000)
    """How much of the conversation the model is given; the oldest turns are left out first."""

    max_tool_rounds: int = Field(4, ge=0, le=16)
    """How often in one turn the model may call skills before it has to answer."""


class Transfer(Options):
    """Somebody whom callers may be handed over to."""

    kind: Literal["blind", "warm", "queue"] = "blind"
    """``blind``: the call goes there and does not come back; ``warm``: a human is asked first; ``queue``: a queue of
    mod_callcenter."""

    destination: str = Field(min_length=1)
    """``blind`` and ``warm``: a dial string of FreeSWITCH (``user/1001``, ``sofia/gateway/trunk/${admissions}``), in
    which ``${name}`` is a channel variable that the dialplan sets. ``queue``: the queue's name
    (``support@default``)."""

    number: str = Field("", pattern=OUTSIDE_NUMBER)
    """Where a human is called when the caller comes over a carrier's stream and not over FreeSWITCH: a number in E.164
    with ``+``, or a SIP address. Empty: the number at the end of ``destination``, if it is written so."""

    when: str = ""
    """Told to the model: when to hand over there."""

    hold_music: str = ""
    """WAV file that the caller hears meanwhile; empty: a soft ringing tone."""

    timeout_s: float = Field(30.0, ge=3, le=3600)
    """How long a human may ring, or a caller wait in the queue; then the agent goes on."""

    announcement: dict[Language, str] = {}
    """What the caller is told before; languages without one get the phrase ``transferring``."""

    @field_validator("destination")
    @classmethod
    def _one_destination(cls, text: str) -> str:
        plain = re.sub(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}", "", text)
        bad = sorted(_NOT_IN_A_DESTINATION & set(plain)) or [char for char in plain if not char.isprintable()]
        if bad or "$" in plain:
            raise ValueError(f"must be one dial string or queue, without {bad[0] if bad else '$'!r}")
        return text


class LanguageOptions(Options):
    """How an agent speaks one of its languages."""

    greeting: str
    greeting_interruptible: bool = True
    voice: str = ""
    """Who speaks: a voice of the embedded set (``flite:slt``, ``espeak-ng:ml``) or ``PROVIDER:VOICE``;
    ``auto``: the router's choice; empty: the same where it has somebody, else ``speech.voice``."""

    recogniser: str = ""
    """Who hears: the name of a provider; ``auto``: the router's choice; empty: the same where it has somebody, else the
    embedded one."""

    key: str = Field("", pattern=r"^[0-9*#]?$")
    """Key of the telephone that changes the call to this language, whenever no digits are asked for."""

    notes: str = ""
    """Told to the model after the persona while this language is spoken: forms of address, dialects."""

    phrases: dict[PhraseName, str] = {}
    """Instead of the phrases that come with Trunkline for this language."""

    @field_validator("phrases")
    @classmethod
    def _places(cls, phrases: dict[str, str]) -> dict[str, str]:
        for name, text in phrases.items():
            found = set(re.findall(r"\{(.*?)\}", text))
            if (text or name != "position") and found - _MORE_PLACES.get(name, set()) != _PLACES.get(name, set()):
                wanted = " and ".join(f"{{{place}}}" for place in sorted(_PLACES.get(name, ())))
                raise ValueError(f"'{name}' must have {wanted or 'no braces'}")
        return phrases


class LanguageVariant(Options):
    """What a variant says otherwise in one language."""

    greeting: str | None = None
    voice: str | None = None
    notes: str | None = None
    phrases: dict[PhraseName, str] = {}


class Variant(Options):
    """One of several ways an agent can be, tried against each other. Empty fields are those of the agent."""

    weight: float = Field(1.0, gt=0)
    """Its share of the callers, against the weights of the others."""

    persona: str = ""
    model: ModelOptions | None = None
    turns: TurnsGiven = TurnsGiven()  # type: ignore[valid-type]
    languages: dict[Language, LanguageVariant] = {}


class AppOptions(Options):
    """A program that may take an agent's calls before they are answered, as OpenAI offers SIP calls to programs."""

    webhook: str = Field(max_length=2000, pattern=r"^https?://[^\s/]+\S*$")
    """Where the event ``realtime.call.incoming`` is sent."""

    secret_env: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Name of the environment variable with the secret (``whsec_...``) that the event is signed with."""

    wait_s: float = Field(10.0, ge=0.5, le=60)
    """How long the program may take to accept or reject; the caller hears ringing meanwhile."""

    otherwise: str = Field("", alias="else", pattern=r"^([a-z0-9][a-z0-9_-]{0,63})?$")
    """Who takes the call when the program does not: the name of an agent, or ``next``: the dialplan's next action.
    Empty: this agent."""


class AgentFile(Options):
    """The whole of a file."""

    description: str = ""
    default: bool = False
    """Whether it takes the calls that no other agent is for."""

    dids: tuple[DidPattern, ...] = ()
    """Numbers whose calls it takes. The pattern with the most digits wins."""

    persona: str = ""
    """Who it is and how it behaves: the model's instructions."""

    persona_file: str = ""
    """The same from a text file, relative to this one."""

    languages: dict[Language, LanguageOptions] = Field(min_length=1)
    """The first one is that of the greeting."""

    model: ModelOptions | None = None
    """Without a model it answers out of its collections, in the words that stand there."""

    brain: Literal["local", "realtime"] = "local"
    """``realtime``: a speech-to-speech model (``upstream`` of the configuration) holds its calls; what else stands here
    holds when that fails."""

    collections: tuple[str, ...] = ()
    """What it knows: it answers from all of them, in the manner that ``knowledge`` gives."""

    knowledge: KnowledgeGiven = KnowledgeGiven()  # type: ignore[valid-type]
    """Options of the knowledge base for this agent, such as ``tags: [admissions]`` and ``languages: [en]``, which keep
    it to a part of its collections."""

    grounding: Literal["skill", "prompt"] = "skill"
    """``skill``: the model searches the collections when it wants to; ``prompt``: passages are put before every
    question (one step less to wait, more tokens)."""

    skills: tuple[str, ...] = ()
    """What its model may do, by name or pattern (``crm_*``)."""

    transfer: dict[Name, Transfer] = {}
    """Whom it may hand callers over to. The model chooses among these names and never makes up a number."""

    turns: TurnsGiven = TurnsGiven()  # type: ignore[valid-type]
    """Silence, duration, patience: options of turn-taking for this agent."""

    app: AppOptions | None = None
    """A program that is asked first (docs/operator/sip-calls.md)."""

    variables: tuple[str, ...] = ()
    """Channel variables that the model and the skills may see."""

    variants: dict[Name, Variant] = {}
    """Tried against each other. A caller always gets the same one."""

    @model_validator(mode="after")
    def _one_persona(self) -> "AgentFile":
        if self.persona and self.persona_file:
            raise ValueError("give persona or persona_file, not both")
        return self

    @model_validator(mode="after")
    def _one_language_a_key(self) -> "AgentFile":
        keys = [language.key for language in self.languages.values() if language.key]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise ValueError(f"the key {twice} stands for two languages")
        return self
