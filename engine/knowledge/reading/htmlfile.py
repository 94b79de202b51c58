"""HTML: headings, paragraphs, lists, tables, questions that fold out. No scripts, navigation, forms or footers."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from engine.knowledge.reading import decode, tables
from engine.knowledge.reading.blocks import Block, Draft, Heading, Pair, Source, Text

SKIPPED = frozenset("""
script style nav footer aside form noscript template svg math head select button iframe object canvas dialog
""".split())  # noqa: SIM905
BLOCKS = frozenset("""
p div section article main header li ul ol dl blockquote pre figure figcaption address center body html details fieldset
table caption hr td th tr
""".split())  # noqa: SIM905
HEADINGS = {f"h{level}": level for level in range(1, 7)}
MAX_DEPTH = 400
"""Elements within one another that are left out or are tables; more are damage or malice."""

_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_HIDDEN_ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "menu", "menubar", "complementary"})
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())  # noqa: SIM905


def parse(source: Source) -> Draft:
    """A page; its title is ``<title>``, or the only first heading where that says less than all."""
    declared = _CHARSET.search(source.data[:4096])
    return draft(decode.lenient(source, declared[1].decode("ascii") if declared else ""), source)


def draft(text: str, source: Source) -> Draft:
    """The blocks of an HTML text. What stands in ``<main>`` is all, if there is such."""
    page = _Page(source)
    page.feed(text)
    page.close()
    page.flush()
    blocks = page.main if any(isinstance(block, Text | Pair) for block in page.main) else page.blocks
    return Draft(list(_with_definitions(blocks)), " ".join(page.title.split()))


class _Page(HTMLParser):
    def __init__(self, source: Source) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self.main: list[Block] = []
        self.title = ""
        self._source = source
        self._words: list[str] = []
        self._kind = ""  # of the text being gathered: h1 to h6, dt, summary, or "" for a paragraph
        self._level = 0
        self._skipping: list[str] = []
        self._in_title = False
        self._in_main = 0
        self._tables: list[list[tables.Row]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "title" and not self.title and not (self._skipping and self._skipping != ["head"]):
            self._in_title = True
        if tag in _VOID:
            if tag in ("br", "hr") and not self._skipping:
                self._words.append(" ")
            return
        if tag == "body":
            self._skipping.clear()
        if self._skipping:
            if tag == self._skipping[-1] and len(self._skipping) < MAX_DEPTH:
                self._skipping.append(tag)
            return
        given = dict(attrs)
        if tag in SKIPPED or (tag not in ("body", "html", "main") and (
                "hidden" in given or given.get("aria-hidden") == "true" or given.get("role") in _HIDDEN_ROLES)):
            self.flush()
            self._skipping.append(tag)
        elif tag == "table":
            self.flush()
            if len(self._tables) < MAX_DEPTH:
                self._tables.append([])
        elif self._tables and tag in ("tr", "td", "th"):
            self._cell(tag)
        elif tag in HEADINGS or tag in ("dt", "dd", "summary") or tag in BLOCKS:
            if not self._tables:
                self.flush()
                self._kind = tag if tag in HEADINGS or tag in ("dt", "dd", "summary") else ""
            else:
                self._words.append(" ")
            self._in_main += tag == "main"

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        if self._skipping:
            if tag == self._skipping[-1]:
                self._skipping.pop()
            return
        if tag == "table" and self._tables:
            self._cell("tr")
            rows = self._tables.pop()
            if self._tables:  # a table within a cell is part of its text
                self._words.append(". ".join(" ".join(cells) for _, cells in rows))
            else:
                for block in tables.blocks(rows, self._source):
                    self._add(block)
        elif self._tables:
            self._words.append(" " if tag in BLOCKS else "")
        elif tag in HEADINGS or tag in BLOCKS or tag in ("dt", "dd", "summary"):
            self.flush()
            if tag == "main":
                self._in_main = max(0, self._in_main - 1)

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data[:300]
        elif not self._skipping:
            self._words.append(data)

    def flush(self) -> None:
        """End the paragraph or heading that is being gathered."""
        text, kind = self._gathered(), self._kind
        if self._tables:
            rows = self._tables[-1]
            if rows and rows[-1][1] and text:
                rows[-1][1][-1] = f"{rows[-1][1][-1]} {text}".strip()
            return
        self._kind = ""
        if text and kind in HEADINGS:
            self._level = HEADINGS[kind]
            self._add(Heading(text, self._level))
        elif text and kind in ("dt", "summary"):
            self._add(Pair((text,), ()))
        elif text:
            self._add(Text(text))

    def _gathered(self) -> str:
        text = " ".join("".join(self._words).split())
        self._words.clear()
        return text

    def _add(self, block: Block) -> None:
        self.blocks.append(block)
        if self._in_main:
            self.main.append(block)

    def _cell(self, tag: str) -> None:
        """A new row or cell begins; what was gathered belongs to the one before."""
        self.flush()
        rows = self._tables[-1]
        if tag == "tr" or not rows:
            rows.append((self.getpos()[0], []))
        if tag != "tr":
            rows[-1][1].append("")


def _with_definitions(blocks: list[Block]) -> Iterator[Block]:
    """What a term or a summary opens (a pair without an answer) is answered by the text that follows it."""
    term = ""
    held: list[str] = []
    for block in [*blocks, Heading("")]:
        if isinstance(block, Text) and term:
            held.append(block.text)
            continue
        if term and term.endswith("?") and held:
            yield Pair((term,), tuple(held))
        elif term:
            yield Text(": ".join([term, " ".join(held)]) if held else term)
        term, held = "", []
        if isinstance(block, Pair) and not block.answer:
            term = block.questions[0]
        elif not (isinstance(block, Heading) and not block.text):
            yield block
