"""What a rule is, and the register of all of them.

A rule is a function that looks at a configuration and yields an ``At`` for each thing it finds. The decorator
``rule`` gives it its number, its severity and its texts, from which the page of the documentation is made too.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.dialplan.source import DialplanError, Place

if TYPE_CHECKING:
    from engine.dialplan.rules.view import View

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""From the worst down. error: calls fail, or anybody can misuse the switch. warning: probably not what was meant, or
fails under conditions that will come. info: worth knowing."""

Level = Literal["load", "dialplan", "engine", "security", "trunks"]
Profile = Literal["public", "twilio", "exotel", "pci"]

PROFILES: dict[Profile, str] = {
    "public": "the switch can be reached from the internet: default passwords and open profiles are errors",
    "twilio": "calls come from and go to a Twilio Elastic SIP Trunk: its addresses must be let in",
    "exotel": "calls come from and go to an Exotel SIP trunk: a gateway for it must be there",
    "pci": "card numbers may be keyed in: digits in logs are errors",
}

NUMBER = re.compile(r"^FS\d{3}$")


@dataclass(frozen=True, slots=True)
class At:
    """One thing found: where, what is wrong with just this one, and, where they differ from the rule's, how to mend
    it and how bad it is."""

    place: Place
    message: str
    mend: str = ""
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``severity`` is the worst it gives by itself; ``title`` names what it finds; ``why`` says what happens
    to calls; ``mend`` what to do."""

    id: str
    level: Level
    severity: Severity
    title: str
    why: str
    mend: str
    run: Callable[["View"], Iterable[At]]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a rule found at one place."""

    rule: Rule
    place: Place
    message: str
    mend: str
    severity: Severity

    def __str__(self) -> str:
        """One line: ``path:line:column FS000 severity message``."""
        return f"{self.place} {self.rule.id} {self.severity} {self.message}"


RULES: dict[str, Rule] = {}
"""All rules by number; filled when ``engine.dialplan.rules`` is imported."""

_Check = Callable[["View"], Iterable[At]]


def rule(
    number: str, level: Level, severity: Severity, title: str, *, why: str, mend: str,
) -> Callable[[_Check], _Check]:
    """Register the function below as rule ``number``."""

    def register(check: _Check) -> _Check:
        if not NUMBER.match(number) or number in RULES:
            raise ValueError(f"rule {number}: a number is FS and three digits, and is given once")
        RULES[number] = Rule(number, level, severity, title, why, mend, check)
        return check

    return register


def all_rules() -> list[Rule]:
    """Every rule, in order of their numbers."""
    return [RULES[number] for number in sorted(RULES)]


def named(numbers: Iterable[str]) -> list[Rule]:
    """The rules of these numbers; upper or lower case. Raises DialplanError for one that there is not."""
    found = []
    for number in numbers:
        known = RULES.get(number.strip().upper())
        if known is None:
            raise DialplanError(f"there is no rule {number.strip()!r}; rules are {min(RULES)} to {max(RULES)} "
                                "(trunkline dialplan explain lists them)")
        found.append(known)
    return found
