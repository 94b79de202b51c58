"""``vector_stores:`` in the configuration, what the environment adds, and what the errors say."""

import re
from pathlib import Path

import pytest

from engine.config import Config
from engine.config.vectorstores import AzureSearchOptions, PgVectorOptions, PineconeOptions, QdrantOptions
from engine.configfile import ConfigError, differences, load
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.vectorstores.setup import open_named, open_store

PAGE = Path(__file__).parents[2] / "docs/operator/vector-stores.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL) if PAGE.exists() else []
ENVIRON = {"DATABASE_URL": "postgresql://trunkline@127.0.0.1/trunkline", "QDRANT_URL": "http://127.0.0.1:6333/",
           "QDRANT_API_KEY": "key-1", "OTHER_QDRANT_KEY": "key-5",
           "PINECONE_API_KEY": "key-2", "PINECONE_INDEX_NAME": "esce-documents",
           "AZURE_SEARCH_KEY": "key-3", "SEARCH_SECRET": "s", "AZURE_OPENAI_API_KEY": "key-4",
           "AZURE_STORAGE_CONNECTION_STRING": "AccountName=a;AccountKey=a2V5"}


def test_the_page_has_examples():
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_describes_stores_that_can_be_opened(tmp_path, example):
    """What the page shows must work as it is: an operator copies it."""
    path = tmp_path / "trunkline.yaml"
    path.write_text(example, encoding="utf-8")
    config = load(path, {})
    assert config.vector_stores
    for name in config.vector_stores:
        open_named(name, config, "desk", ENVIRON).close()


def test_the_default_is_local():
    """Nothing leaves the machine unless someone says so."""
    assert Config().knowledge.store == "local" and Config().vector_stores == {}


def test_the_environment_describes_a_store(tmp_path):
    """A container needs no file."""
    config = load(None, {"TRUNKLINE_VECTOR_STORES__CLOUD__KIND": "qdrant", "TRUNKLINE_KNOWLEDGE__STORE": "cloud",
                         "TRUNKLINE_VECTOR_STORES__CLOUD__BASE_URL": "http://10.0.0.5:6333/"})
    assert config.vector_stores["cloud"] == QdrantOptions(base_url="http://10.0.0.5:6333")
    assert config.knowledge.store == "cloud"


@pytest.mark.parametrize(("text", "problem"), [
    ("a: {kind: milvus}", "expected one of pgvector, qdrant, pinecone, azure_ai_search"),
    ("a: {kind: qdrant, base_url: 10.0.0.5}", "must be an address"),
    ("a: {kind: qdrant, api_key: x, api_key_env: y}", "not both"),
    ("a: {kind: pgvector, table: 'x; DROP TABLE y'}", "a.table"),
    ("a: {kind: pinecone, index: My_Index}", "a.index"),
    ("a: {kind: azure_ai_search, base_url: 'https://x.search.windows.net'}", "either a key"),
    ("a: {kind: azure_ai_search, base_url: 'https://x', api_key: k, index: a--b}", "a.index"),
    ("a: {kind: azure_ai_search, base_url: 'https://x', api_key: k, integrated: {openai_url: 'https://y'}}",
     "openai_deployment"),
    ("a: {kind: pgvector, ef_search: 5}", "from 10 to 1000"),
])  # fmt: skip
def test_what_cannot_be(tmp_path, text, problem):
    """Each with file and line, before anything is opened."""
    path = tmp_path / "f.yaml"
    path.write_text(f"vector_stores:\n  {text}\n")
    with pytest.raises(ConfigError, match=re.escape(problem)) as raised:
        load(path, {})
    assert ":2:" in str(raised.value)


def test_secrets_are_masked(tmp_path):
    """``doctor`` and the log print what differs from the defaults: no key, no password."""
    path = tmp_path / "f.yaml"
    path.write_text("vector_stores:\n  a: {kind: pgvector, dsn: 'postgresql://u:hidden@h/d'}\n"
                    "  b: {kind: qdrant, base_url: 'http://h', api_key: hidden}\n")
    assert "hidden" not in str(differences(load(path, {})))


@pytest.mark.parametrize(("options", "missing"), [
    (PgVectorOptions(), "DATABASE_URL"), (QdrantOptions(), "QDRANT_URL"),
    (QdrantOptions(base_url="http://h", api_key_env="MY_KEY"), "MY_KEY"), (PineconeOptions(), "PINECONE_INDEX_NAME"),
    (PineconeOptions(index="x"), "PINECONE_API_KEY"),
    (AzureSearchOptions(base_url="https://x", api_key_env="AZURE_SEARCH_KEY"), "AZURE_SEARCH_KEY"),
])  # fmt: skip
def test_a_variable_that_is_not_set(options, missing):
    """The text names it."""
    with pytest.raises(KnowledgeError, match=missing):
        open_store(options, "desk", environ={})


def test_the_environment_of_seed_002():
    """QDRANT_URL, QDRANT_API_KEY and QDRANT_COLLECTION go together. With an address of one's own, no key of the
    environment is sent there unasked."""
    assert open_store(QdrantOptions(), "desk", environ={**ENVIRON, "QDRANT_COLLECTION": "enterprise_docs"}
                      ).name == "qdrant/enterprise_docs"
    assert open_store(QdrantOptions(base_url="http://h"), "desk", environ={
        **ENVIRON, "QDRANT_COLLECTION": "enterprise_docs"}).name == "qdrant/desk"


def test_a_store_that_is_not_there():
    with pytest.raises(KnowledgeError, match="there is no 'cloud'; there are: none"):
        open_named("cloud", Config(), "desk", {})


def test_keys_with_line_ends_are_refused():
    """They would end up as headers of their own."""
    with pytest.raises(KnowledgeError, match="printable"):
        open_store(QdrantOptions(base_url="http://h", api_key="a\r\nX: y"), "desk", environ={})
