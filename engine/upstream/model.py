"""What makes a speech-to-speech model the brain of a call, besides the call itself; what it is told to begin with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.agents.agent import Agent
from engine.config import Config
from engine.dialog import prompt
from engine.dialog.actions import CallContext
from engine.dialog.agent_persona import persona_of
from engine.dialog.skills.executor import CallSkills
from engine.dialog.skills.setup import Skills
from engine.upstream.memory import Event
from engine.upstream.service import Upstream
from engine.upstream.terms import Terms

PCM = {"type": "audio/pcm", "rate": 24000}

IDLE_MS = (5000, 30000)
"""What the service takes for ``idle_timeout_ms``."""

SILENCE_MS = (200, 2000)
"""What makes sense for ``silence_duration_ms``."""

EXACTLY = "Say exactly these words now, and nothing else, in the language in which they are written: {text}"


@dataclass(frozen=True)
class SpeechModel:
    """One an agent. ``instructions(context)``: who the model is, in the language of the call now; ``skills(context)``:
    those of one call."""

    upstream: Upstream
    instructions: Callable[[CallContext | None], str]
    skills: Callable[[CallContext | None], CallSkills]

    def session(self, context: CallContext | None, config: Config, tools: tuple[Event, ...], answers: bool) -> Event:
        """The session of a call. ``answers`` false: the caller is heard, and not answered."""
        options, turns = self.upstream.options, config.turns
        detection: Event = {
            "type": "server_vad", "create_response": answers, "interrupt_response": turns.barge_in,
            "silence_duration_ms": min(max(turns.endpoint_min_ms, SILENCE_MS[0]), SILENCE_MS[1]),
        }  # fmt: skip
        if IDLE_MS[0] <= turns.away_ms <= IDLE_MS[1]:
            detection["idle_timeout_ms"] = turns.away_ms
        heard: Event = {"format": PCM, "turn_detection": detection}
        if options.transcription_model:
            language = context.language if context else config.speech.language
            heard["transcription"] = {"model": options.transcription_model, "language": language}
        terms = Terms(options.instructions or self.instructions(context), options.voice,
                      {"id": options.prompt_id} if options.prompt_id else None, options.max_output_tokens, tools)
        return terms.session({"output_modalities": ["audio"], "audio": {"input": heard, "output": {"format": PCM}}},
                             (), speaks=False)


def speech_model(agent: Agent, upstream: Upstream, skills: Skills) -> SpeechModel:
    """That of an agent: its persona, and its skills."""
    persona = persona_of(agent)

    def instructions(context: CallContext | None) -> str:
        language, known = (context.language, context.attributes) if context else (agent.language, {})
        return prompt.system_prompt(persona, language, skills.services.now(), known)

    return SpeechModel(upstream, instructions, lambda context: skills.executor.open(context, persona))


def exactly(text: str) -> dict[str, Any]:
    """The response that says a fixed text."""
    return {"instructions": EXACTLY.format(text=text), "tools": [], "tool_choice": "none"}


__all__ = ["SpeechModel", "exactly", "speech_model"]
