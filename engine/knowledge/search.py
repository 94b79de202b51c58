"""A collection in memory, and what in it comes nearest to a question. Pure: no disk, no clock, safe to share.

Every sentence of a candidate passage is scored as 0.4 sentence + 0.3 sentence under its headings + 0.3 passage (cosines
with the question): a sentence alone often lacks what it is about, a passage alone does not say which sentence to speak.
A question that was written down with a document counts too (``QUESTION_WEIGHT`` of its cosine). ``docs/knowledge.md``
has the measurements.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, groupby

import numpy as np
import numpy.typing as npt

from engine.knowledge.keywords import KeywordIndex
from engine.knowledge.legacy_index import VectorIndex
from engine.knowledge.store import PASSAGE, QUESTION, SENTENCE, TITLED, Chunk, Content, Entry, Text
from engine.knowledge.text import terms

SENTENCE_SHARE, TITLED_SHARE, PASSAGE_SHARE = 0.4, 0.3, 0.3
QUESTION_WEIGHT = 0.9
"""A written question that equals the caller's is still not an answer; at 1.0 foreign questions score too high."""

LEAD = 0.15
"""Preference for what was written to be said: a document's ``say``, the first sentence after a question."""

LEAD_BY_WORDS = 0.4
"""The same where keywords alone are searched: that a sentence has more words of the question says little."""

WORDS_SHARE = 0.05
"""How much common words count when a sentence is chosen within a passage, on top of its score."""

NEAREST_ROWS, NEAREST_WORDS = 64, 8
"""How many rows of vectors, and passages by keywords, name the documents that are scored in full."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence that could be spoken, and how well it answers. ``say``: it is the document's ``say``."""

    text: str
    score: float
    say: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document that may answer, by its number; ``chunk`` is the number of its best passage. ``meaning`` and ``words``
    are what ``score`` is made of (``meaning`` -1: no vectors). ``statements`` come best first, from that passage."""

    document: int
    chunk: int
    score: float
    meaning: float
    words: float
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question: its vector, how much of it every passage has (by words), how much of it each of its terms is."""

    vector: Floats | None
    words: Floats
    shares: dict[str, float]

    def share(self, found: Iterable[str]) -> float:
        """How much of the question these terms are, 0 to 1."""
        return sum(self.shares.get(term, 0.0) for term in found)


@dataclass(slots=True)
class _ChunkRows:
    """Rows of a passage, counted from the first row of its document."""

    chunk: int
    passage: int = -1
    questions: list[int] = field(default_factory=list)
    sentences: list[int] = field(default_factory=list)
    titled: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _DocumentRows:
    """The rows of a document; ``own`` are those that belong to none of its passages: utterances and ``say``."""

    first: int
    texts: Sequence[Text]
    own: _ChunkRows
    chunks: list[_ChunkRows]


class Snapshot:
    """One generation of a collection, ready to be searched."""

    def __init__(self, content: Content, index: VectorIndex | None) -> None:
        """``index`` holds the vectors of ``content.texts``, row by row; ``None``: keyword search only."""
        self.generation = content.generation
        self.documents: tuple[Entry, ...] = content.documents
        self.chunks: tuple[Chunk, ...] = content.chunks
        self.index = index
        self.sentences = tuple(text.text for text in content.texts if text.kind == SENTENCE)
        self.utterances = tuple(text.text for text in content.texts if text.kind == QUESTION)
        numbers = {entry.id: number for number, entry in enumerate(content.documents)}
        self._rows = _rows_of(content)
        self._document_of_row = np.array([numbers[text.document] for text in content.texts], np.intp)
        self._document_of_chunk = np.array([numbers[chunk.document] for chunk in content.chunks], np.intp)
        self._terms = [frozenset(terms(text.text)) if text.kind == SENTENCE else frozenset() for text in content.texts]
        self._keywords = KeywordIndex(self._words_of_chunks())

    def rank(self, question: str, vector: Floats | None, words_weight: float = 0.0,
             only: Iterable[int] | None = None) -> list[Candidate]:
        """Documents that may answer, best first. ``vector`` is the question's, ``None`` for keywords only;
        ``words_weight`` (0 to 1) is the share of keywords in the score; ``only`` restricts to these documents."""
        asked = _Asked(vector, self._keywords.scores(question), self._keywords.shares(question))
        chosen = self._near(asked) if only is None else list(only)
        ranked = [self._judge(number, asked, words_weight) for number in chosen]
        ranked.sort(key=lambda candidate: -candidate.score)
        return ranked

    def _near(self, asked: _Asked) -> list[int]:
        best = np.argsort(-asked.words, kind="stable")[:NEAREST_WORDS]
        found = self._document_of_chunk[best[asked.words[best] > 0]].tolist()
        if asked.vector is not None and self.index is not None:
            found += self._document_of_row[self.index.nearest(asked.vector, NEAREST_ROWS)].tolist()
        return list(dict.fromkeys(found))

    def _judge(self, number: int, asked: _Asked, weight: float) -> Candidate:
        rows = self._rows[number]
        by_words = float(max(asked.words[entry.chunk] for entry in rows.chunks))
        if asked.vector is None or self.index is None:
            best = max(rows.chunks, key=lambda entry: float(asked.words[entry.chunk]))
            meaning, score = -1.0, by_words
            scores = [asked.share(self._terms[rows.first + row]) for row in (*best.sentences, *rows.own.sentences)]
        else:
            cosines = self.index.vectors[rows.first:rows.first + len(rows.texts)] @ asked.vector
            best, meaning, scores = _by_meaning(rows, cosines)
            score = (1 - weight) * meaning + weight * by_words
        return Candidate(number, best.chunk, score, meaning, by_words, self._statements(rows, best, scores, asked))

    def _statements(self, rows: _DocumentRows, best: _ChunkRows, scores: list[float], asked: _Asked
                    ) -> tuple[Statement, ...]:
        """The sentences of the passage and the document's ``say``, best first."""
        lead = LEAD_BY_WORDS if self.index is None else LEAD
        found = []
        for place, (row, score) in enumerate(zip((*best.sentences, *rows.own.sentences), scores, strict=True)):
            say = place >= len(best.sentences)
            leads = say or (place == 0 and bool(best.questions))
            worth = score + WORDS_SHARE * asked.share(self._terms[rows.first + row]) + lead * leads
            found.append((worth, Statement(rows.texts[row].text, score, say)))
        found.sort(key=lambda entry: -entry[0])
        return tuple(statement for _, statement in found)

    def _words_of_chunks(self) -> list[str]:
        """What keywords are looked for in: a passage under its headings, with the questions that lead to it."""
        texts = []
        for rows in self._rows:
            own = [rows.texts[row].text for row in rows.own.questions]
            for entry in rows.chunks:
                asked = [rows.texts[row].text for row in entry.questions]
                texts.append(" ".join([rows.texts[entry.passage].text, *asked, *own]))
        return texts


def pool(rankings: Sequence[Sequence[Candidate]]) -> list[Candidate]:
    """One ranking of what several hypotheses of one question lead to. A document's score is the mean of its best score
    and of its mean over all of them (where one does not name it, the lowest score of that ranking stands in): what only
    one hypothesis leads to is not trusted. The passage is that of the hypothesis which it fits best."""
    lowest = [min((candidate.score for candidate in ranking), default=0.0) for ranking in rankings]
    best: dict[int, Candidate] = {}
    for candidate in chain(*rankings):
        if candidate.document not in best or candidate.score > best[candidate.document].score:
            best[candidate.document] = candidate
    scores = [{candidate.document: candidate.score for candidate in ranking} for ranking in rankings]
    pooled = []
    for document, candidate in best.items():
        mean = sum(own.get(document, low) for own, low in zip(scores, lowest, strict=True)) / len(rankings)
        pooled.append(replace(candidate, score=(candidate.score + mean) / 2))
    return sorted(pooled, key=lambda candidate: -candidate.score)


def _by_meaning(rows: _DocumentRows, cosines: Floats) -> tuple[_ChunkRows, float, list[float]]:
    """The best passage of a document, the document's score, and the scores of what may be said: the sentences of that
    passage, then the document's ``say``."""
    best, best_score, best_sentences = rows.chunks[0], -1.0, np.zeros(0, np.float32)
    for entry in rows.chunks:
        sentences = (SENTENCE_SHARE * cosines[entry.sentences] + TITLED_SHARE * cosines[entry.titled]
                     + PASSAGE_SHARE * cosines[entry.passage])
        score = float(max(sentences.max(initial=-1.0), QUESTION_WEIGHT * cosines[entry.questions].max(initial=-1.0)))
        if score > best_score:
            best, best_score, best_sentences = entry, score, sentences
    passage = max(cosines[entry.passage] for entry in rows.chunks)
    say = (SENTENCE_SHARE * cosines[rows.own.sentences] + TITLED_SHARE * cosines[rows.own.titled]
           + PASSAGE_SHARE * passage)
    asked = QUESTION_WEIGHT * cosines[rows.own.questions].max(initial=-1.0)
    score = float(max(best_score, say.max(initial=-1.0), asked))
    return best, score, [float(value) for value in (*best_sentences, *say)]


def _rows_of(content: Content) -> list[_DocumentRows]:
    numbers = {chunk.id: number for number, chunk in enumerate(content.chunks)}
    found: list[_DocumentRows] = []
    first = 0
    for _, group in groupby(content.texts, key=lambda text: text.document):
        texts = list(group)
        own, chunks = _ChunkRows(-1), dict[str, _ChunkRows]()
        for row, text in enumerate(texts):
            entry = own if text.chunk is None else chunks.setdefault(text.chunk, _ChunkRows(numbers[text.chunk]))
            if text.kind == PASSAGE:
                entry.passage = row
            else:
                {QUESTION: entry.questions, SENTENCE: entry.sentences, TITLED: entry.titled}[text.kind].append(row)
        found.append(_DocumentRows(first, texts, own, list(chunks.values())))
        first += len(texts)
    return found
