"""What the engines' limits make of large and odd points: batches, payloads, ids, questions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.knowledge.errors import KnowledgeError
from engine.knowledge.vectorstores.interface import Found
from engine.knowledge.vectorstores.payload import digest, fuse, original_id, safe_key
from engine.knowledge.vectorstores.pinecone import MOST_BYTES
from tests.knowledge.vectorstores.places import PLACES, Pinecone, direction, point


@pytest.fixture
def pinecone():
    place = Pinecone()
    store = place.open()
    yield place.server, store
    store.close()
    place.close()


def test_pinecone_takes_two_megabytes_at_once(pinecone):
    """Long passages of long vectors go in more requests; none is refused, none is lost."""
    server, store = pinecone
    store.ensure(1536)
    store.upsert([point(str(n), "word " * 6000, vector=direction(n, 1536)) for n in range(60)])
    assert len(server.upserts) > 1 and sum(records for records, _ in server.upserts) == 60
    assert max(len(request.body) for request in server.requests) <= MOST_BYTES


def test_pinecone_takes_forty_kilobytes_of_payload(pinecone):
    """The text names the passage and says what to do; nothing of its batch is written."""
    server, store = pinecone
    store.ensure(16)
    with pytest.raises(KnowledgeError, match=r"point long: \d+ bytes of payload"):
        store.upsert([point("a"), point("long", "\u0d2b" * 14000)])
    assert server.upserts == []


def test_pinecone_s_index_is_made_and_waited_for(pinecone, monkeypatch):
    """As seed 004 describes it: 1536 numbers, cosine. It answers when it is ready, not before."""
    server, store = pinecone
    server.not_ready = 3
    monkeypatch.setattr("engine.knowledge.vectorstores.pinecone.POLL_S", 0.001)
    store.ensure(1536)
    [index] = server.indexes.values()
    assert (index["dimension"], index["metric"], index["spec"]) == (
        1536, "cosine", {"serverless": {"cloud": "aws", "region": "us-east-1"}})


def test_an_index_of_pinecone_with_another_metric(pinecone):
    """Its scores mean something else: refused."""
    server, store = pinecone
    server.indexes["trunkline"] = {"name": "trunkline", "dimension": 16, "metric": "dotproduct", "host": server.url}
    with pytest.raises(KnowledgeError, match="dotproduct"):
        store.ensure(16)


def test_a_question_of_ten_thousand_characters():
    """Engines limit the clauses of a query: the beginning counts, nothing fails."""
    for name in ("memory", "qdrant", "azure"):
        place = PLACES[name]()
        store = place.open()
        store.ensure(16)
        store.upsert([point("a", "the late fee")])
        long = "late fee " + " ".join(f"word{n}" for n in range(2000))
        assert [one.id for one in store.query(None, long, 3)] == ["a"]
        store.close()
        place.close()


@given(st.text(max_size=100))
def test_keys_can_be_undone(text):
    """Any id becomes a key that the strictest store takes, and the same id again; no two share a key."""
    key = safe_key(text)
    assert original_id(key) == text
    assert key.isascii() and not key.startswith("_") and set(key) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=")


def test_chunk_ids_stay_as_they_are():
    """Other programs that read the index find the ids of citations there."""
    assert safe_key("Zm9vYmFy-_x") == "Zm9vYmFy-_x"


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8), min_size=1, max_size=3),
       st.integers(0, 8))
def test_fusing_keeps_agreement(lists, k):
    """Each id once, at most k, best first; one that is ahead of another in every list is ahead of it in the end."""
    ranked = [[Found(one, 1.0, {}) for one in each] for each in lists]
    fused = fuse(ranked, k)
    ids = [one.id for one in fused]
    assert len(ids) == len(set(ids)) == min(k, len({one for each in lists for one in each}))
    assert [one.score for one in fused] == sorted((one.score for one in fused), reverse=True)
    for first in ids:
        for second in ids:
            if all(first in each and second in each and each.index(first) < each.index(second) for each in lists):
                assert ids.index(first) < ids.index(second)


def test_digests_tell_points_apart():
    """By text, by vector, by any field; not by the digest itself, nor by tuples for lists."""
    first = point("a")
    assert digest(first) == digest(point("a", digest="x")) == digest(point("a", tags=("billing",)))
    assert len({digest(each) for each in (first, point("a", "else"), point("a", vector=direction("b")),
                                          point("a", page=3))}) == 4
