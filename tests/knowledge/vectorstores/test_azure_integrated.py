"""Integrated vectorisation in Azure AI Search: seed 000's set-up, upload, indexer and question, all of the way."""

import pytest

from engine.config.vectorstores import AzureSearchOptions, IntegratedOptions, SearchEntraOptions
from engine.errors import ProviderFault
from engine.knowledge.errors import KnowledgeError
from engine.knowledge.scope import Scope
from engine.knowledge.vectorstores.setup import open_store, prepare
from tests.knowledge.vectorstores.fake_azure import KEY, FakeAzure
from tests.knowledge.vectorstores.fake_blobs import FakeBlobs
from tests.knowledge.vectorstores.places import Azure, direction, point
from tests.providers.fake_entra import FakeEntra


@pytest.fixture
def service():
    azure = FakeAzure()
    azure.blobs = FakeBlobs()
    yield azure
    azure.close()
    azure.blobs.close()


@pytest.fixture
def folder(tmp_path):
    texts = {"fees.txt": "The late fee is six dollars. " * 120, "rooms/library café.md": "The library opens at nine.",
             ".hidden": "no"}
    for name, text in texts.items():
        path = tmp_path / "documents" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "documents"


def options(service, **more):
    wanted = IntegratedOptions(openai_url="https://emb.openai.azure.com", openai_deployment="large",
                               openai_api_key_env="OPENAI", storage_env="STORAGE")
    return AzureSearchOptions(base_url=service.url, api_key=KEY, integrated=wanted, **more)


def environ(service):
    return {"STORAGE": service.blobs.connection, "OPENAI": "openai-key"}


def set_up(service, folder=None, **more):
    return prepare(options(service, **more), "gptkbindex", 384, documents=folder, environ=environ(service))


def test_from_nothing_to_an_answer(service, folder):
    """Index, skillset, data source, indexer; documents uploaded, split and found by a question without any vector of
    ours. Names and values are those of the seed."""
    ready = set_up(service, folder)
    assert ready.integrated.made == ["index gptkbindex", "skillset gptkbindex-skillset",
                                     "data source gptkbindex-source", "indexer gptkbindex-indexer"]
    assert ready.integrated.uploaded == ["fees.txt", "rooms/library café.md"]
    fields = {field["name"]: field for field in service.objects["indexes"]["gptkbindex"]["fields"]}
    assert list(fields) == ["chunk_id", "parent_id", "title", "chunk", "text_vector"]
    assert fields["text_vector"]["dimensions"] == 3072 and fields["chunk_id"]["key"]
    split = service.objects["skillsets"]["gptkbindex-skillset"]["skills"][0]
    assert (split["maximumPageLength"], split["pageOverlapLength"]) == (2000, 500)
    store = open_store(options(service), "gptkbindex", environ=environ(service))
    assert store.count() == 3
    found = store.query(None, "When does the library open?", 5)
    assert found[0].payload["title"] == "rooms/library café.md"
    assert found[0].payload["text"] == "The library opens at nine."
    sent = service.requests[-1].json
    assert sent["top"] == 5 and sent["vectorQueries"] == [
        {"kind": "text", "text": "When does the library open?", "fields": "text_vector", "k": 50}]
    store.close()


def test_again_leaves_everything_as_it_is(service, folder):
    """What exists is skipped, what is uploaded stays, a changed index of the operator's is not put back."""
    set_up(service, folder)
    service.objects["skillsets"]["gptkbindex-skillset"]["skills"][0]["maximumPageLength"] = 1000
    (folder / "new.txt").write_text("Something new.")
    (folder / "fees.txt").write_text("Other fees.")
    again = set_up(service, folder).integrated
    assert (again.made, again.uploaded, again.skipped) == ([], ["new.txt"], ["fees.txt", "rooms/library café.md"])
    assert len(again.there) == 4
    assert service.objects["skillsets"]["gptkbindex-skillset"]["skills"][0]["maximumPageLength"] == 1000
    assert b"late fee" in service.blobs.containers["documents"]["fees.txt"]


def test_an_indexer_at_work_is_no_error(service, folder):
    """Whoever sets up twice in a minute is told, not stopped."""
    set_up(service)
    service.busy = True
    assert set_up(service, folder).integrated.running is True


def test_what_stops_a_set_up(service, folder, tmp_path):
    """Each says what to do; none has an effect on the others' work."""
    with pytest.raises(KnowledgeError, match="no such folder"):
        set_up(service, tmp_path / "absent")
    with pytest.raises(KnowledgeError, match="Access keys"):
        prepare(options(service), "x", 0, documents=folder, environ={"STORAGE": "nonsense", "OPENAI": "k"})
    with pytest.raises(KnowledgeError, match="STORAGE"):
        prepare(options(service), "x", 0, environ={"OPENAI": "k"})
    service.key = "another"
    with pytest.raises(ProviderFault) as raised:
        set_up(service)
    assert raised.value.kind == "auth"
    wrong = service.blobs.connection.replace("AccountKey=", "AccountKey=AAAA")
    service.key = KEY
    with pytest.raises(ProviderFault) as raised:
        prepare(options(service), "gptkbindex", 0, documents=folder, environ={"STORAGE": wrong, "OPENAI": "k"})
    assert raised.value.kind == "auth"


def test_documents_without_tags_languages_and_dates(service, folder):
    """The service knows none of them: a tag finds nothing, any language and date passes, as for a document of ours."""
    set_up(service, folder)
    store = open_store(options(service), "gptkbindex", environ=environ(service))
    assert store.query(None, "library", 5, Scope(tags=frozenset({"guides"}))) == []
    assert store.query(None, "library", 5, Scope(languages=frozenset({"ml"}), on="2026-01-01"))
    assert store.query(direction("x"), "", 5) == []
    with pytest.raises(KnowledgeError, match="fills this index itself"):
        store.upsert([point("a")])
    assert len(list(store.scan())) == 3
    store.close()


def test_signs_of_the_query_language_are_words(service, folder):
    """A question is no query: quotes and operators must not change what is searched, nor fail."""
    set_up(service, folder)
    store = open_store(options(service, semantic=True), "gptkbindex", environ=environ(service))
    for text in ('"library" AND (open*', "library~ +fee -nine", "\\", "🦊" * 3000, "x " * 5000):
        store.query(None, text, 3)
    store.close()


def test_the_semantic_ranker():
    """Where it is wanted, the index has its configuration, the question goes there whole, and its score counts."""
    place = Azure()
    store = place.open(semantic=True)
    store.ensure(16)
    store.upsert([point("a", "The library opens at nine."), point("b")])
    [found] = store.query(None, "What opens: the library?", 5)
    sent = place.server.requests[-1].json
    assert (sent["queryType"], sent["semanticConfiguration"]) == ("semantic", "default")
    assert sent["search"] == "What opens the library" and found.id == "a" and found.score > 1
    store.close()
    place.close()


def test_a_document_that_is_not_taken():
    """The service answers 207 with a status a document: half a batch written is a fault, not a success."""
    place = Azure()
    store = place.open()
    store.ensure(16)
    place.server.bad_keys = {"b": 503}
    with pytest.raises(ProviderFault) as raised:
        store.upsert([point("a"), point("b")])
    assert raised.value.kind == "unavailable"
    assert store.count() == 1
    store.close()
    place.close()


def test_an_index_of_someone_else():
    """It lacks our fields: said before anything is written."""
    place = Azure()
    store = place.open()
    store.ensure(16)
    fields = place.server.objects["indexes"]["desk"]["fields"]
    place.server.objects["indexes"]["desk"]["fields"] = [field for field in fields if field["name"] != "words"]
    with pytest.raises(KnowledgeError, match="has no words"):
        place.open().ensure(16)
    store.close()
    place.close()


def test_an_application_s_identity():
    """A bearer token in place of the key; it is asked for once."""
    azure, entra = FakeAzure(), FakeEntra()
    azure.token, azure.key = "token-1", None
    entra.form = {**entra.form, "scope": ["https://search.azure.com/.default"]}
    signed = SearchEntraOptions(tenant_id="tenant-1", client_id="app", client_secret_env="APP",
                                token_url=f"{entra.url}/{{tenant_id}}/oauth2/v2.0/token")
    store = open_store(AzureSearchOptions(base_url=azure.url, entra=signed), "desk", environ={"APP": "secret&1"})
    store.ensure(16)
    store.upsert([point("a")])
    assert store.count() == 1 and len(entra.requests) == 1
    store.close()
    entra.close()
    azure.close()
