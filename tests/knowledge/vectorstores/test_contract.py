"""What every vector store does, tried on each of them: the protocol's promises, not an engine's details."""

import numpy as np
import pytest

from engine.knowledge.errors import CollectionMissing, KnowledgeError
from engine.knowledge.scope import Scope
from engine.knowledge.vectorstores.payload import digest
from tests.knowledge.vectorstores.places import DIM, direction, point


def ids(found):
    return [one.id for one in found]


def near(vector, amount=0.3, seed="noise"):
    moved = vector + amount * direction(seed, len(vector))
    return (moved / np.linalg.norm(moved)).astype(np.float32)


def test_ensure_twice_changes_nothing(store, opened):
    """Setting up again is harmless: operators do it, and every start does."""
    store.upsert([point("a")])
    store.ensure(DIM)
    again = opened()
    again.ensure(DIM)
    assert again.count() == 1


def test_another_dimension_is_refused(store, opened):
    """Vectors of two models must never meet in one collection: answers would be noise. The text names both."""
    for one in (store, opened()):
        with pytest.raises(KnowledgeError, match=r"(?s)16.*24"):
            one.ensure(24)
    with pytest.raises(KnowledgeError, match="24.*16"):
        store.upsert([point("a", vector=direction("a", 24))])
    with pytest.raises(KnowledgeError, match="24.*16"):
        store.query(direction("a", 24), "", 3)
    assert store.count() == 0


@pytest.mark.parametrize("vector", [np.zeros(DIM, np.float32), np.full(DIM, np.nan, np.float32)])
def test_a_vector_without_direction_is_refused(store, vector):
    """Its cosine is not a number; one such point would spoil the order of all."""
    with pytest.raises(KnowledgeError, match="direction"):
        store.upsert([point("a", vector=vector)])


def test_a_collection_that_was_never_made(opened):
    """It is told apart from an empty one: the operator forgot the set-up."""
    store = opened("other")
    for attempt in (lambda: store.query(direction("a"), "fee", 3), lambda: store.upsert([point("a")])):
        with pytest.raises(CollectionMissing, match="set it up"):
            attempt()


def test_what_is_written_comes_back(store):
    """Payload to the letter, vector to float32's precision: citations are made of the one, migration of the other."""
    written = point("a", "The late fee is six dollars.", page=7, heading=["Fees", "Late"], questions=["How much?"],
                    say="Six.", valid_from="2026-01-01", valid_until="2026-12-31", tags=["billing", "x y"],
                    digest="0123")
    store.upsert([written])
    [found] = store.get(["a"])
    assert dict(found.payload) == written.payload
    assert np.allclose(found.vector, written.vector, atol=1e-6)
    assert store.get(["a"], vectors=False)[0].payload["digest"] == "0123"
    [hit] = store.query(written.vector, "", 1)
    assert dict(hit.payload) == written.payload
    assert hit.score == pytest.approx(1, abs=1e-4)


def test_writing_again_replaces(store):
    """An id has one point: a changed passage must not answer with its old words."""
    store.upsert([point("a", "old words here", tags=["old"], valid_until="2026-01-01"), point("b")])
    store.upsert([point("a", "fresh text", vector=direction("z"), tags=["new"])])
    assert store.count() == 2
    [found] = store.get(["a"])
    assert found.payload["text"] == "fresh text" and np.allclose(found.vector, direction("z"), atol=1e-6)
    assert ids(store.query(direction("z"), "", 5, Scope(tags=frozenset({"old"})))) == []
    assert ids(store.query(direction("z"), "", 1, Scope(tags=frozenset({"new"}), on="2026-06-01"))) == ["a"]


def test_the_last_of_equal_ids_in_one_batch_wins(store):
    """Two passages with one id in one call are no error of the server's."""
    store.upsert([point("a", "first"), point("a", "second")])
    assert [one.payload["text"] for one in store.get(["a"])] == ["second"]


def test_deleting(store):
    """What is gone is not found; ids that are not there do not matter; nothing is nothing."""
    store.upsert([point("a"), point("b")])
    store.delete(["a", "never"])
    store.delete([])
    assert (store.count(), ids(store.query(direction("a"), "", 5)), ids(store.get(["a", "b"]))) == (1, ["b"], ["b"])


def test_by_vector_the_nearest_come_first(store):
    """The cosine is the score, so that thresholds hold on every engine."""
    store.upsert([point(str(n)) for n in range(50)])
    asked = near(direction("7"))
    found = store.query(asked, "", 10)
    cosines = {str(n): float(direction(str(n)) @ asked) for n in range(50)}
    assert ids(found) == sorted(cosines, key=cosines.get, reverse=True)[:10]
    assert [one.score for one in found] == pytest.approx([cosines[one.id] for one in found], abs=1e-4)


def test_by_text(store):
    """Words alone find the passage that has them: in the text, the title, the headings, the questions it answers."""
    if not store.finds_words:
        pytest.skip("this engine has no search by words; the next test says what it answers")
    store.upsert([point("fee", "The late fee is six dollars."), point("library", "It opens at nine.", title="Library"),
                  point("grant", "Apply in May.", questions=["Who gets a scholarship?"]),
                  point("bus", "Line nine.", heading=["Transport"]), point("none", "Something else.")])
    assert ids(store.query(None, "late fee dollars", 5)) == ["fee"]
    assert ids(store.query(None, "the library", 5)) == ["library"]
    assert ids(store.query(None, "scholarship", 5)) == ["grant"]
    assert ids(store.query(None, "transport", 5)) == ["bus"]
    assert ids(store.query(None, "zebra", 5)) == []


def test_text_alone_on_a_store_of_vectors_only(store):
    """A caller's question is not answered with silence: search is told, and asks the words of this machine instead."""
    if store.finds_words:
        pytest.skip("this engine searches by words")
    with pytest.raises(KnowledgeError, match="vector"):
        store.query(None, "late fee", 5)


def test_nothing_asked_nothing_found(store):
    """Text of stop words and signs alone, or none: an empty list, no error of a query language."""
    if not store.finds_words:
        pytest.skip("this engine has no search by words")
    store.upsert([point("a", "The late fee.")])
    for text in ("", "  ", "?!", "the of and"):
        assert store.query(None, text, 5) == []


def test_by_both(store):
    """Text lifts a passage that has the words above one that is somewhat nearer: part numbers, names."""
    asked = direction("asked")
    store.upsert([point("near", "About something.", vector=near(asked, 0.2, 1)),
                  point("words", "The relay KX207 is here.", vector=near(asked, 0.6, 2)),
                  *[point(f"far{n}", "Nothing.", vector=near(-asked, 0.4, n)) for n in range(20)]])
    assert ids(store.query(asked, "", 1)) == ["near"]
    assert ids(store.query(asked, "relay KX207", 2))[0] == "words"
    assert "near" in ids(store.query(asked, "relay KX207", 3))


def test_filters(store):
    """A scope means the same on every engine as ``Scope.admits`` says, in each kind of query."""
    points = [point(f"{tag}-{language}-{start}-{end}", "the late fee",
                    vector=near(direction("q"), 0.5, (tag, language)), tags=[tag] if tag else [],
                    language=language, valid_from=start, valid_until=end)
              for tag in ("", "guides", "it's, |odd") for language in ("", "en", "ml")
              for start, end in (("", ""), ("2026-03-01", ""), ("", "2026-03-01"), ("2026-03-02", "2026-04-01"))]
    store.upsert(points)
    scopes = [Scope(), Scope(tags=frozenset({"guides"})), Scope(tags=frozenset({"it's, |odd", "none"})),
              Scope(languages=frozenset({"ml"})), Scope(languages=frozenset({"ml", "en"})), Scope(on="2026-03-01"),
              Scope(on="2026-02-28"), Scope(on="2026-05-01"), Scope(tags=frozenset({"absent"})),
              Scope(frozenset({"guides"}), frozenset({"en"}), "2026-03-02")]
    for scope in scopes:
        wanted = {one.id for one in points if scope.admits(
            one.payload["tags"], one.payload["language"], one.payload["valid_from"], one.payload["valid_until"])}
        assert set(ids(store.query(direction("q"), "", 100, scope))) == wanted
        assert set(ids(store.query(direction("q"), "late fee", 100, scope))) == wanted
        if store.finds_words:
            assert set(ids(store.query(None, "late fee", 100, scope))) == wanted


def test_a_date_that_is_none(store):
    """A filter on nonsense would hide or show the wrong things: it is refused, on writing and on asking."""
    with pytest.raises(KnowledgeError, match=r"a: valid_from.*'1 May'"):
        store.upsert([point("a", valid_from="1 May")])
    with pytest.raises(KnowledgeError, match="2026-13-01"):
        store.query(direction("a"), "", 3, Scope(on="2026-13-01"))


@pytest.mark.parametrize("nasty", [
    "'; DROP TABLE trunkline_desk; --", '" OR 1=1', "%_\\' || 'x", "tags/any(t: t eq 'x')",
    "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd", "_begins", "b64=x", "a\nb\tc", "\U0001f98a", "x" * 300,
])  # fmt: skip
def test_no_text_is_a_language_of_its_own(store, nasty):
    """Ids, tags, texts and questions of any characters are data: no injection, no error, and back to the letter."""
    store.upsert([point(nasty, f"before {nasty} fee", tags=[nasty], title=nasty), point("b")])
    [found] = store.get([nasty])
    assert (found.id, found.payload["tags"], found.payload["title"]) == (nasty, [nasty], nasty)
    assert ids(store.query(direction(nasty), nasty, 5, Scope(tags=frozenset({nasty})))) == [nasty]
    store.delete([nasty])
    assert store.count() == 1


def test_words_in_other_scripts(store):
    """Malayalam and Hindi words are found whole: a tokenizer that cuts at vowel signs would find halves."""
    if not store.finds_words:
        pytest.skip("this engine has no search by words")
    malayalam, hindi = "\u0d2b\u0d40\u0d38\u0d4d", "\u0911\u0930\u094d\u0921\u0930"
    store.upsert([point("ml", f"{malayalam} 500", title="", heading=[]), point("hi", hindi, title="", heading=[]),
                  point("half", "\u0911\u0930 \u0921\u0930", title="", heading=[])])
    assert ids(store.query(None, malayalam, 5)) == ["ml"]
    assert ids(store.query(None, hindi, 5)) == ["hi"]


def test_a_thousand_points(store):
    """More than any engine's batch or page: all are written, counted, read back once, and found."""
    points = [point(f"p{n}", f"number {n}") for n in range(1000)]
    store.upsert(points)
    assert store.count() == 1000
    scanned = list(store.scan())
    assert sorted(one.id for one in scanned) == sorted(one.id for one in points)
    by_id = {one.id: one for one in scanned}
    assert np.allclose(by_id["p512"].vector, direction("p512"), atol=1e-6)
    assert digest(by_id["p7"])[:8] and dict(by_id["p7"].payload) == points[7].payload
    assert ids(store.get([f"p{n}" for n in range(999, 500, -1)])) == [f"p{n}" for n in range(999, 500, -1)]
    assert ids(store.query(direction("p999"), "", 1)) == ["p999"]
    store.delete([f"p{n}" for n in range(990)])
    assert store.count() == 10


def test_collections_are_apart(store, opened):
    """Two tenants on one server never see each other's passages."""
    other = opened("other")
    other.ensure(DIM)
    store.upsert([point("a")])
    other.upsert([point("b")])
    assert (ids(store.query(direction("b"), "", 5)), other.count()) == (["a"], 1)
    other.drop()
    assert store.count() == 1


def test_dropping(store):
    """What is dropped can be made again, for another model too; dropping nothing is no error."""
    store.upsert([point("a")])
    store.drop()
    store.drop()
    store.ensure(DIM)
    assert store.count() == 0 and store.get(["a"]) == []


def test_closing_twice(store):
    """Owners may close on more than one way out."""
    store.close()
    store.close()
