"""The ``@skill`` decorator: a function becomes a tool whose JSON schema comes from its type hints and docstring.

    @skill(side_effect=True, filler={"en": "I am booking that for you."})
    def book_visit(call: SkillContext, day: date, slot: Literal["morning", "afternoon"] = "morning") -> dict:
        '''Book the visit of a technician.

        day: the day of the visit
        slot: which half of the day
        '''

The first paragraph of the docstring tells the model what it is for; ``name: text`` lines describe its arguments. A
parameter of type ``SkillContext`` is not the model's to give: it is the call. Plain functions only: sockets are
cooperative here, so waiting in one holds nobody up; ``thread=True`` is for code that computes or is not cooperative.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints, overload

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic.errors import PydanticUserError

from engine.dialog.actions import CallContext
from engine.dialog.model import Tool
from engine.dialog.skills.errors import SkillError

if TYPE_CHECKING:
    from engine.dialog.persona import Persona
    from engine.dialog.skills.services import Services

NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}")
"""What every vendor accepts as the name of a tool."""

_ARGUMENT_LINE = re.compile(r"\s*(\w+)\s*:\s+(.*)")


@dataclass(frozen=True, slots=True)
class SkillContext:
    """What a running skill knows. ``call`` is None outside a call (tests, ``trunkline skills run``).

    ``key`` is the same for every attempt at the same thing: hand it to a back-end that takes an idempotency key.
    ``keep_secret`` gives a handle for a PIN or the like: models and logs see the handle, skills the value. ``cited``
    takes the passages that the answer will stand on.
    """

    call: CallContext | None
    persona: "Persona"
    services: "Services"
    language: str = "en"
    key: str = ""
    keep_secret: Callable[[str], str] = str
    cited: list[dict[str, Any]] = field(default_factory=list)


class ArgumentsWrong(Exception):
    """The model's arguments do not fit; the text tells it what to mend."""


@dataclass(frozen=True, eq=False)
class Skill:
    """A function that models may call. It can be called like the function that it was made of, so a test needs no more.

    ``side_effect``: it changes something, so it runs once, never on speculation, and is not cancelled. ``parallel``:
    it may run beside others. ``confirm``: the caller has to agree first. ``ends``: nothing is said after it succeeded
    (``call``: the call ends once what was said is heard; ``turn``: the reply is over). ``quiet``: nothing is said while
    it runs (the caller is pressing keys). ``private``: arguments and fields of its data that stand in no log.
    ``limit_chars``: of its result for the model. ``choices``: which values of its arguments an agent allows.
    ``side``: who runs it, for the log (``server``, ``mcp``: an MCP server).
    """

    name: str
    description: str
    function: Callable[..., Any]
    arguments: type[BaseModel]
    context_parameter: str = ""
    timeout_s: float = 5.0
    side_effect: bool = False
    parallel: bool = True
    confirm: bool = False
    thread: bool = False
    ends: str = ""
    quiet: bool = False
    filler: Mapping[str, str] = field(default_factory=dict)
    mock: Callable[..., Any] | None = None
    private: frozenset[str] = frozenset()
    limit_chars: int | None = None
    source: str = ""
    side: str = "server"
    schema: Mapping[str, Any] | None = None
    choices: Callable[["Persona"], Mapping[str, tuple[str, ...]]] | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function itself."""
        return self.function(*args, **kwargs)

    def tool(self, persona: "Persona | None" = None) -> Tool:
        """For the model. With a ``persona``, arguments that are a choice of its own list what there is."""
        schema = dict(self._schema)
        for name, values in (self.choices(persona) if self.choices and persona else {}).items():
            schema["properties"] = {**schema["properties"],
                                    name: {**schema["properties"][name], "enum": list(values)}}
        return Tool(self.name, self.description, schema)

    @cached_property
    def _schema(self) -> dict[str, Any]:
        schema = dict(self.schema) if self.schema is not None else _plain(self.arguments.model_json_schema())
        return {"type": "object", "properties": {}, **schema}

    def parse(self, text: str) -> BaseModel:
        """The arguments in JSON ``text``. Raises ``ArgumentsWrong`` with a sentence for the model."""
        try:
            return self.arguments.model_validate_json(text.strip() or "{}")
        except ValidationError as fault:
            raise ArgumentsWrong(_explain(fault)) from None

    def run(self, context: SkillContext, arguments: BaseModel, mock: bool = False) -> Any:
        """Call the function, or its mock, with parsed arguments; whatever it returns or raises."""
        values: dict[str, Any] = {name: getattr(arguments, name) for name in type(arguments).model_fields}
        values.update(arguments.model_extra or {})
        if self.context_parameter:
            values[self.context_parameter] = context
        return (self.mock if mock and self.mock else self.function)(**values)


@overload
def skill(function: Callable[..., Any], /) -> Skill: ...
@overload
def skill(
    *, name: str = "", timeout_s: float = 5.0, side_effect: bool = False, parallel: bool | None = None,
    confirm: bool = False, thread: bool = False, ends: str = "", quiet: bool = False,
    filler: Mapping[str, str] | None = None, mock: Callable[..., Any] | None = None,
    private: tuple[str, ...] = (), limit_chars: int | None = None,
    choices: Callable[["Persona"], Mapping[str, tuple[str, ...]]] | None = None,
) -> Callable[[Callable[..., Any]], Skill]: ...


def skill(
    function: Callable[..., Any] | None = None, /, *, name: str = "", parallel: bool | None = None,
    side_effect: bool = False, filler: Mapping[str, str] | None = None, private: tuple[str, ...] = (), **options: Any,
) -> Any:
    """Make a ``Skill`` of a function; the options are those of ``Skill``. What changes something runs alone unless
    ``parallel`` says otherwise. Raises ``SkillError`` naming file and line."""

    def decorate(function: Callable[..., Any]) -> Skill:
        where = _where(function)
        used = name or function.__name__
        if not NAME.fullmatch(used):
            raise SkillError(f"{where}: '{used}' is no name for a skill: letters, digits, _ and -, at most 64")
        if inspect.iscoroutinefunction(function):
            raise SkillError(f"{where}: {used} is async; write a plain function, sockets are cooperative here")
        if not options.get("timeout_s", 5.0) > 0:
            raise SkillError(f"{where}: {used}: timeout_s must be above 0")
        if options.get("ends", "") not in ("", "turn", "call"):
            raise SkillError(f"{where}: {used}: ends is 'turn' or 'call'")
        description, of_arguments = _read_docstring(function, where, used)
        context_parameter, arguments = _arguments_of(function, of_arguments, where, used)
        return Skill(used, description, function, arguments, context_parameter, side_effect=side_effect,
                     parallel=not side_effect if parallel is None else parallel, filler=dict(filler or {}),
                     private=frozenset(private), source=where, **options)

    return decorate if function is None else decorate(function)


def _where(function: Callable[..., Any]) -> str:
    """``file:line`` of the function."""
    code = getattr(function, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else repr(function)


def _read_docstring(function: Callable[..., Any], where: str, name: str) -> tuple[str, dict[str, str]]:
    """What the skill is for, and what its arguments are."""
    known = inspect.signature(function).parameters
    words: list[str] = []
    arguments: dict[str, str] = {}
    current = ""
    for line in (inspect.getdoc(function) or "").splitlines():
        match = _ARGUMENT_LINE.fullmatch(line)
        if match and match[1] in known:
            current = match[1]
            arguments[current] = match[2].strip()
        elif current and line.strip():
            arguments[current] += " " + line.strip()
        elif not line.strip():
            current = ""
        else:
            words.append(line.strip())
    if not words:
        raise SkillError(f"{where}: {name} has no docstring; the model must be told what it is for and when to use it")
    return " ".join(words), arguments


def _arguments_of(function: Callable[..., Any], descriptions: Mapping[str, str], where: str, name: str
                  ) -> tuple[str, type[BaseModel]]:
    """The name of the parameter for the context ("" without), and a model of the others."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as fault:
        raise SkillError(f"{where}: {name}: a type hint names something unknown: {fault}") from None
    context_parameter = ""
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        kind = hints.get(parameter.name)
        if kind is SkillContext:
            context_parameter = parameter.name
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise SkillError(f"{where}: {name}: *{parameter.name} cannot be described to a model; name each argument")
        if kind is None:
            raise SkillError(f"{where}: {name}: argument '{parameter.name}' needs a type hint")
        text = descriptions.get(parameter.name)
        if get_origin(kind) is Annotated:
            text = next((extra for extra in get_args(kind)[1:] if isinstance(extra, str)), text)
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (kind, Field(default, description=text) if text else default)
    try:
        config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)
        return context_parameter, create_model(f"{name}_arguments", __config__=config, **fields)
    except (PydanticUserError, TypeError, NameError) as fault:
        raise SkillError(f"{where}: {name}: a type hint cannot become a schema: {str(fault).splitlines()[0]}") from None


def _plain(schema: Any) -> Any:
    """The schema without pydantic's titles, which cost tokens and tell nothing."""
    if isinstance(schema, dict):
        return {key: {name: _plain(value) for name, value in part.items()} if key == "properties" else _plain(part)
                for key, part in schema.items() if not (key == "title" and isinstance(part, str))}
    return [_plain(part) for part in schema] if isinstance(schema, list) else schema


def _explain(fault: ValidationError) -> str:
    """All that is wrong with the arguments, one sentence, each with its name."""
    problems = []
    for error in fault.errors(include_url=False):
        place = ".".join(map(str, error["loc"]))
        text = error["msg"][0].lower() + error["msg"][1:]
        problems.append(f"{place}: {text}" if place else text)
    return "; ".join(problems)
