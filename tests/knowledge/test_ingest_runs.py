"""Runs of ingest from outside: what costs nothing, what is named and passed over, what is refused, what resumes."""

import contextlib
import json
import os
import sqlite3

import gevent
import numpy as np
import pytest
from leftovers import living

from engine.cli.main import main
from engine.errors import ProviderFault
from engine.knowledge.collections import collections, folder_of
from engine.knowledge.document import Document, Passage
from engine.knowledge.embedding.interface import PassageVectors
from engine.knowledge.errors import CollectionMissing, DocumentError, KnowledgeError
from engine.knowledge.filling.ingest import ingest
from engine.knowledge.reading import onefile, sidecar
from engine.knowledge.store import Model, Store, index

LATE = "# Paying late\n\nThe late fee is six dollars.\n"
PARK = "# Parking\n\nVisitors park at the north gate.\n"


class Reader:
    """Markdown and text in this process: counts what it is given, fails where it is told to."""

    suffixes = (".md", ".txt")
    workers = 1

    def digest(self, path):
        return sidecar.digest(path)

    def close(self):
        pass

    def __init__(self, faults=()):
        self.read_files = []
        self.faults = dict(faults)

    def read(self, path, root):
        self.read_files.append(path.name)
        if fault := self.faults.get(path.name):
            raise fault
        return onefile.read(path, root)


def aged(path, seconds=60):
    """As if it had been written a minute ago: times are trusted then. The time of its inode cannot be set back."""
    then = path.stat().st_mtime_ns - seconds * 10**9
    os.utime(path, ns=(then, then))
    return path


@pytest.fixture
def settled(monkeypatch):
    """Files are trusted as soon as they are written."""
    monkeypatch.setattr("engine.knowledge.filling.walk._SETTLED_NS", 0)


@pytest.fixture
def store():
    store = Store(folder_of("desk"))
    yield store
    store.close()


def texts(store):
    with store.view() as view:
        return {entry.id: [chunk.text for chunk in view.of_document(entry.id)] for entry in view.all_documents()}


def run(desk, **more):
    return ingest([desk.folder], "desk", desk.embedder, **more)


# ---------------------------------------------------------------- what costs nothing

def test_files_that_look_the_same_are_not_opened(desk, settled, monkeypatch):
    desk.write("late.md", LATE)
    desk.write("park.md", PARK)
    run(desk)
    monkeypatch.setattr("engine.knowledge.reading.sidecar.digest", lambda path: pytest.fail(f"{path} was opened"))
    reader = Reader()
    report = run(desk, reader=reader)
    assert (report.unchanged, reader.read_files) == (2, [])


def test_files_that_were_only_touched_are_hashed_once(desk, settled):
    """A fresh check-out gives every file a new time: that must not make a new generation, nor cost a second time."""
    path = desk.write("late.md", LATE)
    run(desk)
    stamp = index.stamp(folder_of("desk"))
    aged(path)
    reader = Reader()
    assert (run(desk, reader=reader).unchanged, reader.read_files) == (1, [])
    assert index.stamp(folder_of("desk")) == stamp
    with Store(folder_of("desk")).view() as view:
        assert view.generation == 1


def test_a_change_that_hides_is_found(desk, settled, store):
    """Same size, old time put back, as copying tools do: the time of the inode gives it away."""
    path = desk.write("late.md", LATE)
    run(desk)
    before = path.stat()
    path.write_text(LATE.replace("six", "two"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert run(desk).changed == ["late"]
    assert texts(store)["late"] == ["The late fee is two dollars."]


def test_a_file_of_just_now_is_not_trusted(desk):
    """It may be written again within the same tick of the file system's clock."""
    desk.write("late.md", LATE)
    run(desk)
    with contextlib.closing(sqlite3.connect(folder_of("desk") / "knowledge.sqlite")) as connection:
        assert connection.execute("SELECT modified_ns FROM documents").fetchall() == [(0,)]


# ---------------------------------------------------------------- what is passed over

def test_what_cannot_be_read_is_named_and_the_run_goes_on(desk, tmp_path):
    """Of a thousand files the one broken file must not cost the others, whatever is wrong with it."""
    for name in ("a", "b", "c", "d", "late"):
        desk.write(f"{name}.md", LATE)
    os.mkfifo(desk.folder / "pipe.md")
    (desk.folder / "nowhere.md").symlink_to(tmp_path / "none")
    reader = Reader({"a.md": DocumentError("a.md:7: no"), "b.md": PermissionError(13, "Permission denied"),
                     "c.md": RecursionError("deep"), "d.md": KeyError("x")})
    report = run(desk, reader=reader)
    assert report.added == ["late"]
    assert [fault.rpartition("/")[2] for fault in report.failed] == [
        "a.md:7: no", "b.md: cannot be read: Permission denied", "c.md: cannot be read: RecursionError: deep",
        "d.md: cannot be read: KeyError: 'x'"]


def test_a_reader_that_cannot_work_at_all_ends_the_run(desk, capfd):
    """A thousand files with the same fault would hide it."""
    desk.write("late.md", LATE)
    with pytest.raises(KnowledgeError, match="no worker can be started"):
        run(desk, reader=Reader({"late.md": KnowledgeError("no worker can be started")}))
    assert capfd.readouterr().err == ""


def test_a_file_beside_a_document_belongs_to_it(desk, settled):
    """Tags and dates of a PDF are written there: a change of them must be taken in."""
    class Beside(Reader):
        def digest(self, path):
            beside = path.with_name(path.name + ".yaml")
            return super().digest(path) + (beside.read_text() if beside.exists() else "")

    desk.write("late.md", LATE)
    run(desk, reader=Beside())
    desk.write("late.md.yaml", "tags: [billing]")
    reader = Beside()
    run(desk, reader=reader)
    assert reader.read_files == ["late.md"]


@pytest.mark.parametrize(("made", "says"), [
    (lambda path: Document("x", path, "0", "X", (Passage((), "half \ud800 of one", ()),)), "has a character that is"),
    (lambda path: Document("x", path, "0", "X", ()), "there is no text in it"),
    (lambda path: Document("x", path.with_name("\udcff.md"), "0", "X", (Passage((), "y", ()),)), "is not UTF-8"),
])
def test_what_cannot_be_stored_is_named(desk, made, says):
    """Broken JSON and file names of another age hold what no database takes."""
    desk.write("late.md", LATE)
    desk.write("x.md", "x")

    class Odd(Reader):
        def read(self, path, root):
            return made(path) if path.name == "x.md" else super().read(path, root)

    report = run(desk, reader=Odd())
    assert report.added == ["late"]
    assert says in report.failed[0]
    assert report.failed[0].encode()


def test_a_folder_that_may_not_be_looked_into_keeps_its_documents(desk, monkeypatch, store):
    """A lost permission must not delete what the calls are answered from."""
    desk.write("late.md", LATE)
    desk.write("closed/park.md", PARK)
    run(desk)
    closed, scandir = desk.folder / "closed", os.scandir

    def refused(path):
        if str(path) == str(closed):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    report = run(desk)
    assert (report.removed, report.failed) == ([], [f"{closed}: cannot be read: Permission denied"])
    assert set(texts(store)) == {"late", "closed/park"}
    with pytest.raises(KnowledgeError, match="closed: cannot be read: Permission denied"):
        ingest([closed], "desk", None)


def test_an_emptied_folder_removes_nothing(desk, store):
    """A share that is not mounted looks like an empty folder."""
    path = desk.write("late.md", LATE)
    run(desk)
    path.unlink()
    with pytest.raises(KnowledgeError, match="there is no document in this folder"):
        run(desk)
    assert set(texts(store)) == {"late"}


def test_ids_that_wander_between_files(desk, store, monkeypatch):
    """One run in which ids are exchanged, in batches of one: no document is lost, none is there twice."""
    monkeypatch.setattr("engine.knowledge.filling.ingest.BATCH_DOCUMENTS", 1)
    for name in ("a", "b", "c"):
        desk.write(f"{name}.md", f"---\nid: {name}\n---\nText of {name}.\n")
    run(desk)
    desk.write("a.md", "---\nid: new\n---\nText of new.\n")
    desk.write("b.md", "---\nid: a\n---\nText of a, moved.\n")
    report = run(desk)
    assert (report.changed, report.removed, report.failed) == (["new", "a"], [], [])
    assert texts(store) == {"a": ["Text of a, moved."], "c": ["Text of c."], "new": ["Text of new."]}
    assert store.check() == []


# ---------------------------------------------------------------- models

class Other:
    """Another model than the desk's."""

    def __init__(self, name="other", dim=8, fault=None):
        self.name, self.dim, self.fault = name, dim, fault
        self.passages = 0

    def encode(self, texts):
        if self.fault:
            raise self.fault
        return np.full((len(texts), self.dim), self.dim**-0.5, np.float32)

    def encode_passages(self, passages):
        self.passages += len(passages)
        return [PassageVectors(whole, np.zeros((0, self.dim), np.float32)) for whole in self.encode(passages)]


@pytest.mark.parametrize("other", [Other(), Other("words", 32)])
def test_another_model_is_refused_until_all_is_computed_again(desk, store, other):
    """Cosines between two models mean nothing: mixing them would answer at random, silently."""
    desk.write("late.md", LATE)
    run(desk)
    desk.write("park.md", PARK)
    with pytest.raises(KnowledgeError, match=rf"(?s)has vectors of words \(64 dimensions\), but the model is now "
                                             rf"{other.name} \({other.dim}\).*--reembed"):
        ingest([desk.folder], "desk", other)
    assert set(texts(store)) == {"late"}
    report = ingest([desk.folder], "desk", other, reembed=True)
    assert (report.embedded, report.lacking, other.passages) == (2, 0, 2)
    model = Model(other.name, other.dim)
    assert index.load(store, model).count == 2
    with store.view() as view:
        assert view.model == model
        assert view.passage_vectors(other.name, [1])[1].shape == (other.dim,)
        if other.name != "words":
            assert view.passage_vectors("words", [1]) == {}
    assert index.verify(store.folder) == []


def test_a_provider_that_fails_costs_the_vectors_not_the_documents(desk, store):
    """Words alone find them meanwhile, and the next run computes only what is missing."""
    desk.write("late.md", LATE)
    desk.write("park.md", PARK)
    report = ingest([desk.folder], "desk", Other(fault=ProviderFault("remote", "unavailable", "no connection")))
    assert (len(report.added), report.lacking, report.fault) == (2, 2, "remote: no connection")
    mended = Other()
    report = ingest([desk.folder], "desk", mended)
    assert (report.unchanged, report.embedded, report.lacking, mended.passages) == (2, 2, 0, 2)
    assert index.load(store, Model("other", 8)).count == 2


def test_documents_that_came_without_the_model_get_their_vectors_later(desk, store):
    desk.write("late.md", LATE)
    run(desk)
    desk.write("park.md", PARK)
    assert ingest([desk.folder], "desk", None).lacking == 1
    assert index.load(store, Model("words", 64)).count == 1
    report = run(desk)
    assert (report.embedded, report.lacking) == (1, 0)
    assert index.load(store, Model("words", 64)).count == 2


# ---------------------------------------------------------------- interrupted, stopped, upgraded

def test_a_run_that_is_asked_to_stop_ends_after_its_batch(desk, store, monkeypatch):
    monkeypatch.setattr("engine.knowledge.filling.ingest.BATCH_DOCUMENTS", 5)
    for number in range(20):
        desk.write(f"{number}.md", f"# Topic {number}\n\nText number {number}.\n")
    seen = []
    report = run(desk, progress=seen.append, stop=lambda: seen[-1].files >= 5)
    assert report.stopped
    assert len(texts(store)) == report.documents == 5
    assert store.check() == []
    assert index.load(store, Model("words", 64)).count == 5
    assert len(run(desk).added) == 15


def test_vectors_of_an_interrupted_run_that_nothing_needs_any_more_go(desk, store):
    """Its files may have changed since: what was computed for them must not stay for ever."""
    desk.write("late.md", LATE)
    run(desk)
    store.add_vectors(Model("words", 64), {}, {b"of no passage": np.ones(64, np.float32)})
    with contextlib.suppress(RuntimeError), store.writing():
        raise RuntimeError("as if killed")
    assert store.check() == ["1 vectors belong to nothing"]
    run(desk)
    assert store.check() == []


def test_progress_goes_forward_to_the_end(desk, monkeypatch):
    monkeypatch.setattr("engine.knowledge.filling.ingest.BATCH_DOCUMENTS", 3)
    for number in range(10):
        desk.write(f"{number}.md", f"# Topic {number}\n\nText number {number}.\n")
    seen = []
    run(desk, progress=seen.append)
    for name in ("files", "chunks", "seconds"):
        values = [getattr(progress, name) for progress in seen]
        assert values == sorted(values)
    last = seen[-1]
    assert (last.files, last.of_files, last.chunks, last.left_s) == (10, 10, 10, 0)
    assert seen[0].left_s is None
    assert seen[1].left_s > 0


def test_no_greenlet_is_left(desk, monkeypatch):
    monkeypatch.setattr("engine.knowledge.filling.ingest._AHEAD", 1)
    for number in range(10):
        desk.write(f"{number}.md", LATE)
    before = living()
    with pytest.raises(KnowledgeError):
        run(desk, reader=Reader(), progress=_raise_at_the_second())
    gevent.sleep(0)
    assert living() <= before


def _raise_at_the_second():
    seen = []

    def progress(value):
        seen.append(value)
        if len(seen) == 2:
            raise KnowledgeError("enough")

    return progress


OLD = """
CREATE TABLE documents (id TEXT PRIMARY KEY, source TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, title TEXT NOT NULL,
    tags TEXT NOT NULL, say TEXT NOT NULL);
PRAGMA user_version = 1;
"""


def old_collection(*sources):
    folder = folder_of("desk")
    folder.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(folder / "collection.sqlite")) as connection, connection:
        connection.executescript(OLD)
        connection.executemany("INSERT INTO documents VALUES (?, ?, '', '', '[]', '')",
                               [(name, str(path)) for name, path in sources])
    return folder / "collection.sqlite"


def test_a_collection_of_an_older_version_is_made_anew_from_its_sources(desk, tmp_path, store):
    """Documents of other folders than the one that is given now are not lost, and keep their ids and tags."""
    other = tmp_path / "other" / "bills" / "park.md"
    other.parent.mkdir(parents=True)
    other.write_text(PARK)
    old = old_collection(("late", desk.write("late.md", LATE)), ("bills/park", other),
                         ("gone", desk.folder / "gone.md"))
    with pytest.raises(CollectionMissing, match="made by an older version.*trunkline ingest PATH"), store.view():
        pass
    report = run(desk)
    assert sorted(report.added) == ["bills/park", "late"]
    with store.view() as view:
        assert view.documents(["bills/park"])["bills/park"].tags == ("bills",)
    assert not old.exists()
    assert run(desk).unchanged == 1


def test_an_older_collection_whose_sources_are_gone_is_refused(desk, tmp_path):
    desk.write("late.md", LATE)
    old = old_collection(("park", tmp_path / "gone" / "park.md"))
    with pytest.raises(KnowledgeError, match="1 of its documents are not where they were .*park.md.*ingest what there"):
        run(desk)
    assert old.exists()


# ---------------------------------------------------------------- tenants and the command

def test_collections_of_tenants(desk):
    desk.write("late.md", LATE)
    for name in ("desk", "acme/desk", "acme"):
        ingest([desk.folder], name, None)
    assert collections() == ["acme", "acme/desk", "desk"]


def test_the_commands_exit_code_says_what_came_of_it(tmp_path, capsys):
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "late.md").write_text(LATE)
    command = ["ingest", str(folder), "--collection", "acme/desk"]
    assert main(command) == 0
    assert "1 added" in capsys.readouterr().out
    (folder / "bad.txt").write_bytes(b"\0")
    assert main([*command, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert (report["unchanged"], len(report["failed"]), report["documents"]) == (1, 1, 1)
    assert main(["ingest", str(tmp_path / "none")]) == 2
    assert "there is no such file or folder" in capsys.readouterr().err
