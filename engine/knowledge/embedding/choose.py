"""The embedder and the reranker that the configuration names."""

import os
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path

from engine import modelfolders, modelstore
from engine.config.knowledge import KnowledgeOptions
from engine.config.providers import AzureEmbeddingOptions, EmbeddingOptions, OpenAiEmbeddingOptions, Provider
from engine.knowledge.embedding.endpoint import Endpoint
from engine.knowledge.embedding.folder import FolderModel
from engine.knowledge.embedding.glossed import JOINT, Glossed
from engine.knowledge.embedding.interface import Embedder
from engine.knowledge.embedding.minilm import By, MiniLM
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.search.rerank import CrossEncoder, Reranker
from engine.modelstore import ModelError
from engine.net.signing import credentials

FOLDERS = "embedding"
RERANKERS = "reranker"

_MINILM: Mapping[str, By] = {"auto": "auto", "minilm": "auto", "minilm-int8": "int8"}


def embedder(options: KnowledgeOptions, providers: Mapping[str, Provider] | None = None,
             environ: Mapping[str, str] = os.environ) -> Embedder | None:
    """What ``knowledge.embedding`` names; ``None``: keywords alone. ``providers`` are those of the configuration.

    Local models are loaded once a process (0.1 to some seconds: call it off the hub), endpoints are made anew each time
    and opened at the first text. Raises ``KnowledgeError`` for a name that is none, ``ModelMissing``, ``ProviderError``
    for a key that is not there.
    """
    name = options.embedding
    if name == "none" or (name == "auto" and not modelstore.installed("minilm")):
        return None
    if name in _MINILM:
        return _minilm(modelstore.path("minilm"), _MINILM[name], options.gloss)
    provider = (providers or {}).get(name)
    if isinstance(provider, (OpenAiEmbeddingOptions, AzureEmbeddingOptions)):
        sign = partial(credentials, name, provider, environ)
        sign().close()  # a key that is not there is told now, not at the first question
        return Endpoint(name, provider, sign)
    if modelfolders.kind_of(name) == FOLDERS:
        return _folder(_usable(FOLDERS, name, "knowledge.embedding"))
    raise KnowledgeError(_unknown(name, providers or {}))


def only_newer(embedder: Embedder, stored: str) -> bool:
    """Whether vectors of the model called ``stored`` are of this one in another version, and it is one that comes with
    Trunkline: computing them again costs this machine some time and nobody any money."""
    return isinstance(embedder, (MiniLM, Glossed)) and embedder.name != stored and (
        embedder.name.partition(JOINT)[0] == stored.partition(JOINT)[0])


def reranker(options: KnowledgeOptions) -> Reranker | None:
    """What ``knowledge.reranker`` names; ``None``: none. Loaded once a process, off the hub. Raises
    ``KnowledgeError``, ``ModelMissing``."""
    if not options.reranker:
        return None
    if modelfolders.kind_of(options.reranker) != RERANKERS:
        raise KnowledgeError(f"knowledge.reranker: '{options.reranker}' is no folder of this kind. {_there(RERANKERS)}")
    return _reranker(_usable(RERANKERS, options.reranker, "knowledge.reranker"), options.rerank_timeout_ms)


def _usable(kind: str, name: str, option: str) -> Path:
    try:
        return modelfolders.usable(kind, name).path
    except ModelError as fault:
        raise KnowledgeError(f"{option}: {fault}") from fault


def _unknown(name: str, providers: Mapping[str, Provider]) -> str:
    if name in providers:
        kinds = " and ".join(str(kind.model_fields["kind"].default) for kind in EmbeddingOptions.__subclasses__())
        return (f"knowledge.embedding: providers.{name} is of kind {providers[name].kind}, which makes no vectors; "
                f"kinds that do: {kinds}")
    remote = [each for each, options in providers.items() if isinstance(options, EmbeddingOptions)]
    return (f"knowledge.embedding: there is no '{name}'. It may be auto, none, minilm, minilm-int8, a provider that "
            f"makes vectors ({', '.join(remote) or 'there is none'}), or a model folder. {_there(FOLDERS)}")


def _there(kind: str) -> str:
    names = [folder.name for folder in modelfolders.folders() if folder.kind == kind]
    return f"Folders {kind}-...: {', '.join(names) or 'there is none'} (docs/operator/embeddings.md)"


@lru_cache(maxsize=8)
def _minilm(folder: Path, by: By, gloss: bool) -> MiniLM | Glossed:
    if gloss:
        model = _minilm(folder, by, False)
        return Glossed(model)
    return MiniLM(folder, by)


@lru_cache(maxsize=2)
def _folder(folder: Path) -> FolderModel:
    return FolderModel(folder)


@lru_cache(maxsize=2)
def _reranker(folder: Path, timeout_ms: int) -> CrossEncoder:
    return CrossEncoder(folder, timeout_ms)
