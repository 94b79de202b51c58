"""Case files that are wrong get an error that names the case and the row; the command says it and exits."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.cli.main import main
from engine.replay.cases import load
from engine.replay.errors import CaseError

GOOD: dict[str, Any] = {
    "id": "X1",
    "what": "a question",
    "in": [["user", 0.5, 2.5, "Hello?", 0.2], ["llm", "Hello.", 0.1, 0.3], ["tts", 1.0, 0.2, 0.3]],
    "must": [{"audio": 1, "between": [3.0, 3.3]}],
}


def case_file(folder: Path, *cases: Any) -> Path:
    path = folder / "cases.json"
    path.write_text(json.dumps(list(cases)))
    return path


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"in": [["user", 0.5]]}, "case X1: in[0] (user): to is missing"),
        ({"in": [["user", 2.5, 0.5, "x", 0.2]]}, "case X1: in[0] (user): to must be later than from (2.5)"),
        ({"in": [["user", "now", 1, "x", 0.2]]}, 'case X1: in[0] (user): from must be a number of seconds'),
        ({"in": [["user", -1, 1, "x", 0.2]]}, "case X1: in[0] (user): from must be a number of seconds, not negative"),
        ({"in": [GOOD["in"][0], ["sing", 1]]}, 'case X1: in[1]: unknown kind of row "sing"'),
        ({"in": [GOOD["in"][0], {}]}, "case X1: in[1]: a row is a list"),
        ({"in": [["tts", 1, 1, 1, "x", 5]]}, "case X1: in[0] (tts): cell 5 must be left out"),
        ({"in": {}}, 'case X1: "in" must be a list, this is an object'),
        ({"must": [{"audio": 1}]}, 'case X1: must[0] (audio): "between" is missing'),
        ({"must": [{"audio": 1, "between": [1]}]}, 'case X1: must[0] (audio): "between" must be a window'),
        ({"must": [{"sings": True}]}, "case X1: must[0]: one of "),
        ({"must": [{"user_turns": 1, "until": 3}]}, 'case X1: must[0] (user_turns): "until" does not belong here'),
        ({"options": {"turn": {"patience": 3}}}, "case X1: options: turn.patience is not known"),
        ({"options": {"turn": {"endpointing": {"min_delay": "x"}}}}, "case X1: options: turn.endpointing.min_delay"),
        ({"options": {"turns": {"endpoint_min_ms": -1}}}, "case X1: options: turns.endpoint_min_ms"),
        ({"in": [["llm", "x", 0, 0, ["look_up"]]]}, "case X1: in[0] (llm): tools must be a list of [tool, arguments]"),
        ({"options": {"tools": {"x": {"s": 1}}}}, "case X1: options: tools.x.s is not known; there are seconds"),
        ({"options": {"tools": {"x": {"seconds": True}}}}, "case X1: options: tools.x.seconds must be a number"),
        ({"options": {"cmds": [[1.0, "dance"]]}}, "case X1: options: cmds[0] (command): command must be"),
    ],
)
def test_wrong_case(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    """The text names the case, the row, and what was expected."""
    path = case_file(tmp_path, GOOD | change)
    with pytest.raises(CaseError) as fault:
        load(path)
    assert f"{path}: {expected}" in str(fault.value)


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda path: path.write_text("[{]"), "line 1, column 3: not JSON"),
        (lambda path: path.write_text('{"id": "X1"}'), "a list of cases is expected, this is an object"),
        (lambda path: path.write_text("[{}]"), 'case number 1 needs an "id"'),
        (lambda path: path.write_bytes(b"[\xff]"), "not a text in UTF-8"),
        (lambda path: path.write_text(json.dumps([GOOD, GOOD])), "case X1: there are two of this id"),
        (lambda path: None, "No such file"),
    ],
)
def test_wrong_file(tmp_path: Path, write: Callable[[Path], object], expected: str) -> None:
    path = tmp_path / "cases.json"
    write(path)
    with pytest.raises(CaseError, match=expected):
        load(path)


def test_command_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["turns", "replay", str(case_file(tmp_path, GOOD))]) == 0
    assert "1 passed" in capsys.readouterr().out


def test_command_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A failed demand is shown with what was found, and with the timeline that led to it."""
    wrong = GOOD | {"id": "X2", "must": [{"user_said": "Goodbye"}]}
    assert main(["turns", "replay", str(case_file(tmp_path, GOOD, wrong))]) == 1
    out = capsys.readouterr().out
    assert "the caller said ['Hello?']" in out
    assert "voice_on" in out
    assert "1 passed, 1 failed" in out


def test_command_speaks_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json there is one object on stdout, and nothing else."""
    tools = GOOD | {"id": "X2", "must": [{"tool_runs": {"look_up": 1}}]}
    assert main(["turns", "replay", str(case_file(tmp_path, GOOD, tools)), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert [case["status"] for case in result["cases"]] == ["passed", "failed"]
    assert result["cases"][0]["history"][1] == {"who": "agent", "text": "Hello.", "interrupted": False}
    assert result["cases"][0]["must"][0]["holds"]


def test_command_runs_only_what_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = case_file(tmp_path, GOOD, GOOD | {"id": "X2", "must": [{"user_turns": 5}]})
    assert main(["turns", "replay", str(path), "--only", "X1"]) == 0
    assert main(["turns", "replay", str(path), "--only", "X9"]) == 2
    assert "there is no case X9; there are X1, X2" in capsys.readouterr().err


def test_command_explains_a_wrong_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["turns", "replay", str(tmp_path / "none.json")]) == 2
    assert "none.json: No such file" in capsys.readouterr().err
