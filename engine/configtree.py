"""The options of ``engine/config/`` as a flat catalogue: path, type, default, unit, limits, reason.

What reads, checks, prints or documents the configuration walks this instead of the tree.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from engine.config import Config

PREFIX = "TRUNKLINE_"
UNITS = {"ms": "milliseconds", "s": "seconds", "hz": "hertz"}
SECRET = re.compile(r"(^|_)(password|secret|token|keys?|headers|query|dsn)$")


@dataclass(frozen=True, slots=True)
class Option:
    """One option. ``path`` is dotted (``turns.endpoint_min_ms``); ``unit`` is ``ms``, ``s``, ``hz`` or empty. An option
    that must be given has the default ``REQUIRED``."""

    path: str
    kind: Any
    default: object
    unit: str
    limits: str
    reason: str
    secret: bool

    @property
    def expected(self) -> str:
        """What a value must be, in words: "a whole number of milliseconds, at least 20"."""
        if get_origin(self.kind) is Literal:
            return "one of " + ", ".join(map(str, get_args(self.kind)))
        words = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}.get(self.kind)
        if get_origin(self.kind) is tuple:
            words = "a list of whole numbers" if get_args(self.kind)[0] is int else "a list of texts"
        if get_origin(self.kind) is Mapping:
            words = "names with texts" if get_args(self.kind)[1] is str else "names with values"
        words = words or str(self.kind)
        if self.unit:
            words += f" of {UNITS[self.unit]}"
        return f"{words}, {self.limits}" if self.limits else words

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + self.path.replace(".", "__").upper()


def options(model: type[BaseModel] = Config, prefix: str = "") -> Iterator[Option]:
    """Every option below ``model``, in the order of the file."""
    for name, field in model.model_fields.items():
        path = prefix + name
        if kinds_of(field.annotation):
            continue  # what is in there depends on the file
        if group := group_of(field.annotation):
            yield from options(group, f"{path}.")
            continue
        suffix = name.rpartition("_")[2]
        yield Option(path, field.annotation, field.get_default(), suffix if suffix in UNITS and suffix != name else "",
                     limits_of(field.metadata), " ".join((field.description or "").split()),
                     bool(SECRET.search(name)) or field.json_schema_extra == {"secret": True})


def group_of(annotation: Any) -> type[BaseModel] | None:
    """The group of options that a field of this type holds; None for a plain option."""
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def kinds_of(annotation: Any) -> dict[str, type[BaseModel]]:
    """The groups, by their ``kind``, that a field like ``providers`` holds under free names; empty for other fields."""
    if get_origin(annotation) is not Mapping or get_origin(get_args(annotation)[1]) is not Annotated:
        return {}
    groups = get_args(get_args(get_args(annotation)[1])[0])
    return {kind: group for group in groups for kind in get_args(group.model_fields["kind"].annotation)}


def limits_of(metadata: list[Any]) -> str:
    """Bounds in words: "from 10 to 60", "above 0"; for texts "not empty"."""
    if any(getattr(item, "min_length", None) for item in metadata):
        return "not empty"
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    bounds = {name: getattr(item, name) for item in metadata for name in words if hasattr(item, name)}
    if bounds.keys() == {"ge", "le"}:
        return f"from {bounds['ge']} to {bounds['le']}"
    return " and ".join(f"{words[name]} {bound}" for name, bound in bounds.items())


REQUIRED = PydanticUndefined
OPTIONS: dict[str, Option] = {option.path: option for option in options()}
GROUPS: frozenset[str] = frozenset(path.rpartition(".")[0] for path in OPTIONS) - {""}

KINDS: dict[str, dict[str, type[BaseModel]]] = {
    name: kinds for name, field in Config.model_fields.items() if (kinds := kinds_of(field.annotation))
}
"""The fields whose groups have free names, with what each kind of group holds: ``KINDS["providers"]["anthropic"]``."""


def named_options(config: Config) -> Iterator[Option]:
    """The options of the groups with free names that ``config`` has, ``providers.NAME.model`` and so on."""
    for field in KINDS:
        for name, group in getattr(config, field).items():
            yield from options(type(group), f"{field}.{name}.")
