"""Slides (.pptx): the slide's number as page, its title as heading, its texts, tables and notes."""

import io
from collections.abc import Iterable, Iterator
from typing import Any

import pptx

from engine.knowledge.reading import archive, tables
from engine.knowledge.reading.blocks import Block, Draft, Heading, Source, Text

MAX_GROUPS = 20
"""Groups of shapes within one another."""


def parse(source: Source) -> Draft:
    """A presentation; its title is that of the first slide. Hidden slides are left out."""
    archive.check(source)
    blocks: list[Block] = []
    title = ""
    hidden = 0
    for number, slide in enumerate(pptx.Presentation(io.BytesIO(source.data)).slides, 1):
        if slide._element.get("show") in ("0", "false"):
            hidden += 1
            continue
        heading = slide.shapes.title
        name = _tidy(heading.text_frame.text) if heading is not None and heading.has_text_frame else ""
        title = title or (name if number == 1 else "")
        blocks.append(Heading(name, 2, number))
        others = [shape for shape in slide.shapes if heading is None or shape.shape_id != heading.shape_id]
        blocks += _texts(_in_order(others), source, number)
        if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) is not None:
            blocks += [Text(text, number) for text in map(_tidy, notes.text.split("\n")) if text]
    if hidden:
        source.notes.append(f"{hidden} hidden slides are left out")
    return Draft(blocks, title)


def _in_order(shapes: Iterable[Any]) -> list[Any]:
    """As one reads: from above, then from the left. Shapes without a place keep theirs in front."""
    return sorted(shapes, key=lambda shape: (shape.top or 0, shape.left or 0))


def _texts(shapes: Iterable[Any], source: Source, page: int, depth: int = 0) -> Iterator[Block]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            if depth < MAX_GROUPS:
                yield from _texts(_in_order(shape.shapes), source, page, depth + 1)
        elif getattr(shape, "has_table", False):
            rows = [(number, [_tidy(cell.text_frame.text) for cell in row.cells])
                    for number, row in enumerate(shape.table.rows, 1)]
            yield from tables.blocks(rows, source, page)
        elif shape.has_text_frame and not _is_furniture(shape):
            for paragraph in shape.text_frame.paragraphs:
                if text := _tidy("".join(run.text for run in paragraph.runs)):
                    yield Text(text, page)


def _is_furniture(shape: Any) -> bool:
    """Slide numbers, dates and footers."""
    return shape.is_placeholder and shape.placeholder_format.type is not None and \
        shape.placeholder_format.type.name in ("SLIDE_NUMBER", "DATE", "FOOTER", "HEADER")


def _tidy(text: str) -> str:
    return " ".join(text.replace("\v", " ").split())
