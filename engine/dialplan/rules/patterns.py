"""Regular expressions of a dialplan, as far as they can be judged without a call.

Whether one compiles, and how many groups it has, says PCRE2 (``engine.dialplan.pcre``), as in FreeSWITCH. What can be
in a group, and how long it can be, is read off the text.
"""

import importlib
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache

from engine.dialplan import pcre

_PARSER = importlib.import_module("re._parser" if hasattr(re, "_parser") else "sre_parse")
VARIABLE = re.compile(r"[$%]\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")
GROUP = re.compile(r"(?<![\\$\w])\$(\d{1,2})")
"""``$1`` in the data of an action."""
UNBOUNDED = 64
"""A group that may be longer than this has no bound worth the name."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """An expression after ``$${}``. ``fault`` is PCRE's complaint, empty if there is none or none can be known;
    ``groups`` is -1 where that is not known; ``flags`` are those of ``re``."""

    text: str
    body: str
    fault: str
    groups: int
    dynamic: bool
    flags: int = 0

    @property
    def compiled(self) -> "re.Pattern[str] | None":
        """The expression in Python's ``re``; None where that has none or PCRE refuses it."""
        return None if self.fault or self.text.startswith("_") else _python(self.body, self.flags)

    def matches(self, text: str) -> bool | None:
        """Whether it matches, which one that does not compile never does; None where that is known in a call only."""
        if self.fault:
            return False
        compiled = None if self.dynamic else self.compiled
        return None if compiled is None else compiled.search(text) is not None

    @property
    def catches_all(self) -> bool:
        """Whether there is nothing it does not match."""
        return self.body in ("", ".*", "^.*$", "^(.*)$", "(.*)", "^.*", ".*$", "^(.*)", "(.*)$", "^")

    @property
    def anchored(self) -> bool:
        """Whether the whole value has to match: each alternative begins with ``^`` and ends with ``$``, or ``.*``."""
        return all(_anchored(part) for part in alternatives(self.body))


@lru_cache(maxsize=4096)
def pattern(expression: str) -> Pattern:
    """Read an expression: ``/.../i``, Asterisk's ``_NXX`` or plain PCRE."""
    dynamic = bool(VARIABLE.search(expression))
    if expression.startswith("_"):
        return Pattern(expression, expression, "", -1, dynamic)
    body, flags = expression, re.ASCII
    if expression.startswith("/"):
        body, slash, options = expression[1:].rpartition("/")
        if not slash:
            return Pattern(expression, expression, "it begins with / and has no / at its end", -1, dynamic)
        flags |= (re.IGNORECASE if "i" in options else 0) | (re.DOTALL if "s" in options else 0)
    fault, groups = "", -1
    try:
        groups = pcre.compiled(VARIABLE.sub("x", expression)).groups
    except pcre.NotTheSame:
        pass  # without the system's PCRE2 nothing can be said of this one
    except pcre.BadExpression as problem:
        fault = str(problem)
    return Pattern(expression, body, fault, groups, dynamic, flags)


@lru_cache(maxsize=4096)
def _python(body: str, flags: int) -> "re.Pattern[str] | None":
    """The expression in Python's ``re``, to try numbers on; None where it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return re.compile(VARIABLE.sub("x", body), flags)
    except (re.error, OverflowError, RecursionError):
        return None


def alternatives(body: str) -> list[str]:
    """The parts between the ``|`` that stand in no bracket."""
    parts, depth, current, position = [], 0, "", 0
    while position < len(body):
        char = body[position]
        if char == "\\":
            current += body[position:position + 2]
            position += 2
            continue
        if char == "[":
            end = body.find("]", position + 2)
            end = len(body) - 1 if end < 0 else end
            current += body[position:end + 1]
            position = end + 1
            continue
        depth += (char == "(") - (char == ")")
        if char == "|" and not depth:
            parts.append(current)
            current = ""
        else:
            current += char
        position += 1
    return [*parts, current]


def _anchored(part: str) -> bool:
    part = part.removeprefix("(?i)")
    if part.startswith("(") and part.endswith(")") and not part.startswith("(?") and _one_group(part):
        return all(_anchored(inner) for inner in alternatives(part[1:-1]))
    ends = part.endswith("$") and (len(part) - len(part[:-1].rstrip("\\")) - 1) % 2 == 0
    ends = ends or part.endswith((r"\z", r"\Z", ".*", ".*)", ".+", ".+)"))
    begins = part.startswith(("^", r"\A", ".*", "(.*", ".+", "(.+"))
    return (begins and ends) or not part


def _one_group(part: str) -> bool:
    depth = 0
    for position, char in enumerate(part):
        if position and part[position - 1] == "\\":
            continue
        depth += (char == "(") - (char == ")")
        if not depth and position < len(part) - 1:
            return False
    return True


def group_source(body: str, number: int) -> str:
    """The text of capturing group ``number``; of the whole expression for 0; empty if there is none."""
    if number == 0:
        return body
    opened: list[tuple[int, int]] = []
    seen, position, in_class = 0, 0, False
    while position < len(body):
        char = body[position]
        if char == "\\":
            position += 2
            continue
        if in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
            position += 1 if body[position + 1:position + 2] in ("]", "^") else 0
        elif char == "(":
            captures = body[position + 1:position + 2] != "?"
            seen += captures
            opened.append((seen if captures else -1, position + 1))
        elif char == ")" and opened:
            which, start = opened.pop()
            if which == number:
                return body[start:position]
        position += 1
    return ""


def only_digits(source: str) -> bool:
    """Whether a group can catch nothing but digits, ``+``, ``*`` and ``#``: no text of a caller's choice."""
    if not source:
        return False
    rest = re.sub(r"\\d|\[[-0-9*#\\+d]+\]|\\[+*#]|\{\d*,?\d*\}|[0-9+?*()|^$#:]", "", source)
    return not rest


def longest(source: str) -> int:
    """The most characters a group can catch, ``UNBOUNDED`` at most."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The parser's own width: \d{4} is 4, \d+ is without bound.
            width = _PARSER.parse(VARIABLE.sub("x", source)).getwidth()[1]
    except (re.error, OverflowError, RecursionError):
        return UNBOUNDED
    return min(int(width), UNBOUNDED)
