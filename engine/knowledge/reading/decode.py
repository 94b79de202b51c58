"""Bytes to text: byte order marks, UTF-8, and what older office programs write. Pure."""

import codecs
import re

from engine.knowledge.reading.blocks import Source

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
          (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def marked(data: bytes) -> str:
    """The encoding that a byte order mark tells, or ""."""
    return next((name for mark, name in _MARKS if data.startswith(mark)), "")


def strict(source: Source) -> str:
    """The text of a file that must be UTF-8 (or have a byte order mark). Raises ``DocumentError`` with the line."""
    data = source.data
    try:
        text = data.decode(marked(data) or "utf-8")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        byte = data[fault.start]
        raise source.fault(f"not UTF-8 text (byte {byte:#04x}); save it as UTF-8", line) from fault
    return unix(text)


def lenient(source: Source, declared: str = "") -> str:
    """The text of a file that a program exported: ``declared`` if that holds, UTF-8, else Windows-1252 with a note."""
    data = source.data
    for name in (marked(data), declared, "utf-8"):
        try:
            if name:
                return unix(data.decode(name))
        except (LookupError, UnicodeError):
            continue
    source.notes.append("is not UTF-8; read as Windows-1252. Save it as UTF-8 if letters are wrong")
    return unix(data.decode("cp1252", "replace"))


def unix(text: str) -> str:
    """Line ends as ``\\n``, without the control characters that no text has."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufeff]", "", text.replace("\r\n", "\n").replace("\r", "\n"))
