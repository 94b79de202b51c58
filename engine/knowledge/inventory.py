"""What there is: collections with their sizes, languages, tags, index; whether they are whole. Reads the disk: pool
threads only."""

import fcntl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from pathlib import Path

from engine.knowledge.collections import collections, folder_of
from engine.knowledge.errors import CollectionMissing, KnowledgeError
from engine.knowledge.scope import Scope
from engine.knowledge.store import LOCK, Store, index
from engine.knowledge.store.indexfiles import read_manifest

PERSONAL = "pii"
"""The tag of documents with personal data."""


@dataclass(frozen=True, slots=True)
class Overview:
    """A collection at a glance. ``tenant``: "" for none. ``languages``: passages in each, "" where it cannot be told.
    ``model``: whose vectors it has, "" for none. ``ingested``: when the last run ended (ISO, UTC), "" if none did;
    ``state``: ``""``, ``"being ingested"``, ``"interrupted"``. ``fault``: why nothing else is known of it."""

    name: str
    tenant: str = ""
    documents: int = 0
    passages: int = 0
    languages: dict[str, int] = field(default_factory=dict)
    bytes: int = 0
    model: str = ""
    dim: int = 0
    ingested: str = ""
    state: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Statistics:
    """More of one collection. ``tags``: documents of each. ``lacking``: passages without a vector. ``index``: how
    passages are found by meaning; ``late``: it is from before the last change. ``questions``: that documents and
    passages have."""

    overview: Overview
    tags: dict[str, int]
    questions: int
    lacking: int
    index: str
    vectors: int
    late: bool
    files: dict[str, int]


def overviews() -> list[Overview]:
    """Of every collection, by name; one that cannot be read has a ``fault``."""
    found = []
    for name in collections():
        try:
            found.append(overview(name))
        except KnowledgeError as fault:
            found.append(Overview(name, _tenant(name), bytes=sum(_files(folder_of(name)).values()), fault=str(fault)))
    return found


def overview(name: str) -> Overview:
    """Of one. Raises ``CollectionMissing``, ``KnowledgeError``."""
    store = Store(folder_of(name))
    try:
        with store.view() as view:
            documents, passages = view.size()
            model, languages = view.model, view.languages()
    finally:
        store.close()
    ingested, state = _last_run(store.folder)
    return Overview(name, _tenant(name), documents, passages, languages, sum(_files(store.folder).values()),
                    model.name if model else "", model.dim if model else 0, ingested, state)


def statistics(name: str) -> Statistics:
    """Of one. Raises ``CollectionMissing``, ``KnowledgeError``."""
    brief = overview(name)
    store = Store(folder_of(name))
    try:
        with store.view() as view:
            manifest = read_manifest(store.folder)
            late = manifest is not None and bool(manifest.count) and manifest.generation != view.generation
            lacking = view.lacking(brief.model) if brief.model else brief.passages
            kind = "none" if manifest is None or not manifest.count else (
                "exact" if manifest.base is None else "clusters" if manifest.tail is None else "clusters and a tail")
            return Statistics(brief, view.tags(), view.questions(), lacking, kind, manifest.count if manifest else 0,
                              late, _files(store.folder))
    finally:
        store.close()


def tags_of(name: str) -> dict[str, int]:
    """How many documents have each tag. Raises ``CollectionMissing``, ``KnowledgeError``."""
    store = Store(folder_of(name))
    try:
        with store.view() as view:
            return view.tags()
    finally:
        store.close()


def scope_in(collection: str, tags: Sequence[str] = (), languages: Sequence[str] = (), on: str = "",
             asked_as: str = "") -> Scope:
    """The part of a collection that is asked for. Raises ``KnowledgeError`` for a tag that no document has, and for a
    day that is none; ``asked_as`` stands before the field's name there (``--`` of a command line)."""
    if on:
        try:
            on = date.fromisoformat(on).isoformat()
        except ValueError:
            raise KnowledgeError(f"{asked_as}on {on}: a day is written as 2026-05-31") from None
    if tags:
        try:
            known = tags_of(collection)
        except CollectionMissing:
            known = dict.fromkeys(tags, 1)  # in a vector store alone: not known here
        for tag in tags:
            if tag not in known:
                raise KnowledgeError(f"{asked_as}tag {tag}: no document of collection '{collection}' has it; there "
                                     f"are: {', '.join(sorted(known)) or 'none'}")
    return Scope(frozenset(tags), frozenset(language.lower() for language in languages), on)


def check(name: str) -> list[str]:
    """What is wrong with a collection, one line a fault; reads every byte of database and index."""
    folder = folder_of(name)
    store = Store(folder)
    try:
        faults = store.check()
        with store.view() as view:
            model = view.model
        if model is not None:
            faults += [f"{fault}: ingest again" for fault in index.verify(folder)]
        return faults
    except CollectionMissing:
        raise
    except KnowledgeError as fault:
        return [str(fault)]
    finally:
        store.close()


def _tenant(name: str) -> str:
    return name.rpartition("/")[0]


def _files(folder: Path) -> dict[str, int]:
    """Bytes of each file of the collection; those of collections below it are not its own."""
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.is_file()}


def _last_run(folder: Path) -> tuple[str, str]:
    """When the last run ended, and whether one is at work or was interrupted: what the lock tells."""
    path = folder / LOCK
    try:
        with path.open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return "", "being ingested"
            state = path.stat()
    except OSError:
        return "", ""
    ended = datetime.fromtimestamp(state.st_mtime, timezone.utc).isoformat(timespec="seconds")
    return ended, "interrupted" if state.st_size else ""
