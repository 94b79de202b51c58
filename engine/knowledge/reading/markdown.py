"""Markdown: headings, paragraphs, lists, tables, questions with answers, and lines ``Say: ...``."""

import re
from collections.abc import Iterator

from engine.knowledge.reading import decode
from engine.knowledge.reading.blocks import Block, Draft, Heading, Say, Source, Text
from engine.knowledge.reading.frontmatter import split
from engine.knowledge.reading.passages import ANSWER, QUESTION
from engine.knowledge.reading.plain import SAY
from engine.knowledge.reading.records import row
from engine.knowledge.words.text import plain

_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?")
_RULE = re.compile(r"^ {0,3}(?:[-*_]\s*){3,}$")
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(?:\|\s*:?-{2,}:?\s*)*\|?\s*$")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def parse(source: Source) -> Draft:
    """A Markdown file, maybe with front matter."""
    text = decode.strict(source)
    front, body = split(text, source.path)
    body = _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), body)
    return Draft(list(blocks(body, source, text.count("\n") - body.count("\n"))), front=front)


def blocks(body: str, source: Source, above: int = 0) -> Iterator[Block]:
    """The blocks of a body that begins after line ``above`` of its file."""
    paragraph: list[str] = []
    fence = ""
    header: list[str] = []

    def flush() -> Iterator[Block]:
        if text := plain(" ".join(paragraph)):
            said = SAY.match(text)
            yield Say(source.say(said[1], number)) if said else Text(text)
        paragraph.clear()

    for number, line in enumerate(body.split("\n"), above + 1):
        if mark := _FENCE.match(line):
            fence = "" if fence and line.strip().startswith(fence) else fence or mark[1]
            continue
        if fence:
            paragraph.append(line)
            continue
        if paragraph and "|" in paragraph[-1] and _TABLE_RULE.match(line):
            header = _cells(paragraph.pop())
            yield from flush()
        elif header and "|" in line:
            yield from row(header, _cells(line), source, number)
        elif heading := _HEADING.match(line):
            yield from flush()
            yield Heading(plain(heading[2]), len(heading[1]))
        elif not line.strip() or _RULE.match(line):
            header = []
            yield from flush()
        else:
            if any(pattern.match(line.replace("*", "")) for pattern in (QUESTION, ANSWER, SAY)) or _ITEM.match(line):
                yield from flush()
            paragraph.append(_ITEM.sub("", line, count=1).lstrip("> "))
    yield from flush()


def _cells(line: str) -> list[str]:
    return [plain(cell) for cell in line.strip().strip("|").split("|")]
