"""Which part of a collection a question may be answered from."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """Empty fields restrict nothing. ``tags``: a document has at least one of them. ``languages``: the passage is in
    one of them (one whose language is unknown passes). ``on``: a date (ISO) on which the document holds."""

    tags: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    on: str = ""

    def admits(self, tags: Iterable[str], language: str, valid_from: str, valid_until: str) -> bool:
        """Whether a passage of this language, of a document with these tags and dates, may be used."""
        if self.tags and self.tags.isdisjoint(tags):
            return False
        if self.languages and language and language not in self.languages:
            return False
        begun, over = not valid_from or valid_from <= self.on, bool(valid_until) and valid_until < self.on
        return not self.on or (begun and not over)


ANY = Scope()
"""No restriction."""
