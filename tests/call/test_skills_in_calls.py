"""A language model and its skills in whole calls: the caller hears a filler, interrupts it, all is done once."""

from collections import Counter

import gevent
from call_providers import providers, voice
from call_world import named, wait

from engine.config import SkillOptions
from engine.dialog.model import ToolCall, Words
from engine.dialog.model_brain import ModelBrain
from engine.dialog.persona import Persona
from engine.dialog.skills import SkillContext, skill
from engine.dialog.skills.executor import Executor
from engine.dialog.skills.registry import Registry
from engine.dialog.skills.services import Services

ORDER_S = 1.2


class Model:
    """Orders tea when it hears of it, and says what came of it."""

    name = "instant"

    def __init__(self):
        self.asked = []

    def stream(self, messages, tools=(), *, temperature=None, max_tokens=None):
        self.asked.append(messages)
        results = [message.text for message in messages if message.role == "tool"]
        if messages[-1].role == "tool":
            yield Words("Your tea is ordered.")
        elif "tea" in messages[-1].text:
            yield ToolCall("c", "order", "{}")
        else:
            yield Words("It is done." if '"success": true' in results[-1] else "It is being done.")


def test_an_order_that_takes_long_and_one_that_is_interrupted(world):
    """Both callers hear that something is being done; the one who breaks in is told the result with the next answer."""
    orders = Counter()

    @skill(side_effect=True)
    def order(context: SkillContext) -> str:
        """Order tea."""
        orders[context.call.caller] += 1
        gevent.sleep(ORDER_S)
        return "ordered"

    options = SkillOptions(filler_after_ms=200)
    executor = Executor(Registry([order]).skills, options, Services(options))
    brain = ModelBrain(Persona("t", "You sell tea.", skills=("order",)), Model(), executor)
    given = providers(["tea please"], ["tea please", "are you there"], brain=brain)
    with world(given) as at:
        calm = at.place(caller="1")
        wait(lambda: calm.answered is not None, "no answer")
        hasty = at.place(caller="2")
        for call in (calm, hasty):
            call.greeted()
            call.say(voice(0.6))
        for call in (calm, hasty):
            call.hears()
        hasty.say(voice(0.8))
        for call in (calm, hasty):
            call.hears_silence(seconds=ORDER_S + 0.5)
            call.hangup()
        at.over(calm, hasty)
        first, second = at.events(calm), at.events(hasty)
        for call in (calm, hasty):
            brain.call_ended(call.uuid)
        executor.close()

    assert orders == {"1": 1, "2": 1}
    for events in (first, second):
        (asked, came), (filler,) = named(events, "tool_call", "tool_result"), named(events, "filler")
        assert asked["skill"] == "order" and came["success"] and filler["text"] == "One moment, please."
        assert not asked["speculative"]
    heard = [event["text"] for event in named(first, "agent_said")]
    assert " ".join(heard[1:]) == "One moment, please. Your tea is ordered."
    assert named(second, "cut")
    heard = [event["text"] for event in named(second, "agent_said")]
    assert heard[-1].startswith("It is")
    (gen,) = {event["gen"] for event in named(second, "tool_result")}
    assert gen < named(second, "agent_said")[-1]["gen"]
