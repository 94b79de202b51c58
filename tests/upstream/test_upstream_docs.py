"""Examples of the documentation must work as they are: operators copy them."""

import re
from pathlib import Path

import pytest

from engine.configfile import load
from engine.upstream.service import open_upstream

PAGE = Path(__file__).parents[2] / "docs/operator/realtime-upstream.md"
EXAMPLES = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL) if "providers:" in text]
KEYS = {"OPENAI_API_KEY": "a", "AZURE_CLIENT_SECRET": "b"}


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_names_an_upstream(tmp_path, started, example):
    """Each is a whole configuration."""
    path = tmp_path / "trunkline.yaml"
    path.write_text(example)
    assert started(open_upstream(load(path, {}), KEYS)).url.startswith("wss://")


def test_there_are_examples():
    """For both services."""
    assert len(EXAMPLES) == 2
