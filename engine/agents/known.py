"""Names that an agent's file may use, where they are known without asking anybody."""

from engine.speech.tts.flite import GAINS

SKILLS: dict[str, bool] = {
    "lookup_customer": False,
    "check_order_status": False,
    "search": False,
    "report_grounding": False,
    "create_ticket": True,
    "schedule_callback": True,
    "collect_digits": True,
    "set_language": True,
    "transfer_to_human": True,
    "end_call": True,
}
"""Built-in skills, and whether they change something: those wait until the caller's turn is decided."""

MODELS = ("openai", "azure", "anthropic", "vllm", "ollama", "llamacpp", "litellm")
"""Providers of language models."""

RECOGNISERS = ("pocketsphinx", "openai", "deepgram", "whisper", "vosk", "sherpa-onnx")
"""Providers of recognition."""

VOICES: dict[str, tuple[str, ...]] = {
    "flite": tuple(GAINS),
    "espeak-ng": (),
    "openai": (),
    "elevenlabs": (),
    "piper": (),
    "kokoro": (),
}
"""Providers of voices, and their voices where these are few and known."""

EMBEDDED_LANGUAGES = ("en",)
"""What the embedded recogniser and its default voice can do."""
