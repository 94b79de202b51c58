"""Where a piece of the compiled document comes from: files, places in them, and the map between.

FreeSWITCH parses one text that it has put together out of all files. Messages must name the file, line and column that
somebody can open, so the text keeps a map: for each run of characters the file and offset it was copied from.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from engine.errors import TrunklineError

COMMENT = re.compile(r"<!--(.*?)(?:-->|\Z)", re.DOTALL)


class DialplanError(TrunklineError):
    """A configuration that cannot be read at all, or a question about it that has no answer."""


@dataclass(frozen=True, order=True)
class Place:
    """A character of a file. ``line`` and ``column`` count from 1; a tab is one column."""

    file: Path
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Comment:
    """An XML comment as it stands in a file: the text between the marks, its first character and the one after it."""

    text: str
    place: Place
    end: Place


@dataclass(eq=False)
class SourceFile:
    """One file that was read. ``included_by``: the directive that named it first; None for one that was asked for."""

    path: Path
    text: str
    included_by: Place | None = None

    @cached_property
    def wrapped_in_include(self) -> bool:
        """Whether the file stands in ``<include>`` ... ``</include>``, as fragments do by convention."""
        return "<include>" in self.text and "</include>" in self.text

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer(r"\r\n|\n|\r", self.text))]

    @cached_property
    def _comments(self) -> list[tuple[int, int]]:
        return [match.span() for match in COMMENT.finditer(self.text)]

    def place(self, offset: int) -> Place:
        """The place of the character at ``offset``."""
        line = bisect_right(self._starts, offset)
        return Place(self.path, line, offset - self._starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of line ``number`` (from 1) without its end; empty where there is no such line."""
        if not 1 <= number <= len(self._starts):
            return ""
        end = self._starts[number] if number < len(self._starts) else len(self.text)
        return self.text[self._starts[number - 1] : end].rstrip("\r\n")

    def in_comment(self, offset: int) -> bool:
        """Whether the character at ``offset`` stands inside an XML comment of this file."""
        index = bisect_right(self._comments, (offset, len(self.text) + 1)) - 1
        return index >= 0 and self._comments[index][0] <= offset < self._comments[index][1]

    def comments(self) -> list[Comment]:
        """All comments of the file, in order."""
        return [Comment(match.group(1), self.place(match.start()), self.place(match.end()))
                for match in COMMENT.finditer(self.text)]


@dataclass(frozen=True)
class Span:
    """What one inclusion of a file became: characters ``start`` to ``end`` of the compiled text."""

    source: SourceFile
    start: int
    end: int


@dataclass(eq=False)
class Compiled:
    """The text FreeSWITCH would parse, and where each character of it comes from.

    ``spans``: one entry an inclusion, in order of their ends (an included file before the one that includes it).
    """

    spans: list[Span] = field(default_factory=list)
    length: int = 0
    _parts: list[str] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _origins: list[tuple[SourceFile, int, bool]] = field(default_factory=list)
    _expected: tuple[SourceFile, int] | None = None

    def add(self, text: str, source: SourceFile, offset: int, literal: bool = True) -> None:
        """Append ``text``. Literal text stands at ``offset`` of the source character by character; what is not
        literal (the value of a variable) came for the reference that stands there."""
        if not text:
            return
        if not (literal and self._expected == (source, offset)):
            self._starts.append(self.length)
            self._origins.append((source, offset, literal))
        self._expected = (source, offset + len(text)) if literal else None
        self._parts.append(text)
        self.length += len(text)

    @cached_property
    def text(self) -> str:
        """The whole text; ask only when nothing more is added."""
        return "".join(self._parts)

    def origin(self, offset: int) -> tuple[SourceFile, int]:
        """The file and the offset in it where the character at ``offset`` comes from."""
        if not self._origins:
            raise DialplanError("nothing was read")
        index = max(0, bisect_right(self._starts, offset) - 1)
        source, start, literal = self._origins[index]
        return source, start + (offset - self._starts[index] if literal else 0)

    def place(self, offset: int) -> Place:
        """The place in a file where the character at ``offset`` comes from."""
        source, at = self.origin(offset)
        return source.place(at)

    def raw(self, start: int, end: int) -> str:
        """The source text that became ``start`` to ``end``: with ``$${...}`` as it was written."""
        if start >= end:
            return ""
        first, begin = self.origin(start)
        last, finish = self.origin(end - 1)
        index = bisect_right(self._starts, end - 1) - 1
        if first is not last or finish < begin:
            return self.text[start:end]
        if not self._origins[index][2]:
            close = first.text.find("}", finish)
            return first.text[begin : close + 1 if close >= 0 else finish + 1]
        return first.text[begin : finish + 1]
