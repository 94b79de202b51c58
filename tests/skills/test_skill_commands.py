"""``trunkline skills``: what an operator sees, and what he tries by hand."""

import json

import pytest
from mcp_fake import McpFake

from engine.cli import checks
from engine.cli.main import main
from engine.config import Config

OWN = '''
from engine.dialog.skills import skill

@skill(side_effect=True)
def water(plants: int = 1) -> int:
    """Water the plants."""
    return plants
'''


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    (tmp_path / "skills").mkdir()
    return tmp_path


def test_listing(at_home, capsys):
    (at_home / "skills" / "garden.py").write_text(OWN)
    assert main(["skills", "list", "--json"]) == 0
    found = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
    assert found["water"]["side_effect"] and found["water"]["source"] == f"{at_home}/skills/garden.py:4"
    assert found["search"]["parameters"]["required"] == ["query"]
    assert main(["skills", "list"]) == 0
    assert "check_order_status" in capsys.readouterr().out


def test_running_one(at_home, capsys):
    (at_home / "skills" / "garden.py").write_text(OWN)
    assert main(["skills", "run", "water", '{"plants": 3}']) == 0
    assert json.loads(capsys.readouterr().out) == {"success": True, "data": 3, "message": ""}
    assert main(["skills", "run", "water", '{"plants": "many"}']) == 1
    assert "plants" in json.loads(capsys.readouterr().out)["message"]


def test_who_runs_one_by_hand_has_agreed_to_it(at_home, capsys):
    (at_home / "skills" / "garden.py").write_text(OWN.replace("side_effect=True", "side_effect=True, confirm=True"))
    assert main(["skills", "run", "water"]) == 0
    assert json.loads(capsys.readouterr().out)["success"]


def test_a_file_that_is_wrong_is_named(at_home, capsys):
    """By the command, and by the doctor before a call meets it."""
    (at_home / "skills" / "garden.py").write_text(OWN)
    assert checks.skills(Config()).status == "pass" and "1 of them" in checks.skills(Config()).text
    (at_home / "skills" / "garden.py").write_text(OWN.replace(")\n", "\n", 1))
    assert main(["skills", "list"]) == 2
    assert "garden.py:4" in capsys.readouterr().err
    finding = checks.skills(Config())
    assert finding.status == "fail" and "garden.py:4" in finding.text


def test_mcp_servers_are_asked(at_home, capsys):
    """One that cannot be asked is named; the others are listed all the same."""
    server = McpFake()
    (at_home / "mcp.yaml").write_text(f"servers:\n  crm: {{url: '{server.url}', tools: [find]}}\n"
                                      "  gone: {url: 'http://127.0.0.1:1/mcp', tools: [find]}\n")
    (at_home / "trunkline.yaml").write_text("skills:\n  mcp_file: mcp.yaml\n")
    config = ["--config", str(at_home / "trunkline.yaml")]
    assert main(["skills", "list", "--json", *config]) == 0
    out, err = capsys.readouterr()
    assert "crm_find" in [item["name"] for item in json.loads(out)] and "gone:" in err
    assert main(["skills", "run", "crm_find", '{"name": "Ann"}', *config]) == 0
    assert json.loads(capsys.readouterr().out)["data"] == "Ann: 5"
    server.close()
