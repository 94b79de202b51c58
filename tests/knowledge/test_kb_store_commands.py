"""``trunkline kb setup`` and ``kb migrate`` against a strict fake of Qdrant's server."""

import pytest

from engine.cli import collection
from engine.cli.main import main
from engine.config.vectorstores import QdrantOptions
from engine.knowledge.vectorstores.setup import open_store
from tests.knowledge.vectorstores import fake_azure, fake_qdrant
from tests.knowledge.vectorstores.fake_blobs import FakeBlobs


@pytest.fixture
def server():
    server = fake_qdrant.FakeQdrant()
    yield server
    server.close()


@pytest.fixture
def command(desk, server, tmp_path, monkeypatch):
    """A collection and a configuration with two stores on one server."""
    monkeypatch.setattr(collection, "model_of", lambda config: desk.embedder)
    monkeypatch.setenv("THE_KEY", fake_qdrant.KEY)
    desk.write("late.md", "---\ntags: [billing]\nutterances: [how high is the late fee]\n---\n# Late\n\n"
                           "Six dollars.\n")
    desk.write("hours.md", "# Hours\n\n## Desk\n\nFrom nine to five.\n\n## Office\n\nFrom ten to four.\n")
    desk.ingest()
    path = tmp_path / "c.yaml"
    path.write_text(f"""knowledge: {{collection: desk}}
vector_stores:
  main: {{kind: qdrant, base_url: "{server.url}", api_key_env: THE_KEY}}
  spare: {{kind: qdrant, base_url: "{server.url}", api_key_env: THE_KEY, collection: spare}}
  cloud: {{kind: pinecone, index: trunkline}}
  azure: {{kind: azure_ai_search, base_url: "{server.url}", api_key_env: NO_SUCH_KEY}}
""")
    return lambda *words: main(["kb", *words, "--config", str(path)])


@pytest.fixture
def there(server):
    """The points of a collection on the server."""
    def points(name="desk"):
        store = open_store(QdrantOptions(base_url=server.url, api_key=fake_qdrant.KEY), name)
        try:
            return {point.payload["text"]: point for point in store.scan()}
        finally:
            store.close()
    return points


def test_set_up_then_migrate(command, there, desk, capsys):
    """Every passage arrives with its vector and all that a search there needs; again writes nothing."""
    assert command("setup", "--backend", "main") == 0
    assert "holds 0 passages" in capsys.readouterr().out
    assert command("migrate", "--backend", "main") == 0
    out = capsys.readouterr().out
    assert "3 passages written, 0 were there already. It holds 3." in out and "knowledge.store: main" in out
    found = there()
    late = found["Six dollars."]
    assert late.vector.shape == (desk.embedder.dim,)
    assert (late.payload["document"], late.payload["title"], late.payload["tags"]) == ("late", "Late", ["billing"])
    assert late.payload["questions"] == ["how high is the late fee"]
    assert found["From ten to four."].payload["heading"] == ["Office"]
    assert command("migrate", "--backend", "main") == 0
    assert "0 passages written, 3 were there already" in capsys.readouterr().out


def test_what_the_source_lost_can_be_removed(command, there, desk, capsys):
    assert command("migrate", "--backend", "main") == 0
    (desk.folder / "late.md").unlink()
    desk.ingest()
    capsys.readouterr()
    assert command("migrate", "--backend", "main") == 0
    assert "1 of them are not from this collection" in capsys.readouterr().out
    assert command("migrate", "--backend", "main", "--prune") == 0
    assert "1 removed. It holds 2." in capsys.readouterr().out and "Six dollars." not in there()


def test_from_one_store_to_another(command, there, capsys):
    assert command("migrate", "--backend", "main") == 0
    assert command("migrate", "--backend", "spare", "--source", "main") == 0
    assert there("spare").keys() == there().keys()


def test_what_cannot_be_done_is_one_line(command, capsys, monkeypatch, tmp_path):
    """Which entry, which secret, what to do: before anything is sent."""
    monkeypatch.delenv("PINECONE_API_KEY", raising=False)
    for words, says in [
        (["setup", "--backend", "none"], "vector_stores: has no such entry; there are: main, spare, cloud, azure"),
        (["setup", "--backend", "qdrant"], "name one of them: main, spare"),
        (["setup", "--backend", "pinecone"], "the environment has no PINECONE_API_KEY"),
        (["setup", "--backend", "azure"], "the environment has no NO_SUCH_KEY"),
        (["setup", "--backend", "main", "--documents", str(tmp_path / "none")], "there is no such folder"),
        (["setup", "--backend", "main", "--documents", str(tmp_path)], "takes no documents"),
        (["migrate", "--backend", "azure"], "the environment has no NO_SUCH_KEY"),
        (["migrate", "--backend", "main", "--source", "main"], "that is where the passages are to go"),
        (["migrate", "--backend", "main", "--collection", "none"], "there is no collection 'none'"),
    ]:
        assert command(*words) == 2
        err = capsys.readouterr().err
        assert says in err and "Traceback" not in err


def test_a_store_of_other_vectors_is_refused(command, capsys):
    """Vectors of two lengths cannot be compared."""
    assert command("setup", "--backend", "main", "--dim", "8") == 0
    assert command("migrate", "--backend", "main") == 2
    assert "holds vectors of 8 numbers, the model gives 64" in capsys.readouterr().err


def test_a_wrong_key_is_said(command, capsys, monkeypatch):
    monkeypatch.setenv("THE_KEY", "wrong")
    assert command("setup", "--backend", "main") == 2
    assert "check the key" in capsys.readouterr().err


def test_passages_without_vectors_are_not_moved(command, desk, capsys):
    """Half a collection would answer half of the questions, and nobody would know."""
    desk.write("new.md", "# New\n\nSomething new.\n")
    desk.ingest(None)
    assert command("migrate", "--backend", "main") == 2
    assert "1 passages of collection 'desk' have no vectors" in capsys.readouterr().err
    desk.ingest(None, "words")
    assert command("migrate", "--backend", "main", "--collection", "words") == 2
    assert "collection 'words' has no vectors: install or configure" in capsys.readouterr().err


def test_without_any_store_the_operator_is_told_where_to_describe_one(capsys):
    assert main(["kb", "setup", "--backend", "azure"]) == 2
    assert "docs/operator/vector-stores.md" in capsys.readouterr().err


def test_azure_embeds_by_itself(tmp_path, capsys, monkeypatch):
    """Seed 000's set-up by one command: the service takes the documents, and its own length of vectors."""
    azure = fake_azure.FakeAzure()
    azure.blobs = FakeBlobs()
    try:
        for name, value in (("SEARCH", fake_azure.KEY), ("OPENAI", "openai-key"), ("STORAGE", azure.blobs.connection)):
            monkeypatch.setenv(name, value)
        path = tmp_path / "c.yaml"
        path.write_text(f"""vector_stores:
  search:
    kind: azure_ai_search
    base_url: "{azure.url}"
    api_key_env: SEARCH
    index: gptkbindex
    integrated: {{openai_url: "https://emb.openai.azure.com", openai_deployment: large, openai_api_key_env: OPENAI,
                  storage_env: STORAGE}}
""")
        documents = tmp_path / "documents"
        documents.mkdir()
        (documents / "fees.txt").write_text("The late fee is six dollars.")
        command = ["kb", "setup", "--backend", "azure", "--documents", str(documents), "--config", str(path)]
        assert main(command) == 0
        out = capsys.readouterr().out
        assert "indexer gptkbindex-indexer: made" in out and "fees.txt" in out and "kb migrate" not in out
        fields = {field["name"]: field for field in azure.objects["indexes"]["gptkbindex"]["fields"]}
        assert fields["text_vector"]["dimensions"] == 3072
        assert main(command) == 0
        assert "indexer gptkbindex-indexer: is there" in capsys.readouterr().out
    finally:
        azure.close()
        azure.blobs.close()
