"""Agents whose calls a speech-to-speech model holds: what their file says, and what is missing."""

import pytest

from engine.agents.load import Agents
from engine.cast import effective
from engine.casting import CastError, Casting
from engine.cli import provider_checks
from engine.config import Config
from engine.embedded import Providers
from engine.senses import Hearing
from engine.speech.ears import Ears
from engine.timers import Timers

AGENT = """
default: true
persona: You are a librarian.
brain: realtime
languages: {en: {greeting: Hello there.}}
collections: [support]
skills: [end_call]
"""
UP = {"providers": {"up": {"kind": "openai_speech_to_speech", "base_url": "http://127.0.0.1:9", "api_key": "k"}},
      "upstream": {"provider": "up"}}


class Silent:
    """Detector, recogniser, voice and brain that are never asked."""

    name, reach_frames, knowledge = "silent", 1, None

    def close(self):
        pass


@pytest.fixture
def casting(tmp_path, monkeypatch, started):
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "desk.yaml").write_text(AGENT)

    def make(**changes):
        config = Config.model_validate({"agents": {"shipped": False}, **changes})
        silent = Silent()
        hearing = Hearing(Ears(silent, config.vad, 20))
        made = started(Casting(config, Providers(silent, silent, silent, silent), hearing, Timers()))
        monkeypatch.setattr(made, "_collections", lambda agent: [])
        return made

    return make


def test_the_agents_persona_and_skills_are_the_models(casting):
    """In the language of the call, with the rules for speaking on a telephone."""
    made = casting(**UP)
    model = made.speech(made.agents.get("desk"))
    assert "You are a librarian." in model.instructions(None) and "Speak English." in model.instructions(None)
    session = model.session(None, made.config, (), answers=True)
    assert session["audio"]["input"]["turn_detection"]["create_response"] is True
    assert [tool.name for tool in model.skills(None).tools()] == ["end_call"]


def test_an_agent_that_needs_a_model_says_that_there_is_none(casting):
    """At the start, for the default agent, not in its first call."""
    made = casting()
    with pytest.raises(CastError, match=r"agent desk: brain is realtime.*upstream\.provider"):
        made.speech(made.agents.get("desk"))


def test_the_configuration_wins_for_the_default_agent(casting):
    """``agent.brain: local`` takes the model out of a running installation without touching the agent."""
    made = casting(agent={"brain": "local"}, **UP)
    assert made.speech(made.agents.get("desk")) is None


def test_other_agents_are_not_concerned(tmp_path, monkeypatch):
    """``local`` is the default."""
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path))
    agents = Agents.of(Config().agents)
    support = agents.get("support")
    assert effective(Config(), support, "en", is_default=True).agent.brain == "local"


@pytest.mark.parametrize(("config", "environ", "status"), [
    (UP, {}, "pass"), ({"agent": {"brain": "realtime"}}, {}, "fail"),
    ({"upstream": {"provider": "nobody"}}, {}, "fail"),
    ({}, {"OPENAI_REALTIME_MODEL": "gpt-realtime"}, "fail")])  # fmt: skip
def test_the_doctor_looks_at_it(config, environ, status):
    """A missing key or name is known before somebody calls."""
    rows = provider_checks._upstream(Config.model_validate(config), environ)
    assert [row[0] for row in rows] == [status]


def test_the_doctor_says_nothing_where_nothing_is_wanted():
    """Most installations have none."""
    assert provider_checks._upstream(Config(), {}) == []
