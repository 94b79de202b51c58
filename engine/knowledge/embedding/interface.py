"""What turns text into vectors, as ingest and search see it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeGuard

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PassageText:
    """What of a passage is embedded: ``above`` is title and headings, ``statements`` its sentences."""

    above: str
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PassageVectors:
    """``whole``: unit vector of the passage, shape (dim,). ``statements``: unit vectors of its sentences in their
    context, shape (sentences, dim); zeros for one that lies beyond what the model sees; shape (0, dim) from a model
    that gives none."""

    whole: Floats
    statements: Floats


class Embedder(Protocol):
    """Thread-safe. ``name`` tells vectors of one model from those of another: they are never compared."""

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    @property
    def languages(self) -> frozenset[str]:
        """The languages that it knows; empty: all that matter here."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """Unit vectors, shape (len(texts), dim), in order. Takes CPU or network time: never call it in the hub."""

    def encode_passages(self, passages: Sequence[PassageText]) -> list[PassageVectors]:
        """Vectors of passages and of their sentences, in order. Takes CPU or network time, likewise."""


class RemoteEmbedder(Embedder, Protocol):
    """An embedder behind the network. ``encode`` and ``encode_passages`` are patient, for ingest: they try again and
    wait as long as the service asks. All raise ``ProviderFault``."""

    def encode_now(self, texts: Sequence[str]) -> Floats:
        """As ``encode``, for a caller who waits: one try within a short deadline, and none while the endpoint is known
        to be down. Best called in the hub: it waits there as a socket does, and holds no pool thread."""


def is_remote(embedder: Embedder) -> TypeGuard[RemoteEmbedder]:
    """Whether it is behind the network. Asks it nothing."""
    return hasattr(embedder, "encode_now")
