"""Tiny ONNX models and their tokenizers, made here: no weights of anybody."""

import json

import numpy as np

from engine.knowledge.embedding.onnx_writer import Graph

WORDS = ("the", "fee", "is", "six", "dollars", "late", "pay", "open", "day", "good", "bad", "query", "passage", ":",
         ".", "when", "how", "much")
DIM = 16
MARKS = ["<s>", "</s>", "<unk>"]


def tokenizer(folder):
    """Words, with ``<s>`` and ``</s>`` around, as the multilingual models have them."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {word: number for number, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", *WORDS])}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace()])
    made.add_special_tokens(MARKS)
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B:1 </s>:1", special_tokens=[("<s>", 0), ("</s>", 2)])
    made.save(str(folder / "tokenizer.json"))
    return vocabulary


def graph(*, kinds=False, output="last_hidden_state", further=(), shape=("texts", "longest", DIM)):
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if kinds else []), *further]
    inputs = dict.fromkeys(names, ("int64", ("texts", "longest")))
    return Graph(inputs, {output: ("float32", shape)})


def embedding(folder, *, seed=0, mixing=0.3, **options):
    """A token's vector is its word's, and something of every other word of the text: so filling that is not masked
    shows. Written as ``model.onnx``."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = tokenizer(folder)
    made = graph(**options)
    output = options.get("output", "last_hidden_state")
    table = np.random.default_rng(seed).standard_normal((len(vocabulary), DIM)).astype(np.float32)
    made.constant("table", table)
    made.constant("last", np.array([2], np.int64))
    made.constant("middle", np.array([1], np.int64))
    made.constant("mixing", np.array([mixing], np.float32))
    made.node("Gather", ["table", "input_ids"], "words")
    made.node("Cast", ["attention_mask"], "mask", to=1)
    made.node("Unsqueeze", ["mask", "last"], "wide mask")
    made.node("Mul", ["words", "wide mask"], "seen")
    made.node("ReduceSum", ["seen", "middle"], "all", keepdims=1)
    made.node("Mul", ["all", "mixing"], "some")
    made.node("Add", ["words", "some"], output)
    (folder / "model.onnx").write_bytes(made.to_bytes())
    return vocabulary, table


def reranker(folder, *, labels=1):
    """The more "good" in the passage and the less "bad", the higher; the question's words count nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = tokenizer(folder)
    made = graph(kinds=True, output="logits", shape=("texts", labels))
    worth = np.zeros((len(vocabulary), labels), np.float32)
    worth[vocabulary["good"], -1], worth[vocabulary["bad"], -1] = 2, -2
    made.constant("worth", worth)
    made.constant("last", np.array([2], np.int64))
    made.constant("middle", np.array([1], np.int64))
    made.node("Gather", ["worth", "input_ids"], "each")
    made.node("Mul", ["attention_mask", "token_type_ids"], "second text")
    made.node("Cast", ["second text"], "counts", to=1)
    made.node("Unsqueeze", ["counts", "last"], "wide")
    made.node("Mul", ["each", "wide"], "counted")
    made.node("ReduceSum", ["counted", "middle"], "logits", keepdims=0)
    (folder / "model.onnx").write_bytes(made.to_bytes())


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
