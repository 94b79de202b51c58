"""Examples of the documentation must work as they are: operators copy them."""

import re
from pathlib import Path

import pytest

from engine.configfile import load
from engine.providers import MODELS, VOICES, make_model, make_voice

PAGE = Path(__file__).parents[2] / "docs/operator/providers.md"
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)


class AnyKey(dict):
    """An environment in which every variable is set."""

    def get(self, name, default=None):
        return "a-key"

    def __getitem__(self, name):
        return "a-key"


def test_there_are_examples():
    assert len(EXAMPLES) >= 6


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_describes_providers_that_can_be_made(tmp_path, example):
    path = tmp_path / "trunkline.yaml"
    path.write_text(example)
    config = load(path, {})
    assert config.providers
    for name, options in config.providers.items():
        if type(options) in {**MODELS, **VOICES}:
            make = make_model if type(options) in MODELS else make_voice
            make(name, config, AnyKey()).close()
