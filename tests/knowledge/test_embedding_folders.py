"""Models that an operator puts into models/embedding-*: pooling, prefixes, limits, and what a wrong folder says."""

import numpy as np
import pytest

from engine.knowledge.embedding.folder import FolderModel, habits_of
from engine.knowledge.embedding.interface import PassageText
from engine.knowledge.errors import KnowledgeError
from tests.knowledge import tiny_models
from tests.knowledge.tiny_models import write

pytest.importorskip("onnxruntime")
pytest.importorskip("tokenizers")


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "embedding-tiny"
    tiny_models.embedding(path)
    return path


def expected(folder_made, words):
    """By hand, what the tiny model gives for each of these tokens."""
    vocabulary, table = folder_made
    rows = table[[vocabulary[word] for word in words]]
    return rows + 0.3 * rows.sum(axis=0)


def near(vector, rows):
    return vector @ rows / np.linalg.norm(rows)


@pytest.mark.parametrize(("pooling", "config", "pick"), [
    ("mean", {"pooling_mode_mean_tokens": True}, lambda rows: rows.mean(axis=0)),
    ("cls", {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, lambda rows: rows[0]),
    ("last", {"pooling_mode_lasttoken": True, "pooling_mode_cls_token": False}, lambda rows: rows[-1]),
])
def test_a_text_is_pooled_as_the_makers_say(tmp_path, pooling, config, pick):
    """The wrong pooling gives vectors that look well and find nothing."""
    made = tiny_models.embedding(tmp_path / "embedding-x")
    write(tmp_path / "embedding-x", "1_Pooling/config.json", config)
    model = FolderModel(tmp_path / "embedding-x")
    assert model.habits.pooling == pooling
    rows = expected(made, ["<s>", "late", "fee", "</s>"])
    assert near(model.encode(["Late fee"])[0], pick(rows)) == pytest.approx(1, abs=1e-5)


def test_a_sentence_has_the_mean_of_its_own_tokens_in_the_whole_passage(tmp_path):
    made = tiny_models.embedding(tmp_path / "embedding-x")
    model = FolderModel(tmp_path / "embedding-x")
    found = model.encode_passages([PassageText("pay", ("the fee", "is six dollars"))])[0]
    rows = expected(made, ["<s>", "pay", ".", "the", "fee", "is", "six", "dollars", "</s>"])
    assert near(found.whole, rows.mean(axis=0)) == pytest.approx(1, abs=1e-5)
    assert near(found.statements[0], rows[3:5].mean(axis=0)) == pytest.approx(1, abs=1e-5)
    assert near(found.statements[1], rows[5:8].mean(axis=0)) == pytest.approx(1, abs=1e-5)


def test_a_model_that_is_not_made_for_means_gives_no_sentences(folder):
    write(folder, "embedding.yaml", "pooling: cls")
    assert FolderModel(folder).encode_passages([PassageText("", ("the fee",))])[0].statements.shape == (0, 16)


def test_e5_gets_the_words_that_its_makers_want_in_front(tmp_path):
    """multilingual-e5's files do not say it, and without them its vectors are worse."""
    made = tiny_models.embedding(tmp_path / "embedding-multilingual-e5-small")
    model = FolderModel(tmp_path / "embedding-multilingual-e5-small")
    question = expected(made, ["<s>", "query", ":", "fee", "</s>"]).mean(axis=0)
    passage = expected(made, ["<s>", "passage", ":", "pay", ".", "fee", "</s>"]).mean(axis=0)
    assert near(model.encode(["fee"])[0], question) == pytest.approx(1, abs=1e-5)
    assert near(model.encode_passages([PassageText("pay", ("fee",))])[0].whole, passage) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("files", "habits"), [
    ({}, ("", "", 512)),
    ({"config_sentence_transformers.json": {"prompts": {"query": "Q ", "passage": "P "}}}, ("Q ", "P ", 512)),
    ({"config_sentence_transformers.json": {"prompts": {"query": "Q ", "document": "D "}}}, ("Q ", "D ", 512)),
    ({"config_sentence_transformers.json": {"prompts": {"query": "Q "}}, "embedding.yaml": "question: ''"},
     ("", "", 512)),
    ({"sentence_bert_config.json": {"max_seq_length": 128}, "config.json": {"max_position_embeddings": 512}},
     ("", "", 128)),
    ({"config.json": {"max_position_embeddings": 514, "model_type": "xlm-roberta"}}, ("", "", 512)),
    ({"config.json": {"max_position_embeddings": 8192}}, ("", "", 512)),
    ({"config.json": {"max_position_embeddings": 8192}, "embedding.yaml": "max_tokens: 1000"}, ("", "", 1000)),
])
def test_habits_come_from_the_makers_files_and_the_operators(folder, files, habits):
    for name, content in files.items():
        write(folder, name, content)
    found = habits_of(folder)
    assert (found.question, found.passage, found.limit) == habits


def test_a_text_has_one_vector_in_any_company(folder):
    """Filling must be masked."""
    model = FolderModel(folder)
    texts = ["fee", "the late fee is six dollars when late", "", "half a character \ud800", "👋" * 3000]
    for text, vector in zip(texts, model.encode(texts), strict=True):
        assert model.encode([text])[0] == pytest.approx(vector, abs=1e-5)


def test_long_texts_are_cut_and_the_end_mark_stays(tmp_path):
    made = tiny_models.embedding(tmp_path / "embedding-x", mixing=0.0)
    write(tmp_path / "embedding-x", "embedding.yaml", "max_tokens: 8\npooling: last")
    model = FolderModel(tmp_path / "embedding-x")
    assert near(model.encode(["fee " * 5000])[0], expected(made, ["</s>"])[0]) == pytest.approx(1, abs=1e-5)


def test_the_name_changes_with_weights_and_habits_and_not_with_the_place(tmp_path, folder):
    """Vectors of another model in a folder of the same name must never be compared with the old ones."""
    name = FolderModel(folder).name
    tiny_models.embedding(tmp_path / "copy" / folder.name)
    assert FolderModel(tmp_path / "copy" / folder.name).name == name
    tiny_models.embedding(tmp_path / "other" / folder.name, seed=1)
    write(folder, "embedding.yaml", "passage: 'passage: '")
    assert len({name, FolderModel(folder).name, FolderModel(tmp_path / "other" / folder.name).name}) == 3
    assert name.startswith("embedding-tiny@")


@pytest.mark.parametrize(("name", "content", "said"), [
    ("model.onnx", "not a model", r"model\.onnx is no ONNX model"),
    ("tokenizer.json", "{", r"tokenizer\.json is no tokenizer"),
    ("embedding.yaml", "poling: cls", r"embedding\.yaml: poling"),
    ("embedding.yaml", "pooling: sum", r"embedding\.yaml: pooling"),
    ("embedding.yaml", "a: [", r"embedding\.yaml cannot be read"),
    ("config.json", "{", r"config\.json cannot be read"),
    ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}, "pooling_mode_max_tokens is not supported"),
    ("modules.json", [{"type": "sentence_transformers.models.Transformer"},
                      {"type": "sentence_transformers.models.Dense"}], "layer Dense"),
])
def test_a_wrong_file_is_named(folder, name, content, said):
    write(folder, name, content)
    with pytest.raises(KnowledgeError, match=said):
        FolderModel(folder)


def test_a_folder_without_a_model_says_so(tmp_path):
    with pytest.raises(KnowledgeError, match=r"no model\.onnx"):
        FolderModel(tmp_path)


def test_a_graph_that_wants_something_else_is_refused(tmp_path):
    tiny_models.embedding(tmp_path / "embedding-x", further=("past_key_values",))
    with pytest.raises(KnowledgeError, match="wants past_key_values"):
        FolderModel(tmp_path / "embedding-x")


def test_a_graph_of_whole_texts_is_refused(tmp_path):
    tiny_models.reranker(tmp_path / "embedding-x")
    with pytest.raises(KnowledgeError, match="not one vector a token"):
        FolderModel(tmp_path / "embedding-x")
