"""Reading the files of a run: which of them changed, what became of each. In pool threads."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from engine.knowledge.document import Document
from engine.knowledge.errors import DocumentError, KnowledgeError
from engine.knowledge.filling.walk import File
from engine.knowledge.store import Known

log = logging.getLogger(__name__)


class FileReader(Protocol):
    """Makes a document of a file. Made and closed by the hub's thread, used from threads of its pool."""

    @property
    def suffixes(self) -> Sequence[str]:
        """Of the files that it reads, in lower case, with the dot."""

    @property
    def workers(self) -> int:
        """How many files it reads at a time."""

    def digest(self, path: Path) -> str:
        """The ``Document.digest`` that reading the file would give, without parsing it."""

    def read(self, path: Path, root: Path) -> Document:
        """The document of a file below ``root`` (or of ``root`` itself). Raises ``DocumentError`` that names the file,
        and the line, page or row to blame; any other ``KnowledgeError`` ends the run."""

    def close(self) -> None:
        """No more files will be read."""


@dataclass(slots=True)
class Read:
    """What came of reading a file: a document, or why not (neither: its bytes are what they were)."""

    file: File
    document: Document | None = None
    fault: str = ""


def looks_alike(old: Known | None, file: File) -> bool:
    """Whether a file looks as it did when it was ingested, so that it need not be opened."""
    return old is not None and old.look == file.look and file.look.modified_ns > 0


def read(reader: FileReader, file: File, old: Known | None) -> Read:
    """Read a file unless its bytes are the old ones. What is wrong with it is in ``fault``."""
    done = _read(reader, file, old)
    done.fault = done.fault.encode("utf-8", "backslashreplace").decode()  # a name that is not UTF-8 can be printed
    return done


def _read(reader: FileReader, file: File, old: Known | None) -> Read:
    path = file.path
    try:
        if old is not None and reader.digest(path) == old.digest:
            return Read(file)
        document = reader.read(path, file.root)
        if not document.passages:
            raise DocumentError(f"{path}: there is no text in it")
        _storable(document)
        return Read(file, document)
    except DocumentError as fault:
        return Read(file, fault=str(fault))
    except OSError as fault:
        return Read(file, fault=f"{path}: cannot be read: {fault.strerror or fault}")
    except KnowledgeError:
        raise
    except Exception as fault:  # noqa: BLE001 - one file that a reader is not prepared for must not end the run
        log.warning("%s cannot be read", path, exc_info=True)
        return Read(file, fault=f"{path}: cannot be read: {type(fault).__name__}: {fault}")


def _storable(document: Document) -> None:
    """The database keeps text only: no halves of characters, as broken JSON and strange file names have them."""
    try:
        str(document.source).encode()
    except UnicodeEncodeError:
        raise DocumentError(f"{document.source}: the file's name is not UTF-8; rename it") from None
    try:
        json.dumps(asdict(document), ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as fault:
        raise DocumentError(f"{document.source}: has a character that is none ({ascii(fault.object[fault.start])})"
                            ) from None
