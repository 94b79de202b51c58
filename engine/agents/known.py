"""Names that an agent's file may use, as far as they are known without asking anybody."""

from collections.abc import Iterable
from dataclasses import dataclass

from engine.agents.options import ROUTED
from engine.speech.tts.flite import GAINS

SKILLS = (
    "lookup_customer", "check_order_status", "search", "report_grounding", "create_ticket", "schedule_callback",
    "collect_digits", "set_language", "transfer_to_human", "end_call",
)  # fmt: skip
"""Built-in skills."""

USUAL = ("openai", "azure", "anthropic", "deepgram", "elevenlabs", "whisper", "vosk", "sherpa-onnx", "piper", "kokoro")
"""Names under which providers are usually configured: one that is missing is more likely to come than misspelt."""

RECOGNISERS = ("pocketsphinx",)
"""Recognisers that need no configuration."""

VOICES: dict[str, tuple[str, ...]] = {"flite": tuple(GAINS), "espeak-ng": ()}
"""Voices that need no configuration; empty: too many to be listed."""

EMBEDDED_LANGUAGES = ("en",)
"""What the embedded recogniser and its default voice can do."""


@dataclass(frozen=True)
class Known:
    """What there is on this machine. ``skills``: names of all skills; ``more_skills``: there may be others, from tool
    servers; ``providers``: names of the configured providers."""

    skills: tuple[str, ...] = SKILLS
    more_skills: bool = False
    providers: tuple[str, ...] = ()

    def provider(self, name: str, built_in: Iterable[str] = ()) -> tuple[str, bool]:
        """What is wrong with the name of a provider (empty: nothing), and whether that is an error."""
        if name in self.providers or name in built_in or name == ROUTED:
            return "", False
        if name in USUAL:
            return f"the provider '{name}' is not configured yet (providers.{name})", False
        there = ", ".join([*built_in, *self.providers, *(usual for usual in USUAL if usual not in self.providers)])
        return f"there is no provider '{name}'; known are {there}", True
