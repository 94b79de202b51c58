"""A file beside a document, ``name.pdf.yaml``, says of it what front matter says of Markdown.

It is part of the document: ``digest`` changes with it.
"""

import hashlib
from pathlib import Path

from engine.knowledge.errors import DocumentError
from engine.knowledge.reading import frontmatter
from engine.knowledge.reading.frontmatter import FrontMatter

SUFFIX = ".yaml"
MAX_BYTES = 64 * 1024


def beside(path: Path) -> Path:
    """Where the side-car of a document lies."""
    return path.with_name(path.name + SUFFIX)


def read(path: Path) -> bytes | None:
    """The bytes of a document's side-car, ``None`` where there is none. Raises ``DocumentError``."""
    place = beside(path)
    try:
        with place.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as fault:
        raise DocumentError(f"{place}: cannot be read: {fault.strerror or fault}") from fault
    if len(data) > MAX_BYTES:
        raise DocumentError(f"{place}: is too long for what it is for ({MAX_BYTES // 1024} kB at most)")
    return data


def parse(path: Path, data: bytes) -> FrontMatter:
    """The fields of a document's side-car. Raises ``DocumentError`` with the side-car's name and line."""
    place = beside(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise DocumentError(f"{place}:{line}: not UTF-8 text; save it as UTF-8") from fault
    return frontmatter.parse(text, place)


def digest_of(data: bytes, side: bytes | None) -> str:
    """SHA-256 of a document; with a side-car, of both."""
    digest = hashlib.sha256(data)
    if side is not None:
        digest.update(b"\0" + SUFFIX.encode() + b"\0" + side)
    return digest.hexdigest()


def digest(path: Path) -> str:
    """The ``Document.digest`` that reading the file would give, without parsing it. Raises ``DocumentError``."""
    total = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                total.update(piece)
    except OSError as fault:
        raise DocumentError(f"{path}: cannot be read: {fault.strerror or fault}") from fault
    side = read(path)
    if side is not None:
        total.update(b"\0" + SUFFIX.encode() + b"\0" + side)
    return total.hexdigest()
