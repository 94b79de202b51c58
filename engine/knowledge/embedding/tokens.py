"""What all models have in common that give a vector for each token: pooling, batches, and passages in one pass.

One pass over a passage gives its own vector and those of its sentences: a sentence's is the mean of its own tokens'
vectors, which have seen the whole passage.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from engine.knowledge.embedding.interface import Floats, PassageText, PassageVectors

Pooling = Literal["mean", "cls", "last"]
"""A text's vector: the mean of its tokens', the first one's, or the last one's."""


class Tokenizer(Protocol):
    """Text to token numbers. Thread-safe."""

    @property
    def before(self) -> Sequence[int]:
        """The marks in front of a text."""

    @property
    def after(self) -> Sequence[int]:
        """The marks behind it."""

    def pieces(self, text: str, limit: int) -> list[int]:
        """Its tokens without marks, at most ``limit``."""


class Encoder(Protocol):
    """Token numbers to token vectors. Thread-safe."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def hidden(self, texts: Sequence[Sequence[int]]) -> Floats:
        """Vectors of all tokens, one text after the other, shape (tokens of all, dim)."""


@dataclass(frozen=True, slots=True)
class Habits:
    """How a model wants its texts: longest text in tokens with its marks, pooling, and what stands in front of a
    question and of a passage. ``batch_tokens``: what is computed at once, which is faster up to here."""

    limit: int = 256
    pooling: Pooling = "mean"
    question: str = ""
    passage: str = ""
    batch_tokens: int = 1024


class TokenModel:
    """An ``Embedder`` of a tokenizer and an encoder. Threads may share it."""

    def __init__(self, name: str, tokenizer: Tokenizer, encoder: Encoder, habits: Habits) -> None:
        """``name`` tells its vectors from those of other models."""
        self.name = name
        self.dim = encoder.dim
        self.habits = habits
        self._tokens = tokenizer
        self._encoder = encoder

    def encode(self, texts: Sequence[str]) -> Floats:
        """Unit vectors of questions, shape (len(texts), dim). Texts of like length are computed together."""
        vectors = np.zeros((len(texts), self.dim), np.float32)
        marks = len(self._tokens.before) + len(self._tokens.after)
        tokens = [[*self._tokens.before, *self._tokens.pieces(self.habits.question + text, self.habits.limit - marks),
                   *self._tokens.after] for text in texts]
        for rows, hidden, starts in self._batches(tokens):
            vectors[rows] = self._pool(hidden, starts)
        return vectors

    def encode_passages(self, passages: Sequence[PassageText]) -> list[PassageVectors]:
        """One pass a passage. A sentence beyond the model's limit gets zeros; a model that is not made for means gives
        no sentences."""
        found: dict[int, PassageVectors] = {}
        tokens, spans = [], []
        for passage in passages:
            numbers, within = self._with_spans(passage)
            tokens.append(numbers)
            spans.append(within if self.habits.pooling == "mean" else [])
        for rows, hidden, starts in self._batches(tokens):
            for row, at, whole in zip(rows, starts.tolist(), self._pool(hidden, starts), strict=True):
                statements = np.zeros((len(spans[row]), self.dim), np.float32)
                for number, (start, end) in enumerate(spans[row]):
                    if start < end:
                        np.add.reduce(hidden[at + start:at + end], axis=0, out=statements[number])
                found[row] = PassageVectors(whole, unit(statements))
        return [found[row] for row in range(len(passages))]

    def _with_spans(self, passage: PassageText) -> tuple[list[int], list[tuple[int, int]]]:
        """The passage's tokens, and where in them each sentence lies."""
        limit = self.habits.limit - len(self._tokens.after)
        above = f"{self.habits.passage}{passage.above}." if passage.above else self.habits.passage
        numbers = [*self._tokens.before, *self._tokens.pieces(above, limit // 2)]
        spans = []
        for statement in passage.statements:
            start = min(len(numbers), limit)
            numbers.extend(self._tokens.pieces(statement, limit - start))
            spans.append((start, len(numbers)))
        return [*numbers, *self._tokens.after], spans

    def _batches(self, tokens: Sequence[Sequence[int]]) -> Iterator[tuple[list[int], Floats, npt.NDArray[np.intp]]]:
        """``(rows, hidden, starts)``: texts of like length together, their token vectors one text after the other, and
        where each text begins."""
        rows: list[int] = []
        for row in sorted(range(len(tokens)), key=lambda index: len(tokens[index])):
            if rows and (len(rows) + 1) * len(tokens[row]) > self.habits.batch_tokens:  # as if padded: some encoders do
                yield self._computed(rows, tokens)
                rows = []
            rows.append(row)
        if rows:
            yield self._computed(rows, tokens)

    def _computed(self, rows: list[int], tokens: Sequence[Sequence[int]]
                  ) -> tuple[list[int], Floats, npt.NDArray[np.intp]]:
        texts = [tokens[row] for row in rows]
        starts = np.concatenate([[0], np.cumsum([len(text) for text in texts])[:-1]])
        return rows, self._encoder.hidden(texts), starts.astype(np.intp)

    def _pool(self, hidden: Floats, starts: npt.NDArray[np.intp]) -> Floats:
        """Unit vectors of the texts that begin at ``starts``."""
        if self.habits.pooling == "cls":
            return unit(hidden[starts])
        if self.habits.pooling == "last":
            return unit(hidden[np.append(starts[1:], len(hidden)) - 1])
        return unit(np.add.reduceat(hidden, starts, axis=0))


def unit(rows: Floats) -> Floats:
    """Each row at length 1; rows of zeros stay."""
    result: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-12))
    return result


def padded(texts: Sequence[Sequence[int]], filler: int = 0
           ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Texts as one matrix, shape (texts, longest), and their lengths: what graphs take."""
    lengths = np.array([len(numbers) for numbers in texts], np.int32)
    tokens = np.full((len(texts), int(lengths.max())), filler, np.int64)
    for row, numbers in enumerate(texts):
        tokens[row, :len(numbers)] = numbers
    return tokens, lengths


def packed(hidden: Floats, lengths: npt.NDArray[np.int32]) -> Floats:
    """The way back: (texts, longest, dim) to (tokens of all, dim), without the filling."""
    if lengths.min() == hidden.shape[1]:
        return hidden.reshape(-1, hidden.shape[2])
    return np.concatenate([rows[:length] for rows, length in zip(hidden, lengths, strict=True)])
