"""Taking documents, or a whole collection, out of the knowledge base."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.knowledge.collections import folder_of
from engine.knowledge.errors import CollectionMissing, KnowledgeError
from engine.knowledge.store import Store, index
from engine.knowledge.store.view import Entry


@dataclass(frozen=True, slots=True)
class Deleted:
    """What is gone: documents with where they came from. ``trace``: why deleted text may still be in the file, "" if
    it is not."""

    documents: tuple[Entry, ...]
    trace: str = ""


def chosen(collection: str, ids: Sequence[str], tags: Sequence[str] = ()) -> tuple[Entry, ...]:
    """The documents of these ids, and those that have any of these tags. Raises ``KnowledgeError`` for an id or a tag
    that no document has, ``CollectionMissing``. Pool threads only, as everything here."""
    store = Store(folder_of(collection))
    try:
        with store.view() as view:
            found = view.documents(ids)
            for tag in tags:
                tagged = {entry.id: entry for entry in view.all_documents() if tag in entry.tags}
                if not tagged:
                    raise KnowledgeError(f"no document of collection '{collection}' has the tag '{tag}'")
                found |= tagged
    finally:
        store.close()
    if missing := [one for one in ids if one not in found]:
        raise KnowledgeError(f"collection '{collection}' has no document '{missing[0]}'; trunkline search shows ids, "
                             f"trunkline kb export {collection} all of them")
    return tuple(sorted(found.values(), key=lambda entry: entry.id))


def delete_documents(collection: str, entries: Sequence[Entry]) -> Deleted:
    """Delete documents with passages, words and vectors, and what is left of them in the files. Raises
    ``KnowledgeError`` while the collection is being ingested."""
    store = Store(folder_of(collection))
    try:
        with store.writing():
            store.replace((), [entry.id for entry in entries])
            with store.view() as view:
                model, generation = view.model, view.generation
            if model is None:
                index.forget(store.folder, generation)
            else:
                index.refresh(store.folder, index.StoredVectors(store, model))
            trace = ""
            try:
                store.compact()
            except KnowledgeError as fault:
                trace = str(fault)
        return Deleted(tuple(entries), trace)
    finally:
        store.close()


def delete_collection(collection: str) -> None:
    """Delete all files of a collection. Raises ``CollectionMissing``, ``KnowledgeError`` while it is being ingested."""
    store = Store(folder_of(collection))
    if not store.exists():
        raise CollectionMissing(f"there is no collection '{collection}'; trunkline kb list shows those there are")
    with store.writing():
        store.delete()
