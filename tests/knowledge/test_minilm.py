"""The embedding model: the same vectors as the reference, and the tokenizer's rules without the model."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from engine.knowledge.embedding import safetensors
from engine.knowledge.embedding.bert import gelu
from engine.knowledge.embedding.minilm import MiniLM
from engine.knowledge.embedding.wordpiece import WordPiece, words
from engine.knowledge.errors import KnowledgeError

REFERENCE = json.loads((Path(__file__).parents[1] / "data/knowledge/minilm-reference.json").read_text())


def test_vectors_equal_the_reference(minilm):
    """The fixture was computed with torch 2.13 and transformers from the same weights (first 8 dimensions), with
    accents, CJK, Devanagari, an over-long word and a text beyond 256 tokens."""
    vectors = minilm.encode([entry["text"] for entry in REFERENCE])
    assert np.abs(vectors[:, :8] - [entry["vector"] for entry in REFERENCE]).max() < 2e-6
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_a_text_has_the_same_vector_in_any_batch(minilm):
    """Padding must not leak into a vector: callers compare vectors from batches with those of single questions."""
    texts = ["short", "a text that is quite a bit longer than the others in this batch " * 4, "", "middle sized text"]
    together = minilm.encode(texts)
    for text, vector in zip(texts, together, strict=True):
        assert minilm.encode([text])[0] == pytest.approx(vector, abs=2e-6)


def test_like_meanings_are_near(minilm):
    one, same, other = minilm.encode(["My internet is down", "The connection does not work", "I like cheese"])
    assert one @ same > 0.4 > one @ other


def test_gelu_is_the_exact_one():
    x = np.linspace(-8, 8, 4001, dtype=np.float32)
    exact = [value / 2 * (1 + math.erf(value / math.sqrt(2))) for value in x.tolist()]
    rows = x.reshape(-1, 1)
    gelu(rows)  # in place
    assert np.abs(x - exact).max() < 1e-6


@pytest.fixture
def pieces(tmp_path):
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "un", "##known", "cafe", "!", "漢", "a"]
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    return WordPiece(tmp_path / "vocab.txt")


@pytest.mark.parametrize(("text", "numbers"), [
    ("The unknown Café!", [2, 4, 5, 6, 7, 8, 3]),
    ("漢a", [2, 9, 10, 3]),
    ("unseen", [2, 1, 3]),
    ("a" * 101, [2, 1, 3]),
    ("", [2, 3]),
    ("the\x00\u200b the\t\n", [2, 4, 4, 3]),
])
def test_wordpiece(pieces, text, numbers):
    assert pieces.encode(text) == numbers


def test_wordpiece_truncates_before_the_end_mark(pieces):
    assert pieces.encode("the " * 50, limit=8) == [2, 4, 4, 4, 4, 4, 4, 3]


def test_words_are_split_at_punctuation():
    assert words("Don't—stop, Señor_X") == ["don", "'", "t", "—", "stop", ",", "senor", "_", "x"]


@pytest.mark.parametrize("content", [b"", b"\x08", b"\xff" * 64, (10).to_bytes(8, "little") + b"not json!!",
                                     (2).to_bytes(8, "little") + b"[]"])
def test_a_damaged_model_file_is_named(tmp_path, content):
    """A half-copied model must say which file it is and what to do, not end in a numpy error."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(KnowledgeError, match=r"model\.safetensors.*trunkline models install"):
        safetensors.read(path)


def test_safetensors_reads_what_was_written(tmp_path):
    header = json.dumps({"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
                         "__metadata__": {"x": "y"}}).encode()
    data = np.arange(4, dtype="<f4").tobytes()
    path = tmp_path / "x.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    assert safetensors.read(path)["a"].tolist() == [[0, 1], [2, 3]]


def test_a_folder_without_the_model_is_named(tmp_path):
    with pytest.raises(KnowledgeError, match="does not hold the embedding model"):
        MiniLM(tmp_path)
