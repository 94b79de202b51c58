"""The collection of this machine as points for a vector store, and points as passages."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from engine.knowledge.errors import KnowledgeError
from engine.knowledge.search.found import Passage
from engine.knowledge.store import Store
from engine.knowledge.store.view import Chunk, Entry
from engine.knowledge.vectorstores.interface import Found, Point
from engine.knowledge.words.text import sentences
from engine.offhub import off_hub

PAGE = 256
"""Passages that are read at a time."""


def points_of(store: Store, model: str) -> Iterator[Point]:
    """Every passage with its vector of ``model``, page by page, to be written elsewhere (``migrate``). Called in the
    hub: the disk is waited for in its thread pool. What is ingested meanwhile may or may not be among them.

    Raises ``CollectionMissing``, and ``KnowledgeError`` before the first point if a passage has no such vector.
    """
    rows = iter(off_hub(_rows, store, model))
    while page := list(islice(rows, PAGE)):
        yield from off_hub(_page, store, model, page)


def passage_of(point: Point | Found) -> Passage:
    """What an answer is made of. Whatever the payload lacks is empty."""
    payload = point.payload
    say = _text(payload, "say")
    return Passage(
        point.id, _text(payload, "document") or point.id, _text(payload, "title"), _text(payload, "uri"),
        _texts(payload, "heading"), int(payload.get("page") or 0), _text(payload, "language"), _texts(payload, "tags"),
        _text(payload, "text"), _texts(payload, "statements"), (say,) if say else ())


def questions_of(point: Point | Found) -> tuple[str, ...]:
    """Questions that the passage answers."""
    return _texts(point.payload, "questions")


def passages_of(points: Iterable[Point]) -> list[tuple[Passage, tuple[str, ...]]]:
    """Passages with their questions."""
    return [(passage_of(point), questions_of(point)) for point in points]


def _rows(store: Store, model: str) -> list[int]:
    with store.view() as view:
        if lacking := view.lacking(model):
            raise KnowledgeError(f"{lacking} passages of collection '{store.folder.name}' have no vectors of {model}: "
                                 f"ingest again, then migrate")
        return [int(row) for row in view.embedded(model)[0]]


def _page(store: Store, model: str, rows: list[int]) -> list[Point]:
    with store.view() as view:
        chunks = view.chunks(rows)
        vectors = view.passage_vectors(model, chunks)
        entries = view.documents({chunk.document for chunk in chunks.values()})
    return [Point(chunks[row].id, vectors[row], _payload(chunks[row], entries[chunks[row].document]))
            for row in rows if row in chunks and row in vectors]


def _payload(chunk: Chunk, entry: Entry) -> dict[str, Any]:
    """As ``Point`` describes it; questions of the whole document stand with each of its passages, so that their words
    are found. ``statements`` only where they are not simply the sentences of the text."""
    payload: dict[str, Any] = {
        "document": chunk.document, "title": entry.title, "heading": list(chunk.heading), "page": chunk.page,
        "language": chunk.language, "tags": list(entry.tags), "text": chunk.text, "say": chunk.say or entry.say,
        "questions": list(dict.fromkeys([*chunk.questions, *entry.utterances])), "valid_from": entry.valid_from,
        "valid_until": entry.valid_until, "uri": entry.source,
    }
    if list(chunk.statements) != sentences(chunk.text):
        payload["statements"] = list(chunk.statements)
    return payload


def _text(payload: Any, key: str) -> str:
    return str(payload.get(key) or "")


def _texts(payload: Any, key: str) -> tuple[str, ...]:
    return tuple(str(text) for text in payload.get(key) or ())
