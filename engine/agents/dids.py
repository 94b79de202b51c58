"""Numbers that were called, and patterns of them. Pure."""

import re
from dataclasses import dataclass
from functools import cached_property


def digits(number: str) -> str:
    """What counts of a number: ``+49 (30) 5550-1`` is ``493055501``, and so is ``004930...``."""
    found = re.sub(r"[^0-9]", "", number)
    return found.removeprefix("00")


@dataclass(frozen=True)
class Did:
    """A pattern and the agent whose it is. ``x`` is one digit, ``*`` at the end any more of them."""

    pattern: str
    owner: str

    @property
    def literals(self) -> int:
        """How many digits it says: more is more specific; of two equal ones that without ``*``."""
        return 2 * sum(char.isdigit() for char in self.pattern) - self.pattern.endswith("*")

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        body = self._body.replace("x", "[0-9]")
        return re.compile(body + ("[0-9]*" if self.pattern.endswith("*") else ""))

    @property
    def _body(self) -> str:
        body = self.pattern.rstrip("*")
        return body[1:] if body.startswith("+") else body.removeprefix("00")

    def matches(self, number: str) -> bool:
        """Whether a number, as ``digits`` gives it, is one of these."""
        return self._regex.fullmatch(number) is not None

    def overlaps(self, other: "Did") -> bool:
        """Whether a number can be one of both."""
        one, two = self._body, other._body
        if len(one) > len(two):
            return other.overlaps(self)
        agree = all(a == b or "x" in (a, b) for a, b in zip(one, two, strict=False))
        return agree and (len(one) == len(two) or self.pattern.endswith("*"))

    def covers(self, other: "Did") -> bool:
        """Whether every number of ``other`` is one of these."""
        one, two = self._body, other._body
        if len(one) > len(two) or (other.pattern.endswith("*") and not self.pattern.endswith("*")):
            return False
        agree = all(a in (b, "x") for a, b in zip(one, two, strict=False))
        return agree and (len(one) == len(two) or self.pattern.endswith("*"))
