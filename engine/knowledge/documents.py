"""Files to documents: front matter checked, Markdown and plain text cut into passages. Pure but for reading the file.

A passage is what is searched and cited: a section, or a part of a long one, or one question with its answer. It keeps
the headings above it.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.knowledge.document import Document, Passage
from engine.knowledge.errors import DocumentError
from engine.knowledge.frontmatter import FrontMatter, split
from engine.knowledge.text import plain, sentences

SUFFIXES = (".md", ".markdown", ".txt", ".text")
"""Files that are read; others in a folder are passed over."""

MAX_BYTES = 5 * 1024 * 1024
MAX_WORDS = 120
"""Words of a passage: about 40 seconds of speech, and well within what the embedding model sees (256 tokens)."""


def read(path: Path, root: Path) -> Document:
    """Read one file below ``root``. Raises ``DocumentError`` that names the file, and the line if one is at fault."""
    data = _bytes(path)
    if b"\0" in data[:8192]:
        raise DocumentError(f"{path}: this is a binary file, not text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        byte = data[fault.start]
        raise DocumentError(f"{path}:{line}: not UTF-8 text (byte {byte:#04x}); save it as UTF-8") from fault
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    front, body = split(text, path)
    markdown = path.suffix.lower() in (".md", ".markdown")
    title, passages = _markdown(body) if markdown else ("", _plain_text(body))
    if not passages:
        raise DocumentError(f"{path}: there is no text in it" + (" below the front matter" if front.given else ""))
    name = path.relative_to(root) if path != root else Path(path.name)
    return Document(
        id=front.id or name.with_suffix("").as_posix(),
        source=path.absolute(),
        digest=hashlib.sha256(data).hexdigest(),
        title=front.title or title or _title_of(path),
        passages=passages,
        tags=_with_folders(front, name),
        utterances=front.utterances,
        say=front.say,
    )


def _bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DocumentError(f"{path}: {size / 1e6:.1f} MB is more than a document may have "
                                f"({MAX_BYTES / 1e6:.0f} MB); split it")
        data = path.read_bytes()
    except OSError as fault:
        raise DocumentError(f"{path}: cannot be read: {fault.strerror or fault}") from fault
    if not data.strip():
        raise DocumentError(f"{path}: the file is empty")
    return data


def _title_of(path: Path) -> str:
    words = re.sub(r"[-_]+", " ", path.stem).strip()
    return words[:1].upper() + words[1:]


def _with_folders(front: FrontMatter, name: Path) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*front.tags, *name.parts[:-1]]))


# ---------------------------------------------------------------- Markdown

_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+(?:\[[ xX]\]\s+)?")
_RULE = re.compile(r"^ {0,3}(?:[-*_]\s*){3,}$")
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
_QUESTION = re.compile(r"^\s*(?:\*\*)?(?:Q|Question)(?:\*\*)?\s*[:.](?:\*\*)?\s*(.+)$", re.IGNORECASE)
_ANSWER = re.compile(r"^\s*(?:\*\*)?(?:A|Answer)(?:\*\*)?\s*[:.](?:\*\*)?\s*(.*)$", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(slots=True)
class _Section:
    heading: tuple[str, ...]
    blocks: list[str] = field(default_factory=list)
    question: str = ""


def _markdown(body: str) -> tuple[str, tuple[Passage, ...]]:
    """The title (the first heading of level one, if it is the only one) and the passages."""
    headings: list[tuple[int, str]] = []
    sections = [_Section(())]
    first_titles: list[str] = []
    for kind, level, text in _lines(_COMMENT.sub("", body)):
        if kind == "heading":
            headings = [entry for entry in headings if entry[0] < level] + [(level, text)]
            if level == 1:
                first_titles.append(text)
            path = tuple(name for _, name in headings)
            sections.append(_Section(path, question=text if text.endswith("?") else ""))
        else:
            sections[-1].blocks.append(text)
    title = first_titles[0] if len(first_titles) == 1 else ""
    passages = [passage for section in sections for passage in _passages(section, title)]
    return title, tuple(passages)


def _lines(body: str) -> Iterator[tuple[str, int, str]]:
    """``("heading", level, text)`` and ``("block", 0, text)``: a paragraph, a list item, a row of a table."""
    paragraph: list[str] = []
    fence = ""
    header: list[str] = []

    def flush() -> Iterator[tuple[str, int, str]]:
        if text := plain(" ".join(paragraph)):
            yield "block", 0, text
        paragraph.clear()

    for line in body.split("\n"):
        if mark := _FENCE.match(line):
            fence = "" if fence and line.strip().startswith(fence) else fence or mark[1]
            continue
        if fence:
            paragraph.append(line)
            continue
        if _TABLE_RULE.match(line) and paragraph and "|" in paragraph[-1]:
            header = _cells(paragraph.pop())
            yield from flush()
        elif header and "|" in line:
            if row := _row(header, _cells(line)):
                yield "block", 0, row
        elif heading := _HEADING.match(line):
            yield from flush()
            yield "heading", len(heading[1]), plain(heading[2])
        elif not line.strip() or _RULE.match(line):
            header = []
            yield from flush()
        else:
            if _ITEM.match(line) or _QUESTION.match(line) or _ANSWER.match(line):
                yield from flush()
            paragraph.append(_ITEM.sub("", line, count=1).lstrip("> "))
    yield from flush()


def _cells(line: str) -> list[str]:
    return [plain(cell) for cell in line.strip().strip("|").split("|")]


def _row(header: list[str], cells: list[str]) -> str:
    """A row as a sentence that keeps its headers: "Plan: small, price: ten dollars."."""
    pairs = [f"{name}: {cell}" if name else cell for name, cell in zip(header, cells, strict=False) if cell]
    return ", ".join(pairs) + "." if pairs else ""


# ---------------------------------------------------------------- plain text

def _plain_text(body: str) -> tuple[Passage, ...]:
    section = _Section(())
    for paragraph in re.split(r"\n\s*\n", body):
        lines: list[str] = []
        for line in paragraph.split("\n"):
            if _QUESTION.match(line) or _ANSWER.match(line) or _ITEM.match(line):
                section.blocks.append(" ".join(lines))
                lines = []
            lines.append(_ITEM.sub("", line, count=1).strip())
        section.blocks.append(" ".join(lines))
    section.blocks = [" ".join(block.split()) for block in section.blocks if block.strip()]
    return tuple(_passages(section, ""))


# ---------------------------------------------------------------- passages

def _passages(section: _Section, title: str) -> Iterator[Passage]:
    """The section's passages: questions with their answers whole, the rest packed up to ``MAX_WORDS``."""
    heading = tuple(name for name in section.heading if name != title)
    if section.question:
        if section.blocks:
            yield _passage(heading, section.blocks, (section.question,))
        return
    loose: list[str] = []
    pair: list[str] = []
    question = ""
    for block in section.blocks:
        if asked := _QUESTION.match(block):
            yield from _pack(heading, loose) if not question else _pair(heading, question, pair)
            loose, pair, question = [], [], asked[1].strip()
        elif question:
            answered = _ANSWER.match(block) if not pair else None
            pair.append(answered[1] if answered else block)
        else:
            loose.append(block)
    yield from _pair(heading, question, pair) if question else _pack(heading, loose)


def _pair(heading: tuple[str, ...], question: str, answer: list[str]) -> Iterator[Passage]:
    if any(answer):
        yield _passage(heading, answer, (question,))


def _pack(heading: tuple[str, ...], blocks: list[str]) -> Iterator[Passage]:
    """Cut between blocks where possible, between sentences where a block is too long, and within one if it must be."""
    held: list[str] = []
    count = 0
    for block in blocks:
        for piece in [block] if len(block.split()) <= MAX_WORDS else _short(block):
            length = len(piece.split())
            if held and count + length > MAX_WORDS:
                yield _passage(heading, held)
                held, count = [], 0
            held.append(piece)
            count += length
    if held:
        yield _passage(heading, held)


def _short(block: str) -> Iterator[str]:
    for sentence in sentences(block):
        words = sentence.split()
        for start in range(0, len(words), MAX_WORDS):
            yield " ".join(words[start:start + MAX_WORDS])


def _passage(heading: tuple[str, ...], blocks: list[str], questions: tuple[str, ...] = ()) -> Passage:
    statements = tuple(sentence for block in blocks for sentence in sentences(block))
    return Passage(heading, " ".join(blocks), statements, questions)
