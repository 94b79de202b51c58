"""Documents that come over HTTP: each collection has a folder for them, which is ingested as any other folder is.

Disk work: pool threads only.
"""

import os
import shutil
import unicodedata
from pathlib import Path
from typing import BinaryIO

from engine import paths
from engine.knowledge.collections import folder_of
from engine.knowledge.errors import DocumentError
from engine.knowledge.filling.walk import BESIDE
from engine.knowledge.reading.formats import SUFFIXES

NAME_BYTES = 200

KEPT_FREE_BYTES = 500_000_000
"""What uploads leave of the disk, for the logs and recordings of calls."""


def folder(collection: str) -> Path:
    """Where uploads of a collection lie: ``documents/NAME`` in the home folder. Raises ``KnowledgeError`` for a name
    that cannot be a collection's."""
    folder_of(collection)
    return paths.documents() / collection


def checked_name(name: str) -> str:
    """The name that an uploaded file is kept under. Raises ``DocumentError`` for one that cannot be."""
    name = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2]).strip()
    suffix = Path(name.lower().removesuffix(BESIDE)).suffix
    if not name or name.startswith(".") or not name.isprintable() or len(name.encode()) > NAME_BYTES:
        raise DocumentError(f"'{name[:80]}' cannot be the name of a document: 1 to {NAME_BYTES} printable bytes, not "
                            "beginning with a dot")
    if suffix not in SUFFIXES:
        raise DocumentError(f"{name}: a {suffix or 'nameless'} file cannot be read; documents are "
                            f"{', '.join(SUFFIXES)}")
    return name


def spare_bytes(collection: str) -> int:
    """How much may still be uploaded: what is free on the disk, but for ``KEPT_FREE_BYTES``."""
    place = folder(collection)
    while not place.exists():
        place = place.parent
    return max(0, shutil.disk_usage(place).free - KEPT_FREE_BYTES)


def keep(collection: str, name: str, data: BinaryIO) -> Path:
    """Write an uploaded file, in place of one of the same name; nobody sees half of it. Raises ``DocumentError``."""
    target = folder(collection) / checked_name(name)
    beside = target.with_name(f".{os.getpid()}-{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as out:
            shutil.copyfileobj(data, out, 1 << 18)
        beside.replace(target)
    except OSError as fault:
        beside.unlink(missing_ok=True)
        raise DocumentError(f"{target}: cannot be written: {fault.strerror or fault}") from fault
    return target


def remove(collection: str, source: str) -> bool:
    """Delete the file of a document, if it was uploaded, with what lies beside it. Whether it was."""
    path = Path(source)
    if path.parent != folder(collection).absolute():
        return False
    path.unlink(missing_ok=True)
    path.with_name(path.name + BESIDE).unlink(missing_ok=True)
    return True
