"""The commands from outside: output, JSON, exit codes."""

import json

import pytest

from engine.cli.main import main


def test_ingest_and_ask_the_sample(capsys):
    assert main(["ingest", "sample"]) == 0
    out = capsys.readouterr().out
    assert "47 added" in out
    assert "Keyword search only" in out
    assert main(["ask", "what", "is", "the", "late", "fee"]) == 0
    out = capsys.readouterr().out
    assert "The late fee is six dollars." in out
    assert "support/late-payment" in out
    assert "keywords only" in out


def test_json(tmp_path, capsys):
    (tmp_path / "desk.md").write_text("# Desk\n\nThe desk opens at nine.\n")
    assert main(["ingest", str(tmp_path), "--collection", "mine", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["added"], report["documents"], report["model"]) == (["desk"], 1, None)
    assert main(["ask", "when does the desk open", "--collection", "mine", "--json", "--spoken"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["decision"], answer["text"], answer["search"]) == ("answer", "The desk opens at nine.", "keywords")
    assert answer["citations"][0]["document"] == "desk"
    assert answer["why"]


def test_exit_code_says_that_files_were_skipped(tmp_path, capsys):
    (tmp_path / "good.md").write_text("Text.\n")
    (tmp_path / "bad.md").write_text("---\nfoo: 1\n---\nText.\n")
    assert main(["ingest", str(tmp_path), "--collection", "mine"]) == 1
    out = capsys.readouterr().out
    assert "skipped:" in out
    assert "bad.md:2: unknown field 'foo'" in out.replace("\n", " ")


@pytest.mark.parametrize(("arguments", "says"), [
    (["ask", "anything", "--collection", "none"], "there is no collection 'none'"),
    (["ingest"], "give a file or a folder"),
    (["ingest", "/no/such/folder"], "there is no such file or folder"),
    (["ingest", "/etc/hostname"], "cannot be read"),
    (["ask", "x", "--collection", "../x"], "cannot be the name of a collection"),
])
def test_what_cannot_be_done_is_one_line_and_exit_2(arguments, says, capsys):
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert says in err
    assert "Traceback" not in err


def test_the_configuration_names_the_collection(tmp_path, capsys, monkeypatch):
    """What `serve` answers from and what `ask` shows must be the same collection."""
    (tmp_path / "desk.md").write_text("# Desk\n\nThe desk opens at nine.\n")
    monkeypatch.setenv("TRUNKLINE_KNOWLEDGE__COLLECTION", "mine")
    assert main(["ingest", str(tmp_path / "desk.md")]) == 0
    assert "Collection 'mine' has 1 documents" in capsys.readouterr().out
    config = tmp_path / "trunkline.yaml"
    config.write_text("knowledge:\n  typed_score: 1.0\n")
    assert main(["ask", "does the desk open on Sunday", "--config", str(config), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["collection"], answer["decision"]) == ("mine", "unknown")


def test_what_an_operator_should_know_of_files_that_were_read(tmp_path, capsys):
    """The file is in, so the exit code is 0; but half of its letters may be wrong, and only he can see that."""
    (tmp_path / "menu.csv").write_bytes("Plat,Prix\nCaf\u00e9,neuf euros\n".encode("cp1252"))
    assert main(["ingest", str(tmp_path), "--collection", "mine"]) == 0
    assert f"note: {tmp_path / 'menu.csv'}: is not UTF-8; read as Windows-1252" in capsys.readouterr().out
    (tmp_path / "menu.csv").write_bytes("Plat,Prix\nCaf\u00e9,dix euros\n".encode("cp1252"))
    assert main(["ingest", str(tmp_path), "--collection", "mine", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["notes"]) == 1


def test_the_configured_model_makes_the_vectors(tmp_path, capsys):
    """Calls are answered with it, so ingest must not take another one."""
    (tmp_path / "desk.md").write_text("# Desk\n\nThe desk opens at nine.\n")
    config = tmp_path / "trunkline.yaml"
    config.write_text("knowledge:\n  embedding: nobody\n")
    assert main(["ingest", str(tmp_path), "--config", str(config)]) == 2
    assert "knowledge.embedding: there is no 'nobody'" in capsys.readouterr().err
