"""What the dialplan may decide for a call before the engine has it: its language, and whether it may be recorded."""

from pathlib import Path

import pytest
from call_world import folder, named

from engine.agents.agent import Agent
from engine.agents.options import AgentFile
from engine.agents.yamlfile import Places
from engine.arrival import Visitor
from engine.cast import AgentCast
from engine.errors import TrunklineError


class Lines:
    """An event log."""

    def __init__(self):
        self.written = []

    def write(self, event, **fields):
        self.written.append((event, fields))


def cast(wanted, senses=lambda language: language):
    """The cast of an agent who speaks English first, and Hindi, on a call whose dialplan asks for ``wanted``."""
    languages = {"en": {"greeting": "Hello."}, "hi": {"greeting": "Namaste."}}
    options = AgentFile.model_validate({"languages": languages, "collections": ["sample"]})
    agent = Agent("desk", Path("desk.yaml"), options, Places(Path("desk.yaml")))
    lines = Lines()
    found = AgentCast(agent, Visitor("1", variables={"trunkline_language": wanted}), lines, senses)
    return found, [fields for name, fields in lines.written if name == "language"]


@pytest.mark.parametrize(("wanted", "language"), [
    ("hi", "hi"), ("hi-IN", "hi"), (" HI ", "hi"), ("en", "en"), ("", "en"), ("ta", "en")])
def test_a_call_begins_in_the_language_that_was_chosen(wanted, language):
    """A menu before the agent has asked for it; one that the agent does not speak is its first language."""
    found, lines = cast(wanted)
    assert (found.language, found.senses) == (language, language)
    assert bool(lines) == (language != "en")


def test_a_language_that_cannot_be_had_is_the_first():
    """Its voice or recogniser is away: the call is not refused for that, it begins in the agent's own language."""
    def senses(language):
        if language != "en":
            raise TrunklineError("no voice")
        return language

    found, lines = cast("hi", senses)
    assert (found.language, found.senses, lines) == ("en", "en", [])


@pytest.mark.parametrize(("consent", "recorded"), [("false", False), ("true", True)])
def test_without_consent_nothing_is_recorded(consent, recorded, world):
    """``trunkline_record=false`` leaves no audio of the caller on disk; everything else of the call goes on."""
    with world() as at:
        call = at.place(variables={"trunkline_record": consent})
        call.hears(4)
        assert bool(named(at.events(call), "recording")) is recorded
        call.hangup()
        at.over(call)
        assert (folder(call.uuid) / "recording.wav").exists() is recorded
