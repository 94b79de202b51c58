"""``trunkline doctor`` on search by meaning: what answers questions, and what is wrong with the names."""

import pytest

from engine.cli import knowledge_checks
from engine.config import Config
from tests.knowledge import tiny_models


@pytest.fixture
def models(tmp_path, monkeypatch):
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def look(**knowledge):
    config = Config.model_validate({"knowledge": knowledge, "providers": {
        "vectors": {"kind": "openai_embeddings", "model": "m", "base_url": "http://127.0.0.1:9/v1"}}})
    return [*knowledge_checks.embedding(config, {}, 3.0), *knowledge_checks.reranker(config, 3.0)]


def test_keywords_alone_are_a_warning_unless_they_were_wished_for(models):
    assert [(status, todo) for status, _, todo in look()] == [
        ("warn", "trunkline models install minilm, then ingest again")]
    assert [status for status, _, _ in look(embedding="none")] == ["pass"]


def test_an_endpoint_is_named_and_not_asked(models):
    """Most take money for every request."""
    assert look(embedding="vectors") == [
        ("pass", "vectors by vectors (openai_embeddings:m); its connection is looked at under providers", "")]


def test_folders_are_loaded_and_timed(models):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tokenizers")
    tiny_models.embedding(models / "embedding-tiny")
    tiny_models.reranker(models / "reranker-tiny")
    rows = look(embedding="embedding-tiny", reranker="reranker-tiny", rerank_timeout_ms=60_000)
    assert [status for status, _, _ in rows] == ["pass", "pass"]
    assert "embedding-tiny@" in rows[0][1] and "a question in" in rows[0][1]
    assert "reranker-tiny@" in rows[1][1] and "8 passages in" in rows[1][1]


def test_wrong_names_fail(models):
    rows = look(embedding="nothing", reranker="nothing")
    assert [status for status, _, _ in rows] == ["fail", "fail"]
    assert rows[0][1].startswith("knowledge.embedding: there is no 'nothing'")
    assert rows[1][1].startswith("knowledge.reranker: 'nothing'")
