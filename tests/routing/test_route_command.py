"""``trunkline route``: what operators see and scripts read."""

import json

import pytest
from routing_data import SEED

from engine.cli.main import main
from engine.cli.routing_checks import look
from engine.config import Config, RoutingOptions


def test_explain_without_any_file_answers_from_the_example(capsys):
    """The line of the manual works on a fresh machine."""
    assert main(["route", "explain", "--language", "ml", "--region", "kerala", "--capability", "stt"]) == 0
    shown = capsys.readouterr().out
    assert "by rule kerala_priority, min_confidence 0.8" in shown
    lines = [line.split()[1] for line in shown.splitlines() if line[:1].isdigit()]
    assert lines == ["proprietary_ml/malayalam_v1", "ai4bharat/indic_speech", "generic_cloud/transcribe"]
    assert "not generic_cloud/chat: cannot do stt" in shown


def test_explain_as_json_names_every_point(capsys):
    """For scripts and for the web console."""
    assert main(["route", "explain", "--language", "ml", "--dialect", "malabar", "--json", "--file", str(SEED)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["capability"] for one in told["decisions"]] == ["stt", "llm", "tts"]
    first = told["decisions"][0]
    assert first["by"] == "dialect ml/malabar"
    assert first["candidates"][0]["points"].keys() == {"accuracy", "cost", "latency", "failures", "place"}
    assert {gone["provider"] for gone in first["excluded"]} == {"ai4bharat", "generic_cloud"}


def test_the_configuration_names_the_file_and_the_weights(capsys, tmp_path):
    """What explain shows is what the engine would do with the same configuration."""
    (tmp_path / "trunkline.yaml").write_text(f"routing:\n  file: {SEED}\n  accuracy_weight: 10\n")
    command = ["route", "explain", "--language", "ml", "--capability", "tts", "--json"]
    assert main([*command, "--config", str(tmp_path / "trunkline.yaml")]) == 0
    candidate = json.loads(capsys.readouterr().out)["decisions"][0]["candidates"][0]
    assert candidate["points"]["accuracy"] == 9.2


def test_nobody_is_exit_1(capsys):
    """Scripts can ask whether a language is served."""
    assert main(["route", "explain", "--language", "ta", "--capability", "stt", "--file", str(SEED)]) == 1
    assert "does not know ta (languages: ml)" in capsys.readouterr().out


@pytest.mark.parametrize(("fact", "says"), [("moon=full", "write NAME=VALUE"), ("hour", "write NAME=VALUE"),
                                            ("hour=late", "whole number")])
def test_a_wrong_fact_is_explained(fact, says, capsys):
    """An unknown name would otherwise be silently without effect."""
    assert main(["route", "explain", "--fact", fact]) == 2
    assert says in capsys.readouterr().err


def test_check_prints_each_problem_with_its_place(capsys, tmp_path):
    """As a compiler does, so that editors can jump there."""
    bad = tmp_path / "bad.yaml"
    bad.write_text("providers: {x: {models: {m: {capabilities: [stt]}}}}\nrouting_rules:\n  k:\n"
                   "    condition: regio == 'k'\n    priority_providers: [x]\n")
    assert main(["route", "check", str(bad)]) == 1
    assert capsys.readouterr().out.startswith(f"{bad}:4:5: routing_rules.k.condition: unknown name 'regio'; did you")


def test_check_lets_warnings_pass_unless_strict(capsys):
    """The first routing file that there was has some."""
    assert main(["route", "check", str(SEED)]) == 0
    assert "providers: 1, models: 1, languages: 1, rules: 1; can be used" in capsys.readouterr().out
    assert main(["route", "check", "--strict", str(SEED)]) == 1


@pytest.mark.parametrize(("text", "statuses"), [
    ("providers: {x: {models: {m: {capabilities: [stt]}}}}", ["pass"]),
    ("priority_providers: [y]\nproviders: {x: {models: {m: {capabilities: [stt]}}}}", ["warn", "pass"]),
    ("provider: {}", ["fail", "fail"]),
])
def test_the_doctor_looks_at_the_routing_file(text, statuses, tmp_path):
    """Before the engine starts, not in the first call."""
    (tmp_path / "routing.yaml").write_text(text)
    config = Config(routing=RoutingOptions(file=str(tmp_path / "routing.yaml")))
    assert [row[0] for row in look(config)] == statuses
    assert not list(look(Config()))


def test_a_file_that_is_not_there_is_one_line(capsys):
    """No stack trace for a typing error."""
    assert main(["route", "explain", "--file", "/nowhere.yaml"]) == 2
    assert "/nowhere.yaml: cannot be read: No such file" in capsys.readouterr().err
