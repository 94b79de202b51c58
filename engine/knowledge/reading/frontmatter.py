"""What is said of a document: YAML between two lines ``---`` at its top, or in a file beside it; every field checked.

    ---
    title: Paying late                 what the document is called, also in "Do you mean ...?"
    tags: [billing]                    free words to group by
    utterances:                        questions as callers say them
      - how much is the late fee
    say: The late fee is six dollars.  the answer to speak, in one or two sentences
    language: en                       of all its passages; default: each is guessed
    valid_from: 2026-01-01             the days between which it holds, both included
    valid_until: 2026-12-31
    id: late-payment                   the document's name in citations; default: its path
    ---
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from engine.knowledge.errors import DocumentError

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
MAX_SAY = 600


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The fields, checked; dates are ISO. ``given``: there was front matter at all."""

    id: str = ""
    title: str = ""
    tags: tuple[str, ...] = ()
    utterances: tuple[str, ...] = ()
    say: str = ""
    language: str = ""
    valid_from: str = ""
    valid_until: str = ""
    given: bool = False


def split(text: str, path: Path) -> tuple[FrontMatter, str]:
    """Front matter and body. Raises ``DocumentError`` with file and line."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return FrontMatter(), text
    end = next((number for number, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")), None)
    if end is None:
        raise DocumentError(f"{path}:1: the front matter that begins here has no closing line '---'")
    return parse("\n".join(lines[1:end]), path, 2), "\n".join(lines[end + 1:])


def parse(source: str, path: Path, first_line: int = 1) -> FrontMatter:
    """The fields of a YAML text that begins at ``first_line`` of a file. Raises ``DocumentError``."""
    try:
        # The base loader leaves every value the text that was written: no dates, numbers or booleans by surprise.
        node = yaml.compose(source, Loader=yaml.BaseLoader)
        value = yaml.load(source, Loader=yaml.BaseLoader)  # noqa: S506
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        line = mark.line + first_line if mark else max(1, first_line - 1)
        what = getattr(fault, "problem", None) or fault
        raise DocumentError(f"{path}:{line}: the front matter is not YAML: {what}. "
                            "Put texts with a colon in quotes") from fault
    except RecursionError as fault:
        raise DocumentError(f"{path}:{first_line}: the front matter is nested too deep") from fault
    if node is None:
        return FrontMatter(given=True)
    if not isinstance(node, yaml.MappingNode):
        raise DocumentError(f"{path}:{first_line}: the front matter must be fields like 'title: ...'")
    fields = _fields(node, value, path, first_line)
    found = FrontMatter(**fields, given=True)
    if found.valid_from and found.valid_until and found.valid_from > found.valid_until:
        line = next(key.start_mark.line + first_line for key, _ in node.value if key.value == "valid_until")
        raise DocumentError(f"{path}:{line}: 'valid_until' is before 'valid_from'")
    return found


def _fields(node: yaml.MappingNode, value: dict[str, Any], path: Path, first_line: int) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key_node, value_node in node.value:
        name, line = str(key_node.value), key_node.start_mark.line + first_line
        check = _CHECKS.get(name)
        if check is None:
            raise DocumentError(f"{path}:{line}: unknown field '{name}'; known are {', '.join(_CHECKS)}")
        if name in fields:
            raise DocumentError(f"{path}:{line}: '{name}' is given twice")
        try:
            fields[name] = check(value[name])
        except ValueError as wrong:
            place = _line_of_bad_item(value_node, first_line) or line
            raise DocumentError(f"{path}:{place}: '{name}' {wrong}") from wrong
    return fields


def _line_of_bad_item(node: yaml.Node, first_line: int) -> int | None:
    """The line of the first item of a list that is not a simple text, if there is one."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            if not isinstance(item, yaml.ScalarNode) or not str(item.value).strip():
                return int(item.start_mark.line) + first_line
    return None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text")
    return " ".join(value.split())


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str) and any(map(str.isalpha, value)):
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


def _language(value: object) -> str:
    text = _text(value)
    if not _LANGUAGE.fullmatch(text):
        raise ValueError(f"must be a code such as en, fr or ml, not '{text}'")
    return text


def _day(value: object) -> str:
    text = _text(value)
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as wrong:
        raise ValueError(f"must be a day as YYYY-MM-DD, not '{text}'") from wrong


_CHECKS: dict[str, Callable[[object], Any]] = {
    "title": _text, "tags": _texts, "utterances": _texts, "say": _say, "id": _id, "language": _language,
    "valid_from": _day, "valid_until": _day,
}
