"""The examples in the operator's pages about agents and their tests work as they stand there."""

import re
from pathlib import Path

import pytest

from engine import configfile
from engine.agents.load import SHIPPED, load_agent
from engine.config import AgentOptions, AgentsOptions, Config
from engine.rehearsal.run import Rehearsals
from engine.rehearsal.script import ACTIONS, Call, Expect, Reply, Script

DOCS = Path(__file__).parents[2] / "docs" / "operator"


def examples(page):
    return re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def test_the_example_of_an_agent_loads(tmp_path):
    """With its variants from further down."""
    config, desk, variants = examples("agents.md")
    (tmp_path / "trunkline.yaml").write_text(config, encoding="utf-8")
    given = configfile.load(tmp_path / "trunkline.yaml", {}).agents
    assert given == AgentsOptions(folder="/etc/trunkline/agents", default="desk")
    (tmp_path / "desk.yaml").write_text(desk + variants, encoding="utf-8")
    agent = load_agent(tmp_path / "desk.yaml").as_variant("brisk")
    assert agent.phrases("en").greeting == "Clinic, good day?"
    assert agent.phrases("en").goodbye == "Get well soon. Goodbye."


@pytest.mark.parametrize("number", [0, 1])
def test_the_examples_of_tests_pass(number, tmp_path, monkeypatch):
    """Word for word, on the shipped agents that they name, and without any model installed."""
    example = examples("testing-agents.md")[number]
    name = re.search(r"agents/(\w+)\.tests\.yaml", example)[1]
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    file = tmp_path / f"{name}.tests.yaml"
    file.write_text(example, encoding="utf-8")
    (tmp_path / f"{name}.yaml").write_text((SHIPPED / f"{name}.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    rehearsals = Rehearsals(file, Config())
    assert [str(wrong) for result in rehearsals.run() for wrong in result.wrong] == []


def test_every_field_is_described():
    """A page that lacks a field is worse than none: whoever reads it does not look further."""
    page = (DOCS / "testing-agents.md").read_text(encoding="utf-8")
    for shape in (Expect, Reply, Call, Script):
        for name in shape.model_fields:
            assert f"`{name}`" in page or f"`{name}:" in page or f"{name}:" in page, name
    for name in ACTIONS:
        assert f"`{name}:" in page, name
    page = (DOCS / "agents.md").read_text(encoding="utf-8")
    for name in AgentOptions.model_fields:
        assert f"`{name}`" in page, name
