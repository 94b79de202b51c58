"""Reads the configuration: YAML over the defaults of ``engine/config/``, the environment over YAML.

    config = load(Path("trunkline.yaml"), os.environ)

An environment variable names its option by ``__``: ``TRUNKLINE_TURNS__ENDPOINT_MIN_MS=400``. Values are read by the
type of their option, not by YAML's guess, so that ``stop_words: [no]`` is a word and ``password: 0123`` keeps its zero.
All problems are found in one pass, each with its place.
"""

import difflib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from engine.config import Config
from engine.configtree import GROUPS, KINDS, OPTIONS, PREFIX, Option, group_of, named_options, options
from engine.errors import TrunklineError

NOT_OPTIONS = frozenset({"TRUNKLINE_HOME"})
"""Variables with our prefix that are read elsewhere (``engine/paths.py``)."""

ALIASES = {"PORT": "TRUNKLINE_HTTP__PORT", "ALLOWED_ORIGINS": "TRUNKLINE_HTTP__ALLOWED_ORIGINS",
           "WEBHOOK_BASE_URL": "TRUNKLINE_CARRIERS__WEBHOOK_BASE_URL",
           "TWILIO_PHONE_NUMBER": "TRUNKLINE_CARRIERS__TWILIO__PHONE_NUMBER",
           "EXOTEL_PHONE_NUMBER": "TRUNKLINE_CARRIERS__EXOTEL__PHONE_NUMBER",
           "EXOTEL_SUBDOMAIN": "TRUNKLINE_CARRIERS__EXOTEL__SUBDOMAIN"}
"""Variables of other names that are read, too; ours win."""

MAX_BYTES = 1 << 20
MASK = "***"

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
"""Free names: what a variable of the environment can say, too."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is written. ``line`` and ``column`` count from 1; 0 where there are none (the environment)."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """``file:line:column``, or the source alone."""
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where."""

    where: Place
    text: str

    def __str__(self) -> str:
        """``where: text``."""
        return f"{self.where}: {self.text}"


class ConfigError(TrunklineError):
    """The configuration cannot be used. ``problems`` holds all that was found, the file's from top to bottom."""

    def __init__(self, problems: list[Problem]) -> None:
        """``problems`` is not empty."""
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.where.line == 0, problem.where.line)))
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n  ".join([f"the configuration has {count}:", *map(str, self.problems)]))


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """The configuration from ``path`` (None: no file) and ``environ``. Raises ``ConfigError`` with every problem."""
    reader = _Reader()
    if path is not None:
        reader.read_file(path)
    reader.read_environment(environ)
    return reader.finish()


def differences(config: Config) -> dict[str, object]:
    """The options that are not at their default, ``{dotted path: value}``; values of secrets are masked."""
    found: dict[str, object] = {}
    for option in (*OPTIONS.values(), *named_options(config)):
        value: Any = config
        for name in option.path.split("."):
            value = value[name] if isinstance(value, Mapping) else getattr(value, name)
        if value != option.default:
            found[option.path] = MASK if option.secret else list(value) if isinstance(value, tuple) else value
    return found


class _Mismatch(Exception):
    """A value is not what its option expects; the text is a hint or empty."""


class _Reader:
    """Collects values, their places and the problems on the way."""

    def __init__(self) -> None:
        self.options = dict(OPTIONS)  # and those of the groups with free names that are found
        self.groups = set(GROUPS)
        self.values: dict[str, Any] = {}
        self.places: dict[str, Place] = {}
        self.problems: list[Problem] = []

    def read_file(self, path: Path) -> None:
        try:
            data = path.read_bytes()
        except OSError as fault:
            self.problems.append(Problem(Place(str(path)), f"cannot be read: {fault.strerror or fault}"))
            return
        if len(data) > MAX_BYTES:
            self.problems.append(Problem(Place(str(path)), f"larger than {MAX_BYTES} bytes: no configuration"))
            return
        try:
            root = yaml.compose(data, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as fault:
            text = " ".join(filter(None, [fault.context, fault.problem]))
            self.problems.append(Problem(_place(path, fault.problem_mark or fault.context_mark), f"not YAML: {text}"))
        except yaml.YAMLError as fault:
            self.problems.append(Problem(Place(str(path)), "not YAML: " + " ".join(str(fault).split())))
        except RecursionError:
            self.problems.append(Problem(Place(str(path)), "is nested too deeply"))
        else:
            if root is not None:
                self._group(path, root, "", Config)

    def _group(self, file: Path, node: yaml.Node, prefix: str, model: type[BaseModel]) -> None:
        """The mapping at ``node`` holds options of ``model``; ``prefix`` is its dotted path with the dot."""
        where, name = _place(file, node.start_mark), prefix[:-1] or "the file"
        if node.tag == "tag:yaml.org,2002:null":
            return  # a group with nothing in it, or with everything commented out
        if not isinstance(node, yaml.MappingNode):
            self._wrong(where, name, "expected a group of options (name: value)", _shown(node))
            return
        first: dict[str, Place] = {}
        for key_node, value_node in node.value:
            where = _place(file, key_node.start_mark)
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            path = prefix + key
            if key in first:
                self.problems.append(Problem(where, f"{path}: given twice, first at {first[key]}"))
                continue
            first[key] = where
            field = model.model_fields.get(key)
            if field is None:
                self.problems.append(Problem(where, f"{path}: no such option{self._suggest(path)}"))
            elif path in KINDS:
                self._named_groups(file, value_node, path)
            elif group := group_of(field.annotation):
                self.places[path] = where
                self._group(file, value_node, f"{path}.", group)
            else:
                self._take(path, _place(file, value_node.start_mark), value_node)

    def _named_groups(self, file: Path, node: yaml.Node, path: str) -> None:
        """The mapping at ``node`` gives groups free names; each says by its ``kind`` which options it has."""
        if node.tag == "tag:yaml.org,2002:null":
            return
        if not isinstance(node, yaml.MappingNode):
            self._wrong(_place(file, node.start_mark), path, "expected names, each with its options", _shown(node))
            return
        for key_node, value_node in node.value:
            where = _place(file, key_node.start_mark)
            name = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            if f"{path}.{name}" in self.groups:
                first = self.places[f"{path}.{name}"]
                self.problems.append(Problem(where, f"{path}.{name}: given twice, first at {first}"))
            else:
                entries = value_node.value if isinstance(value_node, yaml.MappingNode) else []
                kind = next((_shown(value).strip("'") for key, value in entries if key.value == "kind"), "")
                if self._name_group(where, path, name, kind):
                    self._group(file, value_node, f"{path}.{name}.", KINDS[path][kind])

    def _name_group(self, where: Place, path: str, name: str, kind: str) -> bool:
        """Make the options of a group with a free name known. False, and a problem, if name or kind cannot be."""
        if not NAME.fullmatch(name):
            self._wrong(where, path, "a name is small letters, digits and single _, and begins with a letter", name)
            return False
        model = KINDS[path].get(kind)
        if model is None:
            wanted = f"one of {', '.join(KINDS[path])}"
            self.problems.append(Problem(where, f"{path}.{name}.kind: expected {wanted}, not {kind or 'nothing'}"))
            return False
        self.options |= {option.path: option for option in options(model, f"{path}.{name}.")}
        self.groups |= {known.rpartition(".")[0] for known in self.options}
        self.places[f"{path}.{name}"] = where
        self._set(f"{path}.{name}.kind", where, kind)
        return True

    def _take(self, path: str, where: Place, node: yaml.Node) -> None:
        option = self.options[path]
        try:
            value = _from_node(node, option.kind)
        except _Mismatch as fault:
            self._wrong(where, path, f"expected {option.expected}{fault}", MASK if option.secret else _shown(node))
        else:
            self._set(path, where, value)

    def read_environment(self, environ: Mapping[str, str]) -> None:
        environ = {ours: environ[name] for name, ours in ALIASES.items() if environ.get(name)} | dict(environ)
        paths = {
            variable: variable[len(PREFIX):].lower().replace("__", ".")
            for variable in sorted(environ)
            if variable.upper().startswith(PREFIX) and variable.upper() not in NOT_OPTIONS
        }
        unknown = tuple(path[:-len("kind")] for variable, path in paths.items()
                        if not self._kind_known(variable, path, environ[variable]))
        for variable, path in paths.items():
            if path.startswith(unknown):
                continue
            where = Place(f"environment {variable}")
            option = self.options.get(path)
            if path in self.groups or path in KINDS:
                self.problems.append(Problem(where, f"{path} is a group; name an option: {variable}__NAME"))
            elif option is None:
                self.problems.append(Problem(where, f"{path}: no such option{self._suggest(path, variable=True)}"))
            else:
                try:
                    self._set(path, where, _from_text(environ[variable], option.kind))
                except _Mismatch as fault:
                    shown = MASK if option.secret else repr(environ[variable])
                    self._wrong(where, path, f"expected {option.expected}{fault}", shown)

    def _kind_known(self, variable: str, path: str, kind: str) -> bool:
        """False for ``TRUNKLINE_PROVIDERS__NAME__KIND`` that names no kind; a provider that is new begins to exist."""
        field, _, rest = path.partition(".")
        name, _, option = rest.rpartition(".")
        if field not in KINDS or option != "kind" or path in self.options:
            return True
        return self._name_group(Place(f"environment {variable}"), field, name, kind)

    def finish(self) -> Config:
        """The tree. Limits are checked by the types themselves."""
        config: Config | None = None
        try:
            config = Config.model_validate(self.values)
        except ValidationError as faults:
            for fault in faults.errors():
                self._invalid(fault["loc"], fault["type"], fault["msg"], fault["input"])
        if self.problems or config is None:
            raise ConfigError(self.problems)
        return config

    def _invalid(self, loc: tuple[int | str, ...], fault: str, text: str, value: object) -> None:
        """One error of pydantic, in our words. ``value`` may hold secrets where it is a group."""
        path = self._known_path(loc)
        option = self.options.get(path)
        place = self.places.get(path) or self.places.get(path.rpartition(".")[0]) or Place("the defaults")
        if fault == "missing":
            self.problems.append(Problem(place, f"{path}: must be given: {option.expected if option else text}"))
        elif option is not None and len(loc) > path.count(".") + 1 and get_origin(option.kind) is Mapping:
            inner = ".".join(map(str, loc))  # what is wrong lies in the values, which may be secret
            self.problems.append(Problem(place, f"{inner}: {text.removeprefix('Value error, ')}"))
        elif option is None or fault == "value_error":
            self.problems.append(Problem(place, f"{path}: {text.removeprefix('Value error, ')}"))
        else:
            self._wrong(place, path, f"expected {option.expected}", MASK if option.secret else repr(value))

    def _known_path(self, loc: tuple[int | str, ...]) -> str:
        """The option or group that an error of pydantic is about."""
        parts = [str(part) for part in loc]
        if parts and parts[0] in KINDS and len(parts) > 2:
            del parts[2]  # the kind
        while parts and ".".join(parts) not in self.options and ".".join(parts) not in self.groups:
            parts.pop()
        return ".".join(parts)

    def _suggest(self, path: str, variable: bool = False) -> str:
        """"; did you mean ...?" for a path that does not exist, or nothing."""
        group, _, name = path.rpartition(".")
        known = [*self.options, *self.groups, *KINDS]
        near = difflib.get_close_matches(path, [one for one in known if one.rpartition(".")[0] == group], 1, 0.6)
        near = near or [one for one in self.options if one.rpartition(".")[2] == name]
        near = near or difflib.get_close_matches(path, known, 1, 0.75)
        if not near:
            top = sorted({one for one in (*self.groups, *KINDS) if "." not in one})
            return "" if group in self.groups or variable else f"; groups are {', '.join(top)}"
        option: Option | None = self.options.get(near[0])
        return f"; did you mean {option.variable if variable and option else near[0]}?"

    def _set(self, path: str, where: Place, value: object) -> None:
        *groups, name = path.split(".")
        target = self.values
        for group in groups:
            target = target.setdefault(group, {})
        target[name] = value
        self.places[path] = where

    def _wrong(self, where: Place, path: str, expected: str, shown: str) -> None:
        self.problems.append(Problem(where, f"{path}: {expected}, not {shown}"))


# ---------------------------------------------------------------- values


def _from_node(node: yaml.Node, kind: Any) -> object:
    """The value of a YAML node for an option of this type."""
    if not node.tag.startswith("tag:yaml.org,2002:"):
        raise _Mismatch(" (tags are not supported)")
    if get_origin(kind) is tuple:
        if not isinstance(node, yaml.SequenceNode):
            raise _Mismatch(", written [one, two]")
        return tuple(_from_node(item, get_args(kind)[0]) for item in node.value)
    if get_origin(kind) is Mapping:
        if not isinstance(node, yaml.MappingNode):
            raise _Mismatch(", written {name: value}")
        if get_args(kind)[1] is str:
            return {str(key.value): _from_node(value, str) for key, value in node.value}
        return _plain(node)
    if not isinstance(node, yaml.ScalarNode):
        raise _Mismatch
    if node.tag == "tag:yaml.org,2002:null":
        raise _Mismatch(' (write "" for an empty text)' if kind is str else "")
    if node.style in ("'", '"') and kind in (int, float, bool):
        raise _Mismatch(", without quotes")
    return _from_text(node.value, kind)


def _from_text(text: str, kind: Any) -> object:
    """The value of a text for an option of this type; lists are separated by commas."""
    if get_origin(kind) is tuple:
        return tuple(_from_text(item.strip(), get_args(kind)[0]) for item in text.split(",") if item.strip())
    if get_origin(kind) is Mapping:
        try:
            value = json.loads(text)
        except ValueError:
            raise _Mismatch(", written as JSON") from None
        if not isinstance(value, dict):
            raise _Mismatch(", written as JSON")
        return value
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise _Mismatch
        return text
    if kind is str:
        return text
    plain = text.strip()
    if kind is bool:
        if plain.lower() in ("true", "yes", "on", "1"):
            return True
        if plain.lower() in ("false", "no", "off", "0"):
            return False
        raise _Mismatch
    if kind in (int, float):
        if re.fullmatch(r"[-+]?[\d.]+ *(ms|s|hz|%)", plain, re.IGNORECASE):
            raise _Mismatch(" (the number alone)")
        return _number(plain, kind)
    raise _Mismatch(" (this type cannot be read yet)")


def _plain(node: yaml.Node) -> Any:
    """What YAML reads there, as long as JSON has it, too."""
    constructor = yaml.constructor.SafeConstructor()
    try:
        value = constructor.construct_object(node, deep=True)
        json.dumps(value, allow_nan=False)
    except (yaml.YAMLError, TypeError, ValueError, RecursionError):
        raise _Mismatch(" (numbers, texts, true, false, lists and names with values)") from None
    return value


def _number(plain: str, kind: Any) -> int | float:
    if kind is int:
        if not re.fullmatch(r"[-+]?\d{1,18}", plain):
            raise _Mismatch
        return int(plain)
    try:
        value = float(plain)
    except ValueError:
        raise _Mismatch from None
    if not math.isfinite(value):
        raise _Mismatch
    return value


# ---------------------------------------------------------------- words


def _place(file: Path, mark: yaml.Mark | None) -> Place:
    return Place(str(file), mark.line + 1, mark.column + 1) if mark else Place(str(file))


def _shown(node: yaml.Node) -> str:
    """What stands in the file, short."""
    if isinstance(node, yaml.ScalarNode):
        return repr(node.value if len(node.value) <= 40 else node.value[:37] + "...") if node.value else "empty"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a group"
