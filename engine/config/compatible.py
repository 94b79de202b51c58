"""Options of what other programs ask the engine for: the OpenAI-compatible endpoint, and conversations in writing."""

from collections.abc import Mapping

from pydantic import Field

from engine.config.base import Options


class CompatibleOptions(Options):
    """The engine as an OpenAI-compatible endpoint; `docs/operator/openai-compatible.md` has examples."""

    models: Mapping[str, str] = {}
    """Further names of models, each with what it stands for: `gpt-4o-mini: auto`, `gpt-4o: my-azure/gpt-4o`. Those of
    OpenAI's speech (`whisper-1`, `gpt-4o-transcribe`, `tts-1`, `gpt-4o-mini-tts` ...) stand for `auto` without it."""

    voices: Mapping[str, str | Mapping[str, str]] = {}
    """Which voice speaks where one of OpenAI's is asked for, by `/v1/audio/speech` or in a Realtime session:
    `nova: elevenlabs:EXAVITQu4vr4xnSDxMaL`, or language by language: `verse: {en: "flite:awb", hi: "espeak-ng:hi+m2",
    "*": auto}`. `auto` is the voice that speaks where none is named: that of the agent, or of `speech.voice`. Without
    an entry a name stands for a voice of this machine (`alloy` for `auto`), in a Realtime session only where the
    agent's is one, too. Names of your own are good as well."""

    audio_mb: int = Field(25, ge=1, le=512)
    """Size of a recording to be transcribed, at most: that of OpenAI."""

    audio_s: float = Field(600.0, ge=1, le=14_400)
    """Its length at most. A minute takes 3 to 5 seconds of a core with the embedded recogniser."""

    transcriptions: int = Field(2, ge=1, le=64)
    """Recordings that are heard at the same time; others wait for their turn."""

    wait_s: float = Field(30.0, ge=1, le=600)
    """How long a recording waits for its turn before it is refused."""

    answer_s: float = Field(120.0, ge=1, le=3600)
    """Longest answer of a model or an agent, from the question to the last word; it is broken off then."""


class WritingOptions(Options):
    """Conversations in writing (`POST /ai/process`)."""

    talks: int = Field(1000, ge=1, le=1_000_000)
    """Conversations that are remembered at the same time; the one that was quiet longest is forgotten first. One takes
    some tens of kilobytes."""

    idle_s: float = Field(1800.0, ge=1)
    """A conversation that was quiet for so long is forgotten."""

    turns: int = Field(200, ge=1, le=10_000)
    """Turns of one conversation at most."""

    record: bool = True
    """Whether each leaves an event log and a folder as a call does, and so stands among the sessions, also a single
    question. Off where other programs ask thousands of questions that nobody wants to look at again."""
