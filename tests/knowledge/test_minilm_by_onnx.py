"""The same model by onnxruntime: the same vectors as by numpy, in 8 bits near them, from any number of threads."""

import importlib.util
import json
import sys
from pathlib import Path

import gevent
import numpy as np
import pytest

from engine.knowledge.embedding import minilm
from engine.knowledge.embedding.interface import PassageText
from engine.knowledge.embedding.minilm import MiniLM
from engine.knowledge.errors import KnowledgeError
from tests.knowledge.conftest import MODEL

ENTRIES = json.loads((Path(__file__).parents[1] / "data/knowledge/minilm-reference.json").read_text())
TEXTS = [entry["text"] for entry in ENTRIES]
PASSAGES = [
    PassageText("Paying late", ("The late fee is six dollars.", "It is charged after fourteen days.")),
    PassageText("", ("One sentence alone.",)),
    PassageText("A heading " * 200, ("Seen.",)),
    PassageText("Long", tuple(f"Sentence number {number} of a very long passage." for number in range(60))),
    PassageText("Nothing", ()),
]


@pytest.fixture(scope="module")
def numpy_model():
    if MODEL is None:
        pytest.skip("the embedding model is not installed (trunkline models install minilm)")
    return MiniLM(MODEL, "numpy")


@pytest.fixture(scope="module", params=["onnx", "int8"])
def other(request, numpy_model):
    pytest.importorskip("onnxruntime")
    return MiniLM(MODEL, request.param)


@pytest.fixture(scope="module")
def onnx_model(numpy_model):
    pytest.importorskip("onnxruntime")
    return MiniLM(MODEL, "onnx")


def cosines(some, others):
    return (some * others).sum(axis=-1)


def test_onnxruntime_gives_the_vectors_of_the_reference(onnx_model):
    """A collection embedded by one must be searchable by the other: both carry the same name."""
    vectors = onnx_model.encode(TEXTS)
    assert np.abs(vectors[:, :8] - [entry["vector"] for entry in ENTRIES]).max() < 5e-6
    assert onnx_model.name == "all-MiniLM-L6-v2"


def test_passages_and_their_sentences_are_those_of_numpy(numpy_model, onnx_model):
    for one, same in zip(numpy_model.encode_passages(PASSAGES), onnx_model.encode_passages(PASSAGES), strict=True):
        assert cosines(one.whole, same.whole) > 0.99999
        assert one.statements.shape == same.statements.shape
        seen = np.linalg.norm(one.statements, axis=1) > 0
        assert (cosines(one.statements, same.statements)[seen] > 0.99999).all()
        assert not same.statements[~seen].any()


def test_a_sentence_beyond_what_the_model_sees_has_zeros(numpy_model):
    """Zeros are never near to anything; a vector of other words would be found for the wrong sentence."""
    _, alone, heading, long, empty = numpy_model.encode_passages(PASSAGES)
    lengths = np.linalg.norm(long.statements, axis=1)
    assert lengths[0] == pytest.approx(1, abs=1e-5) and not lengths[-1] and len(lengths) == 60
    assert np.linalg.norm(heading.statements[0]) == pytest.approx(1, abs=1e-5)  # headings take half of the room at most
    assert alone.statements.shape == (1, 384) and empty.statements.shape == (0, 384)


def test_eight_bits_have_another_name_and_stay_near(numpy_model):
    """Quantised vectors must not be compared with exact ones stored before: the name keeps them apart."""
    pytest.importorskip("onnxruntime")
    small = MiniLM(MODEL, "int8")
    assert small.name != numpy_model.name
    assert cosines(small.encode(TEXTS), numpy_model.encode(TEXTS)).min() > 0.98


def test_a_text_has_one_vector_in_any_company(other):
    texts = ["short", "a text that is quite a bit longer than the others in this batch " * 4, "", "middle sized text"]
    together = other.encode(texts)
    for text, vector in zip(texts, together, strict=True):
        assert other.encode([text])[0] == pytest.approx(vector, abs=5e-6)


def test_threads_share_a_model(other):
    """Pool threads embed at once: none may see another's numbers."""
    expected = other.encode(TEXTS)
    pool = gevent.get_hub().threadpool
    jobs = [pool.spawn(lambda: [other.encode(TEXTS) for _ in range(3)]) for _ in range(4)]
    for job in jobs:
        for vectors in job.get(timeout=30):
            assert np.abs(vectors - expected).max() < 1e-5


def test_no_texts_make_no_vectors(other, numpy_model):
    assert other.encode([]).shape == numpy_model.encode([]).shape == (0, 384)
    assert numpy_model.encode_passages([]) == []


def test_without_onnxruntime_numpy_serves_and_a_wish_for_it_is_explained(numpy_model, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else find(name))
    assert MiniLM(MODEL).by == "numpy"
    with pytest.raises(KnowledgeError, match=r"trunkline\[fast\]"):
        MiniLM(MODEL, "int8")


def test_an_onnxruntime_that_does_not_run_here_is_done_without(numpy_model, monkeypatch, caplog):
    """A wheel for another processor or library must not take search by meaning away."""
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # importing it raises ImportError
    monkeypatch.setattr(minilm, "has_onnxruntime", lambda: True)
    assert MiniLM(MODEL).by == "numpy"
    assert "numpy does" in caplog.text


def test_a_model_file_without_a_layer_is_named(tmp_path):
    """Another BERT in this folder must not end in a KeyError of numpy."""
    (tmp_path / "config.json").write_text('{"num_hidden_layers": 1, "num_attention_heads": 1, "layer_norm_eps": 1e-12}')
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n")
    header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(KnowledgeError, match=r"does not hold the embedding model \('embeddings"):
        MiniLM(tmp_path, "numpy")
