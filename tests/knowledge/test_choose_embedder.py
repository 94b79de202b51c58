"""knowledge.embedding and knowledge.reranker: each name leads to its model, and a wrong one to what to do."""

import pytest

from engine.config import Config, KnowledgeOptions
from engine.config.providers import OpenAiEmbeddingOptions
from engine.knowledge.embedding import choose, local
from engine.knowledge.embedding.endpoint import Endpoint
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.words.gloss import VERSION
from engine.modelstore import ModelMissing
from engine.net.signing import ProviderError
from tests.knowledge import tiny_models
from tests.knowledge.conftest import MODEL

PROVIDERS = {"vectors": {"kind": "openai_embeddings", "model": "m", "base_url": "http://127.0.0.1:9/v1",
                         "api_key_env": "VECTORS_KEY"},
             "azure": {"kind": "azure_embeddings", "deployment": "d", "base_url": "https://x.openai.azure.com",
                       "entra": {"tenant_id": "t", "client_id": "c", "client_secret": "s"}},
             "gpt": {"kind": "openai_chat", "model": "m", "base_url": "http://127.0.0.1:9/v1"}}


def embedder(name, environ=None):
    config = Config.model_validate({"knowledge": {"embedding": name}, "providers": PROVIDERS})
    return choose.embedder(config.knowledge, config.providers, environ or {"VECTORS_KEY": "k"})


@pytest.fixture
def models(home):
    (home / "models").mkdir(parents=True)
    return home / "models"


@pytest.fixture
def installed(models):
    if MODEL is None:
        pytest.skip("the embedding model is not installed (trunkline models install minilm)")
    (models / "minilm").symlink_to(MODEL.absolute())


def test_without_the_model_auto_means_keywords_and_minilm_says_what_to_type(models):
    """An installation without models must answer; one that was told to use a model must not do without silently."""
    assert embedder("auto") is None and embedder("none") is None and local.local() is None
    with pytest.raises(ModelMissing, match="trunkline models install minilm"):
        embedder("minilm")


def test_the_installed_model_is_loaded_once(installed):
    assert embedder("auto") is embedder("auto") is local.local()
    assert embedder("minilm").name == f"all-MiniLM-L6-v2+gloss{VERSION}"


def test_minilm_is_given_english_words_unless_that_is_switched_off(installed):
    """It knows English only. Vectors with and without the gloss must never be compared, so their names differ."""
    plain = choose.embedder(KnowledgeOptions(gloss=False))
    assert plain.name == "all-MiniLM-L6-v2" and embedder("auto").plain is plain
    assert choose.only_newer(plain, embedder("auto").name) and choose.only_newer(embedder("auto"), plain.name)
    assert choose.only_newer(plain, "all-MiniLM-L6-v2+gloss0")
    assert not choose.only_newer(plain, plain.name) and not choose.only_newer(plain, "openai_embeddings:m")
    paid = Endpoint("vectors", OpenAiEmbeddingOptions(model="m", api_key_env="K"), None)
    assert not choose.only_newer(paid, plain.name)


def test_eight_bits_by_name(installed):
    pytest.importorskip("onnxruntime")
    assert embedder("minilm-int8").name.startswith("all-MiniLM-L6-v2-int8+")


def test_a_provider_by_its_name_opens_no_connection():
    endpoint = embedder("vectors")
    assert isinstance(endpoint, Endpoint) and endpoint.provider == "vectors"
    assert embedder("azure").name == "azure_embeddings:d"


def test_a_key_that_is_not_there_is_told_at_the_start():
    with pytest.raises(ProviderError, match=r"providers\.vectors\.api_key_env: the environment has no VECTORS_KEY"):
        embedder("vectors", {"OTHER": "x"})


def test_a_folder_by_its_name(models):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tokenizers")
    tiny_models.embedding(models / "embedding-tiny")
    found = embedder("embedding-tiny")
    assert found.name.startswith("embedding-tiny@") and found.dim == tiny_models.DIM
    assert embedder("embedding-tiny") is found


@pytest.mark.parametrize(("name", "said"), [
    ("gpt", "providers.gpt is of kind openai_chat, which makes no vectors; kinds that do: openai_embeddings and azure"),
    ("vektors", r"there is no 'vektors'\. It may be auto, none, .* makes vectors \(vectors, azure\).*there is none"),
    ("embedding-absent", "knowledge.embedding: there is no model folder 'embedding-absent'"),
    ("reranker-tiny", "there is no 'reranker-tiny'"),
])
def test_a_wrong_name_says_what_there_is(models, name, said):
    pytest.importorskip("tokenizers")
    with pytest.raises(KnowledgeError, match=said):
        embedder(name)


def test_a_folder_that_was_not_copied_whole_is_named(models):
    pytest.importorskip("tokenizers")
    (models / "embedding-half").mkdir()
    (models / "embedding-half" / "tokenizer.json").write_text("{}")
    with pytest.raises(KnowledgeError, match=r"embedding-half: no file \*\*/model"):
        embedder("embedding-half")


def test_the_reranker_by_its_name(models):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tokenizers")
    assert choose.reranker(KnowledgeOptions()) is None
    tiny_models.reranker(models / "reranker-tiny")
    options = KnowledgeOptions(reranker="reranker-tiny", rerank_timeout_ms=60_000)
    assert choose.reranker(options).score("when", ["bad", "good"]).argmax() == 1
    assert choose.reranker(options) is choose.reranker(options)
    for wrong, said in (("minilm", "no folder of this kind.*reranker-tiny"), ("reranker-x", "no model folder")):
        with pytest.raises(KnowledgeError, match=said):
            choose.reranker(KnowledgeOptions(reranker=wrong))
