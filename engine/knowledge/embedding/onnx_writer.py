"""Writes ONNX graphs, without the packages onnx and protobuf: as much of the format as our own models need.

Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. Weights are declared as external: whoever opens
the session hands over the arrays (``SessionOptions.add_external_initializers``), so that a graph of any model has a few
kilobytes, and weights that are mapped from a file stay there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

IR_VERSION = 8
OPSET = 17
"""LayerNormalization came with it; onnxruntime knows both since 1.13."""

_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "int64": 7}
_EXTERNAL = 1  # TensorProto.DataLocation


class Graph:
    """Collects nodes and weights; ``to_bytes`` is the model. Names are given by the caller and must be unique."""

    def __init__(self, inputs: Mapping[str, tuple[str, Sequence[str | int]]],
                 outputs: Mapping[str, tuple[str, Sequence[str | int]]]) -> None:
        """``inputs`` and ``outputs``: name -> (type as numpy calls it, shape; a word is a length that may vary)."""
        self.weights: dict[str, Array] = {}
        self._nodes: list[bytes] = []
        self._small: list[bytes] = []
        self._inputs = [_value(name, *what) for name, what in inputs.items()]
        self._outputs = [_value(name, *what) for name, what in outputs.items()]

    def weight(self, name: str, array: Array) -> str:
        """An array that the session is given beside the graph; returns the name."""
        self.weights[name] = np.ascontiguousarray(array)
        return name

    def constant(self, name: str, array: Array) -> str:
        """A small array that stands in the graph itself; returns the name."""
        self._small.append(_tensor(name, array) + _bytes(9, np.ascontiguousarray(array).tobytes()))
        return name

    def node(self, kind: str, inputs: Sequence[str], output: str, *, domain: str = "", also: Sequence[str] = (),
             **attributes: int | float | str | Sequence[int]) -> str:
        """One operator; returns ``output``. ``also``: its further outputs. An input called "" is left out."""
        content = b"".join(_text(1, name) for name in inputs) + b"".join(_text(2, name) for name in (output, *also))
        content += _text(3, output) + _text(4, kind)
        content += b"".join(_bytes(5, _attribute(name, value)) for name, value in attributes.items())
        self._nodes.append(content + (_text(7, domain) if domain else b""))
        return output

    def to_bytes(self) -> bytes:
        """The ``ModelProto``."""
        tensors = list(self._small)
        for name, array in self.weights.items():
            where = _bytes(13, _text(1, "location") + _text(2, "given"))
            tensors.append(_tensor(name, array) + where + _number(14, _EXTERNAL))
        graph = b"".join(_bytes(1, node) for node in self._nodes) + _text(2, "trunkline")
        graph += b"".join(_bytes(5, tensor) for tensor in tensors)
        graph += b"".join(_bytes(11, value) for value in self._inputs)
        graph += b"".join(_bytes(12, value) for value in self._outputs)
        opsets = _bytes(8, _text(1, "") + _number(2, OPSET)) + _bytes(8, _text(1, "com.microsoft") + _number(2, 1))
        return _number(1, IR_VERSION) + _text(2, "trunkline") + _bytes(7, graph) + opsets


def _tensor(name: str, array: Array) -> bytes:
    """A ``TensorProto`` without its content."""
    shape = b"".join(_number(1, length) for length in array.shape)
    return shape + _number(2, _TYPES[array.dtype.name]) + _text(8, name)


def _value(name: str, kind: str, shape: Sequence[str | int]) -> bytes:
    """A ``ValueInfoProto``."""
    lengths = b"".join(_bytes(1, _text(2, length) if isinstance(length, str) else _number(1, length))
                       for length in shape)
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, _TYPES[kind]) + _bytes(2, lengths)))


def _attribute(name: str, value: int | float | str | Sequence[int]) -> bytes:
    """An ``AttributeProto``: FLOAT 1, INT 2, STRING 3, INTS 7."""
    if isinstance(value, float):
        return _text(1, name) + _varint(2 << 3 | 5) + np.float32(value).tobytes() + _number(20, 1)
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, 2)
    if isinstance(value, str):
        return _text(1, name) + _text(4, value) + _number(20, 3)
    return _text(1, name) + b"".join(_number(8, number) for number in value) + _number(20, 7)


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _bytes(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _number(field: int, number: int) -> bytes:
    return _varint(field << 3) + _varint(number & 0xFFFFFFFFFFFFFFFF)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
