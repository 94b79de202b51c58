"""Reads safetensors files: an 8-byte header length, a JSON header, then the raw little-endian tensors.

Source: https://github.com/huggingface/safetensors, "Format". The file is mapped, not read: pages come from the page
cache when they are touched, and processes share them.
"""

import json
import mmap
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.knowledge.errors import KnowledgeError

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1"}
_MAX_HEADER = 100 * 1024 * 1024


def read(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """All tensors by name, read-only views into the mapped file. Raises ``KnowledgeError`` if the file is not one."""
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        size = int.from_bytes(data[:8], "little")
        if not 2 <= size <= min(_MAX_HEADER, len(data) - 8):
            raise ValueError(f"header of {size} bytes in a file of {len(data)}")
        header = json.loads(data[8:8 + size])
        header.pop("__metadata__", None)
        return {name: _view(data, 8 + size, entry) for name, entry in header.items()}
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise KnowledgeError(f"{path} is not a usable safetensors file ({fault}). Install the model again: "
                             "trunkline models install") from fault


def _view(data: mmap.mmap, base: int, entry: dict[str, Any]) -> npt.NDArray[np.generic]:
    kind = np.dtype(_TYPES[entry["dtype"]])
    shape, (start, end) = entry["shape"], entry["data_offsets"]
    count = int(np.prod(shape, dtype=np.int64))
    if end - start != count * kind.itemsize:
        raise ValueError(f"tensor of shape {shape} in {end - start} bytes")
    return np.frombuffer(data, kind, count, base + start).reshape(shape)
