"""Rerankers: models that read question and passage together, slower and surer than vectors.

A folder ``models/reranker-NAME`` holds a cross-encoder exported to ONNX (``model.onnx``) and its ``tokenizer.json``.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic
from typing import Protocol

import numpy as np

from engine.knowledge.embedding.interface import Floats
from engine.knowledge.embedding.onnx_folder import FolderTokenizer, TextGraph, fingerprint, settings
from engine.knowledge.embedding.tokens import padded
from engine.knowledge.errors import KnowledgeError

LONGEST = 256
"""Tokens of question and passage together: more costs time and seldom changes the order."""

AT_ONCE = 4
"""Pairs computed at once: the deadline is looked at between them."""


class Reranker(Protocol):
    """Thread-safe."""

    @property
    def name(self) -> str:
        """The model's name."""

    def score(self, question: str, texts: Sequence[str]) -> Floats | None:
        """How well each text answers, 0 to 1, in order; ``None`` where that takes too long: go on without. Takes CPU:
        never call it in the hub."""


class CrossEncoder:
    """A ``Reranker`` of a folder."""

    def __init__(self, folder: Path, timeout_ms: int, clock: Callable[[], float] = monotonic) -> None:
        """Loads it; ``clock`` in seconds. Raises ``KnowledgeError`` naming the file that is wrong, and what to do."""
        self._tokens = FolderTokenizer(folder)
        self._graph = TextGraph(folder)
        self._timeout_s = timeout_ms / 1000
        self._clock = clock
        places = settings(folder, "config.json").get("max_position_embeddings")
        self._limit = min(LONGEST, places - 2) if isinstance(places, int) and places > 8 else LONGEST
        self.name = f"{folder.name}@{fingerprint(folder)}"
        self._outputs = "logits" if "logits" in self._graph.outputs else self._graph.outputs[0]
        shape = self._logits([self._tokens.pairs("a", ["a"], self._limit)[0]]).shape
        if len(shape) != 2 or shape[1] not in (1, 2):
            raise KnowledgeError(f"{self._graph.path}: output {self._outputs} has shape {shape}; a reranker gives one "
                                 "or two numbers a pair")

    def score(self, question: str, texts: Sequence[str]) -> Floats | None:
        """As the protocol says. It gives up as soon as the rest cannot be ready in time, judged by what took longest so
        far; what is computed at that moment is not cut off."""
        started = self._clock()
        scores = np.zeros(len(texts), np.float32)
        pairs = self._tokens.pairs(question, texts, self._limit)
        rows = sorted(range(len(texts)), key=lambda row: len(pairs[row][0]))
        longest_s = 0.0
        for start in range(0, len(rows), AT_ONCE):
            before = self._clock()
            if before - started + longest_s > self._timeout_s:
                return None
            chosen = rows[start:start + AT_ONCE]
            scores[chosen] = _share(self._logits([pairs[row] for row in chosen]))
            longest_s = max(longest_s, self._clock() - before)
        return scores if self._clock() - started <= self._timeout_s else None

    def _logits(self, pairs: Sequence[tuple[list[int], list[int]]]) -> Floats:
        tokens, lengths = padded([numbers for numbers, _ in pairs])
        kinds, _ = padded([kinds for _, kinds in pairs])
        return self._graph.run(self._outputs, tokens, lengths, kinds)


def _share(logits: Floats) -> Floats:
    """One number a pair: through the logistic function; two: the share of the second."""
    margin = logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]
    shares: Floats = np.exp(-np.logaddexp(np.float32(0), -margin))
    return shares
