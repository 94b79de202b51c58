"""An agent's file as the brain with a language model needs it."""

from engine.agents.agent import Agent
from engine.dialog.persona import HandoverChoice, Persona, Phrases
from engine.dialog.prompt import LANGUAGES


def persona_of(agent: Agent) -> Persona:
    """The persona of an agent (of the variant that was picked), its phrases in all its languages."""
    options, model = agent.options, agent.options.model
    targets = {name: HandoverChoice(target.when or name, target.kind, target.timeout_s)
               for name, target in agent.transfer.items()}
    return Persona(
        agent.name, prompt_of(agent), agent.language, agent.languages, options.skills, targets,
        grounding=options.grounding,
        max_steps=model.max_tool_rounds + 1 if model else 1,
        max_tokens=model.max_tokens if model else None,
        temperature=model.temperature if model else None,
        history_tokens=model.history_tokens if model else 3000,
        phrases={language: Phrases.of(agent.phrases(language)) for language in agent.languages},
    )


def prompt_of(agent: Agent) -> str:
    """Who the agent is, then what its file notes of each of its languages: the same in all of a call, so that models
    can keep it."""
    notes = [f"While {LANGUAGES.get(language, language)} is spoken: {spoken.notes.strip()}"
             for language, spoken in agent.options.languages.items() if spoken.notes.strip()]
    return "\n\n".join([agent.options.persona.strip(), *notes])
