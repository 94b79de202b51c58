"""Reads a routing file into its typed tree; every problem with file, line and column.

    routes = load(Path("routing.yaml"))
    routes.tree, routes.conditions, routes.warnings
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from engine.config.routing import RoutingFile
from engine.configfile import MAX_BYTES, ConfigError, Place, Problem
from engine.routing.conditions import Condition
from engine.routing.errors import RoutingError

EXAMPLE = Path(__file__).parent / "example.yaml"
"""What is used where ``routing.file`` is empty."""

MAX_NODES = 50_000
"""Names and values of a file, aliases counted each time: keeps a file of nested aliases from filling the memory."""

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Routes:
    """A routing file that can be used. ``conditions`` by rule; ``warnings`` is what may be meant or may be a slip."""

    tree: RoutingFile
    conditions: dict[str, Condition]
    warnings: tuple[Problem, ...]
    source: str


def load(path: Path) -> Routes:
    """The file at ``path``. Raises ``ConfigError`` with every problem."""
    try:
        data = path.read_bytes()
    except OSError as fault:
        raise ConfigError([Problem(Place(str(path)), f"cannot be read: {fault.strerror or fault}")]) from fault
    return parse(data, str(path))


def parse(data: bytes, source: str) -> Routes:
    """The routing file in ``data``; ``source`` names it in problems."""
    reader = _Reader(source)
    value = reader.read(data)
    tree: RoutingFile | None = None
    if not reader.problems:
        try:
            tree = RoutingFile.model_validate(value)
        except ValidationError as faults:
            reader.problems += [reader.problem(fault) for fault in faults.errors()]
    if tree is None:
        raise ConfigError(reader.problems)
    conditions = {}
    for name, rule in tree.routing_rules.items():
        try:
            conditions[name] = Condition(rule.condition)
        except RoutingError as fault:
            reader.add(("routing_rules", name, "condition"), f"{fault}: {rule.condition}")
    if reader.problems:
        raise ConfigError(reader.problems)
    return Routes(tree, conditions, tuple(reader.warnings(tree)), source)


class _Reader:
    """YAML nodes to plain values, all scalars as text, with the place of each."""

    def __init__(self, source: str) -> None:
        self.problems: list[Problem] = []
        self._source = source
        self._places: dict[Path_, Place] = {}
        self._nodes = 0

    def read(self, data: bytes) -> object:
        if len(data) > MAX_BYTES:
            self.problems.append(Problem(Place(self._source), f"larger than {MAX_BYTES} bytes: no routing file"))
            return None
        try:
            root = yaml.compose(data, Loader=yaml.SafeLoader)
            if root is not None:
                return self._value(root, ())
            self.problems.append(Problem(Place(self._source), "is empty; a routing file names at least its providers"))
        except yaml.YAMLError as fault:
            mark = getattr(fault, "problem_mark", None)
            text = getattr(fault, "problem", None) or " ".join(str(fault).split())
            where = Place(self._source, mark.line + 1, mark.column + 1) if mark else Place(self._source)
            self.problems.append(Problem(where, f"not YAML: {text}"))
        except (RecursionError, RoutingError):
            self.problems.append(Problem(Place(self._source), "is nested too deeply or repeats itself too often"))
        return None

    def _value(self, node: yaml.Node, path: Path_) -> object:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise RoutingError("too many values")
        self._places.setdefault(path, _place(self._source, node))
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, number)) for number, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        # An empty value is an empty group; where a text or a number is wanted that is an error.
        return {} if node.tag == "tag:yaml.org,2002:null" else node.value

    def _mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, object]:
        found: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
            inner = (*path, key)
            if key in found:
                self.problems.append(Problem(_place(self._source, key_node), f"{_dotted(inner)}: given twice, first at "
                                             f"{self._places[inner]}"))
                continue
            self._places[inner] = _place(self._source, key_node)
            found[key] = self._value(value_node, inner)
        return found

    def place(self, path: Path_) -> Place:
        """Of the nearest thing at or above ``path`` that stands in the file."""
        while path and path not in self._places:
            path = path[:-1]
        return self._places.get(path, Place(self._source, 1, 1))

    def add(self, path: Path_, text: str) -> None:
        self.problems.append(Problem(self.place(path), f"{_dotted(path)}: {text}"))

    def problem(self, fault: Any) -> Problem:
        """An error of pydantic in our words."""
        path: Path_ = fault["loc"]
        if fault["type"] == "extra_forbidden":
            text = f"no such key; {_suggest(path)}"
        elif fault["type"] == "missing":
            text = "is missing"
        else:
            wanted = fault["msg"].replace("valid tuple", "list").replace("tuple", "list").replace("Input", "it")
            shown = "empty" if fault["input"] == {} else repr(fault["input"])[:60]
            text = f"{wanted[0].lower()}{wanted[1:]}, not {shown}"
        return Problem(self.place(path), f"{_dotted(path)}: {text}")

    def warnings(self, tree: RoutingFile) -> Iterator[Problem]:
        """Names of providers that have no models here: what the file says of them has no effect."""
        for path, names in _lists(tree):
            for number, name in enumerate(names):
                if name in tree.providers:
                    continue
                near = difflib.get_close_matches(name, tree.providers, 1, 0.7)
                hint = f"; did you mean {near[0]}?" if near else "; it is passed over until it has some"
                text = f"{_dotted(path)}: '{name}' has no models in this file{hint}"
                yield Problem(self.place((*path, number)), text)


def _lists(tree: RoutingFile) -> Iterator[tuple[Path_, tuple[str, ...]]]:
    """Every list of providers, with its path."""
    for language, route in tree.languages.items():
        yield ("languages", language, "priority_providers"), route.priority_providers
        for dialect, inner in route.dialects.items():
            yield ("languages", language, "dialects", dialect, "priority_providers"), inner.priority_providers
    yield ("priority_providers",), tree.priority_providers
    for name, rule in tree.routing_rules.items():
        yield ("routing_rules", name, "priority_providers"), rule.priority_providers


def _suggest(path: Path_) -> str:
    """What may stand where ``path`` stands, with a guess at what was meant."""
    model: Any = RoutingFile
    for part in path[:-1]:
        if isinstance(model, type) and issubclass(model, BaseModel):
            model = model.model_fields[str(part)].annotation
        else:
            model = model.__args__[1]  # a dictionary's value
    names = list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []
    near = difflib.get_close_matches(str(path[-1]), names, 1, 0.6)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(names)}"


def _dotted(path: Path_) -> str:
    return ".".join(map(str, path)) or "the file"


def _place(source: str, node: yaml.Node) -> Place:
    return Place(source, node.start_mark.line + 1, node.start_mark.column + 1)
