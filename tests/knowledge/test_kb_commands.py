"""``trunkline kb list, stats, export, delete`` from outside."""

import json
import sqlite3

import pytest

from engine.cli.main import main
from engine.knowledge.collections import folder_of
from engine.knowledge.store import DATABASE

LATE = ("---\ntags: [billing]\nutterances: [how high is the late fee]\nsay: It is six dollars.\n---\n# Late\n\n"
        "Six dollars.\n")
PERSON = "---\ntags: [pii]\n---\n# Ada\n\nAda Quintel studied in Lyon.\n"


@pytest.fixture
def filled(desk):
    desk.write("late.md", LATE)
    desk.write("people/ada.md", PERSON)
    desk.write("frais.md", "# Frais\n\nLes frais de retard sont de six euros et sont dus au bout de trente jours.\n")
    desk.ingest()
    return desk


def shown(capsys, *words, code=0):
    assert main(["kb", *words]) == code
    return capsys.readouterr().out


def answer_of(capsys, *words):
    return json.loads(shown(capsys, *words, "--json"))


def test_list_names_every_collection_with_its_size(filled, capsys):
    """What is there, whose, how large, by which model, how fresh: one line each."""
    filled.ingest(None, "acme/desk")
    own, tenants = sorted(answer_of(capsys, "list"), key=lambda one: len(one["name"]))
    assert (own["name"], own["tenant"], own["documents"], own["model"]) == ("desk", "", 3, "words")
    assert (tenants["name"], tenants["tenant"], tenants["model"]) == ("acme/desk", "acme", "")
    assert own["languages"]["fr"] == 1 and own["bytes"] > 10_000 and own["ingested"][:2] == "20" and not own["state"]
    out = shown(capsys, "list")
    assert "acme/desk" in out and "keywords only" in out


def test_list_of_nothing_says_how_to_begin(capsys):
    assert "trunkline ingest PATH" in shown(capsys, "list")
    assert answer_of(capsys, "list") == []


def test_one_broken_collection_does_not_hide_the_others(filled, capsys, home):
    filled.ingest(None, "other")
    (folder_of("other") / DATABASE).write_bytes(b"this is no database" * 100)
    out = shown(capsys, "list")
    assert "not usable" in out and "delete" in out and "words" in out
    assert [bool(one["fault"]) for one in answer_of(capsys, "list")] == [False, True]


def test_an_interrupted_run_shows(filled, capsys):
    """An operator sees that a collection is not what the folder is."""
    (folder_of("desk") / "ingest.lock").write_text("not done\n")
    assert answer_of(capsys, "list")[0]["state"] == "interrupted"


def test_stats_counts(filled, capsys):
    found = answer_of(capsys, "stats", "desk")
    assert found["tags"] == {"billing": 1, "people": 1, "pii": 1}
    assert (found["questions"], found["lacking"], found["index"], found["late"]) == (1, 0, "exact", False)
    out = shown(capsys, "stats", "desk")
    assert "1 documents have personal data (tag pii)." in out and "billing 1" in out


def test_stats_of_the_configured_collection(filled, capsys, monkeypatch):
    monkeypatch.setenv("TRUNKLINE_KNOWLEDGE__COLLECTION", "desk")
    assert answer_of(capsys, "stats")["name"] == "desk"


def test_check_reads_every_byte(filled, capsys):
    """A bit that has fallen over in the index or the database is found, named, and fails a script."""
    assert "whole" in shown(capsys, "stats", "desk", "--check")
    index = next(folder_of("desk").glob("*.faiss"))
    whole = index.read_bytes()
    index.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    out = shown(capsys, "stats", "desk", "--check", code=1)
    assert f"fault: {index.name} is not what was written: ingest again" in out
    index.write_bytes(whole)
    with sqlite3.connect(folder_of("desk") / DATABASE) as connection:
        connection.execute("DELETE FROM analysed WHERE rowid = 1")
    connection.close()
    found = json.loads(shown(capsys, "stats", "desk", "--check", "--json", code=1))
    assert found["faults"] == ["1 passages are not in the full-text index"]


def test_export_has_every_document_with_its_passages(filled, capsys, tmp_path):
    """A line a document, in the order of ids, with all that was made of it."""
    rows = [json.loads(line) for line in shown(capsys, "export", "desk").splitlines()]
    assert [row["id"] for row in rows] == ["frais", "late", "people/ada"]
    late = rows[1]
    assert (late["utterances"], late["tags"]) == (["how high is the late fee"], ["billing"])
    assert late["say"] == "It is six dollars."
    assert [passage["text"] for passage in late["passages"]] == ["Six dollars."]
    assert rows[0]["passages"][0]["language"] == "fr"
    out = tmp_path / "desk.jsonl"
    assert "3 documents written" in shown(capsys, "export", "desk", "--out", str(out))
    assert [json.loads(line) for line in out.read_text("utf-8").splitlines()] == rows


def test_an_export_of_many_documents_is_read_page_by_page(desk, capsys, monkeypatch):
    """Nothing is left out or told twice where a page ends."""
    monkeypatch.setattr("engine.knowledge.exported.PAGE", 4)
    for number in range(9):
        desk.write(f"{number}.md", f"# {number}\n\nThis is number {number}.\n")
    desk.ingest(None)
    rows = [json.loads(line) for line in shown(capsys, "export", "desk").splitlines()]
    assert [row["id"] for row in rows] == [str(number) for number in range(9)]


def test_documents_are_deleted_without_a_trace(filled, capsys):
    """Somebody's data has to be gone: from answers, from words, from the file itself."""
    filled.folder.joinpath("people/ada.md").unlink()
    out = shown(capsys, "delete", "desk", "--tag", "pii", "--yes")
    assert "people/ada  (Ada)" in out and "1 documents deleted." in out and "1 of them had personal data" in out
    assert "still there" not in out
    assert [row["id"] for row in map(json.loads, shown(capsys, "export", "desk").splitlines())] == ["frais", "late"]
    files = b"".join(path.read_bytes() for path in folder_of("desk").iterdir() if path.is_file())
    assert b"uintel" not in files and b"Six dollars." in files
    assert "whole" in shown(capsys, "stats", "desk", "--check")
    assert answer_of(capsys, "stats", "desk")["vectors"] == 3


def test_a_deleted_document_whose_file_is_there_is_said_to_come_back(filled, capsys):
    out = shown(capsys, "delete", "desk", "--document", "late", "--yes")
    assert "1 of their files are still there" in out and "late.md" in out
    assert filled.ingest().added == ["late"]


def test_a_collection_is_deleted_others_stay(filled, capsys):
    filled.ingest(None, "desk/inner")
    assert "Collection 'desk' deleted." in shown(capsys, "delete", "desk", "--yes")
    assert [one["name"] for one in answer_of(capsys, "list")] == ["desk/inner"]


def test_a_damaged_collection_can_be_deleted(filled, capsys):
    (folder_of("desk") / DATABASE).write_bytes(b"this is no database" * 100)
    assert "deleted" in shown(capsys, "delete", "desk", "--yes")
    assert answer_of(capsys, "list") == []


@pytest.mark.parametrize(("said", "code", "left"), [("y", 0, 2), ("n", 1, 3), ("", 1, 3)])
def test_it_is_asked_before_anything_is_deleted(filled, capsys, monkeypatch, said, code, left):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: said)
    shown(capsys, "delete", "desk", "--document", "late", code=code)
    assert answer_of(capsys, "stats", "desk")["documents"] == left


@pytest.mark.parametrize(("words", "says"), [
    (["stats", "none"], "there is no collection 'none'"),
    (["export", "none", "--out", "never.jsonl"], "there is no collection 'none'"),
    (["delete", "none", "--yes"], "there is no collection 'none'"),
    (["delete", "desk"], "say --yes"),
    (["delete", "desk", "--document", "nothing", "--yes"], "has no document 'nothing'"),
    (["delete", "desk", "--tag", "nothing", "--yes"], "the tag 'nothing'"),
    (["delete", "../desk", "--yes"], "cannot be the name of a collection"),
    (["export", "desk", "--out", "/no/such/folder/x.jsonl"], "cannot be written"),
])
def test_what_cannot_be_done_is_one_line(desk, capsys, monkeypatch, tmp_path, words, says):
    monkeypatch.chdir(tmp_path)
    desk.write("late.md", LATE)
    desk.ingest(None)
    assert main(["kb", *words]) == 2
    err = capsys.readouterr().err
    assert says in err and "Traceback" not in err
    assert not (tmp_path / "never.jsonl").exists()
    assert answer_of(capsys, "stats", "desk")["documents"] == 1


def test_nothing_is_deleted_while_the_collection_is_ingested(filled, capsys):
    from engine.knowledge.store import Store

    with Store(folder_of("desk")).writing():
        assert answer_of(capsys, "list")[0]["state"] == "being ingested"
        assert main(["kb", "delete", "desk", "--yes"]) == 2
    assert "is being ingested by another process" in capsys.readouterr().err
    assert answer_of(capsys, "stats", "desk")["documents"] == 3
