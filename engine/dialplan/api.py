"""The api commands that a hunt can answer by itself: those whose answer depends on nothing but their argument.

``${cond(...)}`` and ``${regex(...)}`` of mod_commands. Everything else asks the running FreeSWITCH and is not known.
"""

import re

from engine.dialplan.channel import Api
from engine.dialplan.model import is_number
from engine.dialplan.pcre import BadExpression, compiled, substituted

OPERAND = r"(?:'((?:\\[\\']|[^'])*)'(?=\s)|((?:[^ '][^ ]*)?)(?= ))"
CONDITION = re.compile(rf"{OPERAND}\s*(==|!=|>=|<=|>(?!=)|<(?!=)).\s*(?!\s){OPERAND}\s*\?(.*)", re.DOTALL)
"""The character after the operator is skipped, whatever it is: FreeSWITCH takes it for a blank."""

ERROR = "-ERR"


def answering(given: dict[str, str]) -> Api:
    """The commands known here, and answers that were given: ``{"db(select/a/b)": "x"}``."""

    def answer(name: str, argument: str) -> str | None:
        stated = given.get(f"{name}({argument})", given.get(name))
        if stated is not None:
            return stated
        known = KNOWN.get(name.lower())
        return known(argument) if known else None

    return answer


def cond(argument: str) -> str:
    """``a == b ? yes : no``. Two numbers are compared as numbers; a number with a text by the text's length."""
    match = CONDITION.match(argument)
    if match is None:
        return ERROR
    quoted_a, plain_a, operator, quoted_b, plain_b, rest = match.groups()
    branches = split(":" + rest, ":")
    if not 2 <= len(branches) <= 3:
        return ERROR
    a, b = quoted_a if plain_a is None else plain_a, quoted_b if plain_b is None else plain_b
    a_number, b_number = quoted_a is None and is_number(a), quoted_b is None and is_number(b)
    if not a_number and not b_number and operator in ("==", "!="):
        true = (a == b) == (operator == "==")
    else:
        left, right = _value(a, a_number), _value(b, b_number)
        true = {"==": left == right, "!=": left != right, ">": left > right, ">=": left >= right, "<": left < right,
                "<=": left <= right}[operator]
    if true:
        return branches[1]
    return branches[2] if len(branches) == 3 else ""


def regex(argument: str) -> str:
    """``text|expression``: true or false. With ``|replacement|flags``: the replacement, ``%1`` for a group."""
    delimiter = "|"
    if re.match(r"m:[|~/]", argument):
        delimiter, argument = argument[2], argument[3:]
    parts = split(argument, delimiter, 4)
    if len(parts) < 2:
        return ERROR
    try:
        match = compiled(parts[1]).search(parts[0])
    except BadExpression:
        match = None
    if len(parts) == 2:
        return "true" if match else "false"
    flags = parts[3] if len(parts) > 3 else ""
    if match:
        room = (len(parts[0].encode()) + len(parts[2].encode()) + 10) * len(match.groups)
        return substituted(match, parts[2].replace("%", "$"), room)
    return "" if "n" in flags else "false" if "b" in flags else parts[0]


KNOWN = {"cond": cond, "regex": regex}


def split(text: str, delimiter: str, most: int = 3) -> list[str]:
    """FreeSWITCH's splitting: single quotes hold a part together, a backslash protects, blanks at the ends go. As many
    parts as there is room for; the last keeps the rest."""
    parts: list[str] = []
    start = index = 0
    inside = False
    while index < len(text) and len(parts) < most - 1:
        character = text[index]
        if character == "\\":
            index += 1
        elif character == "'" and (inside or "'" in text[index + 1 :]):
            inside = not inside
        elif character == delimiter and not inside:
            parts.append(text[start:index])
            start = index + 1
        index += 1
    if start < len(text):
        parts.append(text[start:])
    return [_clean(part, delimiter) for part in parts]


def _clean(part: str, delimiter: str) -> str:
    out: list[str] = []
    kept = 0
    inside = False
    part = part.lstrip(" ")
    index = 0
    while index < len(part):
        character = part[index]
        escaped = {"n": "\n", "r": "\r", "t": "\t", "s": " ", "'": "'", '"': '"', "\\": "\\", delimiter: delimiter}
        if character == "\\" and part[index + 1 : index + 2] in escaped and index + 1 < len(part):
            out.append(escaped[part[index + 1]])
            index += 1
            kept = len(out)
        elif character == "'" and (inside or "'" in part[index + 1 :]):
            inside = not inside
            kept = len(out) if inside else kept
        else:
            out.append(character)
            if character != " " or inside:
                kept = len(out)
        index += 1
    return "".join(out[:kept])


def _value(text: str, number: bool) -> float:
    if not number:
        return float(len(text.encode("utf-8", "surrogateescape")))
    match = re.match(r"[-+]?\d*\.?\d*", text)
    try:
        return float(match.group()) if match else 0.0
    except ValueError:
        return 0.0
