"""OpenAI's names of voices, and who speaks for them here in which language. Pure.

One map for everybody who may name a voice: Realtime clients and ``/v1/audio/speech``.
"""

from collections.abc import Mapping
from types import MappingProxyType

REALTIME = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
"""Built-in voices of OpenAI's Realtime API; its speech endpoint has ``fable``, ``nova`` and ``onyx`` besides."""

OWN = ""
"""The voice that would speak if none was named."""

AUTO = "auto"
"""The same, in the configuration."""

_BUILT_IN: Mapping[str, tuple[str, str]] = MappingProxyType({
    "alloy": ("", ""), "ash": ("rms", "m3"), "ballad": ("slt", "f1"), "coral": ("slt", "f2"), "echo": ("rms", "m1"),
    "fable": ("awb", "m2"), "nova": ("slt", "f3"), "onyx": ("rms", "m4"), "sage": ("slt", "f4"),
    "shimmer": ("slt", "f5"), "verse": ("awb", "m5"), "marin": ("slt", "f3"), "cedar": ("rms", "m7"),
})
"""Who of this machine speaks: flite's voice in English, the variant of espeak-ng's voice in any other language. Women
for women, men for men."""

USUAL = tuple(_BUILT_IN)
"""All names of OpenAI's."""

Voices = Mapping[str, str | Mapping[str, str]]
"""``compatible.voices``."""


def configured(name: str, language: str, voices: Voices) -> str | None:
    """Who speaks ``language`` under this name by the operator's word; None: they say nothing about it."""
    said = voices.get(name)
    if isinstance(said, Mapping):
        said = said.get(language, said.get("*"))
    return OWN if said == AUTO else said


def built_in(name: str, language: str) -> str:
    """Who of this machine speaks ``language`` under this name of OpenAI's: ``flite:slt``, ``espeak-ng:hi+f2``, or
    ``OWN``."""
    english, variant = _BUILT_IN[name]
    if not english:
        return OWN
    return f"flite:{english}" if language in ("", "en") else f"espeak-ng:{language}+{variant}"


def is_of_this_machine(voice: str) -> bool:
    """Whether this is the name of an embedded voice."""
    return voice.partition(":")[0] in ("flite", "espeak-ng")


__all__ = ["AUTO", "OWN", "REALTIME", "USUAL", "Voices", "built_in", "configured", "is_of_this_machine"]
