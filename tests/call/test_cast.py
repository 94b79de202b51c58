"""Calls are cast by their agent: whole calls with agents' files, a model and a voice behind HTTP, and two languages."""

import json
from contextlib import contextmanager

import numpy as np
import pytest
from call_providers import providers, voice
from call_world import NEXT, QUICK, World, merged, named

from engine import embedded
from engine.config import Config
from engine.service import Engine
from engine.standin.standin import StandIn
from engine.telemetry.aftercall import AfterCall
from tests.fakes.number_speech import say as numbers
from tests.fakes.transcription_server import KEY as EARS_KEY
from tests.fakes.transcription_server import TranscriptionServer
from tests.providers.fake_openai import KEY, FakeOpenAi

SHOP = """
default: true
dids: ["5550199"]
persona: You sell tea in two languages.
languages:
  en:
    greeting: Hello there.
    key: "1"
  ta:
    key: "2"
    greeting: Vanakkam.
    voice: speaker
    recogniser: ears
    notes: Say you, politely.
model: {provider: gpt, name: gpt-test}
skills: [set_language, end_call]
variables: [customer_tier]
"""
ELSEWHERE = """
dids: ["5550200"]
persona: Nobody can hear me.
languages: {fr: {greeting: Bonjour.}}
model: {provider: gpt, name: gpt-test}
"""


class Shop(FakeOpenAi):
    """Answers by the caller's last words, and remembers what it was given."""

    def __init__(self):
        super().__init__()
        self.asked = []
        self.audio = np.full(24000, 9000, np.int16) * np.tile([1, -1], 12000).astype(np.int16)

    def _chat(self, body):
        self.asked.append(body["messages"])
        last = body["messages"][-1]
        words = str(last.get("content"))
        if last["role"] == "tool":
            self.script, self.finish = ["Naan Tamil pesuven."], "stop"
        elif "tamil" in words:
            call = {"index": 0, "id": "c1", "type": "function",
                    "function": {"name": "set_language", "arguments": json.dumps({"language": "ta"})}}
            self.script, self.finish = [{"tool_calls": [call]}], "tool_calls"
        else:
            self.script, self.finish = ["We have green tea. ", "And black tea."], "stop"
        return super()._chat(body)


@pytest.fixture
def shop():
    server = Shop()
    yield server
    server.close()


@pytest.fixture
def ears():
    server = TranscriptionServer()
    yield server
    server.close()


@pytest.fixture
def cast_world(home, tidy, monkeypatch, tmp_path, shop, ears):
    """An engine with agents' files; only the embedded recogniser and voice are scripted."""

    @contextmanager
    def open_world(*scripts, files=None, **changes):
        folder = tmp_path / "agents"
        folder.mkdir(exist_ok=True)
        (folder / "shop.yaml").write_text(SHOP)
        (folder / "elsewhere.yaml").write_text(ELSEWHERE)
        for name, text in (files or {}).items():
            (folder / name).write_text(text)
        given = providers(*scripts)
        monkeypatch.setattr(embedded, "providers", lambda config: given)
        monkeypatch.setattr(AfterCall, "submit", lambda self, folder: None)
        options = {
            "agents": {"folder": str(folder), "shipped": False},
            "providers": {
                "gpt": {"kind": "openai_chat", "base_url": f"{shop.url}/v1", "model": "gpt-test", "api_key": KEY},
                "ears": {"kind": "openai_batch", "base_url": ears.url, "api_key": EARS_KEY},
                "speaker": {"kind": "openai_speech", "base_url": f"{shop.url}/v1", "api_key": KEY},
            },
            **changes,
        }
        quick = {name: value for name, value in QUICK.items() if name != "agent"}
        engine = Engine(Config.model_validate(merged(quick, options)))
        engine.start()
        try:
            with StandIn() as switch:
                world = World(engine, switch)
                world.given = given
                yield world
        finally:
            engine.stop()

    return open_world


def test_an_agent_answers_with_its_model_and_knows_what_its_file_lets_through(cast_world, shop):
    """The number picks the agent; persona, history and the channel variable of its file reach the model."""
    with cast_world(["what tea do you have", "anything else"]) as at:
        call = at.place(called="5550199", variables={"customer_tier": "gold", "secret": "hush"})
        call.greeted()
        for _ in range(2):
            call.say(voice(0.5))
            call.hears()
            call.hears_silence()
        call.hangup()
        at.over(call)
        events = at.events(call)
    (picked,) = named(events, "agent_picked")
    assert (picked["name"], picked["language"]) == ("shop", "en") and "5550199" in picked["why"]
    assert [line["text"] for line in named(events, "agent_said")] == [
        "Hello there.", "We have green tea. And black tea.", "We have green tea. And black tea."]
    system, *talk = shop.asked[-1]
    assert "You sell tea" in system["content"] and "gold" in system["content"] and "hush" not in str(shop.asked)
    assert [(line["role"], line["content"]) for line in talk] == [
        ("assistant", "Hello there."), ("user", "what tea do you have"),
        ("assistant", "We have green tea. And black tea."), ("user", "anything else")]


def test_the_language_changes_in_mid_call(cast_world, shop, ears):
    """By the model's skill: voice, phrases and word lists are the other language's from the next words on, and what the
    caller said before stands in the history."""
    with cast_world(["tamil please"]) as at:
        call = at.place(called="5550199")
        call.greeted()
        call.say(voice(0.5))
        call.hears()
        call.hears_silence()
        call.say(np.frombuffer(numbers("five six seven", 8000), np.int16))
        call.hears()
        call.hears_silence()
        call.hangup()
        at.over(call)
        events = at.events(call)
    (changed,) = named(events, "language")
    assert (changed["language"], changed["before"]) == ("ta", "en")
    assert "We have green tea. " not in at.given.voice.rendered, "the other language has a voice of its own"
    assert "Speak Tamil" in shop.asked[-1][0]["content"]
    assert [line["text"] for line in named(events, "user_said")] == ["tamil please", "five six seven"]
    assert ears.requests[-1]["language"] == ["ta"]
    assert ("user", "tamil please") in [(line["role"], line.get("content")) for line in shop.asked[-1]]


def test_a_key_changes_the_language_and_the_agent_says_so(cast_world, shop):
    """Whoever does not speak the language of the greeting has keys; a key that means nothing is no language."""
    with cast_world() as at:
        call = at.place(called="5550199")
        call.greeted()
        call.dtmf("9")
        call.dtmf("2")
        call.hears()
        call.hears_silence()
        call.dtmf("2")
        call.pause(0.5)
        call.hangup()
        at.over(call)
        events = at.events(call)
    assert [(line["language"], line["before"]) for line in named(events, "language")] == [("ta", "en")]
    said = [line["text"] for line in named(events, "agent_said")]
    assert len(said) == 2 and said[1].startswith("சரி")


LAME = """
dids: ["5550300"]
persona: You sell tea.
languages:
  en: {greeting: Hello there.}
  fr: {greeting: Bonjour., key: "3", recogniser: nobody}
model: {provider: gpt, name: gpt-test}
"""


@pytest.mark.parametrize("asked", ["by key", "in words"])
def test_a_language_that_nobody_hears_leaves_the_call_in_its_own(asked, cast_world):
    """A provider that is not there must not cost the call: the agent goes on in the language that works."""
    first = "good morning" if asked == "by key" else "french please"
    with cast_world([first, "what tea do you have"], files={"lame.yaml": LAME}) as at:
        call = at.place(called="5550300")
        call.greeted()
        if asked == "by key":
            call.dtmf("3")
        call.say(voice(0.6))
        call.hears()
        call.hears_silence()
        call.say(voice(0.6))
        call.hears()
        call.hangup()
        at.over(call)
        events = at.events(call)
    (fault,) = named(events, "error")
    assert (fault["where"], "the call stays in en" in fault["message"]) == ("language", True)
    assert not named(events, "language", "let_go")
    assert len(named(events, "user_said")) == 2


def test_an_agent_whom_nobody_hears_refuses_its_calls_and_says_why(cast_world, caplog):
    """The dialplan goes on; other agents' calls are not touched."""
    with cast_world(["what tea do you have"]) as at:
        assert "agent elsewhere cannot take calls" in caplog.text
        lost, fine = at.place(called="5550200"), at.place(called="5550199")
        lost.went_on()
        fine.greeted()
        fine.hangup()
        at.over(lost, fine)
        (fault,) = named(at.events(lost), "error")
    assert "the embedded recogniser hears en, not fr" in fault["message"]
    assert lost.call.outcome.action == NEXT


def test_a_default_agent_that_cannot_be_cast_stops_the_start(cast_world):
    """Known before somebody calls: the start fails and names agent, provider and what there is."""
    with pytest.raises(Exception, match="there is no 'gpt'"), cast_world(providers={"other": {
            "kind": "openai_chat", "base_url": "http://127.0.0.1:9/v1", "model": "m"}}):
        pass


ROUTES = """
languages: {en: {priority_providers: [broken, good]}, ta: {priority_providers: [good]}}
providers:
  broken: {models: {gpt-test: {capabilities: [conversational_ai], cost_per_minute: 600}}}
  good: {models: {gpt-test: {capabilities: [conversational_ai], cost_per_minute: 600}}}
"""


def test_the_router_chooses_where_the_agent_says_auto(cast_world, shop, ears, tmp_path):
    """A provider that refuses is passed over before the first word; the log says whom, and what the call cost. Nobody
    routed hears or speaks, so the embedded set does."""
    routes = tmp_path / "routes.yaml"
    routes.write_text(ROUTES)
    chat = {"kind": "openai_chat", "base_url": f"{shop.url}/v1", "model": "gpt-test"}
    in_english = SHOP.split("  ta:")[0] + "model: {provider: auto, name: gpt-test}\nskills: [end_call]\n"
    named_too = {"broken": chat | {"api_key": "wrong"}, "good": chat | {"api_key": KEY}}
    with cast_world(["what tea do you have"], files={"shop.yaml": in_english}, providers=named_too,
                    routing={"file": str(routes)}) as at:
        call = at.place(called="5550199")
        call.greeted()
        call.say(voice(0.5))
        call.hears()
        call.hears_silence()
        call.hangup()
        at.over(call)
        events = at.events(call)
    assert [line["text"] for line in named(events, "agent_said")][1:] == ["We have green tea. And black tea."]
    assert {line["provider"] for line in named(events, "provider_failed")} == {"broken"}
    assert [line["provider"] for line in named(events, "provider_chosen")] == ["good"]
    (cost,) = named(events, "cost")
    assert cost["total"] > 0 and "good" in str(cost["providers"])
