"""A whole collection in memory, text by text, for a search that wants it so. Goes when that search goes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engine.knowledge.errors import KnowledgeError
from engine.knowledge.store.view import Chunk, Entry, Floats, View

PASSAGE, SENTENCE, TITLED, QUESTION = "passage", "sentence", "titled", "question"
"""Kinds of text. A sentence has one vector, made in its context, which stands for the titled one too. A sentence
without a chunk is the document's ``say``; a question without one is an utterance of the document's."""


@dataclass(frozen=True, slots=True)
class Text:
    """``ordinal`` counts the sentences of a chunk."""

    document: str
    chunk: str | None
    kind: str
    ordinal: int
    text: str


@dataclass(frozen=True, slots=True)
class Content:
    """A whole collection at one generation; ``vectors`` are those of one model, row by row with ``texts``, or ``None``
    where ``missing`` texts have none."""

    generation: int
    documents: tuple[Entry, ...]
    chunks: tuple[Chunk, ...]
    texts: tuple[Text, ...]
    vectors: Floats | None
    missing: int


def read_all(view: View, model: str | None, dim: int) -> Content:
    """Everything that is there, with the vectors of ``model``."""
    documents, chunks, rows = view.all_documents(), [], []
    for entry in documents:
        own = view.of_document(entry.id)
        chunks += own
        rows += list(_texts(view, entry, own, model or ""))
    missing = sum(vector is None for _, vector in rows)
    vectors = None if missing or model is None else np.stack([vector for _, vector in rows if vector is not None])
    if vectors is not None and vectors.shape[1] != dim:
        raise KnowledgeError(f"the collection holds vectors of another length than the model's ({dim}); ingest again")
    return Content(view.generation, tuple(documents), tuple(chunks), tuple(text for text, _ in rows), vectors, missing)


def _texts(view: View, entry: Entry, chunks: list[Chunk], model: str) -> Iterator[tuple[Text, Floats | None]]:
    numbers = [chunk.row for chunk in chunks]
    utterances, says = view.utterance_vectors(model, [entry.id]), view.say_vectors(model, [entry.id])
    passages, statements = view.passage_vectors(model, numbers), view.statement_vectors(model, numbers)
    questions = view.question_vectors(model, numbers)
    for number, text in enumerate(entry.utterances):
        yield Text(entry.id, None, QUESTION, 0, text), _at(utterances.get(entry.id), number)
    if entry.say:
        for kind in (SENTENCE, TITLED):
            yield Text(entry.id, None, kind, 0, entry.say), _at(says.get(entry.id), 0)
    for chunk in chunks:
        titled = ". ".join((entry.title, *chunk.heading, chunk.text))
        yield Text(entry.id, chunk.id, PASSAGE, 0, titled), passages.get(chunk.row)
        for number, text in enumerate(chunk.questions):
            yield Text(entry.id, chunk.id, QUESTION, 0, text), _at(questions.get(chunk.row), number)
        own = statements.get(chunk.row)
        for number, text in enumerate(chunk.statements):
            vector = own[number] if own is not None and len(own) else passages.get(chunk.row)
            for kind in (SENTENCE, TITLED):
                yield Text(entry.id, chunk.id, kind, number, text), vector


def _at(vectors: Floats | None, number: int) -> Floats | None:
    return None if vectors is None or not vectors[number].any() else vectors[number]
