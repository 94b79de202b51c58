"""What a parser makes of a file: blocks in reading order. ``passages.py`` makes passages of them. Pure."""

from dataclasses import dataclass, field
from pathlib import Path

from engine.knowledge.errors import DocumentError
from engine.knowledge.reading.frontmatter import MAX_SAY, FrontMatter


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; ``level`` from 1, deeper ones belong to it. ``page`` from 1, 0 where there are none."""

    text: str
    level: int = 1
    page: int = 0


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph, an item of a list, a row of a table as a sentence. No line breaks, no layout."""

    text: str
    page: int = 0


@dataclass(frozen=True, slots=True)
class Pair:
    """A question, in one or several wordings, and its answer in paragraphs. ``heading``: further headings of its own,
    below the section's; ``say``: the short answer to speak."""

    questions: tuple[str, ...]
    answer: tuple[str, ...]
    say: str = ""
    heading: tuple[str, ...] = ()
    page: int = 0


@dataclass(frozen=True, slots=True)
class Say:
    """The short answer to speak for what stands beside it: the pair before it, or its section."""

    text: str


Block = Heading | Text | Pair | Say


@dataclass(slots=True)
class Draft:
    """A parsed file. ``title``: "" where the file has none; the only heading of level one may serve then."""

    blocks: list[Block]
    title: str = ""
    front: FrontMatter = field(default_factory=FrontMatter)


@dataclass(slots=True)
class Source:
    """A file on its way through a parser: its bytes, and what the operator should be told (``notes``)."""

    path: Path
    data: bytes
    notes: list[str] = field(default_factory=list)

    def fault(self, what: str, line: int = 0) -> DocumentError:
        """An error that names the file, and the line (or the row) where one is at fault."""
        return DocumentError(f"{self.path}:{line}: {what}" if line else f"{self.path}: {what}")

    def say(self, text: str, line: int = 0) -> str:
        """A short answer to speak, checked. Raises ``DocumentError`` if it is too long for that."""
        text = " ".join(text.split())
        if len(text) > MAX_SAY:
            raise self.fault(f"what is to be spoken must be short: {len(text)} characters, at most {MAX_SAY}", line)
        return text
