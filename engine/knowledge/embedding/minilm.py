"""all-MiniLM-L6-v2 in numpy: text to unit vectors of 384 dimensions, without torch.

A BERT encoder of 6 layers, mean pooling over the tokens, L2 norm: what sentence-transformers computes for this model
(``tests/knowledge/test_minilm.py`` compares with its vectors). numpy releases the GIL in the matrix products, so this
belongs in the hub's thread pool, where it leaves the hub free.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.knowledge.embedding import safetensors
from engine.knowledge.embedding.interface import PassageText, PassageVectors
from engine.knowledge.embedding.wordpiece import WordPiece
from engine.knowledge.errors import KnowledgeError

Floats = npt.NDArray[np.float32]

MAX_TOKENS = 256
"""The model was trained and is published with this limit; the rest of a longer text is not seen."""

_BATCH_TOKENS = 2048
"""Tokens a matrix product works on: more make the products no faster, only their memory larger."""


class MiniLM:
    """The model, mapped from its folder. Stateless after loading: threads may share it."""

    name = "all-MiniLM-L6-v2"

    def __init__(self, folder: Path) -> None:
        """``folder`` holds ``config.json``, ``vocab.txt`` and ``model.safetensors``. Raises ``KnowledgeError``."""
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            self._tokens = WordPiece(folder / "vocab.txt")
            self._heads = int(config["num_attention_heads"])
            self._epsilon = np.float32(config["layer_norm_eps"])
            layers = int(config["num_hidden_layers"])
            self.dim = int(config["hidden_size"])
        except (OSError, ValueError, KeyError) as fault:
            raise KnowledgeError(f"{folder} does not hold the embedding model ({fault}). Install it again: "
                                 "trunkline models install minilm") from fault
        self._weights: dict[str, Floats] = safetensors.read(folder / "model.safetensors")  # type: ignore[assignment]
        self._layers = [f"encoder.layer.{number}." for number in range(layers)]

    def encode(self, texts: Sequence[str]) -> Floats:
        """Unit vectors, shape (len(texts), dim). Texts of like length are computed together; order is kept."""
        vectors = np.zeros((len(texts), self.dim), np.float32)
        tokens = [self._tokens.encode(text, MAX_TOKENS) for text in texts]
        for rows, hidden, mask in self._batches(tokens):
            vectors[rows] = unit((hidden * mask).sum(axis=2).T)
        return vectors

    def encode_passages(self, passages: Sequence[PassageText]) -> list[PassageVectors]:
        """One pass a passage: its vector is the mean over all of its tokens, a sentence's the mean over its own, which
        have seen the whole passage. A sentence beyond the model's limit gets zeros."""
        found: list[PassageVectors | None] = [None] * len(passages)
        tokens, spans = [], []
        for passage in passages:
            numbers, within = self._with_spans(passage)
            tokens.append(numbers)
            spans.append(within)
        for rows, hidden, mask in self._batches(tokens):
            wholes = unit((hidden * mask).sum(axis=2).T)
            for place, row in enumerate(rows):
                statements = np.zeros((len(spans[row]), self.dim), np.float32)
                for number, (start, end) in enumerate(spans[row]):
                    if start < end:
                        statements[number] = hidden[:, place, start:end].sum(axis=1)
                found[row] = PassageVectors(wholes[place], unit(statements))
        return [vectors for vectors in found if vectors is not None]

    def _with_spans(self, passage: PassageText) -> tuple[list[int], list[tuple[int, int]]]:
        """The passage's tokens, and where in them each sentence lies."""
        numbers = self._tokens.encode(passage.above + ".", MAX_TOKENS // 2)[:-1]
        spans = []
        for statement in passage.statements:
            start = min(len(numbers), MAX_TOKENS - 1)
            numbers.extend(self._tokens.encode(statement, MAX_TOKENS)[1:-1])
            spans.append((start, min(len(numbers), MAX_TOKENS - 1)))
        return [*numbers[:MAX_TOKENS - 1], self._tokens.separator], spans

    def _batches(self, tokens: list[list[int]]) -> Iterator[tuple[list[int], Floats, Floats]]:
        """``(rows, hidden, mask)``: texts of like length together, their token vectors, shape (dim, rows, longest), and
        which of them are tokens (1.0), shape (rows, longest)."""
        by_length = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        start = 0
        while start < len(by_length):
            size = max(1, _BATCH_TOKENS // len(tokens[by_length[start]]))
            rows = by_length[start:start + size]
            yield rows, *self._hidden([tokens[row] for row in rows])
            start += size

    def _hidden(self, batch: list[list[int]]) -> tuple[Floats, Floats]:
        rows, longest = len(batch), max(len(numbers) for numbers in batch)
        numbers = np.zeros((rows, longest), np.int64)
        mask = np.zeros((rows, longest), np.float32)
        for row, tokens in enumerate(batch):
            numbers[row, :len(tokens)] = tokens
            mask[row, :len(tokens)] = 1.0
        embedded = self._weights["embeddings.word_embeddings.weight"][numbers]
        embedded += self._weights["embeddings.position_embeddings.weight"][:longest]
        embedded += self._weights["embeddings.token_type_embeddings.weight"][0]
        # One column a token from here on: weights @ columns is the faster order for few tokens (11 ms, not 20).
        hidden = np.ascontiguousarray(embedded.reshape(rows * longest, self.dim).T)
        hidden = self._norm(hidden, "embeddings.LayerNorm")
        hide = ((1.0 - mask) * np.float32(-1e9))[:, None, None, :]
        for layer in self._layers:
            hidden = self._norm(self._attend(hidden, hide, layer) + hidden, layer + "attention.output.LayerNorm")
            inner = gelu(self._linear(hidden, layer + "intermediate.dense"))
            hidden = self._norm(self._linear(inner, layer + "output.dense") + hidden, layer + "output.LayerNorm")
        return hidden.reshape(self.dim, rows, longest), mask

    def _linear(self, x: Floats, name: str) -> Floats:
        result: Floats = self._weights[name + ".weight"] @ x
        result += self._weights[name + ".bias"][:, None]
        return result

    def _norm(self, x: Floats, name: str) -> Floats:
        x = x - x.mean(axis=0)
        x /= np.sqrt(np.square(x).mean(axis=0) + self._epsilon)
        x *= self._weights[name + ".weight"][:, None]
        x += self._weights[name + ".bias"][:, None]
        return x

    def _attend(self, hidden: Floats, hide: Floats, layer: str) -> Floats:
        rows, length = hide.shape[0], hide.shape[3]
        size = self.dim // self._heads

        def heads(name: str) -> Floats:
            """Shape (rows, heads, size, length)."""
            x = self._linear(hidden, layer + "attention.self." + name)
            return x.reshape(self._heads, size, rows, length).transpose(2, 0, 1, 3)

        scores = heads("query").transpose(0, 1, 3, 2) @ heads("key")
        scores *= np.float32(1.0 / np.sqrt(size))
        scores += hide
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        mixed = heads("value") @ scores.transpose(0, 1, 3, 2)
        columns = mixed.transpose(1, 2, 0, 3).reshape(self.dim, rows * length)
        return self._linear(columns, layer + "attention.output.dense")


def unit(rows: Floats) -> Floats:
    """Each row at length 1; rows of zeros stay."""
    result: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-12))
    return result


def gelu(x: Floats) -> Floats:
    """x/2 * (1 + erf(x/sqrt 2)), with erf by formula 7.1.26 of Abramowitz and Stegun (error below 1.5e-7)."""
    z = np.abs(x) * np.float32(0.7071067811865476)
    t = np.float32(1.0) / (np.float32(1.0) + np.float32(0.3275911) * z)
    series = t * np.float32(1.061405429)
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series += np.float32(factor)
        series *= t
    erf = np.float32(1.0) - series * np.exp(-z * z)
    result: Floats = np.float32(0.5) * x * (np.float32(1.0) + np.copysign(erf, x))
    return result
