"""The encoder of BERT by onnxruntime, from the same weights as ``bert.py``: faster in batches.

The graph is written here, a few kilobytes, in milliseconds, each time the model is loaded; the weights go to the
session beside it. It uses the fused operators that onnxruntime has for BERT on every processor (domain
``com.microsoft``: Attention, SkipLayerNormalization, BiasGelu; see its docs/ContribOperators.md).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.knowledge.embedding.onnx_writer import Graph
from engine.knowledge.embedding.tokens import packed, padded

Floats = npt.NDArray[np.float32]

FUSED = "com.microsoft"


class BertSession:
    """As ``bert.Bert``: the same method, threads may share it. Each works with one thread of its own."""

    def __init__(self, weights: Mapping[str, Floats], *, layers: int, heads: int, epsilon: float,
                 int8: bool = False) -> None:
        """``weights`` by BERT's own names. ``int8``: products in 8 bits, two to four times as fast and near the true
        ones. Raises ``ImportError`` without onnxruntime, ``KeyError`` for a weight that is not there."""
        graph = _Bert(weights, heads, epsilon, int8).graph(layers)
        self._session = open_session(graph.to_bytes(), graph.weights)
        self._words = weights["embeddings.word_embeddings.weight"]
        self._places = (weights["embeddings.position_embeddings.weight"]
                        + weights["embeddings.token_type_embeddings.weight"][0])
        self.dim = self._words.shape[1]
        self._alone = int8

    def hidden(self, texts: Sequence[Sequence[int]]) -> Floats:
        """Vectors of all tokens, one text after the other, shape (tokens of all, dim).

        In 8 bits the scale is one for all that is computed at once, so texts go one by one there: a text has the same
        vector in any company."""
        if self._alone and len(texts) > 1:
            return np.concatenate([self.hidden([text]) for text in texts])
        tokens, lengths = padded(texts)
        embedded = self._words[tokens]  # here, because onnxruntime would copy half of the model's weights for it
        embedded += self._places[:tokens.shape[1]]
        return packed(self._session.run(None, {"embedded": embedded, "lengths": lengths})[0], lengths)


def open_session(model: bytes | str, weights: Mapping[str, npt.NDArray[Any]]) -> Any:
    """An ``onnxruntime.InferenceSession`` of one thread a run, for the bytes of a graph or the path of a file, with the
    weights that it has not itself. Raises ``ImportError``, and what onnxruntime raises for a file that is none."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if weights:
        options.add_external_initializers(
            list(weights), [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in weights.values()])
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class _Bert:
    """Writes the graph: ``embedded`` (texts, longest, dim), words and places, and ``lengths`` int32 (texts,) to
    ``hidden`` (texts, longest, dim)."""

    def __init__(self, weights: Mapping[str, Floats], heads: int, epsilon: float, int8: bool) -> None:
        dim = len(weights["embeddings.LayerNorm.weight"])
        self._weights, self._heads, self._epsilon, self._int8 = weights, heads, epsilon, int8
        shape = ("texts", "longest", dim)
        self._graph = Graph({"embedded": ("float32", shape), "lengths": ("int32", ("texts",))},
                            {"hidden": ("float32", shape)})

    def graph(self, layers: int) -> Graph:
        x = self._graph.node("LayerNormalization", ["embedded", *self._norm("embeddings.LayerNorm")], "x", axis=-1,
                             epsilon=self._epsilon)
        for number in range(layers):
            name, last = f"encoder.layer.{number}.", number == layers - 1
            mixed = self._attention(name + "attention.self.", x)
            x = self._add_and_norm(name + "attention.output", mixed, x, name + "attended")
            inner = self._product(name + "intermediate.dense", x)
            bias = self._graph.weight(name + "inner bias", self._weights[name + "intermediate.dense.bias"])
            inner = self._graph.node("BiasGelu", [inner, bias], name + "inner", domain=FUSED)
            x = self._add_and_norm(name + "output", inner, x, "hidden" if last else name + "x")
        return self._graph

    def _attention(self, name: str, x: str) -> str:
        graph, parts = self._graph, [name + part for part in ("query", "key", "value")]
        weight = np.concatenate([self._weights[part + ".weight"].T for part in parts], axis=1)
        bias = graph.weight(name + "bias", np.concatenate([self._weights[part + ".bias"] for part in parts]))
        if not self._int8:
            inputs = [x, graph.weight(name + "weight", weight), bias, "lengths"]
            return graph.node("Attention", inputs, name + "mixed", domain=FUSED, num_heads=self._heads)
        small, scale, zero = self._quantised(name + "weight", weight)
        graph.node("DynamicQuantizeLinear", [x], name + "x", also=[name + "x scale", name + "x zero"])
        inputs = [name + "x", small, bias, name + "x scale", scale, "lengths", name + "x zero", zero]
        return graph.node("QAttention", inputs, name + "mixed", domain=FUSED, num_heads=self._heads)

    def _product(self, name: str, x: str) -> str:
        weight, output = self._weights[name + ".weight"].T, name + " product"
        if not self._int8:
            return self._graph.node("MatMul", [x, self._graph.weight(name, weight)], output)
        return self._graph.node("DynamicQuantizeMatMul", [x, *self._quantised(name, weight)], output, domain=FUSED)

    def _quantised(self, name: str, weight: Floats) -> list[str]:
        """Names of weights in 8 bits, of their scales (one a column) and of their zeros."""
        scale = np.maximum(np.abs(weight).max(axis=0), np.float32(1e-12)) / np.float32(127)
        return [self._graph.weight(name, np.round(weight / scale).astype(np.int8)),
                self._graph.weight(name + " scale", scale),
                self._graph.weight(name + " zero", np.zeros(len(scale), np.int8))]

    def _add_and_norm(self, name: str, x: str, beside: str, output: str) -> str:
        product = self._product(name + ".dense", x)
        bias = self._graph.weight(name + " bias", self._weights[name + ".dense.bias"])
        return self._graph.node("SkipLayerNormalization", [product, beside, *self._norm(name + ".LayerNorm"), bias],
                                output, domain=FUSED, epsilon=self._epsilon)

    def _norm(self, name: str) -> list[str]:
        return [self._graph.weight(f"{name}.{part}", self._weights[f"{name}.{part}"]) for part in ("weight", "bias")]
