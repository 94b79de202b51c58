"""The FAISS index of a collection: a cache beside the database, made anew whenever the two disagree.

``manifest.json`` says what the index holds (model, dimensions, count, generation, checksum) and is renamed into place
after the index, so that a reader never sees half of either; its change tells running processes to load again.
"""

import hashlib
import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import faiss
import numpy as np
import numpy.typing as npt

from engine.knowledge.errors import KnowledgeError

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
_FORMAT = 1

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the index file holds. Without a model there is no file, only keyword search."""

    format: int
    generation: int
    model: str | None
    dim: int
    count: int
    file: str
    sha256: str


class VectorIndex:
    """Unit vectors by row; a row's score is its cosine with the question. Exact (flat), which is right up to about
    100,000 rows: 7 ms a query, 154 MB. Never changes after it is built, so threads may share it."""

    def __init__(self, index: faiss.IndexFlatIP) -> None:
        """``index``: a flat inner-product index."""
        self._index = index
        self.count = int(index.ntotal)
        self.dim = int(index.d)
        self.vectors: Floats = faiss.rev_swig_ptr(index.get_xb(), self.count * self.dim).reshape(self.count, self.dim)

    @classmethod
    def of(cls, vectors: Floats) -> "VectorIndex":
        """Build from vectors, shape (count, dim)."""
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(np.ascontiguousarray(vectors, np.float32))
        return cls(index)

    def nearest(self, question: Floats, count: int) -> npt.NDArray[np.intp]:
        """The rows nearest to a question's vector, best first."""
        _, rows = self._index.search(question.reshape(1, -1), min(count, self.count))
        found: npt.NDArray[np.intp] = rows[0][rows[0] >= 0]
        return found

    def to_bytes(self) -> bytes:
        """The index as FAISS writes it."""
        data: bytes = faiss.serialize_index(self._index).tobytes()
        return data


def write(folder: Path, generation: int, model: str | None, index: VectorIndex | None) -> None:
    """Put index and manifest in place and drop older index files. The caller holds the collection's lock.

    Raises ``KnowledgeError`` when the disk refuses; the database has everything, so ingesting again mends it.
    """
    try:
        _write(folder, generation, model, index)
    except OSError as fault:
        raise KnowledgeError(f"{folder}: the index cannot be written: {fault.strerror or fault}. The documents are in; "
                             "ingest again when that is mended") from fault


def _write(folder: Path, generation: int, model: str | None, index: VectorIndex | None) -> None:
    data = index.to_bytes() if index else b""
    name = f"vectors-{generation}.faiss" if index else ""
    if index:
        _put(folder / name, data)
    manifest = Manifest(_FORMAT, generation, model, index.dim if index else 0, index.count if index else 0, name,
                        hashlib.sha256(data).hexdigest())
    _put(folder / MANIFEST, json.dumps(asdict(manifest), indent=1).encode() + b"\n")
    for old in folder.glob("vectors-*.faiss"):
        if old.name != name:
            old.unlink(missing_ok=True)


def read(folder: Path, generation: int, model: str, count: int, dim: int) -> VectorIndex | None:
    """The index, if it is the one of this generation and model, whole and unchanged; else ``None``: build it anew."""
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
        expected = (_FORMAT, generation, model, dim, count)
        if (manifest.format, manifest.generation, manifest.model, manifest.dim, manifest.count) != expected:
            return None
        data = (folder / manifest.file).read_bytes()
    except (OSError, ValueError, TypeError):
        return None
    if hashlib.sha256(data).hexdigest() != manifest.sha256:
        log.warning("%s is damaged and is made anew", folder / manifest.file)
        return None
    return VectorIndex(cast(faiss.IndexFlatIP, faiss.deserialize_index(np.frombuffer(data, np.uint8))))


def stamp(folder: Path) -> tuple[int, int]:
    """Changes whenever the manifest does: its inode and time. (0, 0) when there is none."""
    try:
        state = (folder / MANIFEST).stat()
    except OSError:
        return (0, 0)
    return (state.st_ino, state.st_mtime_ns)


def _put(path: Path, data: bytes) -> None:
    """Write beside, flush to the disk, rename: a reader sees the old file or the new one."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with scratch.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
