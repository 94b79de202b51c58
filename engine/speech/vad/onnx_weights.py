"""Reads the weights out of an ONNX file, without onnx, onnxruntime or protobuf.

Only what is needed of the wire format: a ``ModelProto`` holds the graph in field 7, the ``GraphProto`` its tensors in
field 5, a ``TensorProto`` its dimensions in field 1, type in 2, name in 8 and little-endian content in 9
(https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.speech.errors import SpeechError

_FLOAT = 1  # TensorProto.DataType.FLOAT


def read_weights(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    """The float32 initialisers of the file's main graph by name. Raises ``SpeechError`` if it is not such a file."""
    weights = {}
    try:
        for graph in _messages(memoryview(path.read_bytes()), 7):
            for tensor in _messages(graph, 5):
                name, array = _tensor(tensor)
                if array is not None:
                    weights[name] = array
    except (IndexError, ValueError) as fault:
        raise SpeechError(f"{path} is not an ONNX file that can be read: {fault}") from fault
    if not weights:
        raise SpeechError(f"{path} holds no weights; run: trunkline models verify")
    return weights


def _messages(message: memoryview, wanted: int) -> Iterator[memoryview]:
    return (content for field, _, content in _fields(message) if field == wanted)


def _tensor(message: memoryview) -> tuple[str, npt.NDArray[np.float32] | None]:
    shape: list[int] = []
    name, kind, raw = "", 0, None
    for field, number, content in _fields(message):
        if field == 1:
            shape += _packed(content) if content else [number]
        elif field == 2:
            kind = number
        elif field == 8:
            name = bytes(content).decode()
        elif field == 9:
            raw = content
    if kind != _FLOAT or raw is None:
        return name, None
    return name, np.frombuffer(raw, "<f4").reshape(shape)


def _packed(content: memoryview) -> list[int]:
    numbers, at = [], 0
    while at < len(content):
        number, at = _varint(content, at)
        numbers.append(number)
    return numbers


def _fields(message: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """(field number, number, content) of one message: varints have a number, everything else has content."""
    at, nothing = 0, memoryview(b"")
    while at < len(message):
        key, at = _varint(message, at)
        field, wire = key >> 3, key & 7
        if wire == 0:
            number, at = _varint(message, at)
            yield field, number, nothing
            continue
        if wire == 2:
            length, at = _varint(message, at)
        elif wire in (1, 5):
            length = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + length > len(message):
            raise ValueError("cut off")
        yield field, 0, message[at:at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
