"""Ingesting: incremental, whole or not at all; the index is a cache; what runs notices."""

import fcntl
import json

import gevent
import pytest

from engine.knowledge.base import KnowledgeBase
from engine.knowledge.errors import CollectionMissing, KnowledgeError
from engine.knowledge.filling.ingest import folder_of, ingest
from engine.knowledge.store import Model, Store, index
from engine.knowledge.store.indexfiles import MANIFEST

LATE = "---\ntitle: Paying late\nutterances: [how high is the late fee]\n---\n\nThe late fee is six dollars.\n"
PARK = "# Parking\n\nVisitors park at the north gate.\n"


def names(base):
    return [hit.citation.document for hit in base.search("fee dollars park visitors gate", 10)]


def test_only_what_changed_is_read_and_embedded(desk):
    desk.write("late.md", LATE)
    desk.write("park.md", PARK)
    first = desk.ingest()
    assert (sorted(first.added), first.documents, first.passages) == (["late", "park"], 2, 2)
    desk.embedder.encoded.clear()
    again = desk.ingest()
    assert (again.added, again.changed, again.unchanged, desk.embedder.encoded) == ([], [], 2, [])
    desk.write("park.md", PARK + "\nIt is free.\n")
    third = desk.ingest()
    assert (third.changed, third.unchanged) == (["park"], 1)
    assert "Parking. It is free." in desk.embedder.encoded
    assert not any("late fee" in text for text in desk.embedder.encoded)


def test_documents_whose_files_are_gone_vanish(desk):
    desk.write("late.md", LATE)
    path = desk.write("park.md", PARK)
    desk.ingest()
    path.unlink()
    assert desk.ingest().removed == ["park"]
    assert names(desk.open()) == ["late"]


def test_a_single_file_removes_nothing(desk, tmp_path):
    desk.write("late.md", LATE)
    desk.ingest()
    other = tmp_path / "elsewhere.md"
    other.write_text(PARK)
    report = ingest([other], "desk", desk.embedder)
    assert (report.added, report.removed, report.documents) == (["elsewhere"], [], 2)


def test_a_moved_file_keeps_its_document(desk):
    """A deployment that checks documents out elsewhere must not end with two of each, or none."""
    path = desk.write("a/late.md", "---\nid: late\n---\n" + PARK)
    desk.ingest()
    path.rename(desk.folder / "late.md")
    report = desk.ingest()
    assert (report.added, report.changed, report.removed, report.documents) == ([], ["late"], [], 1)


def test_two_files_cannot_be_one_document(desk):
    desk.write("a.md", "---\nid: same\n---\nOne.\n")
    desk.write("b.md", "---\nid: same\n---\nTwo.\n")
    report = desk.ingest()
    assert report.added == ["same"]
    assert "b.md: its id 'same' is taken by" in report.failed[0]


def test_a_bad_file_is_named_and_the_others_are_in(desk):
    desk.write("late.md", LATE)
    (desk.folder / "bad.txt").write_bytes(b"\x00\x01")
    desk.write("image.png", "not looked at")
    desk.write(".hidden/x.md", "not looked at")
    report = desk.ingest()
    assert report.added == ["late"]
    assert len(report.failed) == 1
    assert "bad.txt: this is a binary file" in report.failed[0]


def test_a_document_that_went_bad_stays_as_it_was(desk):
    """A broken edit must not take an answer out of the running calls."""
    desk.write("late.md", LATE)
    desk.ingest()
    desk.write("late.md", "---\nnope: 1\n---\nText.\n")
    report = desk.ingest()
    assert len(report.failed) == 1
    assert desk.open().answer("late fee", spoken=False).text == "The late fee is six dollars."


@pytest.mark.parametrize(("prepare", "says"), [
    (lambda folder: folder / "none", "there is no such file or folder"),
    (lambda folder: folder, "there is no document in this folder"),
])
def test_nothing_to_ingest_is_an_error(desk, prepare, says):
    with pytest.raises(KnowledgeError, match=says):
        ingest([prepare(desk.folder)], "desk", desk.embedder)


def test_only_bad_files_is_an_error_that_names_them(desk):
    (desk.folder / "bad.txt").write_bytes(b"\x00\x01")
    with pytest.raises(KnowledgeError, match=r"(?s)nothing was ingested.*bad\.txt: this is a binary file"):
        desk.ingest()


@pytest.mark.parametrize("name", ["", "../x", "a/b/c", "a/..", "/a", "a/", ".x", "a" * 65, "a b"])
def test_names_of_collections_cannot_leave_the_folder(name):
    with pytest.raises(KnowledgeError, match="cannot be the name of a collection"):
        folder_of(name)


def test_missing_collection(desk):
    with pytest.raises(CollectionMissing, match="there is no collection 'desk'.*trunkline ingest"):
        desk.open()


def test_emptied_collection(desk):
    path = desk.write("late.md", LATE)
    desk.ingest()
    store = Store(folder_of("desk"))
    store.replace([], ["late"])
    path.unlink()
    with pytest.raises(CollectionMissing, match="is empty"):
        desk.open()


def test_one_process_ingests_at_a_time(desk):
    desk.write("late.md", LATE)
    desk.ingest()
    with (folder_of("desk") / "ingest.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(KnowledgeError, match="being ingested by another process"):
            desk.ingest()


def test_an_interrupted_run_changes_nothing_and_is_not_repeated(desk, monkeypatch):
    """A crash in the middle of a batch: callers keep the old answers, and the vectors that were computed are kept."""
    monkeypatch.setattr("engine.knowledge.filling.ingest.SLICE", 4)
    desk.write("late.md", LATE)
    desk.ingest()
    for number in range(40):
        desk.write(f"more/{number}.md", f"# Topic {number}\n\nText number {number} of many.\n")

    class Dies(type(desk.embedder)):
        def __init__(self):
            super().__init__()
            self.done = []

        def encode_passages(self, passages):
            if len(self.done) >= 12:
                raise MemoryError("as if killed")
            found = super().encode_passages(passages)
            self.done += [passage.statements for passage in passages]
            return found

    dying = Dies()
    with pytest.raises(MemoryError):
        desk.ingest(dying)
    assert len(desk.open().search("text", 50)) == 1
    desk.embedder.encoded.clear()
    report = desk.ingest()
    assert (report.documents, report.lacking) == (41, 0)
    assert report.embedded <= 40 - 12


@pytest.mark.parametrize("damage", [
    lambda folder: next(folder.glob("vectors-*.faiss")).write_bytes(b"rubbish"),
    lambda folder: next(folder.glob("vectors-*.faiss")).unlink(),
    lambda folder: (folder / MANIFEST).write_text("{"),
    lambda folder: (folder / MANIFEST).unlink(),
    lambda folder: (folder / MANIFEST).write_text(json.dumps(
        {**json.loads((folder / MANIFEST).read_text()), "generation": 0})),
])
def test_the_index_is_made_anew_when_it_disagrees(desk, damage):
    """SQLite is the truth: whatever happens to the cache beside it, what is found stays the same, and ingesting mends
    the files."""
    desk.write("late.md", LATE)
    desk.write("park.md", PARK)
    desk.ingest()
    store, model = Store(folder_of("desk")), Model("words", 64)
    question = desk.embedder.encode(["late fee"])[0]
    before = index.load(store, model).nearest(question, 10)
    assert len(before) == 3
    damage(folder_of("desk"))
    assert index.load(store, model).nearest(question, 10) == before
    assert desk.ingest().unchanged == 2
    with store.view() as view:
        found, state = index.read(folder_of("desk"), model, view.generation)
    assert (state, index.verify(folder_of("desk"))) == ("good", [])
    assert found.nearest(question, 10) == before


def test_without_the_model_keywords_serve_and_say_so(desk):
    desk.write("late.md", LATE)
    desk.write("park.md", PARK)
    assert desk.ingest(None).model is None
    base = KnowledgeBase.open("desk")
    assert not base.by_meaning
    assert "not installed" in base.why_keywords
    assert base.answer("how high is the late fee", spoken=True).text == "The late fee is six dollars."
    assert base.answer("what is the weather in Lisbon", spoken=True).decision == "unknown"
    later = desk.open()
    assert not later.by_meaning
    assert "ingest again" in later.why_keywords
    desk.ingest()
    assert later.answer("late fee", spoken=False).decision == "answer"
    assert later.by_meaning


def test_a_running_process_notices_an_ingest(desk):
    desk.write("late.md", LATE)
    desk.ingest()
    base = desk.open()
    desk.write("late.md", LATE.replace("six", "nine"))
    desk.ingest()
    assert base.answer("late fee", spoken=False).text == "The late fee is nine dollars."
    assert not base.reload()


def test_many_calls_ask_while_the_collection_changes(desk):
    """A call must never see half of a re-ingest: every answer is wholly the old one or wholly the new one."""
    desk.write("late.md", LATE)
    for number in range(20):
        desk.write(f"{number}.md", f"# Topic {number}\n\nSomething else, number {number}.\n")
    desk.ingest()
    base = desk.open()
    answers = []

    def caller():
        for _ in range(15):
            answers.append(base.answer("how high is the late fee", spoken=True).text)

    callers = [gevent.spawn(caller) for _ in range(12)]
    gevent.sleep(0)
    desk.write("late.md", LATE.replace("six", "nine"))
    desk.ingest()
    gevent.joinall(callers, timeout=60, raise_error=True)
    assert len(answers) == 180
    assert set(answers) <= {"The late fee is six dollars.", "The late fee is nine dollars."}
    assert base.answer("how high is the late fee", spoken=True).text == "The late fee is nine dollars."


def test_an_index_that_breaks_while_serving_costs_nothing(desk):
    """The index is a cache: what is in the database is found all the same."""
    desk.write("late.md", LATE)
    desk.ingest()
    base = desk.open()
    index.forget(folder_of("desk"), 99)
    assert base.answer("late fee", spoken=False).text == "The late fee is six dollars."


def test_a_full_disk_is_said_and_mended(desk, monkeypatch):
    """The index is a cache: that it cannot be written must not cost the documents, nor leave scraps behind."""
    desk.write("late.md", LATE)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        with pytest.raises(KnowledgeError, match="the index cannot be written: No space left on device"):
            desk.ingest()
    assert not [path for path in folder_of("desk").iterdir() if path.name.startswith(".")]
    assert desk.open().answer("late fee", spoken=False).decision == "answer"
    assert desk.ingest().unchanged == 1
    assert (folder_of("desk") / MANIFEST).exists()


def test_a_question_is_embedded_once(desk):
    """Partial transcripts repeat: the second time costs no encoding."""
    desk.write("late.md", LATE)
    desk.ingest()
    base = desk.open()
    desk.embedder.encoded.clear()
    for _ in range(3):
        base.answer("late fee", spoken=True)
    assert desk.embedder.encoded == ["late fee"]
    assert desk.open().language_material() == (
        ("The late fee is six dollars.", "Paying late"), ("how high is the late fee",))
