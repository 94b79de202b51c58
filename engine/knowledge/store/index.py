"""The FAISS index of a collection: a cache beside the database, made anew whenever the two disagree.

It holds the vectors of passages and of questions and gives their rows; a row that has gone from the database is simply
not found there, so an index that is behind is never wrong, only late. Up to ``FLAT_LIMIT`` vectors it is exact. Beyond,
a base of clusters with one byte a number (IVF, SQ8) is read from a memory-mapped file, and what came later lies in a
tail with the same clusters. All of this takes CPU or waits for the disk: pool threads only.
"""

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, cast
from weakref import WeakValueDictionary

import faiss
import numpy as np
import numpy.typing as npt

from engine.knowledge.errors import KnowledgeError
from engine.knowledge.store import Model, Store
from engine.knowledge.store.indexfiles import (
    FORMAT,
    Manifest,
    Part,
    is_whole,
    put_part,
    read_manifest,
    stamp,
    write_manifest,
)

log = logging.getLogger(__name__)

FLAT_LIMIT = 100_000
"""Vectors that are searched one by one: 7 ms and 154 MB at 384 dimensions."""

TAIL_SHARE = 0.1
"""The base is made anew when what came after it, or has gone from it, is more than this share of it."""

LISTS, SAMPLES, ROUNDS = 4, 40, 8
"""The base has ``LISTS`` times the root of its size clusters, found in ``ROUNDS`` rounds over ``SAMPLES`` vectors for
each."""

PROBES = 160
"""Clusters that a question is compared with: 2 ms at a million vectors. With 32 it is 0.5 ms, but 1.5 % of the nearest
five are not found."""

PAGE = 8192
"""Vectors that are taken from the database at a time."""

PASSAGE, QUESTION = 0, 1
"""Kinds of vectors."""

_TRIES = 3

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


class Replaced(KnowledgeError):
    """A document was replaced while its vectors were read."""


class Near(NamedTuple):
    """``kind`` is ``PASSAGE`` (``row`` is a chunk's) or ``QUESTION`` (``View.asked`` says where it leads)."""

    kind: int
    row: int
    cosine: float


class Vectors(Protocol):
    """Where the index is made from. An id is twice a row, plus its kind."""

    model: Model
    generation: int
    ids: Ids

    def at(self, ids: Ids) -> Floats:
        """The vectors of some of the ids, in their order."""


class VectorIndex:
    """What is nearest to a question. Never changes after it was made, so threads may share it."""

    def __init__(self, model: Model, generation: int, parts: Sequence[Any]) -> None:
        """``parts``: FAISS indexes with ids."""
        self.model = model
        self.generation = generation
        self.count = sum(int(part.ntotal) for part in parts)
        self._parts = [part for part in parts if part.ntotal]

    def nearest(self, vector: Floats, count: int) -> list[Near]:
        """The rows whose vectors are nearest to a unit vector, best first, at most ``count``."""
        if vector.shape != (self.model.dim,):
            raise KnowledgeError(f"a vector of {vector.shape[-1]} dimensions cannot be compared with those of "
                                 f"{self.model.name} ({self.model.dim})")
        faiss.omp_set_num_threads(1)  # counts for this thread; more of them fight with the frame clock
        question = np.ascontiguousarray(vector, np.float32).reshape(1, -1)
        found = []
        for part in self._parts:
            cosines, ids = part.search(question, min(count, int(part.ntotal)))
            found += [Near(int(number) & 1, int(number) >> 1, float(cosine))
                      for cosine, number in zip(cosines[0], ids[0], strict=True) if number >= 0]
        found.sort(key=lambda near: -near.cosine)
        return found[:count]


class StoredVectors:
    """The vectors of a collection's passages and questions, as its database has them now."""

    def __init__(self, store: Store, model: Model) -> None:
        """Reads which there are."""
        self._store = store
        self.model = model
        with store.view() as view:
            self.generation = view.generation
            chunks, questions = view.embedded(model.name)
        self.ids: Ids = np.sort(np.concatenate([chunks * 2 + PASSAGE, questions * 2 + QUESTION]))

    def at(self, ids: Ids) -> Floats:
        """The vectors of some of the ids, in their order. Raises ``Replaced`` if one has gone."""
        vectors = np.empty((len(ids), self.model.dim), np.float32)
        with self._store.view() as view:
            for kind, read in ((PASSAGE, view.vectors_of_chunks), (QUESTION, view.vectors_of_questions)):
                places = np.flatnonzero(ids & 1 == kind)
                try:
                    if len(places):
                        vectors[places] = read(self.model.name, (ids[places] >> 1).tolist())
                except KeyError as fault:
                    raise Replaced(f"row {fault} has gone; try again") from None
        return vectors


# ---------------------------------------------------------------- reading

State = Literal["good", "late", "none", "damaged", "other model"]


def read(folder: Path, model: Model, generation: int) -> tuple[VectorIndex | None, State]:
    """The index on disk, and how it stands to the database: ``late`` where that has changed since."""
    manifest = read_manifest(folder)
    if manifest is None or not manifest.count:
        return None, "none"
    if (manifest.model, manifest.dim) != tuple(model):
        return None, "other model"
    try:
        parts = [_read_part(folder, part) for part in (manifest.base, manifest.tail) if part]
    except (OSError, RuntimeError, ValueError) as fault:
        log.warning("%s: the index is damaged and has to be made anew: %s", folder, fault)
        return None, "damaged"
    return VectorIndex(model, manifest.generation, parts), "good" if manifest.generation == generation else "late"


_LOADED: WeakValueDictionary[tuple[Path, Model, tuple[int, int]], "VectorIndex"] = WeakValueDictionary()


def load(store: Store, model: Model) -> VectorIndex | None:
    """The index of a collection for searching, if it has vectors of this model. Whoever opens the same one meanwhile
    shares it: agents with options of their own each open their collection.

    One that is missing, damaged or late is made anew in memory where that is quick (``FLAT_LIMIT``). A large one that
    is late is used as it is; a large one that is damaged is not there until the collection is ingested again (minutes),
    which the log says.
    """
    for _ in range(_TRIES):
        with store.view() as view:
            generation = view.generation
        key = (store.folder, model, stamp(store.folder))
        if (loaded := _LOADED.get(key)) is not None and loaded.generation == generation:
            return loaded
        found, state = read(store.folder, model, generation)
        if state == "good" and found is not None:
            _LOADED[key] = found
        if state == "good" or (found is not None and found.count > FLAT_LIMIT):
            return found
        vectors = StoredVectors(store, model)
        if not len(vectors.ids):
            return None
        if len(vectors.ids) > FLAT_LIMIT:
            if found is None:
                log.error("collection '%s' is searched by words alone, its index is %s; make it anew: trunkline ingest "
                          "PATH --collection %s", store.folder.name, state, store.folder.name)
            return found
        with contextlib.suppress(Replaced):
            return VectorIndex(model, vectors.generation, [_flat(vectors)])
    return found


def verify(folder: Path) -> list[str]:
    """What is wrong with the index files, every byte looked at; one line a fault."""
    manifest = read_manifest(folder)
    if manifest is None:
        return ["there is no index manifest that can be read"]
    return [f"{part.file} is not what was written" for part in (manifest.base, manifest.tail)
            if part and not is_whole(folder, part, all_of_it=True)]


def _read_part(folder: Path, part: Part) -> Any:
    if not is_whole(folder, part):
        raise OSError(f"{part.file} is missing or not what was written")
    index = faiss.read_index(str(folder / part.file), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
    if int(index.ntotal) != part.count:
        raise ValueError(f"{part.file} holds {index.ntotal} vectors, not {part.count}")
    if isinstance(index, faiss.IndexIVF):
        index.nprobe = PROBES
        lists: Any = faiss.downcast_InvertedLists(cast(Any, index.invlists))
        if isinstance(lists, faiss.OnDiskInvertedLists):
            lists.prefetch_nthread = 0  # it would start 32 threads a question
    return index


# ---------------------------------------------------------------- writing

def refresh(folder: Path, vectors: Vectors) -> None:
    """Bring the files up to date with the database; the caller holds the collection's lock.

    Raises ``KnowledgeError`` when the disk refuses; the database has everything, so ingesting again mends it.
    """
    manifest = read_manifest(folder)
    current = manifest if manifest and (manifest.model, manifest.dim) == tuple(vectors.model) else None
    if current and current.generation == vectors.generation and _all_whole(folder, current):
        return
    base: Part | None = None
    tail: Part | None = None
    if len(vectors.ids) > FLAT_LIMIT:
        base, tail = _clustered(folder, current.base if current else None, vectors)
    elif len(vectors.ids):
        tail = _put(folder, "flat", vectors.generation, _flat(vectors))
    write_manifest(folder, Manifest(FORMAT, vectors.generation, vectors.model.name, vectors.model.dim, base, tail))


def _all_whole(folder: Path, manifest: Manifest) -> bool:
    return all(is_whole(folder, part) for part in (manifest.base, manifest.tail) if part)


def forget(folder: Path, generation: int) -> None:
    """Put a manifest in place that holds nothing: the collection has no vectors."""
    write_manifest(folder, Manifest(FORMAT, generation, None, 0, None, None))


def _clustered(folder: Path, base: Part | None, vectors: Vectors) -> tuple[Part, Part | None]:
    """The base that is there and a tail of what it lacks, or a new base where that would be too much."""
    if base is not None:
        try:
            old = _read_part(folder, base)
        except (OSError, RuntimeError, ValueError) as fault:
            log.warning("%s: the index is damaged and is made anew: %s", folder, fault)
        else:
            inside = _ids_of(old)
            late = np.setdiff1d(vectors.ids, inside, assume_unique=True)
            gone = len(inside) + len(late) - len(vectors.ids)
            if len(late) + gone <= TAIL_SHARE * len(inside):
                if not len(late):
                    return base, None
                tail = faiss.clone_index(_emptied(folder / base.file))
                _fill(tail, vectors, late)
                return base, _put(folder, "tail", vectors.generation, tail)
    return _put(folder, "base", vectors.generation, _new_base(vectors)), None


def _flat(vectors: Vectors) -> Any:
    index = faiss.IndexIDMap(faiss.IndexFlatIP(vectors.model.dim))
    _fill(index, vectors, vectors.ids)
    return index


def _new_base(vectors: Vectors) -> Any:
    count, dim = len(vectors.ids), vectors.model.dim
    lists = int(LISTS * count ** 0.5)
    index = faiss.IndexIVFScalarQuantizer(faiss.IndexFlatIP(dim), dim, lists, faiss.ScalarQuantizer.QT_8bit,
                                          faiss.METRIC_INNER_PRODUCT)
    index.cp.niter, index.cp.max_points_per_centroid, index.cp.min_points_per_centroid = ROUNDS, SAMPLES, 1
    chosen = np.random.default_rng(0).choice(vectors.ids, min(count, SAMPLES * lists), replace=False)
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    try:
        index.train(np.concatenate([vectors.at(page) for page in _pages(np.sort(chosen))]))
        _fill(index, vectors, vectors.ids)
    finally:
        faiss.omp_set_num_threads(1)
    return index


def _emptied(path: Path) -> Any:
    """The clusters of a base, without its vectors."""
    index: Any = faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
    lists: Any = faiss.ArrayInvertedLists(index.nlist, index.code_size)
    index.replace_invlists(lists, True)
    lists.this.disown()
    index.ntotal = 0
    return index


def _ids_of(index: Any) -> Ids:
    """The ids in an index of clusters, sorted."""
    lists = index.invlists
    found = [faiss.rev_swig_ptr(lists.get_ids(number), lists.list_size(number)).copy()
             for number in range(index.nlist) if lists.list_size(number)]
    return cast(Ids, np.sort(np.concatenate(found)))


def _fill(index: Any, vectors: Vectors, ids: Ids) -> None:
    for page in _pages(ids):
        index.add_with_ids(vectors.at(page), page)


def _pages(ids: Ids) -> Iterator[Ids]:
    return (ids[start:start + PAGE] for start in range(0, len(ids), PAGE))


def _put(folder: Path, kind: str, generation: int, index: Any) -> Part:
    def write(path: Path) -> None:
        try:
            faiss.write_index(index, str(path))
        except RuntimeError as fault:  # faiss says so when the disk is full
            raise OSError(f"{path.name} could not be written whole") from fault

    return put_part(folder, f"vectors-{generation}-{kind}.faiss", int(index.ntotal), write)


__all__ = ["FLAT_LIMIT", "PASSAGE", "QUESTION", "Near", "StoredVectors", "VectorIndex", "Vectors", "forget", "load",
           "read", "refresh", "stamp", "verify"]
