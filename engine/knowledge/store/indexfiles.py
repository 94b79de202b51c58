"""The files of a collection's index: what they hold, whether they are whole, how they are put in place.

``manifest.json`` names the others and is renamed into place after them, so that a reader never sees half of anything;
its change tells running processes to load again.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.knowledge.errors import KnowledgeError

MANIFEST = "manifest.json"
FORMAT = 2

_BLOCK = 65_536
_BLOCKS = 64
_CHUNK = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """One FAISS file. ``sample`` is the hash of some blocks, looked at by every start; ``sha256`` that of all of it."""

    file: str
    count: int
    size: int
    sample: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the index holds: vectors of one model, as the database had them at ``generation``. Without a model, or
    without vectors, there are no parts. ``base`` is clustered, ``tail`` what came after it was made."""

    format: int
    generation: int
    model: str | None
    dim: int
    base: Part | None
    tail: Part | None

    @property
    def count(self) -> int:
        """Vectors in all parts."""
        return sum(part.count for part in (self.base, self.tail) if part)


def read_manifest(folder: Path) -> Manifest | None:
    """``None`` where there is none that can be understood."""
    try:
        fields = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        base, tail = (Part(**part) if part else None for part in (fields.pop("base"), fields.pop("tail")))
        manifest = Manifest(base=base, tail=tail, **fields)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return manifest if manifest.format == FORMAT else None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put it in place and delete the index files that it does not name."""
    with _refused(folder):
        data = json.dumps(asdict(manifest), indent=1).encode() + b"\n"
        _put(folder / MANIFEST, lambda path: path.write_bytes(data))
        named = {part.file for part in (manifest.base, manifest.tail) if part}
        for old in [*folder.glob("vectors-*.faiss"), *folder.glob(".*.part")]:
            if old.name not in named:
                old.unlink(missing_ok=True)


def put_part(folder: Path, name: str, count: int, write: Callable[[Path], object]) -> Part:
    """Let ``write`` make the file beside its place, flush it to the disk, rename it. Raises ``KnowledgeError``."""
    with _refused(folder):
        path = folder / name
        _put(path, write)
        return Part(name, count, path.stat().st_size, sample_of(path), whole_of(path))


def is_whole(folder: Path, part: Part, *, all_of_it: bool = False) -> bool:
    """Whether the file is what was written: its size and some blocks, or every byte (1 s for 400 MB)."""
    path = folder / part.file
    try:
        if path.stat().st_size != part.size or sample_of(path) != part.sample:
            return False
        return not all_of_it or whole_of(path) == part.sha256
    except OSError:
        return False


def sample_of(path: Path) -> str:
    """The hash of 64 blocks spread over a file (4 MB), so of all of a small one."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        if size <= _BLOCK * _BLOCKS:
            digest.update(file.read())
        else:
            for number in range(_BLOCKS):
                file.seek((size - _BLOCK) * number // (_BLOCKS - 1))
                digest.update(file.read(_BLOCK))
    return digest.hexdigest()


def whole_of(path: Path) -> str:
    """The hash of all of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(_CHUNK):
            digest.update(data)
    return digest.hexdigest()


def stamp(folder: Path) -> tuple[int, int]:
    """Changes whenever the manifest does: its inode and time. (0, 0) when there is none."""
    try:
        state = (folder / MANIFEST).stat()
    except OSError:
        return (0, 0)
    return (state.st_ino, state.st_mtime_ns)


def _put(path: Path, write: Callable[[Path], object]) -> None:
    scratch = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(scratch)
        handle = os.open(scratch, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _refused(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as fault:
        raise KnowledgeError(f"{folder}: the index cannot be written: {fault.strerror or fault}. The documents are in; "
                             "ingest again when that is mended") from fault
