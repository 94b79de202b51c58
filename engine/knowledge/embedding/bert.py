"""The encoder of BERT in numpy: token numbers to token vectors.

Texts are packed, not padded: the tokens of a batch stand in one matrix, one row a token, so that no product is wasted
on padding and a text has the same vectors in any company; only attention goes text by text. Weights are used as the
file has them (mapped, shared by processes), in ``rows @ weights.T``. numpy lets the interpreter go in all that is large
here: threads compute side by side.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

_GELU_ROWS = 24
"""Rows of the inner layer that gelu works on at a time: 150 KB, which stay in a core's own cache for its 18 steps."""

_HALF = np.float32(0.5)
_ONE = np.float32(1.0)


class Bert:
    """Weights by BERT's own names. Stateless: threads may share it."""

    def __init__(self, weights: Mapping[str, Floats], *, layers: int, heads: int, epsilon: float) -> None:
        """``weights`` as in the safetensors file. Raises ``KeyError`` for one that is not there."""
        self._words = weights["embeddings.word_embeddings.weight"]
        self._places = weights["embeddings.position_embeddings.weight"]
        self._kind = weights["embeddings.token_type_embeddings.weight"][0]
        self._first_norm = _pair(weights, "embeddings.LayerNorm")
        self._layers = [_Layer(weights, f"encoder.layer.{number}.") for number in range(layers)]
        self._heads = heads
        self._epsilon = np.float32(epsilon)
        self.dim = self._words.shape[1]

    def hidden(self, texts: Sequence[Sequence[int]]) -> Floats:
        """Vectors of all tokens, one text after the other, shape (tokens of all, dim)."""
        ends = np.cumsum([len(numbers) for numbers in texts]).tolist()
        spans = list(zip([0, *ends[:-1]], ends, strict=True))
        x: Floats = self._words[np.concatenate([np.asarray(numbers, np.int64) for numbers in texts])]
        for start, end in spans:
            x[start:end] += self._places[:end - start]
        x += self._kind
        self._norm(x, self._first_norm)
        inner = np.empty((len(x), len(self._layers[0].widen[1])), np.float32)
        mixed = np.empty_like(x)
        for layer in self._layers:
            self._attend(x, layer, spans, mixed)
            x += mixed @ layer.out[0].T
            x += layer.out[1]
            self._norm(x, layer.out_norm)
            np.matmul(x, layer.widen[0].T, out=inner)
            inner += layer.widen[1]
            gelu(inner)
            x += inner @ layer.narrow[0].T
            x += layer.narrow[1]
            self._norm(x, layer.norm)
        return x

    def _attend(self, x: Floats, layer: "_Layer", spans: list[tuple[int, int]], mixed: Floats) -> None:
        """What each token takes from the others of its text, into ``mixed``."""
        queries, keys, values = (x @ weight.T for weight, _ in layer.attention)
        for part, (_, bias) in zip((queries, keys, values), layer.attention, strict=True):
            part += bias
        size = self.dim // self._heads
        queries *= np.float32(1.0 / np.sqrt(size))
        longest = max(end - start for start, end in spans)
        room = np.empty(self._heads * longest * longest, np.float32)
        ones = np.ones((longest, 1), np.float32)
        for start, end in spans:
            length = end - start
            query, key, value, out = (part[start:end].reshape(length, self._heads, size).transpose(1, 0, 2)
                                      for part in (queries, keys, values, mixed))
            scores = room[:self._heads * length * length].reshape(self._heads, length, length)
            np.matmul(query, key.transpose(0, 2, 1), out=scores)
            scores -= scores.max(axis=-1, keepdims=True)
            np.exp(scores, out=scores)
            np.matmul(scores, value, out=out)
            out /= scores @ ones[:length]

    def _norm(self, x: Floats, weights: tuple[Floats, Floats]) -> None:
        """LayerNorm, in place."""
        share = np.float32(1.0 / self.dim)
        x -= np.add.reduce(x, axis=1, keepdims=True) * share
        spread = np.einsum("ij,ij->i", x, x)
        spread *= share
        spread += self._epsilon
        np.sqrt(spread, out=spread)
        x *= (_ONE / spread)[:, None]
        x *= weights[0]
        x += weights[1]


class _Layer:
    """The weights of one layer, each with its bias."""

    def __init__(self, weights: Mapping[str, Floats], name: str) -> None:
        self.attention = [_pair(weights, f"{name}attention.self.{part}") for part in ("query", "key", "value")]
        self.out = _pair(weights, name + "attention.output.dense")
        self.out_norm = _pair(weights, name + "attention.output.LayerNorm")
        self.widen = _pair(weights, name + "intermediate.dense")
        self.narrow = _pair(weights, name + "output.dense")
        self.norm = _pair(weights, name + "output.LayerNorm")


def _pair(weights: Mapping[str, Floats], name: str) -> tuple[Floats, Floats]:
    return weights[name + ".weight"], weights[name + ".bias"]


_GELU = tuple(np.float32(factor) for factor in (
    1.80559170e-09, -1.33445415e-07, 3.96909494e-06, -5.52400620e-05, -3.31302921e-05, 3.63342839e-02, 7.97884216e-01))


def gelu(rows: Floats) -> None:
    """x/2 * (1 + erf(x/sqrt 2)), in place, shape (rows, width).

    erf(x/sqrt 2) is taken as tanh(x * p(x^2)), p of degree 6 fitted by least squares so that gelu is right to 7e-8 (the
    usual form with 0.044715 is right to 5e-4): numpy has a vector tanh, and no erf.
    """
    for start in range(0, len(rows), _GELU_ROWS):
        x = rows[start:start + _GELU_ROWS]
        square = x * x
        series = square * _GELU[0]
        for factor in _GELU[1:-1]:
            series += factor
            series *= square
        series += _GELU[-1]
        series *= x
        np.tanh(series, out=series)
        series += _ONE
        x *= _HALF
        x *= series
