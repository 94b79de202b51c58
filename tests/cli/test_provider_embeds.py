"""``trunkline provider`` on an embedding model: the operator sees length, name and time, or what is wrong. The page's
examples must work as they are."""

import re
from pathlib import Path

import pytest

from engine.cli import provider
from engine.cli.main import main
from engine.config.providers import EmbeddingOptions
from engine.configfile import load
from engine.knowledge.embedding import choose
from tests.fakes.embedding_server import KEY, FakeEmbeddings

PAGE = Path(__file__).parents[2] / "docs/operator/embeddings.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(provider, "WARM_S", 0.02)
    monkeypatch.setenv("THE_KEY", KEY)
    server = FakeEmbeddings()
    yield server
    server.close()


@pytest.mark.parametrize(("model", "code", "said"), [
    ("embed-test", 0, "32 dimensions after"), ("absent", 2, "does not exist")])
def test_one_text_is_embedded(tmp_path, server, capsys, model, code, said):
    path = tmp_path / "c.yaml"
    path.write_text(f"""providers:
  vectors: {{kind: openai_embeddings, base_url: "{server.url}/v1", model: {model}, api_key_env: THE_KEY}}
""")
    assert main(["provider", "--config", str(path), "vectors", "the fee"]) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_the_page_is_a_right_configuration(tmp_path, example):
    path = tmp_path / "trunkline.yaml"
    path.write_text(example, encoding="utf-8")
    config = load(path, {})
    for name, options in config.providers.items():
        if isinstance(options, EmbeddingOptions):
            wanted = config.knowledge.model_copy(update={"embedding": name})
            assert choose.embedder(wanted, config.providers, {"OPENAI_API_KEY": "k", "AZURE_KEY": "k"}).provider == name


def test_the_page_has_examples():
    assert len(EXAMPLES) == 3
