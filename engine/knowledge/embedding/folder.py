"""Models that an operator puts into ``models/embedding-NAME``: a sentence-transformers model exported to ONNX.

The folder is taken as its makers publish it: ``model.onnx`` (or ``onnx/model.onnx``), ``tokenizer.json``, and where
they are there ``1_Pooling/config.json``, ``sentence_bert_config.json``, ``config.json`` and
``config_sentence_transformers.json``. What these do not say, or say wrongly, stands in an ``embedding.yaml`` of the
operator's own. Nothing is fetched.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from engine.config.base import Options
from engine.knowledge.embedding.interface import Floats
from engine.knowledge.embedding.onnx_folder import FolderTokenizer, TextGraph, fingerprint, graph_file, settings
from engine.knowledge.embedding.tokens import Habits, Pooling, TokenModel, packed, padded
from engine.knowledge.errors import KnowledgeError

OWN = "embedding.yaml"
LONGEST = 512
"""Tokens where nothing says how many the model takes, and for models that take more: passages are shorter."""

_POOLINGS: dict[str, Pooling] = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls",
                                 "pooling_mode_lasttoken": "last"}
_BY_TOKEN = ("last_hidden_state", "token_embeddings")


class FolderOptions(Options):
    """What ``embedding.yaml`` may say; it wins over the files of the model's makers."""

    pooling: Literal["mean", "cls", "last"] | None = None
    question: str | None = None
    """What stands in front of a question, for example ``"query: "``."""

    passage: str | None = None
    """What stands in front of a passage, for example ``"passage: "``."""

    max_tokens: int | None = Field(None, ge=8, le=8192)
    """Longest text with its marks."""


class FolderModel(TokenModel):
    """The model of a folder; its name is the folder's with a mark that changes with the files and the habits."""

    languages: frozenset[str] = frozenset()
    """Not known: trusted with all."""

    def __init__(self, folder: Path) -> None:
        """Loads it. Raises ``KnowledgeError`` naming the file that is wrong, and what to do."""
        habits = habits_of(folder)
        tokenizer = FolderTokenizer(folder)
        encoder = _FolderEncoder(folder, [*tokenizer.before, *tokenizer.pieces("a", 1), *tokenizer.after])
        name = f"{folder.name}@{fingerprint(folder, habits.pooling, habits.question, habits.passage)}"
        super().__init__(name, tokenizer, encoder, habits)


class _FolderEncoder:
    """The folder's graph as an ``Encoder``."""

    def __init__(self, folder: Path, sample: Sequence[int]) -> None:
        """``sample``: tokens to find out with how long the vectors are."""
        self._graph = TextGraph(folder)
        self._output = next((name for name in _BY_TOKEN if name in self._graph.outputs), self._graph.outputs[0])
        tokens, lengths = padded([sample])
        shape = self._graph.run(self._output, tokens, lengths).shape
        if len(shape) != 3 or shape[:2] != tokens.shape:
            raise KnowledgeError(f"{self._graph.path}: output {self._output} has shape {shape}, not one vector a "
                                 "token. Export the model with its last_hidden_state")
        self.dim = int(shape[2])

    def hidden(self, texts: Sequence[Sequence[int]]) -> Floats:
        tokens, lengths = padded(texts)
        return packed(self._graph.run(self._output, tokens, lengths), lengths)


def habits_of(folder: Path) -> Habits:
    """How the model wants its texts, from its makers' files and the operator's. Raises ``KnowledgeError``.

    The models called e5 want "query: " and "passage: " in front, which their files do not say.
    """
    graph_file(folder)
    own = _own(folder)
    _refuse_further_layers(folder)
    prompts = settings(folder, "config_sentence_transformers.json").get("prompts") or {}
    if not any(prompts.values()) and re.search(r"(^|[-_])e5([-_]|$)", folder.name):
        prompts = {"query": "query: ", "passage": "passage: "}
    question = str(prompts.get("query", ""))
    passage = str(prompts.get("passage", prompts.get("document", "")))
    return Habits(
        limit=own.max_tokens or _limit(folder), pooling=own.pooling or _pooling(folder),
        question=question if own.question is None else own.question,
        passage=passage if own.passage is None else own.passage, batch_tokens=512)


def _own(folder: Path) -> FolderOptions:
    path = folder / OWN
    try:
        return FolderOptions.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except FileNotFoundError:
        return FolderOptions()
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise KnowledgeError(f"{path}: {where}: {first['msg']}") from fault
    except (OSError, ValueError, yaml.YAMLError) as fault:
        raise KnowledgeError(f"{path} cannot be read: {fault}") from fault


def _refuse_further_layers(folder: Path) -> None:
    """A layer behind the pooling would be left out, and the vectors be worth nothing."""
    modules: Any = settings(folder, "modules.json").get("", [])
    kinds = [str(module.get("type", "")).rpartition(".")[2] for module in modules if isinstance(module, dict)]
    further = [kind for kind in kinds if kind not in ("Transformer", "Pooling", "Normalize")]
    if further:
        raise KnowledgeError(f"{folder / 'modules.json'}: the model has a layer {further[0]} behind its pooling, which "
                             "is not supported: take another one, or an endpoint that serves it")


def _pooling(folder: Path) -> Pooling:
    config = settings(folder, "1_Pooling/config.json")
    wanted = [name for name, on in config.items() if name.startswith("pooling_mode_") and on is True]
    if not wanted:
        return "mean"
    if len(wanted) > 1 or wanted[0] not in _POOLINGS:
        raise KnowledgeError(f"{folder / '1_Pooling/config.json'}: {' and '.join(wanted)} is not supported; "
                             f"supported is one of {', '.join(_POOLINGS)}")
    return _POOLINGS[wanted[0]]


def _limit(folder: Path) -> int:
    """The least that anybody says. RoBERTa's relatives count places from 2 on: of 514, 512 can be used."""
    said = [settings(folder, "sentence_bert_config.json").get("max_seq_length")]
    config = settings(folder, "config.json")
    places = config.get("max_position_embeddings")
    if isinstance(places, int):
        said.append(places - 2 if "roberta" in str(config.get("model_type")) else places)
    return max(8, min([LONGEST, *(number for number in said if isinstance(number, int) and number > 0)]))
