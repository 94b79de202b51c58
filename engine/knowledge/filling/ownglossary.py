"""The glossary of a collection: taken from the folder of its documents, kept beside its database.

The copy says in its first line which folder it is from, so that it goes when the file there has gone.
"""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from engine.knowledge.errors import KnowledgeError
from engine.knowledge.words.glossary import FILE, Glossary

_FROM = "# from "


def take(roots: Sequence[Path], folder: Path) -> list[str]:
    """Bring a collection's glossary up to date with ``glossary.yaml`` in the folders ``roots``; what is wrong with it,
    one line each. A wrong one leaves the old one as it was. Waits for the disk. Raises ``KnowledgeError`` when the
    collection's folder refuses."""
    folders = [Path(root).absolute() for root in roots if Path(root).is_dir()]
    files = [root / FILE for root in dict.fromkeys(folders) if (root / FILE).is_file()]
    kept, origin = folder / FILE, _origin(folder / FILE)
    if not files:
        if origin is not None and origin.parent in folders:
            with contextlib.suppress(FileNotFoundError):
                kept.unlink()
        return []
    others = [*files[1:], *([origin] if origin and origin not in files and origin.is_file() else [])]
    if others:
        return [f"{one}: the collection has the glossary {(origin if one != origin else None) or files[0]} already; "
                "put all of it into one file" for one in files if one != (origin or files[0])]
    try:
        Glossary.load(files[0])
        text = f"{_FROM}{files[0]}\n".encode("utf-8", "surrogateescape") + files[0].read_bytes()
    except KnowledgeError as fault:
        return [str(fault)]
    except OSError as fault:
        return [f"{files[0]}: cannot be read: {fault.strerror or fault}"]
    _put(kept, text)
    return []


def _origin(kept: Path) -> Path | None:
    """Where the copy is from; ``None`` where there is none, or somebody wrote it by hand."""
    try:
        with kept.open("rb") as file:
            first = os.fsdecode(file.readline(8192)).rstrip("\n")
    except OSError:
        return None
    return Path(first.removeprefix(_FROM)) if first.startswith(_FROM) else None


def _put(kept: Path, text: bytes) -> None:
    """In place of the old one, unless it is the same: engines look at its time."""
    scratch = kept.with_name(f".{kept.name}.part")
    try:
        if kept.is_file() and kept.read_bytes() == text:
            return
        scratch.write_bytes(text)
        scratch.replace(kept)
    except OSError as fault:
        raise KnowledgeError(f"{kept}: {fault.strerror or fault}") from fault
