"""What a collection holds, for other programs. Reads the disk: pool threads only. For vector stores it is
``vectorstores/local.py``."""

from collections.abc import Iterator
from typing import Any

from engine.knowledge.collections import folder_of
from engine.knowledge.store import Store
from engine.knowledge.store.view import Chunk, Entry

PAGE = 100
"""Documents that are read in one transaction."""


def documents(name: str) -> Iterator[dict[str, Any]]:
    """Every document with its passages, by id, as JSON has it: the collection must not be ingested meanwhile, or some
    are of the old and some of the new state. Raises ``CollectionMissing``, ``KnowledgeError``."""
    store = Store(folder_of(name))
    try:
        last = ""
        while page := _page(store, last):
            for entry, chunks in page:
                yield as_dict(entry, chunks)
            last = page[-1][0].id
    finally:
        store.close()


def document(name: str, document_id: str) -> dict[str, Any] | None:
    """One document with its passages; None where there is none. Raises ``CollectionMissing``, ``KnowledgeError``."""
    store = Store(folder_of(name))
    try:
        with store.view() as view:
            entry = view.documents([document_id]).get(document_id)
            return as_dict(entry, view.of_document(document_id)) if entry else None
    finally:
        store.close()


def entries(name: str, after: str, limit: int) -> list[Entry]:
    """The next documents by id, "" for the first ones. Raises ``CollectionMissing``, ``KnowledgeError``."""
    store = Store(folder_of(name))
    try:
        with store.view() as view:
            return view.documents_after(after, limit)
    finally:
        store.close()


def as_dict(entry: Entry, chunks: list[Chunk]) -> dict[str, Any]:
    """A document as JSON has it."""
    return {
        "id": entry.id, "title": entry.title, "source": entry.source, "tags": list(entry.tags),
        "valid_from": entry.valid_from, "valid_until": entry.valid_until,
        "utterances": list(entry.utterances), "say": entry.say,
        "passages": [{"id": chunk.id, "heading": list(chunk.heading), "page": chunk.page,
                      "language": chunk.language, "text": chunk.text,
                      "statements": list(chunk.statements), "questions": list(chunk.questions),
                      "say": chunk.say} for chunk in chunks]}


def _page(store: Store, last: str) -> list[tuple[Entry, list[Chunk]]]:
    with store.view() as view:
        return [(entry, view.of_document(entry.id)) for entry in view.documents_after(last, PAGE)]
