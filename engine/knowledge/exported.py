"""What a collection holds, for other programs and for vector stores. Reads the disk: ``documents`` in pool threads
only; ``points`` in a greenlet."""

from collections.abc import Iterator
from typing import Any

from engine.knowledge.collections import folder_of
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.offhub import off_hub
from engine.knowledge.store import Store
from engine.knowledge.store.view import Chunk, Entry
from engine.knowledge.vectorstores.interface import Point

PAGE = 100
"""Documents that are read in one transaction."""


def documents(name: str) -> Iterator[dict[str, Any]]:
    """Every document with its passages, by id, as JSON has it: the collection must not be ingested meanwhile, or some
    are of the old and some of the new state. Raises ``CollectionMissing``, ``KnowledgeError``."""
    store = Store(folder_of(name))
    try:
        last = ""
        while True:
            page = _page(store, last)
            for entry, chunks in page:
                yield {
                    "id": entry.id, "title": entry.title, "source": entry.source, "tags": list(entry.tags),
                    "valid_from": entry.valid_from, "valid_until": entry.valid_until,
                    "utterances": list(entry.utterances), "say": entry.say,
                    "passages": [{"id": chunk.id, "heading": list(chunk.heading), "page": chunk.page,
                                  "language": chunk.language, "text": chunk.text,
                                  "statements": list(chunk.statements), "questions": list(chunk.questions),
                                  "say": chunk.say} for chunk in chunks]}
            if not page:
                return
            last = page[-1][0].id
    finally:
        store.close()


def points(name: str) -> Iterator[Point]:
    """Every passage with its vector, as a vector store takes it. Of the document come its questions and, where the
    passage has none, its ``say``. Raises ``CollectionMissing``, and ``KnowledgeError`` if passages have no vectors."""
    store = Store(folder_of(name))
    try:
        model = off_hub(ready, name)
        last = ""
        while page := off_hub(_page, store, last):
            yield from off_hub(_points, store, model, page)
            last = page[-1][0].id
    finally:
        store.close()


def ready(name: str) -> str:
    """The model whose vectors all passages have. Raises as ``points``."""
    store = Store(folder_of(name))
    try:
        with store.view() as view:
            model = view.model
            lacking = view.lacking(model.name) if model else view.size()[1]
    finally:
        store.close()
    if model is None or lacking:
        raise KnowledgeError(f"{lacking} passages of collection '{name}' have no vectors: install or configure an "
                             f"embedding model (docs/operator/embeddings.md), then trunkline ingest PATH --collection "
                             f"{name}")
    return model.name


def payload(entry: Entry, chunk: Chunk) -> dict[str, Any]:
    """What a vector store keeps of a passage beside its vector."""
    return {"document": entry.id, "title": entry.title, "heading": list(chunk.heading), "page": chunk.page,
            "language": chunk.language, "tags": list(entry.tags), "text": chunk.text, "say": chunk.say or entry.say,
            "questions": [*chunk.questions, *entry.utterances], "valid_from": entry.valid_from,
            "valid_until": entry.valid_until, "uri": entry.source}


def _page(store: Store, last: str) -> list[tuple[Entry, list[Chunk]]]:
    with store.view() as view:
        return [(entry, view.of_document(entry.id)) for entry in view.documents_after(last, PAGE)]


def _points(store: Store, model: str, page: list[tuple[Entry, list[Chunk]]]) -> list[Point]:
    with store.view() as view:
        vectors = view.passage_vectors(model, [chunk.row for _, chunks in page for chunk in chunks])
    return [Point(chunk.id, vectors[chunk.row], payload(entry, chunk))
            for entry, chunks in page for chunk in chunks if chunk.row in vectors]
