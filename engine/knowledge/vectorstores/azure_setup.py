"""Sets up integrated vectorisation in Azure AI Search, as seed 000's ``setup_intvect.py`` does: index, skillset, data
source, indexer; uploads documents; starts the indexer. What is there is left as it is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import ProviderFault
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.vectorstores.azure import AzureSearchStore
from engine.knowledge.vectorstores.azure_schema import data_source_json, indexer_json, skillset_json
from engine.knowledge.vectorstores.blobs import Container
from engine.offhub import off_hub

LARGEST_FILE = 256 << 20
"""Bytes: the largest document that an indexer of the upper tiers reads."""


@dataclass
class Done:
    """What a set-up did. ``made`` and ``there`` name objects, ``uploaded`` and ``skipped`` documents; ``running``: the
    indexer was at work already, and takes the new documents with it or at its next run."""

    made: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    uploaded: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    running: bool = False


def set_up(
    store: AzureSearchStore, connection: str, openai_key: str = "", documents: Path | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> Done:
    """Make what is missing, upload the files below ``documents`` that are not in the container, start the indexer.

    ``connection`` is the storage account's connection string. Raises ``KnowledgeError`` and ``ProviderFault``; then
    what was done stays, and a second run goes on from there.
    """
    if not store.integrated:
        raise KnowledgeError(f"{store.name}: no integrated vectorisation: give integrated.openai_url")
    done = Done()

    def tell(what: str, made: bool) -> None:
        (done.made if made else done.there).append(what)
        progress(f"{what}: {'made' if made else 'is there'}")

    index, wanted = store.index, store.options.integrated
    source, skillset, indexer = f"{index}-source", f"{index}-skillset", f"{index}-indexer"
    tell(f"index {index}", store.make_index())
    tell(f"skillset {skillset}",
         store.create("skillsets", skillset, skillset_json(skillset, index, store.options, openai_key)))
    # An indexer begins to read when it is made: the documents come first.
    if documents is not None:
        _upload(store, connection, documents, done, progress)
    tell(f"data source {source}",
         store.create("datasources", source, data_source_json(source, connection, wanted.container)))
    tell(f"indexer {indexer}", store.create("indexers", indexer, indexer_json(indexer, source, skillset, index)))
    done.running = not _run(store, indexer)
    progress("the indexer was at work already" if done.running else "the indexer has been started")
    return done


def _run(store: AzureSearchStore, indexer: str) -> bool:
    """Start it; False where it runs already."""
    try:
        store.rest.ask("POST", f"/indexers/{indexer}/run")
    except ProviderFault as fault:
        if fault.status != 409:
            raise
        return False
    return True


def _upload(
    store: AzureSearchStore, connection: str, documents: Path, done: Done, progress: Callable[[str], None]
) -> None:
    container = Container(connection, store.options.integrated.container, store.options)
    try:
        container.make()
        for path in off_hub(_files, documents):
            name = path.relative_to(documents).as_posix()
            fresh = container.upload(name, off_hub(_content, path))
            (done.uploaded if fresh else done.skipped).append(name)
            progress(f"{name}: {'uploaded' if fresh else 'is there'}")
    finally:
        container.close()


def _files(folder: Path) -> list[Path]:
    """Files below ``folder`` in order, hidden ones left out."""
    if not folder.is_dir():
        raise KnowledgeError(f"{folder}: no such folder")
    return [path for path in sorted(folder.rglob("*"))
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def _content(path: Path) -> bytes:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise KnowledgeError(f"{path}: larger than {LARGEST_FILE >> 20} MB, which no indexer reads")
        return path.read_bytes()
    except OSError as fault:
        raise KnowledgeError(f"{path}: cannot be read: {fault.strerror or fault}") from fault
