"""The brain over the real adapters, against strict fakes of the vendors: what it sends is what they take."""

import pytest
from gevent.event import Event as Flag
from skill_world import settle, words

from engine.config.providers import AnthropicOptions, OpenAiChatOptions
from engine.dialog.model_brain import ModelBrain
from engine.dialog.models.anthropic import AnthropicModel
from engine.dialog.models.openai_chat import OpenAiChat
from engine.dialog.persona import Persona
from engine.dialog.skills import skill
from engine.net.credentials import Key
from tests.providers.fake_anthropic import KEY as ANTHROPIC_KEY
from tests.providers.fake_anthropic import FakeAnthropic
from tests.providers.fake_openai import KEY, FakeOpenAi

ORDER = '{"item": "tea"}'


class OpenAi:
    """Which words and calls it answers with, in its own terms."""

    def __init__(self):
        self.server = FakeOpenAi()
        options = OpenAiChatOptions(base_url=f"{self.server.url}/v1", model="gpt-test")
        self.model = OpenAiChat("gpt", options, Key("Authorization", f"Bearer {KEY}"))

    def answers(self, text, call=False):
        function = {"name": "order", "arguments": ORDER}
        calls = [{"tool_calls": [{"index": 0, "id": "call_1", "function": function}]}] if call else []
        self.server.script, self.server.finish = [text, *calls] if text else calls, "tool_calls" if call else "stop"


class Anthropic:
    """The same."""

    def __init__(self):
        self.server = FakeAnthropic()
        options = AnthropicOptions(base_url=self.server.url, model="claude-test")
        self.model = AnthropicModel("claude", options, Key("x-api-key", ANTHROPIC_KEY))

    def answers(self, text, call=False):
        calls = [("tool", "call_1", "order", [ORDER[:5], ORDER[5:]])] if call else []
        self.server.script = [text, *calls] if text else calls


@pytest.fixture(params=[OpenAi, Anthropic])
def vendor(request):
    made = request.param()
    yield made
    made.model.close()
    made.server.close()


def test_a_call_with_orders_and_interruptions(world, vendor):
    """Words, calls with and without words, a result that is missing when the caller goes on, and the same id twice."""
    hold = Flag()

    @skill(side_effect=True)
    def order(item: str) -> str:
        """Order something."""
        vendor.answers("It is ordered.")
        hold.wait(5)
        return item

    made = world(own=[order])
    made.brain = ModelBrain(Persona("t", "You sell tea.", skills=("*",), transfer={}), vendor.model, made.executor)
    hello = ("agent", "Hello.")
    vendor.answers("Let me see.", call=True)
    asking = made.start("tea", hello)
    while vendor.server.script != ["It is ordered."]:
        settle()
    asking.kill()
    vendor.answers("It is being ordered.")
    history = (hello, ("user", "tea"), ("agent", "Let me"))
    hold.set()
    said = words(made.reply("well?", *history, generation=2))
    assert said == "It is being ordered. It is being ordered."  # the second when the result had come
    history = (*history, ("user", "well?"), ("agent", said))
    vendor.answers("", call=True)
    assert words(made.reply("another one", *history, generation=3)) == "It is ordered."
    assert len(made.named("tool_call")) == 2
