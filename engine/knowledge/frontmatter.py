"""The front matter of a document: YAML between two lines ``---`` at its top, every field checked.

    ---
    title: Paying late                 what the document is called, also in "Do you mean ...?"
    tags: [billing]                    free words to group by
    utterances:                        questions as callers say them
      - how much is the late fee
    say: The late fee is six dollars.  the answer to speak, in one or two sentences
    id: late-payment                   the document's name in citations; default: its path
    ---
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine.knowledge.errors import DocumentError

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
MAX_SAY = 600


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The fields, checked. ``given``: there was front matter at all."""

    id: str = ""
    title: str = ""
    tags: tuple[str, ...] = ()
    utterances: tuple[str, ...] = ()
    say: str = ""
    given: bool = False


def split(text: str, path: Path) -> tuple[FrontMatter, str]:
    """Front matter and body. Raises ``DocumentError`` with file and line."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return FrontMatter(), text
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")), None)
    if end is None:
        raise DocumentError(f"{path}:1: the front matter that begins here has no closing line '---'")
    fields = _fields("\n".join(lines[1:end]), path)
    return FrontMatter(**fields, given=True), "\n".join(lines[end + 1:])


def _fields(source: str, path: Path) -> dict[str, Any]:
    try:
        node = yaml.compose(source, Loader=yaml.SafeLoader)
        value = yaml.safe_load(source)
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        line = mark.line + 2 if mark else 1
        what = getattr(fault, "problem", None) or fault
        raise DocumentError(f"{path}:{line}: the front matter is not YAML: {what}. "
                            "Put texts with a colon in quotes") from fault
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise DocumentError(f"{path}:2: the front matter must be fields like 'title: ...'")
    fields: dict[str, Any] = {}
    for key_node, value_node in node.value:
        name, line = str(key_node.value), key_node.start_mark.line + 2
        check = _CHECKS.get(name)
        if check is None:
            raise DocumentError(f"{path}:{line}: unknown field '{name}'; known are {', '.join(_CHECKS)}")
        if name in fields:
            raise DocumentError(f"{path}:{line}: '{name}' is given twice")
        try:
            fields[name] = check(value[key_node.value])
        except ValueError as wrong:
            raise DocumentError(f"{path}:{_line_of_bad_item(value_node) or line}: '{name}' {wrong}") from wrong
    return fields


def _line_of_bad_item(node: yaml.Node) -> int | None:
    """The line of the first item of a list that is not a simple text, if there is one."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            if not isinstance(item, yaml.ScalarNode) or not str(item.value).strip():
                return int(item.start_mark.line) + 2
    return None


def _text(value: object) -> str:
    if not isinstance(value, (str, int, float)) or isinstance(value, bool) or not str(value).strip():
        raise ValueError("must be a text")
    return " ".join(str(value).split())


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        raise ValueError("must be a list of texts")
    try:
        return tuple(dict.fromkeys(_text(item) for item in value))
    except ValueError as fault:
        raise ValueError("must be a list of texts; put an item with a colon in quotes") from fault


def _say(value: object) -> str:
    text = _text(value)
    if len(text) > MAX_SAY:
        raise ValueError(f"is spoken aloud and must be short: {len(text)} characters, at most {MAX_SAY}")
    return text


def _id(value: object) -> str:
    text = _text(value)
    if not _ID.fullmatch(text):
        raise ValueError("may have letters, digits, '.', '_', '-' and '/'")
    return text


_CHECKS: dict[str, Callable[[object], Any]] = {
    "title": _text, "tags": _texts, "utterances": _texts, "say": _say, "id": _id,
}
