"""Rerankers of models/reranker-*: order, range, the deadline, and what a wrong folder says."""

import pytest

from engine.knowledge.errors import KnowledgeError
from engine.knowledge.search.rerank import AT_ONCE, CrossEncoder
from tests.knowledge import tiny_models

pytest.importorskip("onnxruntime")
pytest.importorskip("tokenizers")


@pytest.fixture
def folder(tmp_path):
    tiny_models.reranker(tmp_path / "reranker-tiny")
    return tmp_path / "reranker-tiny"


class Clock:
    """Each look at it takes ``step_s``."""

    def __init__(self, step_s):
        self.now, self.step_s, self.looks = 0.0, step_s, 0

    def __call__(self):
        self.looks += 1
        self.now += self.step_s
        return self.now


@pytest.mark.parametrize("labels", [1, 2])
def test_scores_lie_between_0_and_1_in_the_order_of_the_texts(tmp_path, labels):
    """Graphs with one logit and with two (no, yes) are both common."""
    tiny_models.reranker(tmp_path / "reranker-x", labels=labels)
    model = CrossEncoder(tmp_path / "reranker-x", timeout_ms=60_000)
    texts = ["bad", "the good fee is good", "fee", "good"] * 3
    scores = model.score("how much is the good good fee", texts)
    assert scores == pytest.approx([0.1192, 0.9820, 0.5, 0.8808] * 3, abs=1e-4)


def test_a_long_passage_is_cut_and_not_the_question(folder):
    model = CrossEncoder(folder, timeout_ms=60_000)
    assert model.score("when", ["good " + "fee " * 20_000 + "bad bad bad"]) == pytest.approx([0.8808], abs=1e-4)


def test_no_texts_and_no_question(folder):
    model = CrossEncoder(folder, timeout_ms=60_000)
    assert model.score("when", []).shape == (0,)
    assert model.score("\ud800", ["good", "", "\ud800"]) == pytest.approx([0.8808, 0.5, 0.5], abs=1e-4)


def test_it_gives_up_when_the_rest_cannot_be_ready_in_time(folder):
    """A caller waits: what vectors found must be said in time, even if another order were better."""
    clock = Clock(0.030)
    model = CrossEncoder(folder, timeout_ms=200, clock=clock)
    assert model.score("when", ["good"] * AT_ONCE) is not None
    looked = clock.looks
    assert model.score("when", ["good"] * AT_ONCE * 100) is None
    assert clock.looks - looked < 20


@pytest.mark.parametrize("make", [
    lambda folder: (folder / "model.onnx").unlink(),
    lambda folder: (folder / "model.onnx").write_bytes(b"\x08"),
    lambda folder: (folder / "tokenizer.json").unlink(),
    lambda folder: tiny_models.reranker(folder, labels=3),
])
def test_a_wrong_folder_is_named(folder, make):
    make(folder)
    with pytest.raises(KnowledgeError, match="reranker-tiny"):
        CrossEncoder(folder, timeout_ms=200)
