"""The channel of a hunt: its caller profile, its variables, and ``${...}`` in a text.

What FreeSWITCH does in ``switch_channel_expand_variables`` is followed step by step, its oddities too: the character
after a variable is copied without a look at it, a backslash before ``$`` protects it, an unknown variable is nothing.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.dialplan.model import leading_int

FIELDS = (
    "dialplan", "username", "caller_id_name", "caller_id_number", "orig_caller_id_name", "orig_caller_id_number",
    "callee_id_name", "callee_id_number", "ani", "aniii", "network_addr", "rdnis", "destination_number", "uuid",
    "source", "transfer_source", "context", "chan_name", "profile_index", "caller_ton", "caller_numplan",
    "destination_number_ton", "destination_number_numplan", "ani_ton", "ani_numplan", "rdnis_ton", "rdnis_numplan",
    "screen_bit", "privacy_hide_name", "privacy_hide_number", "profile_created_time", "created_time", "answered_time",
    "progress_time", "progress_media_time", "hungup_time", "transferred_time",
)
"""What a bare ``field=`` of a condition can name (``src/switch_caller.c``); letters' case does not matter."""

MAX_DEPTH = 100
MAX_LENGTH = 100_000
"""A text that grows beyond it is cut: variables that hold themselves twice double at every level."""

Api = Callable[[str, str], str | None]
"""Answers ``${name(argument)}``; None where nobody here knows."""


def no_api(name: str, argument: str) -> str | None:
    """No api command is known."""
    return None


@dataclass
class Channel:
    """Fields and variables. ``globals_`` are FreeSWITCH's global variables, seen where the channel has none.

    ``asked``: variables that were read and found nowhere. ``unanswered``: api calls that nobody answered.
    """

    fields: dict[str, str]
    globals_: Mapping[str, str] = field(default_factory=dict)
    api: Api = no_api
    variables: dict[str, list[str]] = field(default_factory=dict)
    asked: dict[str, None] = field(default_factory=dict)
    unanswered: dict[str, None] = field(default_factory=dict)
    _work: int = 0

    def get_field(self, name: str) -> str | None:
        """A field of the caller profile, as a bare ``field=`` reads it."""
        return self.fields.get(name.lower())

    def get(self, name: str, index: int = -1) -> str | None:
        """A variable; else the field of that name; else the global variable."""
        values = self.variables.get(name.lower())
        if values is not None:
            if index >= 0:
                return values[index] if index < len(values) else None
            return values[0] if len(values) == 1 else "ARRAY::" + "|:".join(values)
        found = self.fields.get(name.lower())
        return found if found is not None else self.globals_.get(name.lower())

    def set(self, name: str, value: str | None) -> None:
        """Set a variable; nothing or an empty value takes it away."""
        if not name:
            return
        if not value:
            self.variables.pop(name.lower(), None)
        else:
            self.variables[name.lower()] = value[7:].split("|:") if value.startswith("ARRAY::") else [value]

    def push(self, name: str, value: str, front: bool = False) -> None:
        """Add a value to a variable that is a list."""
        values = self.variables.setdefault(name.lower(), [])
        values.insert(0 if front else len(values), value)

    def remove_prefix(self, prefix: str) -> None:
        """Take away every variable whose name begins so."""
        for name in [name for name in self.variables if name.startswith(prefix.lower())]:
            del self.variables[name]

    def expand(self, text: str, depth: int = 0) -> str:
        """The text with its variables put in."""
        if depth > MAX_DEPTH or not needs_expansion(text):
            return text
        if depth == 0:
            self._work = 0
        out: list[str] = []
        at = 0
        while at < len(text) and self._work <= MAX_LENGTH:
            at = self._step(text, at, out, depth)
            self._work += 1
        return "".join(out)[:MAX_LENGTH]

    def _step(self, text: str, at: int, out: list[str], depth: int) -> int:
        """Expand what stands at ``at``; returns where to go on."""
        character, following = text[at], text[at + 1 : at + 2]
        if character == "\\":
            if following == "$":
                out.append("$")
                return at + (3 if text[at + 2 : at + 3] == "$" else 2)
            if following == "'":
                return at + 2
            if following == "\\":
                out.append("\\")
                return at + 2
        if character == "$" and following == "$":
            at += 1
            following = text[at + 1 : at + 2]
        if character != "$" or following != "{":
            out.append(character)
            return at + 1
        inner, at = _braces(text, at + 2)
        out.append(self._reference(inner, depth))
        if at < len(text) and text[at] != "$":
            out.append(text[at])
            at += 1
        return at

    def _reference(self, inner: str, depth: int) -> str:
        call = re.search(r"[ (]", inner)
        if call:
            return self._call(inner[: call.start()].rstrip(" "), _argument(inner, call.start()), depth)
        name = self.expand(inner, depth + 1)
        name, *cuts = name.split(":", 2)
        index = -1
        if "[" in name and "]" in name[name.index("[") :]:
            name, _, rest = name.partition("[")
            index = leading_int(rest)
        value = self.get(name, index)
        if value is None:
            if name:
                self.asked[name] = None
            return ""
        offset = leading_int(cuts[0]) if cuts else 0
        length = leading_int(cuts[1]) if len(cuts) > 1 else 0
        return _part(self.expand(value, depth + 1), offset, length)

    def _call(self, name: str, argument: str, depth: int) -> str:
        name, argument = self.expand(name, depth + 1), self.expand(argument, depth + 1)
        answer = self.api(name, argument)
        if answer is None:
            self.unanswered[f"{name}({argument})"] = None
            return ""
        return answer


def needs_expansion(text: str) -> bool:
    """Whether FreeSWITCH looks at the text at all: it has ``${``, or a backslash before one of ``\\ n s t '``."""
    return re.search(r"\$[\\$]*\{", text) is not None or _escaped(text)


def _escaped(text: str) -> bool:
    at = text.find("\\")
    while at >= 0:
        if text[at + 1 : at + 2] in ("\\", "n", "s", "t", "'"):
            return True
        at = text.find("\\", at + 1)
    return False


def _braces(text: str, at: int) -> tuple[str, int]:
    """What stands between the brace before ``at`` and its partner, and the index after that."""
    depth = 1
    for index in range(at, len(text)):
        if text[index] == "}":
            depth -= 1
            if depth == 0:
                return text[at:index], index + 1
        elif text[index] == "{" and index != at:
            depth += 1
    return text[at:], len(text)


def _argument(inner: str, at: int) -> str:
    """The argument of a call whose bracket, or blank, stands at ``at``. After a blank the first bracket counts as the
    one that is closed: FreeSWITCH does so."""
    depth = 1 if inner[at] == "(" else 0
    for index in range(at + 1, len(inner)):
        if inner[index] == "(":
            depth += 1
        elif inner[index] == ")" and depth:
            if depth == 1:
                return inner[at + 1 : index]
            depth -= 1
    return inner[at + 1 :]


def _part(value: str, offset: int, length: int) -> str:
    """``${name:offset:length}``; a negative offset counts from the end."""
    data = value.encode("utf-8", "surrogateescape")
    if offset >= 0 or -offset <= len(data):
        data = data[offset:]
    if 0 < length < len(data):
        data = data[:length]
    return data.decode("utf-8", "replace")
