"""How likely a caller has finished, from a model that an operator puts beside the others: a text classifier in ONNX.

``$TRUNKLINE_HOME/models/endofturn`` holds ``model.onnx`` (inputs ``input_ids`` and ``attention_mask``, and
``token_type_ids`` if it likes, each int64 [1, tokens]; output [1, 1] or [1, 2] logits, the last one for "has finished")
and ``vocab.txt`` (WordPiece, uncased). Where it is not there, or cannot be used, the words alone tell.
"""

import logging
from math import exp
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from engine import paths
from engine.knowledge.embedding.wordpiece import WordPiece
from engine.turns.endpointing import Score

log = logging.getLogger(__name__)

LAST_WORDS = 48
"""A model is shown so many words at the end of what the caller has said."""

SLOWEST_MS = 10.0
"""The score is taken in the hub's thread, where nothing may take longer than 20 ms."""

_LONG = "I would like to know whether you " + "still have a table for the four of us " * 6


class Session(Protocol):
    """What is needed of ``onnxruntime.InferenceSession``."""

    def get_inputs(self) -> list[Any]:
        """The model's inputs, each with a ``name``."""

    def run(self, output_names: None, input_feed: dict[str, Any]) -> list[Any]:
        """The outputs for these inputs."""


class EndOfTurn:
    """A ``Score`` by the model of ``session``."""

    def __init__(self, session: Session, tokenizer: WordPiece) -> None:
        """``tokenizer`` must be the one that the model was trained with."""
        self._session = session
        self._tokenizer = tokenizer
        self._inputs = [entry.name for entry in session.get_inputs()]

    def __call__(self, text: str) -> float | None:
        """0 (goes on) to 1 (has finished); None for no words. A fault of the model leaves it to the words, too."""
        words = text.split()
        if not words:
            return None
        ids = np.array([self._tokenizer.encode(" ".join(words[-LAST_WORDS:]))], np.int64)
        known = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        try:
            logits = self._session.run(None, {name: known[name] for name in self._inputs})[0][0]
        except Exception:
            log.exception("the end-of-turn model failed; the words alone tell")
            return None
        done = float(logits[-1] - (logits[0] if len(logits) > 1 else 0.0))
        return 1.0 / (1.0 + exp(-max(-60.0, min(60.0, done))))


def load(folder: Path | None = None) -> Score | None:
    """The score by the model in ``folder`` (``models/endofturn``); None, and a line in the log, if there is none that
    can be used."""
    folder = folder or paths.models() / "endofturn"
    model, vocabulary = folder / "model.onnx", folder / "vocab.txt"
    if not model.is_file():
        return None
    try:
        score = EndOfTurn(_session(model), WordPiece(vocabulary))
        if score(_LONG) is None:
            return None  # it has been said why
        ms = min(_ms(score) for _ in range(5))
    except ImportError:
        log.warning("%s is not used: onnxruntime is not installed (pip install 'trunkline[fast]')", model)
        return None
    except Exception as fault:  # noqa: BLE001  an operator's file: whatever is wrong with it, calls go on without it
        log.warning("%s is not used: %s: %s", model, type(fault).__name__, fault)
        return None
    if ms > SLOWEST_MS:
        log.warning("%s is not used: it takes %.0f ms, and %.0f are the most", model, ms, SLOWEST_MS)
        return None
    log.info("the end of a turn is judged by %s (%.1f ms)", model, ms)
    return score


def _session(model: Path) -> Session:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session: Session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return session


def _ms(score: Score) -> float:
    began = perf_counter()
    score(_LONG)
    return (perf_counter() - began) * 1000


__all__ = ["EndOfTurn", "load"]
