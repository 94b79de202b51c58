"""The database of a collection: what is written is found, whole, in one generation; nothing in a question is syntax."""

import contextlib
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.knowledge.document import Document, Passage
from engine.knowledge.embedding.interface import PassageVectors
from engine.knowledge.errors import CollectionMissing, KnowledgeError
from engine.knowledge.store import Model, Store, chunk_id
from engine.knowledge.store import store as store_module

MODEL = Model("m", 4)


def passage(text, **more):
    return Passage(more.pop("heading", ()), text, more.pop("statements", (text,)), **more)


def document(name, *passages, **more):
    return Document(name, Path(f"/documents/{name}.md"), f"digest of {name}", more.pop("title", name.title()), passages,
                    **more)


LATE = document(
    "late", passage("The late fee is six dollars. It comes after two weeks.", heading=("Bills", "Late"), page=3,
                    language="en", say="Six dollars.", questions=("how high is the late fee",),
                    statements=("The late fee is six dollars.", "It comes after two weeks.")),
    passage("Nobody pays twice."), tags=("billing",), utterances=("paying late",), say="It is six dollars.",
    valid_from="2026-01-01", valid_until="2026-12-31")
PARK = document("park", passage("Visitors park at the north gate."))


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "desk")
    store.create()
    yield store
    store.close()


def embed(store, *documents, model=MODEL):
    """Vectors that tell which text they are of: the first numbers of its digest."""
    pending = store.unembedded(model.name, documents)

    def vector(digest, shift=0):
        return np.frombuffer(digest[shift:shift + model.dim], np.uint8).astype(np.float32) / 256

    store.add_vectors(model, {digest: PassageVectors(vector(digest), np.stack(
        [vector(digest, number) for number in range(len(text.statements))])) for digest, text in
        pending.passages.items()}, {digest: vector(digest) for digest in pending.questions})
    return pending


def test_what_is_written_is_read_back(store):
    assert store.replace([LATE, PARK], ()) == 1
    with store.view() as view:
        assert (view.generation, view.size(), view.model) == (1, (2, 3), None)
        late = view.documents(["late", "nobody"])["late"]
        assert (late.title, late.tags, late.say, late.utterances, late.valid_from, late.valid_until) == (
            "Late", ("billing",), "It is six dollars.", ("paying late",), "2026-01-01", "2026-12-31")
        first, second = view.of_document("late")
        assert (first.heading, first.page, first.language, first.say, first.questions, first.statements) == (
            ("Bills", "Late"), 3, "en", "Six dollars.", ("how high is the late fee",),
            ("The late fee is six dollars.", "It comes after two weeks."))
        assert (second.ordinal, second.document, second.questions) == (1, "late", ())
        assert view.chunk(first.id) == first == view.chunks([first.row, 999])[first.row]
        assert first.id == chunk_id("late", 0, first.text)
        assert view.chunk("none") is None
        assert list(view.titles()) == ["Late", "Park"]
        assert list(view.sentences(2)) == ["The late fee is six dollars.", "It comes after two weeks."]
        assert sorted(view.utterances()) == ["how high is the late fee", "paying late"]


def test_rows_are_never_used_again(store):
    """An index that is behind would otherwise lead to another passage."""
    store.replace([LATE], ())
    with store.view() as view:
        old = [chunk.row for chunk in view.of_document("late")]
    store.replace([], ["late"])
    store.replace([PARK, LATE], ())
    with store.view() as view:
        assert view.chunks(old) == {}
        assert {chunk.row for chunk in view.of_document("late")}.isdisjoint(old)


def test_indic_words_stay_whole(store):
    """By default FTS5 cuts Malayalam and Hindi at every vowel sign, and any syllable would be found in any word."""
    store.replace([document("ml", passage("കണ്ടെത്താൻ അപേക്ഷ നൽകണം"), passage("ऑर्डर की स्थिति")),
                   document("joined", passage("അവന്\u200dറെ o'clock"))], ())
    with store.view() as view:
        words = {term for words, _ in view.analysed([1, 2, 3]).values() for term in words.split()}
        assert {"അപേക്ഷ", "ऑर्डर"} <= words
        assert min(view.frequencies(words, "words").values()) == 1
        assert view.frequencies(["ऑर", "പേക", "clock"], "words") == {"ऑर": 0, "പേക": 0, "clock": 0}
        assert [row for row, _ in view.words(["ऑर्डर"], 5)] == [2]
        assert view.words(["ऑर"], 5) == []


def test_the_passage_with_the_rarer_word_comes_first(store):
    store.replace([document(f"d{n}", passage(f"The fee is number {n}.")) for n in range(20)] + [LATE], ())
    with store.view() as view:
        found = view.words(["fee", "dollar"], 3)
        assert view.chunks([found[0][0]])[found[0][0]].document == "late"
        assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
        assert found[0][1] > 0
        assert view.sounds(["visitors"], 5) == []
        assert view.frequencies(["fee", "nothing"], "words") == {"fee": 21, "nothing": 0}
        assert view.words([], 5) == view.words(["fee"], 0) == []


def test_the_commonest_terms_are_left_out_where_they_cost_too_much(store, monkeypatch):
    monkeypatch.setattr("engine.knowledge.store.view.MAX_POSTINGS", 10)
    store.replace([document(f"d{n}", passage(f"The fee is number {n}.")) for n in range(20)] + [LATE], ())
    with store.view() as view:
        assert len(view.words(["fee", "dollar"], 50)) == 1
        assert len(view.words(["fee"], 50)) == 10


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(max_size=20) | st.sampled_from(
    ['"', 'a" OR "b', "words:fee", "fee*", "NEAR(", "'; DROP TABLE chunks; --", "\0", "\ud800", "^fee", "-", "+"]),
    max_size=80))
def test_nothing_in_a_term_is_syntax(store, terms):
    """Terms come from callers: whatever they hold, search neither fails nor does anything else than search."""
    if not store.known():
        store.replace([LATE], ())
    with store.view() as view:
        for search in (view.words, view.sounds):
            assert {row for row, _ in search(terms, 5)} <= {1, 2}
        assert view.words([*terms[:40], "dollar"], 5)[0][0] == 1
        assert set(view.frequencies(terms, "words")) == set(terms)
        assert view.chunk("".join(terms)) is None


def test_vectors_are_found_by_what_was_embedded(store):
    pending = embed(store, LATE, PARK)
    assert (len(pending.passages), len(pending.questions)) == (5, 2)  # three passages, two answers to speak
    assert len(store.unembedded("m", [LATE, PARK])) == 0
    store.replace([LATE, PARK], ())
    with store.view() as view:
        assert (view.model, view.lacking("m"), view.lacking("other")) == (MODEL, 0, 3)
        rows = [chunk.row for chunk in view.of_document("late")]
        wholes, statements = view.passage_vectors("m", rows), view.statement_vectors("m", rows)
        assert {row: found.shape for row, found in statements.items()} == {rows[0]: (2, 4), rows[1]: (1, 4)}
        assert np.allclose(statements[rows[0]][0], wholes[rows[0]], atol=1e-3)
        assert view.question_vectors("m", rows)[rows[0]].shape == (1, 4)
        assert rows[1] not in view.question_vectors("m", rows)
        assert view.utterance_vectors("m", ["late", "park"])["late"].shape == (1, 4)
        assert view.say_vectors("m", ["late", "park"])["late"].shape == (1, 4)
        assert view.chunk_say_vectors("m", rows)[rows[0]].shape == (1, 4)
        assert view.passage_vectors("other", rows) == view.question_vectors("other", rows) == {}
        chunks, questions = view.embedded("m")
        assert list(chunks) == [1, 2, 3]
        assert [(asked.document, asked.chunk, asked.text) for asked in view.asked(questions.tolist()).values()] == [
            ("late", 0, "paying late"), ("late", 1, "how high is the late fee")]
        assert np.array_equal(view.vectors_of_chunks("m", [2, 1])[1], wholes[rows[0]])


def test_a_model_without_vectors_of_sentences(store):
    pending = store.unembedded("m", [PARK])
    vectors = PassageVectors(np.ones(4, np.float32), np.zeros((0, 4), np.float32))
    store.add_vectors(MODEL, dict.fromkeys(pending.passages, vectors), {})
    store.replace([PARK], ())
    with store.view() as view:
        assert view.statement_vectors("m", [1])[1].shape == (0, 4)


def test_vectors_that_nothing_needs_go_with_their_passages(store):
    """Two documents with the same passage share its vector; it goes with the second of them."""
    twin = document("twin", *PARK.passages, title="Park")
    embed(store, PARK, twin, LATE)
    store.replace([PARK, twin, LATE], ())

    def count():
        with contextlib.closing(sqlite3.connect(store.path)) as connection:
            return connection.execute("SELECT COUNT(*) FROM vectors").fetchone()[0]

    assert count() == 7
    store.replace([], ["park"])
    assert (count(), len(store.unembedded("m", [twin]))) == (7, 0)
    store.replace([], ["twin"])
    assert count() == 6
    store.replace([LATE], ())
    assert count() == 6
    store.replace([document("late", passage("Something else."))], ())
    assert (count(), store.check()) == (0, [])


@pytest.mark.parametrize(("model", "says"), [
    (Model("m", 5), "vectors of m with 4 dimensions, now it gives 5.*--reembed"),
    (Model("m", 4), r"gave a vector of shape \(5,\), not \(4,\)"),
])
def test_vectors_of_another_length_are_refused(store, model, says):
    embed(store, LATE)
    with pytest.raises(KnowledgeError, match=says):
        store.add_vectors(model, {b"x": PassageVectors(np.ones(5, np.float32), np.ones((1, 5), np.float32))}, {})


def test_a_view_sees_one_generation(store):
    """Calls are answered while documents are replaced: never from half of each."""
    store.replace([LATE], ())
    with store.view() as view:
        before = view.size(), view.of_document("late")
        writer = threading.Thread(target=store.replace, args=([PARK], ["late"]))
        writer.start()
        writer.join(10)
        assert (view.size(), view.of_document("late")) == before
        assert view.words(["dollar"], 5)
    with store.view() as view:
        assert (view.generation, view.size(), view.of_document("late")) == (2, (1, 1), [])


DOCUMENTS = st.builds(lambda name, texts: document(name, *map(passage, texts)), st.sampled_from("abcde"),
                      st.lists(st.sampled_from(["One.", "Two more.", "Three of them."]), min_size=1, max_size=4))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.lists(DOCUMENTS, max_size=3, unique_by=lambda found: found.id),
                          st.sets(st.sampled_from("abcde")), st.booleans()), max_size=8))
def test_tables_agree_whatever_was_replaced(tmp_path_factory, steps):
    """Documents, passages, full text and vectors are changed together or not at all."""
    store = Store(tmp_path_factory.mktemp("collection"))
    store.create()
    expected = {}
    for fresh, gone, with_vectors in steps:
        if with_vectors:
            embed(store, *fresh)
        store.replace(fresh, gone)
        expected = {name: found for name, found in expected.items() if name not in gone}
        expected |= {found.id: found for found in fresh}
    assert store.check() == []
    with store.view() as view:
        assert {entry.id: [chunk.text for chunk in view.of_document(entry.id)] for entry in view.all_documents()} == {
            name: [part.text for part in found.passages] for name, found in expected.items()}
        assert view.size()[1] == sum(len(found.passages) for found in expected.values())
    store.close()


def test_a_full_disk_changes_nothing(store, monkeypatch):
    """A step that does not fit is undone as a whole, and the message says what to do."""
    store.replace([LATE], ())
    store.close()

    def small(path, **more):
        connection = connect(path, **more)
        connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0] + 2}")
        return connection

    connect = store_module.connect
    monkeypatch.setattr(store_module, "connect", small)
    long = document("long", *(passage(f"Number {number} of many words. " * 40) for number in range(50)))
    with pytest.raises(KnowledgeError, match=r"(?s)full.*as it was before; free some space"):
        store.replace([long], ["late"])
    monkeypatch.undo()
    store.close()
    assert store.check() == []
    with store.view() as view:
        assert (view.generation, view.size(), len(view.words(["dollar"], 5))) == (1, (1, 2), 1)


def test_damage_is_said(store):
    store.replace([LATE], ())
    store.close()
    for path in store.folder.glob("*.sqlite-*"):
        path.unlink()
    store.path.write_bytes(b"rubbish" * 1000)
    with pytest.raises(KnowledgeError, match="not a database.*damaged: delete .* and ingest again"):
        store.known()


def test_another_schema_is_refused(store):
    store.close()
    with contextlib.closing(sqlite3.connect(store.path)) as connection:
        connection.execute("PRAGMA user_version = 7")
    with pytest.raises(KnowledgeError, match="another version of Trunkline; delete .* and ingest again"):
        store.known()


def test_a_collection_that_was_made_anew_is_noticed(store):
    """A process that serves must not go on reading a file that is no longer there."""
    store.replace([LATE], ())
    assert len(store.known()) == 1
    other = Store(store.folder)
    with other.writing():
        other.delete()
    assert not store.folder.exists()
    with pytest.raises(CollectionMissing, match="there is no collection 'desk'"):
        store.known()
    other.create()
    other.replace([PARK, LATE], ())
    assert len(store.known()) == 2
    other.close()


def test_deleting_a_collection_leaves_those_below_it(tmp_path):
    """A tenant may have the name of a collection."""
    above, below = Store(tmp_path / "acme"), Store(tmp_path / "acme" / "desk")
    for store in (above, below):
        store.create()
        store.replace([LATE], ())
    with above.writing():
        above.delete()
    assert (above.exists(), below.exists()) == (False, True)
    assert len(below.known()) == 1
    below.close()
