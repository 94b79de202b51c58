"""Hooks around a turn: what they may change, and that they never fail a call."""

import json

import gevent
import pytest
from gevent.event import Event as Flag
from skill_world import call, settle, words

from engine.dialog.middleware import Middleware, PhraseFilter
from engine.dialog.model import Message
from engine.dialog.skills import skill


@skill
def look() -> str:
    """Look."""
    return "there"


class Shouting(Middleware):
    """Changes what it can."""

    name = "shouting"

    def __init__(self):
        self.ended = []

    def before_model(self, turn, messages):
        return [*messages[:-1], Message("user", messages[-1].text.upper())] if messages[-1].role == "user" else messages

    def on_sentence(self, turn, text):
        return None if "secret" in text else text.upper()

    def on_tool(self, turn, call):
        return "not today" if turn.text == "no" else ""

    def on_turn_end(self, turn, said):
        self.ended.append((turn.text, " ".join(said.split())))


def test_hooks_change_what_is_asked_and_said(world):
    shouting = Shouting()
    made = world(["Good mor", "ning. This is secret. We open", " at nine"], middleware=[shouting])
    assert words(made.reply("when")) == "GOOD MORNING. WE OPEN AT NINE"
    assert made.model.asked[0][-1].text == "WHEN"
    settle()
    assert shouting.ended == [("when", "GOOD MORNING. WE OPEN AT NINE")]


def test_a_hook_may_refuse_a_skill(world):
    made = world([call("look")], "No.", own=[look], middleware=[Shouting()])
    made.reply("no")
    assert json.loads(made.results()[0]) == {"success": False, "error": "refused", "message": "not today"}


def test_the_end_of_a_turn_is_told_when_it_is_decided(world):
    """Also when the reply was complete before; not at all for a speculation that was dropped."""
    shouting, decided, dropped = Shouting(), Flag(), Flag()
    made = world("One.", "Two.", middleware=[shouting])
    made.start("one", decided=decided).join()
    settle()
    assert shouting.ended == []
    decided.set()
    settle()
    asking = made.start("two", decided=dropped, generation=2)
    asking.join()
    settle()
    assert shouting.ended == [("one", "ONE.")]


class Broken(Middleware):
    """Fails, or takes for ever, in every hook."""

    name = "broken"
    budget_ms = 10

    def __init__(self, how):
        self.how = how

    def before_model(self, turn, messages):
        self.how()

    def on_sentence(self, turn, text):
        self.how()

    def on_tool(self, turn, call):
        self.how()

    def on_turn_end(self, turn, said):
        self.how()


def fail():
    raise ValueError("mine")


@pytest.mark.parametrize(("how", "problem"), [(fail, "failed"), (lambda: gevent.sleep(5), "late")])
def test_a_hook_that_is_broken_is_passed_over(world, how, problem):
    made = world(["Let me see. ", call("look")], "There.", own=[look], middleware=[Broken(how)])
    assert words(made.reply()) == "Let me see. There."
    gevent.sleep(0.03)
    hooks = {(line["hook"], line["problem"]) for line in made.named("middleware")}
    assert hooks == {(hook, problem) for hook in ("before_model", "on_sentence", "on_tool", "on_turn_end")}


@pytest.mark.parametrize(("sentence", "said"), [
    ("Well, DAMN  it all.", "Sorry."), ("The damned thing.", "The damned thing."), ("All is well.", "All is well.")])
def test_phrases_that_are_not_said(world, sentence, said):
    made = world([sentence], middleware=[PhraseFilter(["damn it", "hell"], "Sorry.")])
    assert words(made.reply()) == said
