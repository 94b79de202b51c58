"""``glossary.yaml`` in a folder of documents: checked, kept with the collection, noticed by running engines."""

import pytest

from engine.knowledge.errors import KnowledgeError
from engine.knowledge.filling.ingest import ingest
from engine.knowledge.filling.walk import survey
from engine.knowledge.words.glossary import FILE

FEE = "# Surcharges\n\nThe penalty is six dollars.\n"
WORDS = "penalty: [zorkmid]\n"


def answers(base):
    return bool(base.search("zorkmid"))


@pytest.fixture
def base(desk):
    desk.write("fee.md", FEE)
    desk.write("pool.md", "# The pool\n\nThe pool opens at nine.\n")
    desk.ingest(None)
    return desk.open()


def test_a_glossary_beside_the_documents_is_used_and_goes_with_its_file(desk, base):
    """Engines that run notice a change of it alone: nobody restarts one for a synonym."""
    assert not answers(base)
    desk.write(FILE, WORDS)
    report = desk.ingest(None)
    assert (report.failed, report.unchanged) == ([], 2) and answers(base)
    desk.write(FILE, "other: [thing]\n")
    desk.ingest(None)
    assert not answers(base)
    desk.write(FILE, WORDS)
    desk.ingest(None)
    assert answers(base)
    (desk.folder / FILE).unlink()
    desk.ingest(None)
    assert not answers(base) and not (base.folder / FILE).exists()


def test_the_same_glossary_again_changes_nothing(desk, base):
    """Else each run of ingest would make every engine load the collection."""
    desk.write(FILE, WORDS)
    desk.ingest()
    assert base.reload() and not base.reload()
    desk.ingest()
    assert not base.reload()


def test_a_wrong_glossary_is_named_and_the_run_goes_on(desk, base):
    """As with documents: the old one stays, the others are read."""
    desk.write(FILE, WORDS)
    desk.ingest(None)
    path = desk.write(FILE, "penalty: [zorkmid]\nrefund: {xx: [x]}\n")
    desk.write("new.md", "# News\n\nThere is news.\n")
    report = desk.ingest(None)
    assert report.added == ["new"] and report.failed == [
        f"{path}:2: unknown language 'xx' under 'refund'; known are en, fr, hi, ml, ta, and a plain list takes words "
        "of any language"]
    assert answers(base)


def test_a_collection_has_one_glossary(desk, base, tmp_path):
    """A second folder's is refused with both names, whether it comes in the same run or later."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "more.md").write_text("# More\n\nMore text.\n")
    (other / FILE).write_text("fee: [coin]\n")
    mine = desk.write(FILE, WORDS)
    for roots in ([desk.folder, other], [other, desk.folder], [other]):
        desk.ingest(None)
        report = ingest(roots, "desk", None, reader=desk.reader)
        assert report.failed == [
            f"{other / FILE}: the collection has the glossary {mine} already; put all of it into one file"]
    assert answers(base)
    ingest([desk.folder / "fee.md"], "desk", None, reader=desk.reader)
    assert answers(base), "a single file says nothing of the glossary"


def test_a_hand_written_one_in_the_collections_folder_stays(desk, base):
    """Ingest takes away only what it has put there."""
    (base.folder / FILE).write_text(WORDS)
    desk.ingest(None)
    assert answers(base)
    (base.folder / FILE).write_text("[")
    assert answers(base), "a broken one leaves the old state"
    with pytest.raises(KnowledgeError, match=r"glossary.yaml:1: not YAML"):
        desk.open()


def test_a_watch_sees_it(desk):
    desk.write("fee.md", FEE)
    before = survey([desk.folder], [".md"])
    desk.write(FILE, WORDS)
    assert set(survey([desk.folder], [".md"])) - set(before) == {str(desk.folder / FILE)}
