"""Waivers: ``<!-- check: allow FS037 the reason -->`` before an element lets a rule pass in it.

A waiver counts for the element that follows it, with everything inside, a directive too; before the first element of a
file for the whole file. It needs a reason. One that is not needed is a finding itself, so that waivers go when their
cause has gone.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from engine.dialplan.source import Comment, Place, SourceFile

WORD = re.compile(r"^\s*check\s*:\s*(.*?)\s*$", re.DOTALL | re.IGNORECASE)
ALLOW = re.compile(r"^allow\s+(?P<rules>FS\d{3}(?:\s*,\s*FS\d{3})*)\b[\s:,-]*(?P<reason>.*)$",
                   re.DOTALL | re.IGNORECASE)
MARK = re.compile(r"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)|<\?.*?(?:\?>|\Z)|"
                  r"<(?P<close>/)?(?P<name>[A-Za-z_:][^\s/>]*)(?:\"[^\"]*\"|'[^']*'|[^>\"'])*?(?P<empty>/)?>",
                  re.DOTALL)
"""Comments, character data, instructions and tags: what a file consists of, without reading it as XML."""
SHORTEST_REASON = 3
"""Letters: less is no reason."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """``rules`` are let pass from ``start`` to ``end`` (exclusive) of the file, because of ``reason``."""

    place: Place
    rules: tuple[str, ...]
    reason: str
    start: Place
    end: Place

    def covers(self, rule: str, place: Place) -> bool:
        """Whether a finding of this rule at this place is let pass."""
        return rule in self.rules and place.file == self.place.file and self.start <= place < self.end


@dataclass(frozen=True, slots=True)
class BadWaiver:
    """A comment that begins like a waiver and is none."""

    place: Place
    message: str


def waivers(source: SourceFile) -> tuple[list[Waiver], list[BadWaiver]]:
    """The waivers of a file, and those that are written wrongly."""
    good: list[Waiver] = []
    bad: list[BadWaiver] = []
    if "check" not in source.text:
        return good, bad
    for comment in source.comments():
        word = WORD.match(comment.text)
        if word is None:
            continue
        allow = ALLOW.match(word.group(1))
        if allow is None:
            bad.append(BadWaiver(comment.place, "this waiver names no rule: write <!-- check: allow FS000 reason -->"))
        elif len(allow.group("reason")) < SHORTEST_REASON:
            bad.append(BadWaiver(comment.place, f"this waiver of {allow.group('rules')} gives no reason"))
        else:
            rules = tuple(number.strip().upper() for number in allow.group("rules").split(","))
            good.append(Waiver(comment.place, rules, allow.group("reason"), *_scope(source, comment)))
    return good, bad


def _scope(source: SourceFile, comment: Comment) -> tuple[Place, Place]:
    """From the comment to the end of the element that follows it; to its own end where none does."""
    depth = 0
    for match in MARK.finditer(source.text, _offset(source, comment.end)):
        if match.group("name") is None:
            continue
        if match.group("close"):
            depth -= 1
            if depth < 0:
                return comment.place, comment.end
        elif not match.group("empty"):
            depth += 1
        if depth == 0:
            return comment.place, source.place(match.end())
    end = source.place(len(source.text))
    return comment.place, Place(end.file, end.line + 1, 1) if depth > 0 else comment.end


def _offset(source: SourceFile, place: Place) -> int:
    lines = source.text.splitlines(keepends=True)
    return sum(len(line) for line in lines[:place.line - 1]) + place.column - 1


def by_file(sources: list[SourceFile]) -> tuple[dict[Path, list[Waiver]], list[BadWaiver]]:
    """The waivers of all files."""
    found: dict[Path, list[Waiver]] = {}
    wrong: list[BadWaiver] = []
    for source in sources:
        good, bad = waivers(source)
        found.setdefault(source.path, []).extend(good)
        wrong += bad
    return found, wrong
