"""Options of the recogniser and the voice."""

from pydantic import Field

from engine.config.base import Options


class SpeechOptions(Options):
    """Recogniser and voice of the embedded default."""

    language: str = "en"
    voice: str = "flite:slt"
    """``flite:slt|rms|awb|kal|kal16`` or ``espeak-ng:VOICE`` (a separate program)."""

    fallback_voice: str = "espeak-ng:en-us"
    """Used when the voice's program is not installed."""

    recogniser_workers: int = Field(2, ge=1, le=64)
    """Processes that recognise; each takes 46 MB and about 12 talking callers of a core."""

    final_timeout_ms: int = Field(1500, ge=200)
    """Longest wait for a final transcript after the caller's voice stopped; then it is empty, and an error counts."""

    voice_workers: int = Field(1, ge=1, le=16)
    """Processes that speak with flite, one clause at a time each: 20 to 50 times faster than it is heard."""

    phrase_cache_mb: int = Field(200, ge=1, le=100_000)
    """Disk for rendered fixed phrases, in megabytes (a minute of speech takes 2 to 3); those not used for the longest
    time go first."""
