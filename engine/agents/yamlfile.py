"""Reads a YAML file into a pydantic model, with file, line and column in every error.

Values are given to the model as they are written, as texts, and read by the type of their field, not by YAML's guess:
``stop_words: [no]`` is a word, ``dids: [0471]`` keeps its zero.
"""

import difflib
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from engine.agents.errors import AgentError
from engine.configfile import Place, Problem

MAX_BYTES = 1 << 20
MAX_NODES = 50_000
"""Aliases can make a small file endless."""

Path_ = tuple[int | str, ...]
Shape = TypeVar("Shape", bound=BaseModel)


class Places:
    """Where each value of a file stands."""

    def __init__(self, file: Path) -> None:
        """Nothing is read yet."""
        self.file = file
        self._places: dict[Path_, Place] = {}

    def note(self, path: Path_, mark: yaml.Mark) -> None:
        """The value at ``path`` begins here."""
        self._places.setdefault(path, Place(str(self.file), mark.line + 1, mark.column + 1))

    def of(self, path: Path_) -> Place:
        """Where ``path`` stands, or what holds it."""
        while path and path not in self._places:
            path = path[:-1]
        return self._places.get(path, Place(str(self.file)))


def read(file: Path, model: type[Shape], what: str, typed: Collection[str] = ()) -> tuple[Shape, Places]:
    """The file as ``model``, and where its values stand. Below keys in ``typed`` values are what YAML makes of them.
    Raises ``AgentError``; its text begins with ``what``."""
    places = Places(file)
    try:
        values = _values(file, places, typed)
    except _Unreadable as fault:
        raise AgentError(what, [Problem(fault.where, fault.text)]) from fault
    try:
        return model.model_validate(values), places
    except ValidationError as faults:
        raise AgentError(what, [_problem(dict(fault), model, places) for fault in faults.errors()]) from faults


class _Unreadable(Exception):
    def __init__(self, where: Place, text: str) -> None:
        super().__init__(text)
        self.where, self.text = where, text


def _values(file: Path, places: Places, typed: Collection[str]) -> Any:
    here = Place(str(file))
    try:
        data = file.read_bytes()
    except OSError as fault:
        raise _Unreadable(here, f"cannot be read: {fault.strerror or fault}") from fault
    if len(data) > MAX_BYTES:
        raise _Unreadable(here, f"larger than {MAX_BYTES} bytes")
    try:
        root = yaml.compose(data, Loader=yaml.SafeLoader)
        if root is None:
            raise _Unreadable(here, "is empty")
        return _Reader(places, typed).value(root, ())
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        where = Place(str(file), mark.line + 1, mark.column + 1) if mark else here
        text = " ".join(filter(None, [fault.context, fault.problem]))
        raise _Unreadable(where, f"not YAML: {text}. Put texts with a colon in quotes") from fault
    except (yaml.YAMLError, UnicodeError) as fault:
        raise _Unreadable(here, "not YAML: " + " ".join(str(fault).split())) from fault
    except RecursionError as fault:
        raise _Unreadable(here, "is nested too deeply") from fault


class _Reader:
    """YAML nodes to plain values, noting their places."""

    def __init__(self, places: Places, typed: Collection[str]) -> None:
        self._places = places
        self._typed = typed
        self._nodes = 0

    def value(self, node: yaml.Node, path: Path_) -> Any:
        self._places.note(path, node.start_mark)
        self._nodes += 1
        where = Place(str(self._places.file), node.start_mark.line + 1, node.start_mark.column + 1)
        if self._nodes > MAX_NODES:
            raise _Unreadable(where, f"more than {MAX_NODES} values, counting what aliases repeat")
        if path and path[-1] in self._typed:
            loader = yaml.SafeLoader("")
            try:
                return loader.construct_document(node)
            finally:
                loader.dispose()
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, number)) for number, item in enumerate(node.value)]
        return None if node.tag == "tag:yaml.org,2002:null" else str(node.value)

    def _mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            mark = key_node.start_mark
            where = Place(str(self._places.file), mark.line + 1, mark.column + 1)
            if not isinstance(key_node, yaml.ScalarNode):
                raise _Unreadable(where, "a key must be a text")
            key = str(key_node.value)
            if key in found:
                first = self._places.of((*path, key))
                raise _Unreadable(where, f"{'.'.join(map(str, (*path, key)))}: given twice, first at {first}")
            self._places.note((*path, key), mark)
            found[key] = self.value(value_node, (*path, key))
        return found


def _problem(fault: dict[str, Any], model: type[BaseModel], places: Places) -> Problem:
    """An error of pydantic in the words of the file."""
    loc = tuple(part for part in fault["loc"] if part != "[key]")
    path = ".".join(map(str, loc))
    kind, text = fault["type"], str(fault["msg"]).removeprefix("Value error, ")
    if kind == "extra_forbidden":
        known = _fields(model, loc[:-1])
        near = difflib.get_close_matches(str(loc[-1]), known, 1, 0.6)
        text = f"no such field; did you mean {near[0]}?" if near else f"no such field; known are {', '.join(known)}"
    elif kind == "missing":
        text = "is missing"
    elif kind == "string_type":
        text = 'a text is expected (write "" for an empty one)'
    else:
        text = text[0].lower() + text[1:]
        if isinstance(fault.get("input"), str) and fault["input"] not in text:
            text += f", not {fault['input'][:60]!r}"
    return Problem(places.of(loc), f"{path}: {text}" if path else text)


def _fields(model: type[BaseModel], loc: Path_) -> list[str]:
    """The names of the fields at this place of a model."""
    shape: Any = model
    for part in loc:
        if _is_model(shape):
            field = shape.model_fields.get(str(part))
            shape = _without_none(field.annotation) if field else None
        else:  # an item of a list, a value of a mapping
            inner = [argument for argument in get_args(shape) if argument is not Ellipsis]
            shape = _without_none(inner[-1]) if inner else None
    return [field.alias or name for name, field in shape.model_fields.items()] if _is_model(shape) else []


def _is_model(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, BaseModel)


def _without_none(annotation: Any) -> Any:
    """``Model`` of ``Model | None``."""
    models = [argument for argument in get_args(annotation) if _is_model(argument)]
    return models[0] if models and type(None) in get_args(annotation) else annotation
