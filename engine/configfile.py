"""Reads the configuration: YAML over the defaults of ``engine/config/``, the environment over YAML.

    config = load(Path("trunkline.yaml"), os.environ)

An environment variable names its option by ``__``: ``TRUNKLINE_TURNS__ENDPOINT_MIN_MS=400``. Values are read by the
type of their option, not by YAML's guess, so that ``stop_words: [no]`` is a word and ``password: 0123`` keeps its zero.
All problems are found in one pass, each with its place.
"""

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from engine.config import Config
from engine.configtree import GROUPS, OPTIONS, PREFIX, group_of
from engine.errors import TrunklineError

NOT_OPTIONS = frozenset({"TRUNKLINE_HOME"})
"""Variables with our prefix that are read elsewhere (``engine/paths.py``)."""

MAX_BYTES = 1 << 20
MASK = "***"


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
    for option in OPTIONS.values():
        value: Any = config
        for name in option.path.split("."):
            value = getattr(value, name)
        if value != option.default:
            found[option.path] = MASK if option.secret else list(value) if isinstance(value, tuple) else value
    return found


class _Mismatch(Exception):
    """A value is not what its option expects; the text is a hint or empty."""


class _Reader:
    """Collects values, their places and the problems on the way."""

    def __init__(self) -> None:
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
                self.problems.append(Problem(where, f"{path}: no such option{_suggest(path)}"))
            elif group := group_of(field.annotation):
                self.places[path] = where
                self._group(file, value_node, f"{path}.", group)
            else:
                self._take(path, _place(file, value_node.start_mark), value_node)

    def _take(self, path: str, where: Place, node: yaml.Node) -> None:
        option = OPTIONS[path]
        try:
            value = _from_node(node, option.kind)
        except _Mismatch as fault:
            self._wrong(where, path, f"expected {option.expected}{fault}", MASK if option.secret else _shown(node))
        else:
            self._set(path, where, value)

    def read_environment(self, environ: Mapping[str, str]) -> None:
        for variable in sorted(environ):
            if not variable.upper().startswith(PREFIX) or variable.upper() in NOT_OPTIONS:
                continue
            where = Place(f"environment {variable}")
            path = variable[len(PREFIX):].lower().replace("__", ".")
            option = OPTIONS.get(path)
            if path in GROUPS:
                self.problems.append(Problem(where, f"{path} is a group; name an option: {variable}__NAME"))
            elif option is None:
                self.problems.append(Problem(where, f"{path}: no such option{_suggest(path, variable=True)}"))
            else:
                try:
                    self._set(path, where, _from_text(environ[variable], option.kind))
                except _Mismatch as fault:
                    shown = MASK if option.secret else repr(environ[variable])
                    self._wrong(where, path, f"expected {option.expected}{fault}", shown)

    def finish(self) -> Config:
        """The tree. Limits are checked by the types themselves."""
        config: Config | None = None
        try:
            config = Config.model_validate(self.values)
        except ValidationError as faults:
            for fault in faults.errors():
                path = _known_path(fault["loc"])
                option = OPTIONS.get(path)
                expected = f"expected {option.expected}" if option else fault["msg"]
                shown = MASK if option and option.secret else repr(fault["input"])
                self._wrong(self.places.get(path, Place("the defaults")), path, expected, shown)
        if self.problems or config is None:
            raise ConfigError(self.problems)
        return config

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


def _suggest(path: str, variable: bool = False) -> str:
    """"; did you mean ...?" for a path that does not exist, or nothing."""
    group, _, name = path.rpartition(".")
    siblings = [known for known in (*OPTIONS, *GROUPS) if known.rpartition(".")[0] == group]
    near = difflib.get_close_matches(path, siblings, 1, 0.6)
    near = near or [known for known in OPTIONS if known.rpartition(".")[2] == name]
    near = near or difflib.get_close_matches(path, [*OPTIONS, *GROUPS], 1, 0.75)
    if not near:
        return "" if group in GROUPS or variable else f"; groups are {', '.join(sorted(GROUPS))}"
    return f"; did you mean {OPTIONS[near[0]].variable if variable and near[0] in OPTIONS else near[0]}?"


def _place(file: Path, mark: yaml.Mark | None) -> Place:
    return Place(str(file), mark.line + 1, mark.column + 1) if mark else Place(str(file))


def _shown(node: yaml.Node) -> str:
    """What stands in the file, short."""
    if isinstance(node, yaml.ScalarNode):
        return repr(node.value if len(node.value) <= 40 else node.value[:37] + "...") if node.value else "empty"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a group"


def _known_path(loc: tuple[int | str, ...]) -> str:
    """The option or group that an error of pydantic is about."""
    parts = [str(part) for part in loc]
    while parts and ".".join(parts) not in OPTIONS and ".".join(parts) not in GROUPS:
        parts.pop()
    return ".".join(parts)

