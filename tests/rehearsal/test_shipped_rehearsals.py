"""The scripts of the shipped agents: ten or more each, all as expected, on the engine as it is."""

from pathlib import Path

import pytest

from engine import paths
from engine.agents.load import SHIPPED, files
from engine.config import Config
from engine.rehearsal.run import Rehearsals

MODELS = paths.models()
AGENTS = [file.stem for file in files(SHIPPED)]


@pytest.mark.parametrize("name", AGENTS)
def test_a_shipped_agent_does_what_its_scripts_say(name, tmp_path, monkeypatch):
    """Operators start from these files."""
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    if MODELS.is_dir():
        (tmp_path / "models").symlink_to(MODELS)
    rehearsals = Rehearsals(Path(SHIPPED) / f"{name}.tests.yaml", Config())
    try:
        results = list(rehearsals.run())
    finally:
        rehearsals.close()
    assert [str(wrong) for result in results for wrong in result.wrong] == []
    assert not [result.skipped for result in results if result.skipped]
    assert len(results) >= 10
