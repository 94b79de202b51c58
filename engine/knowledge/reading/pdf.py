"""PDF files: paragraphs put together again from lines, headings told by their size, pages kept."""

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pypdf
from pypdf.errors import DependencyError, FileNotDecryptedError

from engine.knowledge.reading.blocks import Block, Draft, Heading, Source, Text
from engine.knowledge.reading.passages import ANSWER, QUESTION
from engine.knowledge.reading.plain import ITEM

MAX_PAGES = 5000
BIGGER = 1.15
"""Times the usual size of letters from which a short line is a heading."""

MAX_HEADING_WORDS = 16
MOST_LEVELS = 4
LEAST_LETTERS = 20
"""Letters a page has at least, on average, that is not a picture."""

_PAGE_NUMBER = re.compile(r"\W*\d{1,4}\W*(?:/\W*\d{1,4})?")
_NUMBER = re.compile(r"\d{1,5}")
_NO_TITLE = re.compile(r"\.\w{2,4}$|^(?:untitled|document\d*|microsoft word)\b", re.IGNORECASE)
_STOPS = ".!?:;\u0964\u06d4\u3002"


@dataclass(slots=True)
class Line:
    """``size``: of its largest letters, in points."""

    text: str
    size: float
    page: int


def parse(source: Source) -> Draft:
    """A file. Raises ``DocumentError`` when it is encrypted, or is pictures of pages."""
    reader = _open(source)
    pages = len(reader.pages)
    if pages > MAX_PAGES:
        raise source.fault(f"has {pages} pages, more than {MAX_PAGES}; split it")
    found: list[list[Line]] = []
    damaged: list[int] = []
    for number in range(1, pages + 1):
        try:
            found.append(_lines(reader.pages[number - 1], number))
        except MemoryError:
            raise
        except Exception as fault:  # noqa: BLE001 - one page; the parser raises whatever it stumbles over
            damaged.append(number)
            found.append([])
            why = f"{type(fault).__name__}: {fault}"
    if len(damaged) == pages and pages:
        raise source.fault(f"page {damaged[0]}: cannot be read ({why})")
    _check_letters(source, found, damaged)
    usual = _usual_size(line for page in found for line in page)
    lines = [line for page in _without_running_lines(found, usual) for line in page]
    return Draft(list(_blocks(lines, usual)), _title(reader))


def _open(source: Source) -> pypdf.PdfReader:
    try:
        reader = pypdf.PdfReader(io.BytesIO(source.data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise source.fault("is encrypted and needs a password; save a copy without one")
    except (DependencyError, FileNotDecryptedError) as fault:
        raise source.fault("is encrypted; save a copy without protection (print it to a PDF)") from fault
    return reader


def _check_letters(source: Source, found: list[list[Line]], damaged: list[int]) -> None:
    letters = [sum(len(line.text) for line in page) for page in found]
    if sum(letters) < LEAST_LETTERS * max(1, len(found)) and sum(many == 0 for many in letters) * 2 >= len(letters):
        raise source.fault(f"has {len(found)} pages and {'hardly any' if any(letters) else 'no'} text: it is scanned. "
                           "Recognise its text first (OCR), for example with: ocrmypdf in.pdf out.pdf")
    for what, pages in (("cannot be read", damaged),
                        ("have no text (pictures?)", [number for number, many in enumerate(letters, 1)
                                                      if not many and number not in damaged])):
        if pages:
            shown = ", ".join(map(str, pages[:10])) + (" ..." if len(pages) > 10 else "")
            source.notes.append(f"pages {shown} {what}")


def _lines(page: Any, number: int) -> list[Line]:
    """The lines of a page, each with the size of its letters."""
    pieces: list[tuple[str, float]] = []

    def visit(text: str, matrix: list[float], text_matrix: list[float], font: object, size: float) -> None:
        scale = abs(text_matrix[3] or text_matrix[1]) * abs(matrix[3] or matrix[1]) or 1.0
        pieces.append((text, abs(float(size or 0)) * scale))

    page.extract_text(visitor_text=visit)
    lines: list[Line] = []
    held, biggest = "", 0.0
    for text, size in [*pieces, ("\n", 0.0)]:
        *whole, rest = text.split("\n")
        for part in whole:
            held += part
            biggest = max(biggest, size if part.strip() else 0.0)
            lines.append(Line(" ".join(held.replace("\u00ad", "").split()), round(biggest, 1), number))
            held, biggest = "", 0.0
        held += rest
        biggest = max(biggest, size if rest.strip() else 0.0)
    return lines


def _usual_size(lines: Iterable[Line]) -> float:
    """The size that most letters have."""
    letters: Counter[float] = Counter()
    for line in lines:
        letters[line.size] += len(line.text)
    return letters.most_common(1)[0][0] if letters else 0.0


def _without_running_lines(pages: list[list[Line]], usual: float) -> Iterator[list[Line]]:
    """Headers, footers and page numbers: short lines that stand first or last on most pages, the same on each, or but
    for a number that counts with the pages. Large letters are those of a chapter; a sentence is no such line."""
    filled = [[line for line in page if line.text] for page in pages]
    edges = [[line for line in page[:2] + page[-2:] if line.size <= BIGGER * usual and line.text[-1] not in _STOPS
              and len(line.text.split()) <= MAX_HEADING_WORDS] for page in filled]
    counts = Counter(form for page in edges for form in set().union(*map(_forms, page)))
    many = sum(bool(page) for page in filled)
    for page, lines, edge in zip(pages, filled, edges, strict=True):
        left_out = {id(line) for line in edge if many >= 4 and any(counts[form] > 0.6 * many for form in _forms(line))}
        left_out |= {id(line) for line in lines[:1] + lines[-1:] if _PAGE_NUMBER.fullmatch(line.text)}
        kept = [line for line in page if id(line) not in left_out]
        full = [place for place, line in enumerate(kept) if line.text]
        yield kept[full[0]:full[-1] + 1] if full else []


def _forms(line: Line) -> set[str]:
    """A line as it is, and with its numbers, or the first or the last of them, counted from that of the page."""
    text = line.text.lower()
    numbers = list(_NUMBER.finditer(text))
    forms = {text}
    for chosen in (numbers, numbers[:1], numbers[-1:]):
        places = {found.start() for found in chosen}
        forms.add(_NUMBER.sub(lambda found, places=places: f"<{int(found[0]) - line.page}>"  # type: ignore[misc]
                              if found.start() in places else found[0], text))
    return forms


def _blocks(lines: list[Line], usual: float) -> Iterator[Block]:
    """Paragraphs and headings. A paragraph ends at an empty line, before an item or a question, and after a line that
    ends a sentence well before the margin; it may go on over a page."""
    bigger = sorted({line.size for line in lines if usual and line.size > BIGGER * usual}, reverse=True)
    levels = {size: min(place, MOST_LEVELS) for place, size in enumerate(bigger, 1)}
    widths = sorted(len(line.text) for line in lines if line.text and line.size not in levels)
    margin = widths[len(widths) * 9 // 10] if widths else 0
    held: list[Line] = []
    heading: list[Line] = []
    for line in [*lines, Line("", -1.0, 0)]:
        is_heading = line.size in levels and len(line.text.split()) <= MAX_HEADING_WORDS and bool(line.text)
        if heading and line.text and not (is_heading and line.size == heading[-1].size and len(heading) < 3) \
                or heading and line.size < 0:
            yield Heading(" ".join(one.text for one in heading), levels[heading[0].size], heading[0].page)
            heading = []
        if held and (is_heading or line.size < 0 or _ends(held, line, margin)):
            yield Text(_joined(held), held[0].page)
            held = []
        if is_heading:
            heading.append(line)
        elif line.text:
            held.append(line)


def _ends(held: list[Line], line: Line, margin: int) -> bool:
    last = held[-1]
    over_page = line.page != last.page
    ended = last.text[-1] in _STOPS
    if not line.text:
        return True
    if ITEM.match(line.text) or QUESTION.match(line.text) or ANSWER.match(line.text):
        return True
    return (ended and len(last.text) < 0.8 * margin) or (over_page and ended)


def _joined(lines: list[Line]) -> str:
    """Words that were parted at the end of a line are one again."""
    parts: list[str] = []
    for line in lines:
        last = parts[-1] if parts else ""
        if last.endswith("-") and last[-3:-1].isalpha() and len(last) > 2 and line.text[:1].islower():
            parts[-1] = last[:-1]
        elif parts:
            parts.append(" ")
        parts.append(line.text)
    return ITEM.sub("", "".join(parts), count=1)


def _title(reader: pypdf.PdfReader) -> str:
    """The title that its writer gave it, if that is no file name."""
    try:
        told = reader.metadata
        title = " ".join(str((told.get("/Title") if told else "") or "").split())
    except Exception:  # noqa: BLE001 - damaged metadata are no metadata
        return ""
    return "" if _NO_TITLE.search(title) else title[:200]
