"""What folders of ONNX models have in common: the graph's file, its tokenizer, and a name that changes with them."""

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.knowledge.embedding.bert_onnx import open_session
from engine.knowledge.errors import KnowledgeError

GIVEN = ("input_ids", "attention_mask", "token_type_ids")
"""Inputs that we know how to fill."""

_CHARS = 50
"""A token is seldom longer: of a text, so many characters for each token that is wanted are looked at."""

_SAMPLES, _SAMPLE_BYTES = 16, 1 << 16


class TextGraph:
    """An ONNX graph over token numbers, as transformers' models are exported. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        """Raises ``KnowledgeError`` naming the file and what to do."""
        need("onnxruntime", "fast", folder)
        self.path = graph_file(folder)
        try:
            self._session = open_session(str(self.path), {})
        except Exception as fault:  # noqa: BLE001 - onnxruntime's errors have no root of their own
            raise KnowledgeError(f"{self.path} is no ONNX model that onnxruntime can load: {fault}") from fault
        inputs = [entry.name for entry in self._session.get_inputs()]
        unknown = [name for name in inputs if name not in GIVEN]
        if unknown or "input_ids" not in inputs:
            raise KnowledgeError(f"{self.path}: the model wants {', '.join(unknown) or 'no input_ids'}; known inputs "
                                 f"are {', '.join(GIVEN)}. Export it as a plain encoder, without a past")
        self._inputs = inputs
        self.outputs = [entry.name for entry in self._session.get_outputs()]

    def run(self, output: str, tokens: npt.NDArray[np.int64], lengths: npt.NDArray[np.int32],
            kinds: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.float32]:
        """One output for ``tokens``, shape (texts, longest), of which the first ``lengths`` count. ``kinds``: which of
        two texts a token belongs to (default: the first)."""
        mask = (np.arange(tokens.shape[1]) < lengths[:, None]).astype(np.int64)
        known = {"input_ids": tokens, "attention_mask": mask,
                 "token_type_ids": np.zeros_like(tokens) if kinds is None else kinds}
        try:
            found = self._session.run([output], {name: known[name] for name in self._inputs})[0]
        except Exception as fault:  # noqa: BLE001 - as above
            raise KnowledgeError(f"{self.path}: the model does not run: {fault}") from fault
        result: npt.NDArray[np.float32] = np.asarray(found, np.float32)
        return result


class FolderTokenizer:
    """``tokenizer.json`` by the package tokenizers. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        """Raises ``KnowledgeError`` naming the file and what to do."""
        need("tokenizers", "multilingual", folder)
        self._path = folder / "tokenizer.json"
        self._tokenizer = _read(self._path)
        self._cutting: dict[int, Any] = {}
        probe = self._tokenizer.encode("a")
        text = [place for place, special in enumerate(probe.special_tokens_mask) if not special]
        first, end = (text[0], text[-1] + 1) if text else (1, 1)
        self.before = tuple(probe.ids[:first])
        self.after = tuple(probe.ids[end:])

    def pieces(self, text: str, limit: int) -> list[int]:
        """Token numbers without marks, at most ``limit``."""
        numbers: list[int] = self._tokenizer.encode(_clean(text, limit), add_special_tokens=False).ids
        return numbers[:max(limit, 0)]

    def pairs(self, question: str, texts: Sequence[str], limit: int) -> list[tuple[list[int], list[int]]]:
        """Numbers and kinds of tokens of the question with each text, with the model's marks, at most ``limit``: the
        longer of the two is cut."""
        tokenizer = self._cutting.get(limit)
        if tokenizer is None:
            tokenizer = _read(self._path)
            tokenizer.enable_truncation(limit, strategy="longest_first")
            self._cutting[limit] = tokenizer
        asked, found = _clean(question, limit), []
        for text in texts:  # one by one: the package's batches start threads of their own
            pair = tokenizer.encode(asked, _clean(text, limit))
            found.append((pair.ids, pair.type_ids))
        return found


def _clean(text: str, limit: int) -> str:
    """As much of a text as may count, without halves of characters, which the package refuses."""
    return text[:max(limit, 0) * _CHARS].encode("utf-8", "replace").decode()


def _read(path: Path) -> Any:
    import tokenizers

    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(path))
    except Exception as fault:  # noqa: BLE001 - the package raises nothing narrower
        raise KnowledgeError(f"{path} is no tokenizer that can be read: {fault}") from fault
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def need(package: str, extra: str, folder: Path) -> None:
    """Raises ``KnowledgeError`` with the line to type where a package is not installed."""
    if importlib.util.find_spec(package) is None:
        raise KnowledgeError(f"{folder}: this model needs the package {package}: pip install 'trunkline[{extra}]'")


def graph_file(folder: Path) -> Path:
    """``model.onnx``, as its makers put it. Raises ``KnowledgeError``."""
    for name in ("model.onnx", "onnx/model.onnx", "model_quantized.onnx", "onnx/model_quantized.onnx"):
        if (folder / name).is_file():
            return folder / name
    raise KnowledgeError(f"{folder}: there is no model.onnx in it; models/README.md says what belongs there")


def settings(folder: Path, name: str) -> dict[str, Any]:
    """A JSON file of the makers; empty where there is none. Raises ``KnowledgeError``."""
    try:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as fault:
        raise KnowledgeError(f"{folder / name} cannot be read: {fault}") from fault
    return content if isinstance(content, dict) else {"": content}


def fingerprint(folder: Path, *also: object) -> str:
    """Eight characters that change when the model does: of the graph's size and pieces of it, of the tokenizer, and of
    ``also``. Pieces, because a model may have gigabytes; its weights may lie beside it (``model.onnx_data``)."""
    digest = hashlib.sha256(repr(also).encode())
    graph = graph_file(folder)
    for path in (graph, *sorted(graph.parent.glob(f"{graph.name}_data*")), folder / "tokenizer.json"):
        size = path.stat().st_size
        digest.update(f"{path.name} {size}".encode())
        with path.open("rb") as file:
            for number in range(_SAMPLES):
                file.seek(max(0, size - _SAMPLE_BYTES) * number // (_SAMPLES - 1))
                digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()[:8]
