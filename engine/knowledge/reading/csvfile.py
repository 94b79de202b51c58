"""CSV and TSV: delimiter and encoding found out, rows as sentences with their headers, or questions with answers."""

import csv
import io
from collections import Counter

from engine.knowledge.reading import decode, tables
from engine.knowledge.reading.blocks import Draft, Source

DELIMITERS = ",;\t|"
_SAMPLE = 30
_MAX_CELL = 200_000


def parse(source: Source) -> Draft:
    """A file of rows. Raises ``DocumentError`` with the line that is no row."""
    csv.field_size_limit(_MAX_CELL)
    text = decode.lenient(source)
    first, _, rest = text.partition("\n")
    told = first.strip().lower()
    if told.startswith("sep=") and len(told) == 5:  # a line that Excel writes and reads
        delimiter, text = first.strip()[4], "\n" + rest
    else:
        delimiter = _delimiter(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        return Draft(list(tables.blocks(((reader.line_num, cells) for cells in reader), source)))
    except csv.Error as fault:
        raise source.fault(f"no row of a table: {fault}", max(1, reader.line_num)) from fault


def _delimiter(text: str) -> str:
    """The one by which most of the first rows have the same number of cells, more than one."""
    best, score = ",", 0.0
    for delimiter in DELIMITERS:
        try:
            widths = Counter(len(cells) for cells, _ in zip(csv.reader(io.StringIO(text), delimiter=delimiter),
                                                            range(_SAMPLE), strict=False) if cells)
        except csv.Error:
            continue
        width, many = max(widths.items(), key=lambda item: (item[1] if item[0] > 1 else 0, item[0]), default=(1, 0))
        share = many / max(1, widths.total()) + width / 1000 if width > 1 else 0.0
        if share > score:
            best, score = delimiter, share
    return best
