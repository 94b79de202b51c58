"""One file to one document, in this process. For a stranger's file, ask ``reader.Reader``, which has limits."""

import dataclasses
import os
import re
import stat
from pathlib import Path

from engine.knowledge.document import Document
from engine.knowledge.errors import DocumentError
from engine.knowledge.reading import sidecar
from engine.knowledge.reading.blocks import Block, Draft, Pair, Source
from engine.knowledge.reading.formats import Format, format_of
from engine.knowledge.reading.frontmatter import FrontMatter
from engine.knowledge.reading.limits import Limits
from engine.knowledge.reading.passages import only_title, passages

_NO_TEXT = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f\\ud800-\\udfff\\ufffe\\uffff]")

MAX_TEXT_CHARS = 10_000_000
"""Characters of a document's passages: 5,000 pages."""


def read(path: Path, root: Path, limits: Limits | None = None) -> Document:
    """Read a file below ``root``. Raises ``DocumentError`` that names the file, and line, page or row where one is at
    fault; ``MemoryError``."""
    limits = limits or Limits()
    shown = Path(os.fsencode(path).decode("utf-8", "backslashreplace"))
    if str(shown) != str(path):
        raise DocumentError(f"{shown}: its name is not UTF-8; rename it")
    source = Source(path, _bytes(path, limits.file_mb))
    side = sidecar.read(path)
    kind = format_of(source)
    draft = _parsed(source, kind)
    draft.blocks, draft.title = [_storable(block) for block in draft.blocks], _clean(draft.title)
    front = _front(source, draft, side)
    title = front.title or draft.title or only_title(draft.blocks) or _title_of(path)
    found = passages(draft.blocks, only_title(draft.blocks) if front.title else title, limits.cut, front.language)
    if not found:
        raise source.fault("there is no text in it" + (" below the front matter" if draft.front.given else ""))
    chars = sum(len(passage.text) for passage in found)
    if chars > MAX_TEXT_CHARS:
        raise source.fault(f"has {chars:,} characters of text, more than {MAX_TEXT_CHARS:,}; split it")
    name = path.relative_to(root) if path != root else Path(path.name)
    return Document(
        id=front.id or name.with_suffix("").as_posix(),
        source=path.absolute(),
        digest=sidecar.digest_of(source.data, side),
        title=title,
        passages=found,
        tags=tuple(dict.fromkeys([*front.tags, *name.parts[:-1]])),
        utterances=front.utterances,
        say=front.say,
        valid_from=front.valid_from,
        valid_until=front.valid_until,
        notes=tuple(dict.fromkeys(source.notes)),
    )


def _parsed(source: Source, kind: Format) -> Draft:
    try:
        return kind.parse(source)
    except (DocumentError, MemoryError):
        raise
    except RecursionError as fault:
        raise source.fault("is nested too deep: damaged, or made to do harm") from fault
    except Exception as fault:  # noqa: BLE001 - libraries raise anything over a damaged file; it must not end the run
        why = " ".join(f"{type(fault).__name__}: {fault}".split())[:200]
        raise source.fault(f"is damaged, or is no real {kind.name} file ({why}); open it and save it anew") from fault


def _storable(block: Block) -> Block:
    """Without characters that are no text: controls, and halves of a pair, which no database takes."""
    if isinstance(block, Pair):
        return Pair(tuple(map(_clean, block.questions)), tuple(map(_clean, block.answer)), _clean(block.say),
                    tuple(map(_clean, block.heading)), block.page)
    clean = _clean(block.text)
    return block if clean is block.text else dataclasses.replace(block, text=clean)


def _clean(text: str) -> str:
    if _NO_TEXT.search(text):
        return " ".join(_NO_TEXT.sub(" ", text).split())
    return text


def _front(source: Source, draft: Draft, side: bytes | None) -> FrontMatter:
    if side is None:
        return draft.front
    if draft.front.given:
        raise source.fault(f"has front matter, and {sidecar.beside(source.path).name} beside it; say it in one place")
    return sidecar.parse(source.path, side)


def _bytes(path: Path, file_mb: int) -> bytes:
    """The whole of a regular file. Opening does not wait, so that a pipe is no trap."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise DocumentError(f"{path}: this is no file but a folder, a pipe or a device")
            if status.st_size > file_mb << 20:
                raise DocumentError(f"{path}: {status.st_size / 1e6:.1f} MB is more than a document may have "
                                    f"(knowledge.max_file_mb is {file_mb}); split it")
            data = file.read((file_mb << 20) + 1)
    except OSError as fault:
        raise DocumentError(f"{path}: cannot be read: {fault.strerror or fault}") from fault
    if not data.strip():
        raise DocumentError(f"{path}: the file is empty")
    return data


def _title_of(path: Path) -> str:
    words = re.sub(r"[-_]+", " ", path.stem).strip()
    return words[:1].upper() + words[1:]
