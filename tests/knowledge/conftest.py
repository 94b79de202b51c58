"""Collections in a temporary home; a hash-based embedder where the model's own quality does not matter."""

import hashlib

import numpy as np
import pytest

from engine import modelstore
from engine.knowledge.base import KnowledgeBase
from engine.knowledge.embedding.interface import PassageVectors
from engine.knowledge.embedding.minilm import MiniLM
from engine.knowledge.filling.ingest import ingest
from engine.knowledge.reading.reader import Reader
from engine.knowledge.words.text import terms

MODEL = modelstore.path("minilm") if modelstore.installed("minilm") else None


class WordVectors:
    """A text is the sum of random vectors of its stems: like words, like vectors. Counts what it is given."""

    name = "words"
    dim = 64
    languages = frozenset()

    def __init__(self):
        self.encoded = []

    def encode(self, texts):
        self.encoded.extend(texts)
        return np.stack([self._vector(text) for text in texts])

    def encode_passages(self, passages):
        """A sentence in its context: its own words and those above."""
        return [PassageVectors(self.encode([". ".join((passage.above, *passage.statements))])[0],
                               self.encode([f"{passage.above}. {text}" for text in passage.statements]))
                for passage in passages]

    def _vector(self, text):
        total = np.full(self.dim, 1e-6, np.float32)
        for term in set(terms(text)):
            seed = int.from_bytes(hashlib.sha256(term.encode()).digest()[:8], "little")
            total += np.random.default_rng(seed).standard_normal(self.dim).astype(np.float32)
        return total / np.linalg.norm(total)


class Desk:
    """A folder of documents and the collection made of it."""

    def __init__(self, folder, embedder, reader=None):
        self.folder = folder
        self.embedder = embedder
        self.reader = reader

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def ingest(self, embedder="own", collection="desk"):
        return ingest([self.folder], collection, self.embedder if embedder == "own" else embedder, reader=self.reader)

    def open(self, options=None):
        return KnowledgeBase.open("desk", options, self.embedder)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="session")
def reader():
    """One for all tests: its processes take half a second to start."""
    with Reader() as made:
        yield made


@pytest.fixture
def desk(tmp_path, reader):
    folder = tmp_path / "documents"
    folder.mkdir()
    return Desk(folder, WordVectors(), reader)


@pytest.fixture(scope="session")
def minilm():
    if MODEL is None:
        pytest.skip("the embedding model is not installed (trunkline models install minilm)")
    return MiniLM(MODEL)
