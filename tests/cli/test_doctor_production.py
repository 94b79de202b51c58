"""``trunkline doctor --production``: every point of the checklist is a line, and what is unsafe is never a pass."""

import json

import pytest

from engine.cli import production_checks
from engine.cli.main import main
from engine.config import Config
from engine.configfile import load

POINTS = {"secrets", "database", "state", "https", "keys", "rate limits", "event socket", "draining", "retention",
          "monitoring", "logs", "error tracking", "backup", "load test", "security audit"}


def rows(path=None, **options):
    found = production_checks.look(Config(**options), path)
    return {check: (status, text, todo) for check, status, text, todo in found}


def test_every_point_has_a_line_and_what_to_do():
    found = rows()
    assert set(found) == POINTS
    assert all(todo for status, _, todo in found.values() if status != "pass")
    assert {check for check, row in found.items() if row[0] == "skip"} == {
        "error tracking", "backup", "load test", "security audit"}, "what nobody here can know is not called good"


@pytest.mark.parametrize(("check", "options", "status"), [
    ("https", {"http": {"host": "0.0.0.0"}}, "fail"), ("https", {}, "pass"),
    ("rate limits", {"http": {"requests_per_minute": 0}}, "fail"),
    ("event socket", {"switch": {"enabled": True, "password": "ClueCon"}}, "fail"),
    ("event socket", {"switch": {"enabled": True, "password": "long"}}, "warn"),
    ("event socket", {"switch": {"enabled": True, "password": "long", "user": "engine@event-socket"}}, "pass"),
    ("draining", {"drain_s": 5}, "warn"), ("draining", {"drain_s": 600}, "pass"),
    ("database", {"store": {"url": "postgresql://trunkline@db/trunkline"}}, "pass"), ("database", {}, "warn"),
    ("retention", {"store": {"retention": {"session_days": 30, "recording_days": 30}}}, "pass"),
    ("retention", {}, "warn"),
])  # fmt: skip
def test_points(check, options, status):
    assert rows(**options)[check][0] == status


@pytest.mark.parametrize(("text", "mode", "status"), [
    ("drain_s: 60\n", 0o644, "pass"), ("switch:\n  password: hunter2hunter2\n", 0o644, "fail"),
    ("switch:\n  password: hunter2hunter2\n", 0o600, "warn"), ("# password: x\n", 0o644, "pass"),
])  # fmt: skip
def test_secrets_in_files(tmp_path, text, mode, status):
    """A password in a file that every user may read is no secret."""
    path = tmp_path / "trunkline.yaml"
    path.write_text(text)
    path.chmod(mode)
    load(path, {})
    assert rows(path)["secrets"][0] == status


def test_the_command(tmp_path, monkeypatch, capsys):
    """The list comes after what the doctor says anyway, and only when it is asked for."""
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    for port in ("HTTP__PORT", "EVENT_SOCKET__PORT"):
        monkeypatch.setenv(f"TRUNKLINE_{port}", "0")
    main(["doctor", "--production", "--json"])
    assert {finding["check"] for finding in json.loads(capsys.readouterr().out)["findings"]} >= POINTS
    main(["doctor", "--json"])
    assert "backup" not in {finding["check"] for finding in json.loads(capsys.readouterr().out)["findings"]}
