"""The index: exact while it is small, close to it when it is large; a cache that may be late, damaged or gone."""

import threading

import numpy as np
import pytest

from engine.knowledge.errors import KnowledgeError
from engine.knowledge.store import Model, index, indexfiles
from engine.knowledge.store.index import PASSAGE, QUESTION

MODEL = Model("m", 32)
RANDOM = np.random.default_rng(7)


class Made:
    """Vectors in clusters, as those of texts are; every seventh is a question's."""

    def __init__(self, count, generation=1, model=MODEL):
        centres = np.random.default_rng(1).standard_normal((40, model.dim)).astype(np.float32)
        chance = np.random.default_rng(2)
        found = centres[chance.integers(0, 40, 5000)] + 0.6 * chance.standard_normal((5000, model.dim))
        self.vectors = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)[:count]
        self.ids = np.arange(count, dtype=np.int64) * 2 + (np.arange(count) % 7 == 0)
        self.model, self.generation = model, generation
        self.taken = 0

    def at(self, ids):
        self.taken += len(ids)
        return self.vectors[ids >> 1]

    def without(self, rows):
        self.ids = np.setdiff1d(self.ids, self.ids[rows])
        return self

    def nearest(self, vector, count):
        cosines = self.vectors[self.ids >> 1] @ vector
        return [(int(self.ids[place]) & 1, int(self.ids[place]) >> 1) for place in np.argsort(-cosines)[:count]]


@pytest.fixture
def large(monkeypatch):
    """What is large is 1,000 vectors here."""
    monkeypatch.setattr(index, "FLAT_LIMIT", 1000)


def found_by(folder, vectors, generation=None):
    return index.read(folder, vectors.model, generation or vectors.generation)


def test_a_small_index_is_exact(tmp_path):
    made = Made(500)
    index.refresh(tmp_path, made)
    found, state = found_by(tmp_path, made)
    assert (state, found.count) == ("good", 500)
    for row in (0, 7, 499):
        near = found.nearest(made.vectors[row], 5)
        assert [(kind, number) for kind, number, _ in near] == made.nearest(made.vectors[row], 5)
        assert near[0][:2] == (QUESTION if row % 7 == 0 else PASSAGE, row)
        assert near[0].cosine == pytest.approx(1, abs=1e-5)
    assert len(found.nearest(made.vectors[0], 10_000)) == 500


def test_a_large_index_finds_nearly_the_same(tmp_path, large):
    made = Made(4000)
    index.refresh(tmp_path, made)
    found, _ = found_by(tmp_path, made)
    assert [path.name for path in tmp_path.glob("*.faiss")] == ["vectors-1-base.faiss"]
    questions = made.vectors[:200] + 0.1 * RANDOM.standard_normal((200, MODEL.dim)).astype(np.float32)
    same = [len({near[:2] for near in found.nearest(question, 5)} & set(made.nearest(question, 5)))
            for question in questions / np.linalg.norm(questions, axis=1, keepdims=True)]
    assert sum(same) / len(same) / 5 >= 0.95


def test_what_comes_later_goes_to_the_tail_until_that_is_long(tmp_path, large):
    """A new document must not cost the minutes that a new base takes."""
    index.refresh(tmp_path, Made(4000))
    later = Made(4300, generation=2)
    index.refresh(tmp_path, later)
    assert later.taken == 300
    found, state = found_by(tmp_path, later)
    assert (state, found.count) == ("good", 4300)
    assert found.nearest(later.vectors[4200], 1)[0].row == 4200
    assert found.nearest(later.vectors[100], 1)[0].row == 100
    gone = Made(4300, generation=3).without(range(50))
    index.refresh(tmp_path, gone)
    assert gone.taken == 300
    again = Made(4300, generation=3).without(range(50))
    index.refresh(tmp_path, again)
    assert again.taken == 0
    longer = Made(4600, generation=4)
    index.refresh(tmp_path, longer)
    assert longer.taken > 4600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.json", "vectors-4-base.faiss"]


def test_a_large_one_becomes_small_again(tmp_path, large):
    index.refresh(tmp_path, Made(2000))
    few = Made(2000, generation=2).without(range(1500))
    index.refresh(tmp_path, few)
    found, _ = found_by(tmp_path, few)
    assert (found.count, [path.name for path in tmp_path.glob("*.faiss")]) == (500, ["vectors-2-flat.faiss"])


@pytest.mark.parametrize("damage", [
    lambda path: path.unlink(),
    lambda path: path.write_bytes(path.read_bytes()[:-100]),
    lambda path: path.write_bytes(path.read_bytes()[:2000] + b"x" + path.read_bytes()[2001:]),
    lambda path: path.write_bytes(b""),
])
@pytest.mark.parametrize("count", [500, 2000])
def test_damaged_files_are_not_used_and_are_made_anew(tmp_path, large, damage, count):
    made = Made(count)
    index.refresh(tmp_path, made)
    damage(next(tmp_path.glob("*.faiss")))
    assert found_by(tmp_path, made) == (None, "damaged")
    assert len(index.verify(tmp_path)) == 1
    index.refresh(tmp_path, made)
    assert (found_by(tmp_path, made)[1], index.verify(tmp_path)) == ("good", [])


def test_a_large_file_is_looked_at_in_samples_and_checked_whole_on_demand(tmp_path, monkeypatch):
    """Hashing 400 MB at every start would take seconds; a torn or overwritten file is seen in the samples."""
    monkeypatch.setattr(indexfiles, "_BLOCK", 64)
    monkeypatch.setattr(indexfiles, "_BLOCKS", 4)
    part = indexfiles.put_part(tmp_path, "big", 1, lambda path: path.write_bytes(bytes(range(250)) * 40))
    assert indexfiles.is_whole(tmp_path, part, all_of_it=True)
    data = bytearray((tmp_path / "big").read_bytes())
    data[200] ^= 1
    (tmp_path / "big").write_bytes(data)
    assert indexfiles.is_whole(tmp_path, part)
    assert not indexfiles.is_whole(tmp_path, part, all_of_it=True)


def test_an_index_of_another_model_is_not_used(tmp_path):
    index.refresh(tmp_path, Made(50))
    assert index.read(tmp_path, Model("other", 32), 1) == (None, "other model")
    assert index.read(tmp_path, Model("m", 64), 1) == (None, "other model")
    other = Made(60, model=Model("other", 16), generation=2)
    index.refresh(tmp_path, other)
    assert found_by(tmp_path, other)[0].count == 60


def test_a_question_of_other_dimensions_is_refused(tmp_path):
    made = Made(50)
    index.refresh(tmp_path, made)
    with pytest.raises(KnowledgeError, match=r"a vector of 31 dimensions cannot be compared with those of m \(32\)"):
        found_by(tmp_path, made)[0].nearest(made.vectors[0][:31], 5)


def test_nothing_is_half_there_when_the_disk_refuses(tmp_path, monkeypatch):
    index.refresh(tmp_path, Made(50))
    before = index.stamp(tmp_path)
    monkeypatch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(KnowledgeError, match="the index cannot be written: No space left on device"):
        index.refresh(tmp_path, Made(60, generation=2))
    assert index.stamp(tmp_path) == before
    assert found_by(tmp_path, Made(50))[1] == "good"
    assert not list(tmp_path.glob(".*"))


def test_the_stamp_changes_with_the_index(tmp_path):
    """Running processes look at nothing else."""
    assert index.stamp(tmp_path) == (0, 0)
    seen = {index.stamp(tmp_path)}
    for generation in range(3):
        index.refresh(tmp_path, Made(50, generation=generation))
        seen.add(index.stamp(tmp_path))
    index.forget(tmp_path, 9)
    seen.add(index.stamp(tmp_path))
    assert len(seen) == 5
    assert (index.read(tmp_path, MODEL, 9), list(tmp_path.glob("*.faiss"))) == ((None, "none"), [])


def test_threads_share_an_index_and_old_files_may_go(tmp_path, large):
    """Calls go on searching the index that they have while another is put in its place."""
    made = Made(2000)
    index.refresh(tmp_path, made)
    found, _ = found_by(tmp_path, made)
    index.refresh(tmp_path, Made(3000, generation=2))
    wrong = []

    def search(rows):
        wrong.extend(row for row in rows if found.nearest(made.vectors[row], 1)[0].row != row)

    threads = [threading.Thread(target=search, args=(range(start, 2000, 40),)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []
