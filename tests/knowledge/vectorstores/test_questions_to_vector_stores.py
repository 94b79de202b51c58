"""A collection that lies in a vector store: found, scored and cited as one on this machine; its faults are survived."""

import gevent
import numpy as np
import pytest

from engine.config import KnowledgeOptions
from engine.config.vectorstores import QdrantOptions
from engine.errors import ProviderFault
from engine.knowledge.base import KnowledgeBase
from engine.knowledge.collections import folder_of
from engine.knowledge.embedding.glossed import Glossed
from engine.knowledge.errors import CollectionMissing, KnowledgeError
from engine.knowledge.scope import Scope
from engine.knowledge.search.remote import EPOCH_S, REST_S, RemoteSource
from engine.knowledge.search.searcher import Searcher
from engine.knowledge.search.source import Asked
from engine.knowledge.store import Store
from engine.knowledge.vectorstores.interface import Point
from engine.knowledge.vectorstores.local import PAGE, points_of
from engine.knowledge.vectorstores.memory import MemoryStore
from engine.knowledge.vectorstores.migrate import migrate
from engine.knowledge.vectorstores.setup import open_store
from engine.knowledge.words.glossary import Glossary
from tests.knowledge.vectorstores.fake_qdrant import KEY, FakeQdrant
from tests.providers.fake_http import error

DOCUMENTS = {
    "fee.md": "---\ntitle: Late fee\ntags: [billing]\nutterances: [what is the surcharge]\n---\n\n"
              "The late fee is six dollars. It is due on Monday.\n",
    "pool.md": "---\ntitle: The pool\nsay: The pool is open from nine.\n---\n\nThe pool opens at nine.\n",
    "old.md": "---\ntitle: Old\nvalid_until: 2020-01-01\n---\n\nThe late fee was four dollars.\n",
    "list.md": "# Papers\n\n- passport\n- birth certificate\n",
}


@pytest.fixture
def server():
    server = FakeQdrant()
    yield server
    server.close()


@pytest.fixture
def filled(desk, server):
    """The collection here, and the same in Qdrant."""
    for name, text in DOCUMENTS.items():
        desk.write(name, text)
    desk.ingest()
    stores = {"cloud": QdrantOptions(base_url=server.url, api_key=KEY, query_timeout_s=1.0)}
    target = open_store(stores["cloud"], "desk", name="cloud")
    done = migrate(points_of(Store(folder_of("desk")), "words"), target)
    target.close()
    assert (done.progress.written, done.count) == (4, 4)
    desk.stores = stores
    return desk


def remote(desk, embedder="own", **options):
    return KnowledgeBase.open("desk", KnowledgeOptions(store="cloud", answer_score=0.3, typed_score=0.3, **options),
                              desk.embedder if embedder == "own" else embedder, stores=desk.stores)


def forget_here(desk):
    Store(folder_of("desk")).delete()


def test_answers_are_those_of_the_local_collection(filled):
    """Moving a collection must not change what callers are told, nor what it is told from."""
    here, there = filled.open(KnowledgeOptions(answer_score=0.3, typed_score=0.3)), remote(filled)
    assert there.by_meaning and there.why_keywords == ""
    for question, text in (("how high is the late fee", "The late fee is six dollars."),
                           ("when does the pool open", "The pool is open from nine.")):
        own, other = (base.answer(question, spoken=False) for base in (here, there))
        assert own.text == other.text == text
        assert own.citations[0].chunk_id == other.citations[0].chunk_id
        hit = there.passage(other.citations[0].chunk_id)
        assert hit == here.passage(other.citations[0].chunk_id)
    assert there.answer("who painted the ceiling", spoken=False).decision == "unknown"


def test_without_a_collection_here(filled):
    """An engine on another machine has nothing but the server."""
    forget_here(filled)
    base = remote(filled)
    assert base.size == (0, 4) and base.known_documents() == {"fee", "pool", "old", "list"}
    assert base.answer("how high is the late fee", spoken=False).text == "The late fee is six dollars."
    sentences, utterances = base.language_material("en")
    assert "The late fee is six dollars." in sentences and utterances == ("what is the surcharge",)
    assert base.passage("nothing") is None and not base.reload()


def test_words_find_what_vectors_do_not(filled):
    """Questions that stand in a document lead to it by their words; without a model words alone are asked."""
    forget_here(filled)
    base = remote(filled, embedder=None, embedding="none")
    assert not base.by_meaning
    assert base.search("surcharge")[0].citation.document == "fee"
    assert base.search("the latte fee")[0].citation.document == "fee"


def test_misheard_words_count_as_on_this_machine(filled):
    """What was found is compared by its sounds as well."""
    base = remote(filled)
    [sure, misheard, foreign] = [base.search(text)[0].score for text in (
        "passport", "pasport", "the moon")]
    assert sure >= misheard > foreign


def test_scope_and_date_are_the_servers_business(filled):
    """Filtered there: what is dropped here would leave too little."""
    base = remote(filled, tags=("billing",))
    assert [hit.citation.document for hit in base.search("pool late fee")] == ["fee"]
    found = [hit.citation.document for hit in remote(filled).search("late fee", 10)]
    assert "fee" in found and "old" not in found
    old = remote(filled).search("late fee", 10, scope=Scope(on="2019-01-01"))
    assert "old" in [hit.citation.document for hit in old]


def test_a_server_that_fails_is_stood_in_for_by_the_collection_here(filled, server, caplog):
    """The caller hears an answer, found by its words; the log says why."""
    base = remote(filled)
    server.fail_with = error(503, {"status": {"error": "overloaded"}})
    answer = base.answer("how high is the late fee", spoken=False)
    assert (answer.decision, answer.text) == ("answer", "The late fee is six dollars.")
    assert base.passage(answer.citations[0].chunk_id).citation.document == "fee"
    assert "the copy on this machine answers" in caplog.text and "cloud" in caplog.text


def test_without_a_stand_in_the_fault_is_raised(filled, server):
    """A brain apologises then; silence or "I do not know" would be a lie."""
    forget_here(filled)
    base = remote(filled)
    server.fail_with = error(503, {"status": {"error": "overloaded"}})
    with pytest.raises(ProviderFault, match="cloud/desk"):
        base.answer("how high is the late fee", spoken=False)


def test_a_server_that_is_down_at_the_start(filled, server):
    """An engine starts all the same where the collection is here, and says what is wrong where it is not."""
    server.fail_with = error(503, {"status": {"error": "down"}})
    assert remote(filled).search("late fee")[0].citation.document == "fee"
    forget_here(filled)
    with pytest.raises(ProviderFault, match="cloud/desk"):
        remote(filled)


class Silent(MemoryStore):
    """Counts what it is asked; does not answer while ``down``."""

    down = True
    asked = 0

    def query(self, vector, text, k, scope):
        self.asked += 1
        if self.down:
            raise ProviderFault("cloud", "timeout", "no answer within 2 s")
        return super().query(vector, text, k, scope)


class Copy:
    gathered = 0

    def gather(self, asked, scope):
        self.gathered += 1
        return [([], []) for _ in asked]


def test_a_silent_server_is_left_alone_for_a_while():
    """Each question would wait for its timeout: ten seconds long the copy answers at once."""
    now = [0.0]
    store, copy = Silent(), Copy()
    store.ensure(2)
    source = RemoteSource(store, copy, lambda: now[0])
    asked = [Asked("fee", (), np.array([1, 0], np.float32))]
    for now[0], times in ((0.0, 2), (1.0, 2), (REST_S - 0.1, 2), (REST_S + 0.1, 4)):
        source.gather(asked, Scope())
        assert store.asked == times
    assert copy.gathered == 4
    store.down, now[0] = False, 3 * REST_S
    source.gather(asked, Scope())
    assert copy.gathered == 4


def test_what_was_migrated_is_noticed(desk):
    """The server tells nobody of changes: a ranking that is kept for a question must not be told for ever."""
    now = [0.0]
    store = MemoryStore()
    store.ensure(desk.embedder.dim)
    searcher = Searcher(RemoteSource(store, clock=lambda: now[0]), desk.embedder, Glossary())

    def found():
        return [one.passage.key for one in searcher.rank(["the late fee"])[0].candidates]

    assert found() == []
    store.upsert([Point("a", desk.embedder.encode(["the late fee"])[0], {"text": "The late fee."})])
    assert found() == []
    now[0] = EPOCH_S
    assert found() == ["a"]


def test_questions_wait_for_the_server_in_the_hub(filled, server):
    """Other calls go on meanwhile, and no thread of the pool is held by a slow server."""
    base = remote(filled)
    server.latency_s = 0.1
    ticks = []

    def tick():
        while True:
            ticks.append(1)
            gevent.sleep(0.005)

    ticking = gevent.spawn(tick)
    asked = [gevent.spawn(base.search, f"late fee {number}") for number in range(12)]
    gevent.joinall(asked, raise_error=True)
    gevent.kill(ticking)
    assert all(one.value[0].citation.document == "fee" for one in asked) and len(ticks) > 5
    server.latency_s = 0


@pytest.mark.parametrize(("options", "says"), [
    ({"store": "clout"}, "no 'clout' under vector_stores; there are: cloud, and 'local'"),
    ({"store": "cloud", "collection": "../x"}, "cannot be the name"),
])
def test_a_wrong_name_is_told(filled, options, says):
    with pytest.raises(KnowledgeError, match=says):
        KnowledgeBase.open(options=KnowledgeOptions(**options), embedder=filled.embedder, stores=filled.stores)


def test_a_collection_that_is_not_there_or_of_another_model(filled, server):
    """At the start, not at the first call."""
    with pytest.raises(CollectionMissing, match="set it up"):
        KnowledgeBase.open("none", KnowledgeOptions(store="cloud"), filled.embedder, stores=filled.stores)
    larger = type("Larger", (type(filled.embedder),), {"dim": 96})()
    with pytest.raises(KnowledgeError, match="96.*64"):
        remote(filled, embedder=larger)


def test_points_of_a_collection(desk):
    """All that an answer needs goes along, page by page; passages without vectors are refused before the first one."""
    store = Store(folder_of("desk"))
    for name, text in DOCUMENTS.items():
        desk.write(name, text)
    rows = "".join(f"## Part {number}\n\nText of part {number}.\n\n" for number in range(PAGE + 20))
    desk.write("long.md", f"# Long\n\n{rows}")
    desk.ingest()
    points = {point.id: point for point in points_of(store, "words")}
    assert len(points) == PAGE + 20 + 4
    fee = next(point for point in points.values() if point.payload["document"] == "fee")
    assert fee.vector.shape == (64,) and np.linalg.norm(fee.vector) == pytest.approx(1, abs=1e-5)
    assert fee.payload["questions"] == ["what is the surcharge"] and fee.payload["tags"] == ["billing"]
    assert fee.payload["uri"] == str(desk.folder / "fee.md") and "statements" not in fee.payload
    listed = next(point for point in points.values() if point.payload["document"] == "list")
    assert listed.payload["statements"] == ["passport", "birth certificate"]
    with pytest.raises(KnowledgeError, match=r"280 passages .* have no vectors of words\+gloss"):
        next(points_of(store, Glossed(desk.embedder).name))
