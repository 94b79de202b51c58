"""A function becomes a tool: its schema, its arguments, and what is wrong with it in words that name file and line."""

import json
from datetime import date
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel

from engine.dialog.persona import Persona
from engine.dialog.skills import SkillContext, done, skill
from engine.dialog.skills.errors import SkillError
from engine.dialog.skills.result import Result, result_of
from engine.dialog.skills.services import Services
from engine.dialog.skills.skill import ArgumentsWrong

CONTEXT = SkillContext(None, Persona("t", ""), Services())


class Place(BaseModel):
    """Somewhere."""

    town: str


@skill(side_effect=True)
def book(context: SkillContext, day: date, places: list[Place], slot: Literal["am", "pm"] = "am",
         note: Annotated[str, "anything else"] = "") -> str:
    """Book a visit.
    Only after asking.

    day: the day of the visit,
        in the future
    slot: which half of the day
    """
    return f"{day:%d.%m.} {places[0].town} {slot} {note}{context.language}"


def test_the_schema_comes_from_hints_and_docstring():
    tool = book.tool()
    properties = tool.parameters["properties"]
    assert tool.description == "Book a visit. Only after asking."
    assert list(properties) == ["day", "places", "slot", "note"]  # the context is not the model's to give
    assert properties["day"] == {"type": "string", "format": "date", "description":
                                 "the day of the visit, in the future"}
    assert properties["slot"]["enum"] == ["am", "pm"] and properties["note"]["description"] == "anything else"
    assert tool.parameters["required"] == ["day", "places"] and '"title"' not in json.dumps(tool.parameters)


def test_arguments_arrive_as_what_the_hints_say():
    arguments = book.parse('{"day": "2026-12-01", "places": [{"town": "Kochi"}]}')
    assert book.run(CONTEXT, arguments) == "01.12. Kochi am en"


def test_a_skill_can_be_called_like_its_function():
    """So that a test of one needs nothing else."""
    assert book(CONTEXT, date(2026, 12, 1), [Place(town="Kochi")], "pm") == "01.12. Kochi pm en"


def test_a_parameter_called_title_is_kept():
    """Titles are dropped from the schema because they only cost tokens; not those that somebody wrote."""

    @skill
    def add(title: str) -> None:
        """Add."""

    assert list(add.tool().parameters["properties"]) == ["title"]


def test_numbers_for_texts_are_taken():
    """Models write order numbers as numbers."""

    @skill
    def order(order_id: str) -> str:
        """Order."""
        return order_id

    assert order.run(CONTEXT, order.parse('{"order_id": 47}')) == "47"


def test_all_that_is_wrong_with_arguments_is_said_at_once():
    with pytest.raises(ArgumentsWrong) as caught:
        book.parse('{"day": "tomorrow", "slot": "night", "more": 1}')
    for name in ("day:", "places:", "slot:", "more:"):
        assert name in str(caught.value)


def wrong_async():
    @skill
    async def one() -> None:
        """One."""


def wrong_docstring():
    @skill
    def one() -> None:
        pass


def wrong_hint():
    @skill
    def one(name) -> None:
        """One."""


def wrong_type():
    @skill
    def one(name: object.__class__.__call__) -> None:
        """One."""


def wrong_stars():
    @skill
    def one(**names: str) -> None:
        """One."""


def wrong_name():
    @skill(name="a b")
    def one() -> None:
        """One."""


@pytest.mark.parametrize(("make", "says"), [
    (wrong_async, "async"), (wrong_docstring, "no docstring"), (wrong_hint, "needs a type hint"),
    (wrong_type, "cannot become a schema"), (wrong_stars, "name each argument"), (wrong_name, "no name for a skill"),
])
def test_what_cannot_be_a_skill_is_refused_with_its_place(make, says):
    with pytest.raises(SkillError, match=rf"test_skill_decorator.py:\d+: .*{says}"):
        make()


@pytest.mark.parametrize(("value", "expected"), [
    ({"a": 1}, {"success": True, "data": {"a": 1}, "message": ""}),
    (None, {"success": True, "data": None, "message": ""}),
    ({"success": True, "data": 5}, {"success": True, "data": 5, "message": ""}),
    ({"success": False, "error": "gone", "message": "It is gone."},
     {"success": False, "error": "gone", "message": "It is gone."}),
    (done([1], "One."), {"success": True, "data": [1], "message": "One."}),
])
def test_results_have_one_shape(value, expected):
    assert result_of(value).as_dict() == expected


@pytest.mark.parametrize("data", ["x" * 5000, {"rows": ["x" * 100] * 50}, "\"\\" * 3000])
def test_a_long_result_is_cut_and_says_so(data):
    """A back-end that sends a megabyte must not cost a megabyte of tokens."""
    text = Result(True, data).as_text(1000)
    cut = json.loads(text)
    assert cut["truncated"] and cut["success"] and "cut" in cut["message"]
    assert len(cut["data"]) <= 1000
    assert json.loads(Result(True, "short").as_text(1000)) == {"success": True, "data": "short", "message": ""}
