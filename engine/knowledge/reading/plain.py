"""Plain text: paragraphs, lists, questions with answers, and calls written as "Caller: ... / Agent: ..."."""

import re
from collections.abc import Iterator

from engine.knowledge.reading import calls, decode
from engine.knowledge.reading.blocks import Block, Draft, Say, Source, Text
from engine.knowledge.reading.frontmatter import split
from engine.knowledge.reading.passages import ANSWER, QUESTION

ITEM = re.compile(r"^\s*(?:[-*+\u2022\u25aa\u25cf]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?")
SAY = re.compile(r"^\s*(?:\*\*)?Say(?:\*\*)?\s*:(?:\*\*)?\s*(\S.*)$", re.IGNORECASE)


def parse(source: Source) -> Draft:
    """A file of plain text, maybe with front matter."""
    text = decode.strict(source)
    front, body = split(text, source.path)
    turns = calls.turns_of_text(body)
    return Draft(calls.blocks(turns) if turns else list(blocks(body, source, text.count("\n") - body.count("\n"))),
                 front=front)


def blocks(body: str, source: Source, above: int = 0) -> Iterator[Block]:
    """Paragraphs are parted by empty lines; items, questions, answers and what is to be said begin anew. ``above``: how
    many lines of the file come before."""
    held: list[str] = []
    for number, line in enumerate([*body.split("\n"), ""], above + 1):
        starts = not line.strip() or ITEM.match(line) or QUESTION.match(line) or ANSWER.match(line) or SAY.match(line)
        if starts and held:
            yield _block(" ".join(" ".join(held).split()), source, number - len(held))
            held = []
        if line.strip():
            held.append(ITEM.sub("", line, count=1))


def _block(text: str, source: Source, line: int) -> Block:
    said = SAY.match(text)
    return Say(source.say(said[1], line)) if said else Text(text)
