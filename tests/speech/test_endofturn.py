"""The end-of-turn model: an operator's file, used when it can be, and never a reason for a call to fail."""

import logging
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from engine import endofturn
from engine.config import TurnOptions
from engine.turns.endpointing import Endpointing

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "my", "number", "is", "yes", "please")


class Model:
    """Says that a text is done unless its last word is "is"."""

    def __init__(self, outputs=2, inputs=("input_ids", "attention_mask"), fault=None):
        self.outputs, self.inputs, self.fault, self.fed = outputs, inputs, fault, []

    def get_inputs(self):
        return [SimpleNamespace(name=name) for name in self.inputs]

    def run(self, names, feed):
        assert all(array.dtype == np.int64 and array.shape[0] == 1 for array in feed.values())
        if self.fault:
            raise self.fault
        self.fed.append(feed)
        done = -3.0 if feed["input_ids"][0, -2] == WORDS.index("is") else 3.0
        return [np.array([[0.0, done] if self.outputs == 2 else [done]], np.float32)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a model, and an onnxruntime that loads it."""
    (tmp_path / "model.onnx").write_bytes(b"x")
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    runtime = SimpleNamespace(SessionOptions=SimpleNamespace, model=Model())
    runtime.InferenceSession = lambda path, options, providers: runtime.model
    monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
    return tmp_path, runtime


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("inputs", [("input_ids", "attention_mask"), ("token_type_ids", "input_ids", "attention_mask")])
def test_the_model_decides_how_long_the_caller_is_waited_for(folder, outputs, inputs):
    """Logits of one class or two, with the inputs that it asks for and no others."""
    path, runtime = folder
    runtime.model = Model(outputs, inputs)
    waits = Endpointing(TurnOptions(), endofturn.load(path))
    assert waits.wait_s("yes please", False) == 0.5
    assert waits.wait_s("my number is", False) > 2.5
    assert set(runtime.model.fed[0]) == set(inputs)


def test_only_the_last_words_are_shown_to_it(folder):
    """A caller who talks for minutes costs no more than one who does not."""
    path, runtime = folder
    score = endofturn.load(path)
    score("yes " * 500)
    assert runtime.model.fed[-1]["input_ids"].shape[1] <= endofturn.LAST_WORDS + 2


def test_a_model_that_fails_leaves_it_to_the_words(folder, caplog):
    path, runtime = folder
    score = endofturn.load(path)
    runtime.model.fault = RuntimeError("out of memory")
    assert score("my number is") is None and score("") is None
    assert Endpointing(TurnOptions(), score).wait_s("yes", False) == 0.5
    assert "the end-of-turn model failed" in caplog.text


def test_no_model_is_no_fault(tmp_path, caplog):
    assert endofturn.load(tmp_path) is None and caplog.text == ""


def test_a_model_that_cannot_be_used_is_said_and_left_out(folder, monkeypatch, caplog):
    """Without onnxruntime, with a file that is none, without a vocabulary, or too slow for the hub."""
    path, runtime = folder
    caplog.set_level(logging.WARNING)
    with monkeypatch.context() as slow:
        slow.setattr(endofturn, "SLOWEST_MS", -1.0)
        assert endofturn.load(path) is None and "it takes" in caplog.text
    runtime.model = Model(fault=ValueError("bad graph"))
    assert endofturn.load(path) is None and "bad graph" in caplog.text
    (path / "vocab.txt").unlink()
    assert endofturn.load(path) is None and "vocab.txt" in caplog.text
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert endofturn.load(path) is None and "pip install" in caplog.text
