"""An agent's file as the brain for language models gets it."""

from engine.agents.load import SHIPPED, Agents
from engine.dialog.agent_persona import persona_of


def test_a_persona_has_what_the_file_says():
    """Nothing of the file is lost on the way to the model, and destinations do not go there at all."""
    kerala = Agents.load(SHIPPED).get("kerala")
    persona = persona_of(kerala)
    assert persona.languages == ("ml", "ta", "hi", "en")
    assert persona.skills == kerala.options.skills
    assert (persona.max_tokens, persona.temperature, persona.max_steps) == (200, 0.3, 5)
    assert persona.phrases_in("ta").not_heard == kerala.phrases("ta").not_heard
    assert persona.phrases_in("ta").fillers[0] == kerala.phrases("ta").filler
    assert (persona.transfer["officer"].mode, persona.transfer["officer"].timeout_s) == ("queue", 300)
    assert "citizens@default" not in f"{persona}"


def test_notes_of_a_language_name_it():
    """The model is told which of them hold now by the language that it is to speak."""
    persona = persona_of(Agents.load(SHIPPED).get("kerala"))
    assert persona.prompt.startswith("You are the voice of a citizens' line in Kerala.")
    assert "While Malayalam is spoken: The caller speaks Malayalam." in persona.prompt
    assert "Malabar" in persona.prompt
    assert "While Tamil is spoken:" in persona.prompt


def test_an_agent_without_a_model_has_a_persona_all_the_same():
    """Its phrases are used by whoever speaks for it."""
    persona = persona_of(Agents.load(SHIPPED).get("support"))
    assert persona.phrases_in("en").goodbye == "Thank you for calling. Goodbye."
