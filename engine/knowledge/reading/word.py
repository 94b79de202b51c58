"""Word files (.docx): headings, paragraphs, lists, tables; tables of contents, headers and footers left out."""

import io
from collections.abc import Iterator
from typing import Any

import docx
from docx.oxml.ns import qn
from docx.table import Table

from engine.knowledge.reading import archive, tables
from engine.knowledge.reading.blocks import Block, Draft, Heading, Say, Source, Text
from engine.knowledge.reading.plain import ITEM, SAY

BOLD_LEVEL = 9
"""Level of a short line in bold that stands for a heading: below all real ones."""

_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_TITLE = 0


def parse(source: Source) -> Draft:
    """A document. Its title is the paragraph in the style "Title"."""
    archive.check(source)
    document = docx.Document(io.BytesIO(source.data))
    levels = _levels(document)
    blocks: list[Block] = []
    title = ""
    for element in _elements(document.element.body):
        if element.tag == qn("w:tbl"):
            blocks += tables.blocks(_rows(Table(element, document)), source)
            continue
        text = _text(element)
        level = _level(element, levels)
        if not text:
            continue
        if level == _TITLE:
            title = title or text
        elif level is not None:
            blocks.append(Heading(text, level))
        elif _is_bold_line(element, text):
            blocks.append(Heading(text, BOLD_LEVEL))
        elif said := SAY.match(text):
            blocks.append(Say(source.say(said[1])))
        else:
            blocks.append(Text(ITEM.sub("", text, count=1)))
    return Draft(list(_headed(blocks)), title)


def _headed(blocks: list[Block]) -> Iterator[Block]:
    """A line in bold that nothing follows is no heading but text."""
    for block, following in zip(blocks, [*blocks[1:], Heading("")], strict=True):
        if isinstance(block, Heading) and block.level == BOLD_LEVEL and isinstance(following, Heading):
            yield Text(block.text)
        else:
            yield block


def _elements(parent: Any) -> Iterator[Any]:
    """Paragraphs and tables, also those within content controls."""
    for element in parent.iterchildren():
        if element.tag in (qn("w:p"), qn("w:tbl")):
            yield element
        elif element.tag == qn("w:sdt"):
            kinds = {kind.get(qn("w:val")) for kind in element.iter(qn("w:docPartGallery"))}
            content = element.find(qn("w:sdtContent"))
            if content is not None and "Table of Contents" not in kinds:
                yield from _elements(content)


def _levels(document: Any) -> dict[str, int | None]:
    """Style id -> level of heading; 0 for the title; ``None`` for a style of text."""
    levels: dict[str, int | None] = {}
    for style in document.styles:
        found, seen = None, 0
        at = style
        while at is not None and found is None and seen < 10:
            name = (at.name or "").lower()
            if name == "title":
                found = _TITLE
            elif name.startswith("heading ") and name[8:].isdigit():
                found = int(name[8:])
            else:
                outline = at.element.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}")
                found = _outline(outline)
            at, seen = getattr(at, "base_style", None), seen + 1
        levels[style.style_id] = found
    return levels


def _level(paragraph: Any, levels: dict[str, int | None]) -> int | None:
    own = _outline(paragraph.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}"))
    return own if own is not None else levels.get(paragraph.style or "")


def _outline(element: Any) -> int | None:
    """Word counts levels from 0; 9 is text."""
    value = element.get(qn("w:val"), "") if element is not None else ""
    return int(value) + 1 if value.isdigit() and int(value) < 9 else None


def _text(paragraph: Any) -> str:
    """The words of a paragraph, also of links and tracked insertions; deletions have another tag."""
    parts: list[str] = []
    for element in paragraph.iter(qn("w:t"), qn("w:tab"), qn("w:br"), qn("w:noBreakHyphen")):
        if any(True for _ in element.iterancestors(_FALLBACK)):
            continue  # a second form of a text box, for old programs
        parts.append(element.text or "" if element.tag == qn("w:t") else
                     "-" if element.tag == qn("w:noBreakHyphen") else " ")
    return " ".join("".join(parts).split())


def _is_bold_line(paragraph: Any, text: str) -> bool:
    if len(text.split()) > 12 or text[-1] in ".:;,":
        return False
    runs = [run for run in paragraph.iter(qn("w:r")) if any((part.text or "").strip() for part in run.iter(qn("w:t")))]
    bold = [run.find(f"{qn('w:rPr')}/{qn('w:b')}") for run in runs]
    return bool(bold) and all(mark is not None and mark.get(qn("w:val"), "1") not in ("0", "false") for mark in bold)


def _rows(table: Table) -> list[tables.Row]:
    """The rows; a cell over several columns counts once, one over several rows counts in each."""
    rows: list[tables.Row] = []
    for number, row in enumerate(table.rows, 1):
        cells: list[str] = []
        before = None
        for cell in row.cells:
            cells.append("" if cell._tc is before else " ".join(map(_text, cell._tc.iter(qn("w:p")))))
            before = cell._tc
        rows.append((number, cells))
    return rows
