"""all-MiniLM-L6-v2: text to unit vectors of 384 dimensions, without torch.

A BERT encoder of 6 layers, mean pooling over the tokens, L2 norm: what sentence-transformers computes for this model
(``tests/knowledge/test_minilm.py`` compares with its vectors). By onnxruntime where it is installed, else by numpy: the
vectors are the same. Both let the interpreter go while they compute, so this belongs in the hub's thread pool.
"""

import importlib.util
import json
import logging
from pathlib import Path
from typing import Literal, cast

from engine.knowledge.embedding import safetensors
from engine.knowledge.embedding.bert import Bert
from engine.knowledge.embedding.bert_onnx import BertSession
from engine.knowledge.embedding.interface import Floats
from engine.knowledge.embedding.tokens import Encoder, Habits, TokenModel
from engine.knowledge.embedding.wordpiece import WordPiece
from engine.knowledge.errors import KnowledgeError

log = logging.getLogger(__name__)

MAX_TOKENS = 256
"""The model was trained and is published with this limit; the rest of a longer text is not seen."""

NAME = "all-MiniLM-L6-v2"
INT8_NAME = "all-MiniLM-L6-v2-int8"
"""Vectors of quantised weights have another name: they are near the others (cosine 0.99), not equal."""

NUMPY_BATCH, ONNX_BATCH = 1024, 512
"""Tokens computed at once. More is no faster, onnxruntime is even slower then, and takes more memory."""

By = Literal["auto", "numpy", "onnx", "int8"]


class MiniLM(TokenModel):
    """The model, mapped from its folder. Stateless after loading: threads may share it."""

    languages = frozenset({"en"})

    def __init__(self, folder: Path, by: By = "auto") -> None:
        """``folder`` holds ``config.json``, ``vocab.txt`` and ``model.safetensors``. ``by``: ``onnx`` and ``int8`` need
        onnxruntime; ``auto`` takes ``onnx`` where it is installed. Raises ``KnowledgeError``."""
        if by in ("onnx", "int8") and not has_onnxruntime():
            raise KnowledgeError(f"the embedding model by {by} needs onnxruntime: pip install 'trunkline[fast]'")
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            tokens = WordPiece(folder / "vocab.txt")
            weights = cast(dict[str, Floats], safetensors.read(folder / "model.safetensors"))
            by, encoder = _best(config, weights) if by == "auto" else (by, _encoder(config, weights, by))
        except (OSError, ValueError, KeyError) as fault:
            raise KnowledgeError(f"{folder} does not hold the embedding model ({fault}). Install it again: "
                                 "trunkline models install minilm") from fault
        self.by = by
        super().__init__(INT8_NAME if by == "int8" else NAME, tokens, encoder, Habits(
            limit=MAX_TOKENS, batch_tokens=NUMPY_BATCH if by == "numpy" else ONNX_BATCH))


def has_onnxruntime() -> bool:
    """Whether onnxruntime is installed."""
    return importlib.util.find_spec("onnxruntime") is not None


def _best(config: dict[str, int | float], weights: dict[str, Floats]) -> tuple[By, Encoder]:
    """By onnxruntime if it can, else by numpy, which always can."""
    if has_onnxruntime():
        try:
            return "onnx", _encoder(config, weights, "onnx")
        except KeyError:  # the weights are to blame
            raise
        except Exception as fault:  # noqa: BLE001 - an onnxruntime that does not fit this machine raises anything
            log.warning("onnxruntime cannot run the embedding model, numpy does: %s", fault)
    return "numpy", _encoder(config, weights, "numpy")


def _encoder(config: dict[str, int | float], weights: dict[str, Floats], by: By) -> Encoder:
    layers, heads = int(config["num_hidden_layers"]), int(config["num_attention_heads"])
    epsilon = float(config["layer_norm_eps"])
    if by == "numpy":
        return Bert(weights, layers=layers, heads=heads, epsilon=epsilon)
    return BertSession(weights, layers=layers, heads=heads, epsilon=epsilon, int8=by == "int8")
