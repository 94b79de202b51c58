"""Skills from the operator's folder: dropped in, found, and named with file and line when they are wrong."""

import pytest

from engine.dialog.middleware import PhraseFilter
from engine.dialog.skills.builtin import BUILTIN
from engine.dialog.skills.errors import SkillError
from engine.dialog.skills.page import table
from engine.dialog.skills.registry import Registry, load_folder

GOOD = '''
from __future__ import annotations
from engine.dialog.skills import SkillContext, skill
from _words import WORD

@skill
def greet(context: SkillContext, name: str) -> str:
    """Greet somebody.

    name: whom
    """
    return f"{WORD} {name}"
'''


def test_a_file_in_the_folder_is_a_skill(tmp_path):
    """Files with a leading underscore are for the others."""
    (tmp_path / "greeting.py").write_text(GOOD)
    (tmp_path / "_words.py").write_text("WORD = 'Hello'")
    (greet,) = load_folder(tmp_path)
    assert greet(None, "Ann") == "Hello Ann" and greet.tool().parameters["required"] == ["name"]
    assert greet.source == f"{tmp_path / 'greeting.py'}:6"


def test_a_skill_of_the_operator_takes_the_place_of_ours(tmp_path):
    (tmp_path / "orders.py").write_text(GOOD.replace("def greet", "def check_order_status").replace("WORD", "'Hi'")
                                        .replace("from _words import 'Hi'", ""))
    registry = Registry(load_folder(tmp_path))
    assert registry.skills()["check_order_status"].source.startswith(str(tmp_path))
    assert len(registry.skills()) == len(BUILTIN)


def test_every_problem_is_named_with_file_and_line(tmp_path):
    """All at once: an operator mends them in one go."""
    (tmp_path / "a.py").write_text("x = 1\ny = = 2\n")
    (tmp_path / "b.py").write_text("import nowhere_at_all\n")
    (tmp_path / "c.py").write_text("# nothing\n")
    (tmp_path / "d.py").write_text("from engine.dialog.skills import skill\n\n@skill\ndef one():\n    pass\n")
    (tmp_path / "e.py").write_text(GOOD.replace("WORD", "1").replace("from _words import 1", ""))
    (tmp_path / "f.py").write_text(GOOD.replace("WORD", "1").replace("from _words import 1", ""))
    with pytest.raises(SkillError) as caught:
        load_folder(tmp_path)
    text = str(caught.value)
    for says in ("a.py:2: invalid syntax", "b.py:1: ModuleNotFoundError", "c.py:1: no skill", "d.py:3: one has no",
                 "f.py:6: the name 'greet' is taken"):
        assert f"{tmp_path}/{says}" in text, text


def test_a_folder_that_was_asked_for_must_be_there(tmp_path):
    with pytest.raises(SkillError, match="skills.folder"):
        load_folder(tmp_path / "none", must_exist=True)
    assert load_folder(tmp_path / "none") == []


def test_the_page_lists_the_skills_as_they_are():
    """Made by ``python -m engine.dialog.skills.page``."""
    from pathlib import Path

    assert table() in (Path(__file__).parents[2] / "docs/developer/skills.md").read_text()


def test_a_file_may_hold_middleware(tmp_path):
    """What an operator wants looked at in every turn is dropped into the same folder."""
    (tmp_path / "polite.py").write_text("from engine.dialog.middleware import Middleware, PhraseFilter\n"
                                        "polite = PhraseFilter(['damn'])\n")
    registry = Registry(load_folder(tmp_path))
    (polite,) = registry.middleware
    assert isinstance(polite, PhraseFilter) and "polite" not in registry.skills()
