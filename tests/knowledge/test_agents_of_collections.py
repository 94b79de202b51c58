"""What a call's agent answers from: the collections of its file, what it may use of them, the configuration's word."""

from types import SimpleNamespace

import pytest

from engine.casting import Casting
from engine.config import Config
from engine.dialog.brain import Request, Text
from engine.embedded import Providers
from engine.knowledge.filling.ingest import ingest

AGENT = """
default: true
languages: {en: {greeting: Hello}}
collections: [teas, hours]
knowledge: {answer_score: 0.2, embedding: none, tags: [public]}
"""


class Events:
    def write(self, event, /, **fields):
        pass


@pytest.fixture
def answers(tmp_path, desk):
    """``answers(question, **knowledge)``: what a caller hears whose call the agent takes."""
    for name, text in (("teas", "---\ntags: [public]\n---\n# Tea\n\nGreen tea costs four dollars.\n"),
                       ("hours", "---\ntags: [public]\n---\n# Hours\n\nWe open at nine.\n"),
                       ("staff", "# Key\n\nThe cellar key hangs behind the door.\n")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"{name}.md").write_text(text)
        ingest([folder], "teas" if name == "staff" else name, None, reader=desk.reader)
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "clerk.yaml").write_text(AGENT)

    def answers(question, **knowledge):
        config = Config.model_validate({"agents": {"folder": str(tmp_path / "agents"), "shipped": False},
                                        "knowledge": knowledge})
        voice = recogniser = SimpleNamespace(close=lambda: None)
        casting = Casting(config, Providers(None, recogniser, voice, None), None, None)
        channel = SimpleNamespace(destination="1", variables={}, caller_number="2")
        brain = casting.for_call(channel, Events()).senses.brain
        said = "".join(part.text for part in brain.reply(Request(question, (), 1, False)) if isinstance(part, Text))
        casting.close()
        return said

    return answers


def test_an_agent_without_a_model_knows_all_of_its_collections(answers):
    """An operator keeps prices and hours apart; callers ask for both."""
    assert "four dollars" in answers("what does green tea cost")
    assert "at nine" in answers("when do we open")


def test_what_its_file_does_not_allow_is_not_said(answers):
    """The tag in the agent's file holds in a call, not in commands alone."""
    assert "cellar" not in answers("where does the cellar key hang")


def test_the_configuration_wins_for_the_default_agent(answers):
    """``knowledge.collection`` is how an operator tries another collection without touching the agent's file."""
    assert "at nine" in answers("when do we open", collection="hours")
    assert "four dollars" not in answers("what does green tea cost", collection="hours")
