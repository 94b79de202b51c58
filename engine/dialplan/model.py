"""Contexts, extensions, conditions and actions, made of elements and keeping their places.

Every object has its ``element``: ``extension.element.where("name")`` is the place of the attribute.
What an attribute means is said once here, as FreeSWITCH takes it: a misspelt ``break`` is ``on-false``.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from engine.dialplan.source import Place
from engine.dialplan.xmltree import Element

Break = Literal["on-false", "on-true", "always", "never"]
Combination = Literal["", "all", "any", "xor"]

BREAKS: tuple[Break, ...] = ("on-false", "on-true", "always", "never")
TIME_ATTRIBUTES = ("date-time", "year", "yday", "mon", "mday", "week", "mweek", "wday", "hour", "minute",
                   "minute-of-day", "time-of-day", "tz-offset", "dst")
"""Attributes of a condition or regex that compare the time (``src/switch_xml.c``)."""

TRUE_WORDS = ("yes", "on", "true", "t", "enabled", "active", "allow")


def is_number(text: str) -> bool:
    """What FreeSWITCH takes for a number: digits and points, with a sign before them."""
    return re.fullmatch(r"[-+]?[0-9.]+", text) is not None


def is_true(text: str | None) -> bool:
    """What FreeSWITCH takes for yes; a number is yes unless its whole part is 0."""
    if text is None:
        return False
    return text.lower() in TRUE_WORDS or (is_number(text) and leading_int(text) != 0)


def leading_int(text: str) -> int:
    """C's ``atoi``: the whole number at the start, 0 where there is none."""
    match = re.match(r"[ \t\r\n\v\f]*([-+]?[0-9]+)", text)
    return int(match.group(1)[:12]) if match else 0


@dataclass(frozen=True, eq=False)
class Action:
    """One application to run. ``data`` is the element's text where it has any (blanks count), else ``data=``."""

    element: Element
    app: str
    data: str
    inline: bool
    anti: bool
    loop: int

    @property
    def place(self) -> Place:
        """Where the element begins."""
        return self.element.place

    @property
    def data_place(self) -> Place:
        """Where the data is written."""
        return self.element.where("data")


@dataclass(frozen=True, eq=False)
class Test:
    """A field against an expression, of a condition or of a ``<regex>`` in one. ``field`` None: no field is named.
    ``times``: the time attributes that are set."""

    element: Element
    field: str | None
    expression: str
    times: dict[str, str]

    @property
    def place(self) -> Place:
        """Where the element begins."""
        return self.element.place

    @property
    def expression_place(self) -> Place:
        """Where the expression is written: the attribute, or the ``<expression>`` element."""
        child = self.element.first("expression")
        return child.place if child else self.element.where("expression")


@dataclass(frozen=True, eq=False)
class Condition(Test):
    """A condition with its actions. ``combination`` is set where ``regex=`` is: then ``regexes`` decide."""

    breaks: Break = "on-false"
    combination: Combination = ""
    regexes: list[Test] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    anti_actions: list[Action] = field(default_factory=list)
    conditions: "list[Condition]" = field(default_factory=list)
    require_nested: bool = True

    def everything(self) -> "list[Condition]":
        """This condition and those nested in it, in the order of the document."""
        return [self, *(deeper for nested in self.conditions for deeper in nested.everything())]


@dataclass(frozen=True, eq=False)
class Extension:
    """``name`` None: it has none. ``goes_on`` is ``continue=``."""

    element: Element
    name: str | None
    goes_on: bool
    conditions: list[Condition]

    @property
    def place(self) -> Place:
        """Where the element begins."""
        return self.element.place

    def everything(self) -> list[Condition]:
        """All conditions, nested ones too."""
        return [deeper for condition in self.conditions for deeper in condition.everything()]

    def actions(self) -> list[Action]:
        """All actions and anti-actions of all conditions."""
        return [action for condition in self.everything() for action in condition.actions + condition.anti_actions]


@dataclass(frozen=True, eq=False)
class Context:
    """``dead``: an earlier context has the same name. ``loose``: extensions of a fragment outside any context."""

    element: Element
    name: str
    extensions: list[Extension]
    dead: bool = False
    loose: bool = False

    @property
    def place(self) -> Place:
        """Where the element begins."""
        return self.element.place


def make_context(element: Element, dead: bool = False) -> Context:
    """A ``<context>``."""
    return Context(element, element.get("name") or "", [make_extension(child) for child in element.all("extension")],
                   dead)


def loose_context(root: Element) -> Context:
    """The extensions that stand at the top of a fragment, to be dropped into a context by an include."""
    return Context(root, "", [make_extension(child) for child in root.all("extension")], loose=True)


def make_extension(element: Element) -> Extension:
    """An ``<extension>``."""
    return Extension(element, element.get("name"), is_true(element.get("continue")),
                     [make_condition(child) for child in element.all("condition")])


def make_condition(element: Element, depth: int = 0) -> Condition:
    """A ``<condition>``; nesting ends where FreeSWITCH's does, at 100."""
    nested = element.get("require-nested")
    return Condition(
        element, element.get("field"), _expression(element), _times(element),
        breaks=_break(element.get("break")),
        combination=_combination(element.get("regex")),
        regexes=[Test(child, child.get("field"), _expression(child), _times(child)) for child in element.all("regex")],
        actions=[_action(child, False) for child in element.all("action")],
        anti_actions=[_action(child, True) for child in element.all("anti-action")],
        conditions=[make_condition(child, depth + 1) for child in element.all("condition")] if depth < 100 else [],
        require_nested=nested is None or is_true(nested),
    )


def _expression(element: Element) -> str:
    child = element.first("expression")
    return child.text if child else element.get("expression") or ""


def _times(element: Element) -> dict[str, str]:
    return {name: element.attributes[name].value for name in TIME_ATTRIBUTES if name in element.attributes}


def _break(text: str | None) -> Break:
    for known in BREAKS:
        if text is not None and text.lower() == known:
            return known
    return "on-false"


def _combination(text: str | None) -> Combination:
    if text is None:
        return ""
    lowered = text.lower()
    return "all" if lowered == "all" else "xor" if lowered == "xor" else "any"


def _action(element: Element, anti: bool) -> Action:
    loop = element.get("loop")
    return Action(
        element, element.get("application") or "", element.text or element.get("data") or "",
        inline=is_true(element.get("inline")), anti=anti, loop=leading_int(loop) if loop is not None else 1,
    )
