"""Elements and their places, parsed as FreeSWITCH's own XML parser does.

That parser is laxer than XML: a bare ``&`` or ``<`` in an attribute, an attribute without a value, the same attribute
twice are all loaded. In one way it is stricter in effect: the first error anywhere stops the whole configuration. What
it would load is loaded here and said as a warning where other readers of XML refuse it; what it would not load is an
error, and the reading goes on after it so that one run finds all there is (facts: ``src/switch_xml.c``).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from engine.dialplan.noted import Fault, FaultKind
from engine.dialplan.source import Compiled, Place, Span

NAME_END = re.compile(r"[\t\r\n />]|\Z")
ATTRIBUTE_END = re.compile(r"[\t\r\n =/>]|\Z")
CLOSE_END = re.compile(r"[\t\r\n >]|\Z")
SPACES = re.compile(r"[ \t\r\n\v\f]*")
EQUALS = re.compile(r"[ \t\r\n=]*")
REFERENCE = re.compile(r"&(?:#x([0-9a-fA-F]+);|#([0-9]+);|(lt|gt|quot|apos|amp);)")
ENTITIES = {"lt": "<", "gt": ">", "quot": '"', "apos": "'", "amp": "&"}
SPACE_CHARACTERS = " \t\r\n\v\f"

MAX_FAULTS = 1_000
"""Of each kind in one text. A binary file is one long list of them; after so many errors the rest is not read."""


@dataclass(eq=False, slots=True)
class Attribute:
    """``value`` as FreeSWITCH has it: variables put in, ``&lt;`` and its kin decoded. An attribute that stands twice
    keeps its first value."""

    name: str
    value: str
    start: int
    end: int
    name_start: int
    compiled: Compiled = field(repr=False)

    @property
    def raw(self) -> str:
        """The value as it stands in the file, with ``$${name}`` and ``&amp;``."""
        return self.compiled.raw(self.start, self.end)

    @property
    def place(self) -> Place:
        """The first character of the value; of an empty one, the quote after it."""
        return self.compiled.place(self.start)

    @property
    def name_place(self) -> Place:
        """The first character of the name."""
        return self.compiled.place(self.name_start)


@dataclass(eq=False)
class Element:
    """A tag with what is in it. ``text`` is all character data of it, in one string, spaces included; that of its
    children is theirs."""

    tag: str
    start: int
    compiled: Compiled = field(repr=False)
    parent: "Element | None" = field(default=None, repr=False)
    attributes: dict[str, Attribute] = field(default_factory=dict)
    children: "list[Element]" = field(default_factory=list, repr=False)
    text: str = ""
    end: int = 0

    @cached_property
    def place(self) -> Place:
        """The ``<`` that opens it."""
        return self.compiled.place(self.start)

    @property
    def end_place(self) -> Place:
        """The last character of it: the ``>`` of its closing tag."""
        return self.compiled.place(max(self.start, self.end - 1))

    def get(self, name: str) -> str | None:
        """The value of an attribute; None where it has none of that name. Names are case sensitive."""
        attribute = self.attributes.get(name)
        return attribute.value if attribute else None

    def where(self, name: str) -> Place:
        """The place of an attribute's value, or of the element where it has no such attribute."""
        attribute = self.attributes.get(name)
        return attribute.place if attribute else self.place

    def all(self, tag: str) -> "list[Element]":
        """The children of that tag, in order."""
        return [child for child in self.children if child.tag == tag]

    def first(self, tag: str, name: str | None = None) -> "Element | None":
        """The first child of that tag (whose ``name`` is this, letters' case apart): the one FreeSWITCH would use."""
        for child in self.children:
            if child.tag == tag and (name is None or (child.get("name") or "").lower() == name.lower()):
                return child
        return None

    def walk(self) -> "Iterator[Element]":
        """This element and all below it, in the order of the document."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting.extend(reversed(element.children))


@dataclass(eq=False)
class Tree:
    """What came out: ``root`` has no tag and holds the document's own root (or a fragment's elements)."""

    root: Element
    faults: list[Fault]


def parse(compiled: Compiled, whole: bool) -> Tree:
    """The elements of a compiled text. ``whole``: it is one document, so a second root is an error.

    FreeSWITCH knows no files when it parses. So at first neither do we; only where that fails, every file is taken by
    itself, so that the fault is said of the file that has it and the rest is read.
    """
    tree = _Parser(compiled, whole, []).parse()
    if any(fault.kind == "error" for fault in tree.faults) and len(compiled.spans) > 1:
        tree = _Parser(compiled, whole, compiled.spans).parse()
    return tree


class _Parser:
    def __init__(self, compiled: Compiled, whole: bool, spans: list[Span]) -> None:
        self.compiled = compiled
        self.text = compiled.text
        self.whole = whole
        self.root = Element("", 0, compiled)
        self.current = self.root
        self.faults: list[Fault] = []
        self.count: dict[FaultKind, int] = {"error": 0, "warning": 0}
        self.edges = sorted({edge for span in spans for edge in (span.start, span.end)})
        self.openings = sorted(spans, key=lambda span: (span.start, -span.end))
        self.inside: list[tuple[Span, Element]] = []
        self.edge = 0
        self.opening = 0

    def parse(self) -> Tree:
        """Go through the text once, from tag to tag."""
        at = 0
        while True:
            opening = self.text.find("<", at)
            stop = opening if opening >= 0 else len(self.text)
            self._content(at, stop)
            if opening < 0 or self.count["error"] >= MAX_FAULTS:
                break
            self._pass_files(opening)
            at = self._markup(opening)
        self._pass_files(len(self.text))
        self._close_to(self.root, len(self.text))
        return Tree(self.root, self.faults)

    def fault(self, kind: FaultKind, at: int, message: str, code: str) -> None:
        """Note a fault at a character of the text."""
        self.count[kind] += 1
        if self.count[kind] <= MAX_FAULTS and self.compiled.length:
            self.faults.append(Fault(self.compiled.place(min(at, self.compiled.length - 1)), kind, message, code))

    def _limit(self, at: int) -> int:
        """Where a search from ``at`` has to end: the next border of a file, where files are taken by themselves."""
        while self.edge < len(self.edges) and self.edges[self.edge] <= at:
            self.edge += 1
        return self.edges[self.edge] if self.edge < len(self.edges) else len(self.text)

    def _pass_files(self, at: int) -> None:
        """Leave the files that end before ``at`` and enter those that begin there."""
        while True:
            leaves = self.inside and self.inside[-1][0].end <= at
            enters = self.opening < len(self.openings) and self.openings[self.opening].start <= at
            if enters and not (leaves and self.inside[-1][0].end <= self.openings[self.opening].start):
                self.inside.append((self.openings[self.opening], self.current))
                self.opening += 1
            elif leaves:
                span, outer = self.inside.pop()
                self._close_to(outer, span.end)
            else:
                return

    def _close_to(self, outer: Element, end: int) -> None:
        """Close what was opened inside ``outer`` and never closed."""
        while self.current is not outer and self.current.parent is not None:
            self.fault("error", self.current.start, f"<{self.current.tag}> is never closed", "unclosed")
            self.current.end = end
            self.current = self.current.parent

    def _content(self, start: int, end: int) -> None:
        if start >= end or self.current is self.root:
            return
        text = self.text[start:end]
        if "&" in text:
            text = self._decoded(text, start)
        self.current.text += text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text

    def _decoded(self, text: str, start: int) -> str:
        bare = re.search(r"&(?!#x[0-9a-fA-F]+;|#[0-9]+;|(?:lt|gt|quot|apos|amp);)", text)
        if bare:
            self.fault("warning", start + bare.start(), "& stands for itself here; FreeSWITCH takes it, other readers "
                       "of XML do not. Write &amp;", "ampersand")
        return REFERENCE.sub(_character, text)

    def _markup(self, at: int) -> int:
        """One ``<...``; returns where to go on."""
        text = self.text
        character = text[at + 1 : at + 2]
        if character.isalpha() or (character and (character in "_:" or character >= "\x80")):
            return self._open_tag(at)
        if character == "/":
            return self._close_tag(at)
        if text.startswith("!--", at + 1):
            return self._comment(at)
        if text.startswith("![CDATA[", at + 1):
            end = text.find("]]>", at, self._limit(at))
            if end < 0:
                return self._broken(at, "<![CDATA[ is never closed")
            self.current.text += text[at + 9 : end] if self.current is not self.root else ""
            return end + 3
        if text.startswith("!DOCTYPE", at + 1):
            end = text.find(">", at, self._limit(at))
            self.fault("warning", at, "a DOCTYPE; entities that it defines are not read here", "doctype")
            return end + 1 if end >= 0 else self._broken(at, "<!DOCTYPE is never closed")
        if character == "?":
            end = text.find("?>", at, self._limit(at))
            return end + 2 if end >= 0 else self._broken(at, "<? is never closed")
        return self._broken(at, "a < that begins no tag; write &lt;")

    def _broken(self, at: int, message: str) -> int:
        """An error FreeSWITCH stops at. Go on at the next tag that begins a line, or at the next file."""
        self.fault("error", at, message, "malformed")
        limit = self._limit(at)
        again = re.compile(r"\n[ \t]*(?=</?[A-Za-z_])").search(self.text, at + 1, limit)
        return again.end() if again else limit

    def _comment(self, at: int) -> int:
        limit = self._limit(at)
        end = self.text.find("--", at + 4, limit)
        if end < 0:
            return self._broken(at, "a comment that is never closed")
        if self.text[end + 2 : end + 3] == ">":
            return end + 3
        self.fault("error", end, "-- inside a comment: FreeSWITCH does not load the configuration. Put a space "
                   "between the dashes", "comment-dashes")
        end = self.text.find("-->", end, limit)
        return end + 3 if end >= 0 else limit

    def _open_tag(self, at: int) -> int:
        limit = self._limit(at)
        end = _find(NAME_END, self.text, at + 1, limit)
        element = Element(self.text[at + 1 : end], at, self.compiled, self.current)
        end = self._attributes(element, _spaces(self.text, end, limit), limit)
        if end < 0:
            return self._resume(element, at)
        if self.current is self.root and self.whole and self.root.children:
            self.fault("error", at, f"<{element.tag}> stands after the end of the document", "second-root")
        self.current.children.append(element)
        if self.text[end] == "/":
            element.end = end + 2
            if self.text[end + 1 : end + 2] != ">":
                self.fault("error", end, f"<{element.tag}>: > is missing after /", "malformed")
                return self._after(end + 1)
            return end + 2
        element.end = end + 1
        self.current = element
        return end + 1

    def _resume(self, element: Element, at: int) -> int:
        """A tag without an end: keep what was read of it, so that what follows is not one error more each."""
        limit = self._limit(at)
        end = self.text.find("\n", at, limit)
        end = end if end >= 0 else limit
        self.current.children.append(element)
        element.end = end
        closed = self.text[at:end].rstrip().endswith("/>")
        if not closed and self.text.find(f"</{element.tag}", at, limit) >= 0:
            self.current = element
        return end

    def _after(self, at: int) -> int:
        end = self.text.find(">", at, self._limit(at))
        return end + 1 if end >= 0 else self._limit(at)

    def _attributes(self, element: Element, at: int, limit: int) -> int:
        """Read the attributes; returns the index of ``/`` or ``>`` that ends them, or -1."""
        text = self.text
        while at < limit and text[at] not in "/>":
            name_start = at
            at = _find(ATTRIBUTE_END, text, at, limit)
            name = text[name_start:at]
            start = end = at
            quoted = False
            if at < limit and text[at] in "= \t\r\n":
                at = min(EQUALS.match(text, at + 1).end(), limit)  # type: ignore[union-attr]
                start = end = at
                quote = text[at : at + 1]
                if at < limit and quote in "\"'":
                    quoted = True
                    start = at + 1
                    end = text.find(quote, start, limit)
                    if end < 0:
                        self.fault("error", at, f"the value of {name} has no closing {quote}", "unclosed-quote")
                        return -1
                    at = end + 1
            self._keep(element, name, name_start, start, end, quoted)
            if quoted and at < limit and text[at] not in SPACE_CHARACTERS and text[at] not in "/>":
                self.fault("warning", at, f"no space between the value of {name} and what follows", "no-space")
            at = _spaces(text, at, limit)
        if at >= limit:
            self.fault("error", element.start, f"<{element.tag}> has no >", "malformed")
            return -1
        return at

    def _keep(self, element: Element, name: str, name_start: int, start: int, end: int, quoted: bool) -> None:
        value = self.text[start:end]
        if not quoted:
            self.fault("warning", name_start, f"attribute {name!r} has no value in quotes: FreeSWITCH takes it to be "
                       "empty", "no-value")
        if "<" in value and "\n" in value:
            self.fault("error", start - 1, f"the value of {name} goes on over lines and holds tags: a quote is missing",
                       "unclosed-quote")
        elif "<" in value:
            self.fault("warning", start + value.index("<"), f"< in the value of {name}: FreeSWITCH takes it, other "
                       "readers of XML do not. Write &lt;", "less-than")
        value = self._decoded(_blanks(value), start) if "&" in value else _blanks(value)
        if name in element.attributes:
            self.fault("warning", name_start, f"attribute {name} a second time: FreeSWITCH uses the first",
                       "duplicate")
            return
        element.attributes[name] = Attribute(name, value, start, end, name_start, self.compiled)

    def _close_tag(self, at: int) -> int:
        limit = self._limit(at)
        end = _find(CLOSE_END, self.text, at + 2, limit)
        name = self.text[at + 2 : end]
        after = _spaces(self.text, end, limit)
        if self.text[after : after + 1] == ">":
            after += 1
        else:
            self.fault("error", at, f"</{name} has no >", "malformed")
        floor = self.inside[-1][1] if self.inside else self.root
        open_one: Element | None = self.current
        while open_one is not None and open_one is not floor and open_one.tag != name:
            open_one = open_one.parent
        if open_one is None or open_one is floor:
            self.fault("error", at, f"</{name}> closes nothing that was opened", "unexpected-close")
            return after
        while self.current is not open_one and self.current.parent is not None:
            self.fault("error", self.current.start, f"<{self.current.tag}> is not closed before </{name}>",
                       "unclosed")
            self.current.end = at
            self.current = self.current.parent
        self.current.end = after
        self.current = self.current.parent or self.root
        return after


def _find(pattern: "re.Pattern[str]", text: str, at: int, limit: int) -> int:
    match = pattern.search(text, at, limit)
    return match.start() if match else limit


def _spaces(text: str, at: int, limit: int) -> int:
    match = SPACES.match(text, at, limit)
    return match.end() if match else at


def _blanks(value: str) -> str:
    """Every white space of an attribute is a blank."""
    if "\r" in value:
        value = value.replace("\r\n", "\n")
    return re.sub(r"[\t\r\n\v\f]", " ", value)


def _character(match: "re.Match[str]") -> str:
    hexadecimal, decimal, name = match.groups()
    if name:
        return ENTITIES[name]
    digits = (hexadecimal or decimal)[:12]
    number = int(digits, 16 if hexadecimal else 10)
    if number == 0 or number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        return match.group()
    return chr(number)
