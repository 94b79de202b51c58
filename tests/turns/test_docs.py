"""What docs/turn-taking.md says is what the code does."""

import re
from pathlib import Path

from engine.config import TurnOptions
from engine.replay.checks import KINDS
from engine.replay.rows import ROWS

DOC = (Path(__file__).parents[2] / "docs" / "turn-taking.md").read_text(encoding="utf-8")


def test_the_defaults_are_those_of_the_configuration() -> None:
    """An operator tunes by this table."""
    table = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", DOC, re.MULTILINE))
    options = TurnOptions().model_dump(mode="json")
    assert table == {name: str(value).lower() for name, value in options.items() if not isinstance(value, list)}
    for name, value in options.items():
        assert not isinstance(value, list) or f"`{name}`" in DOC


def test_every_row_and_every_demand_is_described() -> None:
    assert [kind for kind in ROWS if f'["{kind}"' not in DOC] == []
    assert [kind for kind in KINDS if f'"{kind}"' not in DOC and f"`{kind}`" not in DOC] == []


def test_every_note_is_described() -> None:
    """The names of notes are the vocabulary of whoever reads a log at night."""
    sources = (Path(__file__).parents[2] / "engine" / "turns").glob("*.py")
    names = {name for path in sources for name in re.findall(r"\bnote\(\s*\"(\w+)\"", path.read_text(encoding="utf-8"))}
    assert len(names) > 15
    assert [name for name in sorted(names) if f"`{name}`" not in DOC] == []
