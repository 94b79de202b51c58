"""Sheets (.xlsx): the sheet's name as heading, rows as "header: value" sentences or as questions with answers."""

import io
import re
from collections.abc import Iterator
from typing import Any

import openpyxl
from openpyxl.utils.cell import range_boundaries

from engine.knowledge.reading import archive, tables
from engine.knowledge.reading.blocks import Block, Draft, Heading, Source
from engine.knowledge.reading.numberformat import shown

MAX_CELLS = 3_000_000
MAX_COLUMNS = 500
MAX_MERGED = 20_000

_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?ref=\"([A-Z]{1,3}[0-9]{1,7}:[A-Z]{1,3}[0-9]{1,7})\"")

Spans = dict[tuple[int, int], tuple[int, int]]
"""(row, column) of a cell that is merged into another -> that of the other; all from 1."""


def parse(source: Source) -> Draft:
    """A workbook: values, not formulas, written as the sheet shows them. Hidden sheets are left out."""
    archive.check(source)
    book = openpyxl.load_workbook(io.BytesIO(source.data), read_only=True, data_only=True)
    blocks: list[Block] = []
    cells = hidden = 0
    for page, sheet in enumerate(book.worksheets, 1):
        if sheet.sheet_state != "visible":
            hidden += 1
            continue
        blocks.append(Heading(" ".join(sheet.title.split()), 2, page))
        for region in _regions(sheet, _spans(sheet)):
            cells += sum(len(row) for _, row in region)
            if cells > MAX_CELLS:
                raise source.fault(f"has more than {MAX_CELLS:,} cells; split it")
            blocks += tables.blocks(region, source, page)
    if hidden:
        source.notes.append(f"{hidden} hidden sheets are left out")
    return Draft(blocks)


def _regions(sheet: Any, spans: Spans) -> Iterator[list[tables.Row]]:
    """The rows; after an empty one, a row all in bold begins another table."""
    sheet.reset_dimensions()  # the extent that a file claims is often wrong
    region: list[tables.Row] = []
    values: dict[tuple[int, int], str] = {}
    owners = set(spans.values())
    empty = False
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = [_shown(cell) for cell in row[:MAX_COLUMNS]]
        for column in range(1, len(cells) + 1):
            if (number, column) in owners:
                values[number, column] = cells[column - 1]
            elif owner := spans.get((number, column)):
                cells[column - 1] = values.get(owner, "")
        if not any(cells):
            empty = True
            continue
        if empty and region and _is_bold(row):
            yield region
            region = []
        empty = False
        region.append((number, cells))
    if region:
        yield region


def _shown(cell: Any) -> str:
    return "" if cell.value is None else shown(cell.value, cell.number_format or "General")


def _is_bold(row: Any) -> bool:
    filled = [cell for cell in row if cell.value is not None]
    return len(filled) > 1 and all(isinstance(cell.value, str) and cell.font.b for cell in filled)


def _spans(sheet: Any) -> Spans:
    """Merged cells down a column or along a row. openpyxl's reading mode leaves them out, so the sheet's own text is
    looked through."""
    spans: Spans = {}
    with sheet._get_source() as stream:
        rest = b""
        while piece := stream.read(1 << 18):
            rest += piece
            end = 0
            for found in _MERGED.finditer(rest):
                end = found.end()
                left, top, right, bottom = range_boundaries(found[1].decode("ascii"))
                if left is None or top is None or right is None or bottom is None or right > MAX_COLUMNS \
                        or (right - left + 1) * (bottom - top + 1) + len(spans) > MAX_MERGED:
                    continue
                spans.update({(row, column): (top, left) for row in range(top, bottom + 1)
                              for column in range(left, right + 1) if (row, column) != (top, left)})
            rest = rest[max(end, len(rest) - 200):]
    return spans
