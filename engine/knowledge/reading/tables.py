"""Tables of cells, wherever they come from: where the header is, and rows as blocks. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from engine.knowledge.reading.blocks import Block, Source, Text
from engine.knowledge.reading.records import row

LOOKED_AT = 20
"""Rows in which the header is looked for; titles and remarks may stand above it."""

_VALUE = re.compile(r"^[^\w]*[\d.,:/ \u00a0-]*\d[\d.,:/ \u00a0-]*(?:%|[^\W\d_]{1,4}|[^\w\s])?$")

Row = tuple[int, list[str]]
"""Number of the row or line, from 1, and its cells."""


def header_at(rows: Sequence[list[str]]) -> int | None:
    """Which of the first rows is the header: all of its cells are names, each another one, and it is as wide as the
    rows after it. ``None`` where there is none."""
    first = rows[:LOOKED_AT]
    width = max((len([cell for cell in cells if cell]) for cells in first), default=0)
    for place, cells in enumerate(first[:-1]):
        names = [cell.lower() for cell in cells if cell]
        if len(names) >= max(2, 0.6 * width):
            named = len(set(names)) == len(names) and not any(_VALUE.match(name) for name in names)
            return place if named else None
    return None


def blocks(rows: Iterable[Row], source: Source, page: int = 0) -> Iterator[Block]:
    """What stands above the header as text, then a sentence or a pair for each row."""
    tidy = ((number, [" ".join(cell.split()) for cell in cells]) for number, cells in rows)
    filled = ((number, cells) for number, cells in tidy if any(cells))
    first = list(islice(filled, LOOKED_AT + 1))
    at = header_at([cells for _, cells in first])
    for _, cells in first[:at] if at else ():
        text = ", ".join(dict.fromkeys(cell for cell in cells if cell))
        yield Text(text if text.endswith((".", "!", "?", ":")) else text + ".", page)
    header = first[at][1] if at is not None else []
    for number, cells in chain(first if at is None else first[at + 1:], filled):
        if [cell for cell in cells if cell] != [name for name in header if name]:  # the header again, on a new page
            yield from row(header, cells, source, number, page)
