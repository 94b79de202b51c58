"""Which file is of which format, by what is in it; its name decides only among kinds of text.

To add a format: a module of this package with ``parse(source: Source) -> Draft``, a line in ``FORMATS``, and, where it
is not text, how it is told in ``kind_of``.
"""

import importlib
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from engine.knowledge.reading import decode
from engine.knowledge.reading.blocks import Draft, Source


@dataclass(frozen=True, slots=True)
class Format:
    """``parser``: module of this package, and function where that is not ``parse``. Modules are imported when a file of
    theirs comes."""

    name: str
    suffixes: tuple[str, ...]
    parser: str

    def parse(self, source: Source) -> Draft:
        """The file's blocks. Raises ``DocumentError``, or what a library raises of a damaged file."""
        module, _, function = self.parser.partition(".")
        found = importlib.import_module(f"engine.knowledge.reading.{module}")
        return cast(Callable[[Source], Draft], getattr(found, function or "parse"))(source)


FORMATS = (
    Format("Markdown", (".md", ".markdown"), "markdown"),
    Format("plain text", (".txt", ".text"), "plain"),
    Format("PDF", (".pdf",), "pdf"),
    Format("Word", (".docx",), "word"),
    Format("PowerPoint", (".pptx",), "slides"),
    Format("Excel", (".xlsx", ".xlsm"), "sheets"),
    Format("CSV", (".csv", ".tsv"), "csvfile"),
    Format("JSON", (".json",), "jsonfile"),
    Format("JSON lines", (".jsonl", ".ndjson"), "jsonfile.parse_lines"),
    Format("HTML", (".html", ".htm", ".xhtml"), "htmlfile"),
    Format("e-mail", (".eml",), "mail"),
    Format("mbox", (".mbox",), "mail.parse_folder"),
    Format("subtitles", (".vtt", ".srt"), "calls.parse_subtitles"),
)

SUFFIXES = tuple(suffix for one in FORMATS for suffix in one.suffixes)
"""Files that are read; others in a folder are passed over."""

_BY_SUFFIX = {suffix: one for one in FORMATS for suffix in one.suffixes}
_BY_NAME = {one.name: one for one in FORMATS}
_NOT_TEXT = frozenset({"PDF", "Word", "PowerPoint", "Excel"})

_FOREIGN = (
    (b"\x89PNG", "a picture (PNG)"), (b"\xff\xd8\xff", "a picture (JPEG)"), (b"GIF8", "a picture (GIF)"),
    (b"II*\0", "a picture (TIFF)"), (b"MM\0*", "a picture (TIFF)"), (b"\x7fELF", "a program"), (b"MZ", "a program"),
    (b"\x1f\x8b", "packed (gzip)"), (b"7z\xbc\xaf", "packed (7-Zip)"), (b"Rar!", "packed (RAR)"),
    (b"{\\rtf", "rich text (RTF)"), (b"RIFF", "sound or video"), (b"ID3", "sound"), (b"OggS", "sound or video"),
    (b"SQLite format 3", "a database"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PAGE = re.compile(rb"^\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html[\s>])",
                   re.IGNORECASE | re.DOTALL)


def format_of(source: Source) -> Format:
    """The format of a file. Raises ``DocumentError`` for what cannot be read, and says what to do."""
    named = _BY_SUFFIX.get(source.path.suffix.lower())
    kind = kind_of(source)
    if not kind:
        kind = _text_kind(source, named)
    found = _BY_NAME[kind]
    if named is not None and found.name != named.name:
        source.notes.append(f"is named {source.path.suffix} but is {found.name}; read as that")
    return found


def kind_of(source: Source) -> str:
    """The name of its format by its first bytes, "" for text. Raises ``DocumentError`` for a foreign one."""
    data = source.data
    if b"%PDF-" in data[:1024]:
        return "PDF"
    if data.startswith(b"PK\x03\x04"):
        return _packed(source)
    if data.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise source.fault("is encrypted and needs a password; save a copy without one")
        raise source.fault("is in the format of Office before 2007; save it as .docx, .xlsx or .pptx")
    for magic, what in _FOREIGN:
        if data.startswith(magic) and (magic not in (b"MZ", b"ID3", b"RIFF") or b"\0" in data[:512]):
            binary = "" if magic == b"{\\rtf" else "a binary file, "
            raise source.fault(f"this is {binary}{what}, not text; save what it says as a document")
    if _PAGE.match(data[:4096]):
        return "HTML"
    if b"\0" in data[:8192] and not decode.marked(data):
        raise source.fault("this is a binary file, not text")
    return ""


def _packed(source: Source) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(source.data)) as container:
            names = set(container.namelist())
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError) as fault:
        raise source.fault(f"is damaged or cut off ({fault}); save it anew") from fault
    for name, kind in (("word/document.xml", "Word"), ("ppt/presentation.xml", "PowerPoint"),
                       ("xl/workbook.xml", "Excel")):
        if name in names:
            return kind
    if "content.xml" in names:
        raise source.fault("is an OpenDocument file; save it as .docx, .xlsx or .pptx")
    raise source.fault("is a ZIP archive; unpack it, and ingest the documents in it")


def _text_kind(source: Source, named: Format | None) -> str:
    """The kind of a text; one that is named like a format that is not text is looked at."""
    if named is not None and named.name not in _NOT_TEXT:
        return named.name
    head = source.data[:4096].lstrip()
    if head.startswith(b"WEBVTT"):
        return "subtitles"
    if head[:1] in (b"{", b"["):
        return "JSON lines" if head[:1] == b"{" and b"}\n{" in source.data else "JSON"
    if named is not None and named.name == "Excel":
        return "CSV"
    return "plain text"
